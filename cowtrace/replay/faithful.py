"""Faithful first: what the model makes of the recording under its own setting, beside what was recorded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.eligible import allowed, recorded_mode
from cowtrace.replay.episodes import episodes
from cowtrace.replay.touches import HUGE_FILL, HUGE_ZERO, TOUCH_WRITE, Anon, anonymous
from cowtrace.replay.trace import Bools, Trace

#: The least error that a model of this kind has, as a share of the faults that it changes.
_LEAST = 0.005


@dataclass(frozen=True, slots=True)
class Residual:
    """How the model errs on the recording.

    Attributes:
        recorded: First touches that the recording saw filling huge pages.
        agreed: Those of them that the model expects.
        only_model: First touches that the model expects to fill a huge page, and that got a base page.
    """

    recorded: int
    agreed: int
    only_model: int

    @property
    def share(self) -> float:
        """Error as a share of decisions; a standard deviation."""
        decisions = self.recorded + self.only_model
        wrong = self.recorded - self.agreed + self.only_model
        return max(_LEAST, wrong / decisions / 2 if decisions else 0.0)

    def sentence(self) -> str | None:
        """For people; None where the recording holds nothing to compare."""
        if not self.recorded + self.only_model:
            return None
        return (
            f"Replaying the recorded setting: {self.agreed} of {self.recorded} huge-page fills are reproduced, and {self.only_model} more "
            "expected that did not come; intervals are wider for the difference."
        )


def residual(trace: Trace) -> Residual:
    """Compare the model's huge pages with the recorded ones, under the recorded setting."""
    mode, _ = recorded_mode(trace)
    anon = anonymous(trace)
    filled = (anon.role == HUGE_FILL) | (anon.role == HUGE_ZERO)
    if not len(anon.row) or (mode == "never" and not filled.any()):
        return Residual(0, 0, 0)
    may = allowed(trace, anon, mode)
    recorded, agreed = int(filled.sum()), int((filled & may).sum())
    candidates = (anon.role == TOUCH_WRITE) & may
    return Residual(recorded, agreed, _expected(trace, anon, candidates))


def _expected(trace: Trace, anon: Anon, candidates: Bools) -> int:
    """First touches of empty blocks that got a base page where a huge page was allowed."""
    if not candidates.any():
        return 0
    key = (anon.space << trace.page_bits) | (anon.page >> 9)
    part = anon.take(np.isin(key, np.unique(key[candidates])))

    def none(rows: Int) -> Bools:
        return np.zeros(len(rows), np.bool_)

    parts = episodes(trace, part, none)
    first = parts.order[parts.starts]
    lives = trace.lives
    forked = (lives.parent >= 0) & (lives.how == 0)
    wrong = (part.role[first] == TOUCH_WRITE) & np.isin(part.row[first], anon.row[candidates]) & ~forked[part.space[first]]
    return int(wrong.sum())
