"""What can be said of one fault, and how it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cowtrace.attribution.facts import NO, UNKNOWN, YES


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the kernel did.

    Attributes:
        kind: As in schema KINDS.
        evidence: As in schema EVIDENCE.
        confidence: 0..1; how sure the rule is given its facts, from the races and look-alikes it can't exclude.
        possible: For unknown: the kinds left.
        copied, zeroed: Size class: 0 nothing, 1 a base page, 2 a huge page, 3 the allocated folio, -1 can't tell.
        wrote: YES/NO/UNKNOWN, implied by the kind.
    """

    kind: str
    evidence: str
    confidence: float
    possible: str | None = None
    copied: int = 0
    zeroed: int = 0
    wrote: int = UNKNOWN


_COPIES = {"cow_copy": 1, "ksm_copy": 1, "file_cow": 1, "hugetlb_cow": 2, "thp_split": 1}
_ZEROES = {"anon_zero": 1, "zero_page_cow": 1, "thp_zero": 2, "thp_zero_page_cow": 2, "mthp_zero": 3}
_WRITES = {*_COPIES, "cow_reuse", "thp_reuse", "file_mkwrite", "zero_page_cow", "thp_zero_page_cow", "anon_zero", "mthp_zero", "thp_zero"}
_READS = {"zero_page", "thp_zero_page"}
# of these the kind alone does not tell how much was filled
_OPEN_ZEROES = {"shmem", "hugetlb", "uffd", "swap_in"}


def verdict(kind: str, evidence: str, confidence: float, **changes: int) -> Verdict:
    """A verdict with the amounts that its kind implies."""
    wrote = YES if kind in _WRITES else NO if kind in _READS else UNKNOWN
    values: dict[str, Any] = {
        "copied": _COPIES.get(kind, 0),
        "zeroed": -1 if kind in _OPEN_ZEROES else _ZEROES.get(kind, 0),
        "wrote": wrote,
    }
    return Verdict(kind, evidence, confidence, **(values | changes))


def unknown(*possible: str) -> Verdict:
    """No verdict; these kinds are left."""
    return Verdict("unknown", "none", 0.0, "|".join(possible) or None, copied=-1, zeroed=-1)
