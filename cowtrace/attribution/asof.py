"""As-of lookup: the latest row of a group at or before a time, for whole columns at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int = npt.NDArray[np.int64]

#: Time of rows that hold since before the recording began.
ALWAYS = np.iinfo(np.int64).min


class AsOf:
    """Rows ``(group, ts)`` that can be asked for the latest one of a group at a time.

    Args:
        group: int64[n], any values >= 0 below 2**31.
        ts: int64[n]; equal (group, ts) keep their order, the last one wins.
    """

    def __init__(self, group: Int, ts: Int) -> None:
        self._times, rank = np.unique(ts, return_inverse=True)
        key = (group.astype(np.int64) << 32) + rank + 1
        self._order = np.argsort(key, kind="stable")
        self._keys = key[self._order]

    def find(self, group: Int, ts: Int, *, before: bool = False) -> Int:
        """Row numbers, -1 where the group has no row at or before ``ts`` (strictly before with ``before``).

        Args:
            group: int64[m].
            ts: int64[m].
            before: Leave out rows at exactly ``ts``.
        """
        if not len(self._keys):
            return np.full(len(group), -1, np.int64)
        rank = np.searchsorted(self._times, ts, side="left" if before else "right")
        wanted = group.astype(np.int64) << 32
        slot = np.searchsorted(self._keys, wanted + rank, side="right") - 1
        found = (slot >= 0) & (self._keys[slot] >> 32 == group)
        return np.where(found, self._order[slot], -1)
