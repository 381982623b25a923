"""The list: modelled, measurable, not knowable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from cowtrace.knobs.measurable import MEASURABLE
from cowtrace.replay.policies import POLICIES
from cowtrace.replay.scenario import UNPRICEABLE

if TYPE_CHECKING:
    from cowtrace.store.reader import Store

Class = Literal["modelled", "measurable", "not knowable"]


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting.

    Attributes:
        name: As in ``cowtrace replay --what-if``, or as people call it.
        group: ``modelled``: replay predicts it; ``measurable``: a recording shows it; ``not knowable``: no trace holds what it acts on.
        about: What it is, or why it can't be known.
        ask: The command that answers.
        effects: For a given recording: one entry a value that was tried, as in ``cowtrace replay --sweep --format json``.
        refused: Why the given recording can't support it; None otherwise.
    """

    name: str
    group: Class
    about: str
    ask: str
    effects: list[dict[str, Any]] = field(default_factory=list)
    refused: str | None = None


def knobs(store: Store | None = None) -> list[Knob]:
    """All settings; with a store each modelled one with its predicted effect.

    Raises:
        UsageError: The store holds no faults.
    """
    effects: dict[str, list[dict[str, Any]]] = {}
    refused: dict[str, str] = {}
    if store is not None:
        from cowtrace.replay.sweep import sweep

        ranked = sweep(store)
        refused = dict(ranked.refused)
        for entry in ranked.entries:
            effects.setdefault(entry.name.partition("=")[0], []).append(entry.to_dict())
    modelled = [
        Knob(
            name, "modelled", policy.about, f"cowtrace replay IN --what-if {name}={policy.values}", effects.get(name, []), refused.get(name)
        )
        for name, policy in POLICIES.items()
    ]
    measurable = [Knob(name, "measurable", about, ask) for name, (about, ask) in MEASURABLE.items()]
    unknown = [Knob(name, "not knowable", reason, "") for name, reason in UNPRICEABLE.items()]
    return [*modelled, *measurable, *unknown]
