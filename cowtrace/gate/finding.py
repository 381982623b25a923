"""What a gate says: one finding a budget or comparison, and together whether the build is red."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "broken", "undecided"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user finds the rule: a line of a budget file."""

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one rule.

    Attributes:
        rule: Name of the budget, or the text of the comparison.
        status: ``broken``: certainly over the limit. ``undecided``: the recording can't tell on which side it is.
        measure: Name of the measure.
        scope: What it was measured on, in words; "" for everything.
        value: Number and unit as text.
        limit: The same of the limit.
        message: One sentence: what, by how much, why undecided.
        query: How to check it by hand.
        data: The numbers, for machines.
        place: Where the rule stands.
    """

    rule: str
    status: Status
    measure: str
    scope: str
    value: str
    limit: str
    message: str
    query: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All findings of a run.

    Attributes:
        command: ``check`` or ``diff``.
        subject: What was judged.
        findings: In the order of the rules.
        table: Rows shown beside, for people: header first; empty when there is nothing to show.
        table_data: The same for machines.
        notes: Sentences that change how to read it.
        strict: Undecided counts as broken.
    """

    command: str
    subject: str
    findings: list[Finding]
    table: list[tuple[str, ...]] = field(default_factory=list)
    table_data: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strict: bool = False

    @property
    def failed(self) -> list[Finding]:
        """Findings that make the build red."""
        return [finding for finding in self.findings if finding.status == "broken" or (self.strict and finding.status == "undecided")]

    @property
    def summary(self) -> str:
        """One sentence."""
        counts = {status: sum(finding.status == status for finding in self.findings) for status in ("ok", "broken", "undecided")}
        parts = [f"{count} {status}" for status, count in counts.items() if count]
        return f"{self.command} of {self.subject}: {', '.join(parts) if parts else 'nothing to judge'}."
