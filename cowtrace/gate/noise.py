"""Is a change more than the noise between runs? Welch's test, one-sided, at 99 %, with what sampling adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from cowtrace.gate.measures import Amount

#: 99 % quantile of Student's t by degrees of freedom; beyond the table the next smaller entry, which errs on the quiet side.
_T99 = {
    1: 31.821, 2: 6.965, 3: 4.541, 4: 3.747, 5: 3.365, 6: 3.143, 7: 2.998, 8: 2.896, 9: 2.821, 10: 2.764,
    12: 2.681, 15: 2.602, 20: 2.528, 30: 2.457, 60: 2.390, 120: 2.358,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """The change of one amount between two sides.

    Attributes:
        base, new: Mean of each side.
        margin: Half width of the one-sided 99 % interval of the change; 0 when nothing is known to vary.
        has_noise: At least one side was repeated, so that the noise between runs is measured.
    """

    base: float
    new: float
    margin: float
    has_noise: bool

    @property
    def amount(self) -> float:
        """New minus base."""
        return self.new - self.base


def change_of(base: Sequence[Amount], new: Sequence[Amount]) -> Change:
    """Compare the amounts of the recordings of two sides."""
    means = [fmean(amount.value for amount in side) for side in (base, new)]
    # a side recorded once borrows the other's noise
    spreads = [variance(amount.value for amount in side) if len(side) > 1 else None for side in (base, new)]
    known = [spread for spread in spreads if spread is not None]
    sampled = sum(fmean(amount.deviation**2 for amount in side) / len(side) for side in (base, new))
    if not known:
        return Change(means[0], means[1], _T99[120] * math.sqrt(sampled), False)
    parts = [(spread if spread is not None else known[0]) / len(side) for spread, side in zip(spreads, (base, new), strict=True)]
    freedom = _freedom(parts, [len(side) if len(side) > 1 else len(other) for side, other in ((base, new), (new, base))])
    return Change(means[0], means[1], _quantile(freedom) * math.sqrt(sum(parts) + sampled), True)


def _freedom(parts: Sequence[float], counts: Sequence[int]) -> float:
    """Welch and Satterthwaite's degrees of freedom."""
    whole = sum(part * part / (count - 1) for part, count in zip(parts, counts, strict=True))
    return sum(parts) ** 2 / whole if whole else math.inf


def _quantile(freedom: float) -> float:
    return _T99[max(entry for entry in _T99 if entry <= max(freedom, 1))]
