"""Folded stacks: one line a stack, frames joined by semicolons, then the weight."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, BinaryIO

from cowtrace.export import MEASURES
from cowtrace.export.stacks import profile_of

if TYPE_CHECKING:
    from cowtrace.store.reader import Store


def export(store: Store, out: BinaryIO, measure: str) -> None:
    """Write the stacks, the heaviest first; those without weight are left out."""
    profile = profile_of(store)
    sums: Counter[int] = Counter()
    for sample in profile.samples:
        sums[sample.stack] += getattr(sample, MEASURES[measure])
    for stack, weight in sums.most_common():
        if weight:
            names = ";".join(profile.tree.frames[frame].replace(";", ":") for frame in profile.tree.path(stack))
            out.write(f"{names} {weight}\n".encode())
