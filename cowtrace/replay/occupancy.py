"""What ``cowtrace record --occupancy`` saw in huge pages: how many base pages held anything but zeros, at the last look and the first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cowtrace.attribution.asof import Int
from cowtrace.replay.touches import HUGE_SPLIT, Anon
from cowtrace.replay.trace import BLOCK_PAGES, HUGE_SHIFT, PAGE_SHIFT, Bools, Small, Trace

COLUMNS = ("tgid", "addr", "first_ns", "first_written_pages", "last_ns", "last_written_pages")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of each filled huge page.

    Attributes:
        looked: Somebody looked into it.
        written: Base pages that were written by the last look; 0 where nobody looked.
        unseen: Share of its life after the last look, 0 to 1; 0 when nothing was written between the first look and the last, a quarter of
            its life or more. It lives until it is filled anew, split at a write, or its process ends.
    """

    looked: Bools
    written: Small
    unseen: Small


def seen_in(trace: Trace, anon: Anon, fills: Anon) -> Seen | None:
    """What was seen of huge pages; None when the recording was made without looking.

    Args:
        trace: The recording.
        anon: All faults on anonymous memory.
        fills: Faults that got a huge page.
    """
    rows = _rows(trace)
    if rows is None or not len(fills.row):
        return None
    tgid, block = trace.lives.tgid[fills.space], fills.page >> (HUGE_SHIFT - PAGE_SHIFT)
    # pids have at most 22 bits (PID_MAX_LIMIT), blocks 36 with five levels of page tables
    key = (tgid.astype(np.int64) << 36) | block
    order = np.lexsort((fills.ts_ns, key))
    key, start = key[order], fills.ts_ns[order]
    life_end = trace.lives.end_ns[fills.space][order]
    last_event = int(trace.faults.ts_ns[-1])
    following = np.r_[key[1:] == key[:-1], False]
    end = np.minimum(life_end, np.where(following, np.r_[start[1:], 0], last_event))
    end = np.minimum(end, _first_split(anon, fills)[order])
    first, first_written, last, written = (rows[name] for name in COLUMNS[2:])
    wanted = (rows["tgid"] << 36) | (rows["addr"] >> HUGE_SHIFT)
    at = _latest_before(key, start, wanted, last)
    hit = at >= 0
    at = at[hit]
    looked = np.zeros(len(key), np.bool_)
    most, at_ns, quiet = np.zeros(len(key)), np.zeros(len(key), np.int64), np.zeros(len(key), np.bool_)
    looked[at] = True
    np.maximum.at(most, at, written[hit])
    np.maximum.at(at_ns, at, last[hit])
    life = np.maximum(end - start, 1)
    quiet[at] = (first_written[hit] == written[hit]) & (last[hit] - first[hit] >= life[at] / 4)
    unseen = np.where(looked & ~quiet, np.clip((end - at_ns) / life, 0.0, 1.0), 0.0)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Seen(looked[back], np.minimum(most, BLOCK_PAGES)[back], unseen[back])


def _first_split(anon: Anon, fills: Anon) -> Int:
    """When the address space that filled a block split it by a write, which faults see from then on; far off when it did not."""
    splits = anon.take(anon.role == HUGE_SPLIT)
    key, wanted = ((part.space << 36) | (part.page >> (HUGE_SHIFT - PAGE_SHIFT)) for part in (splits, fills))
    at = _latest_before(key, -splits.ts_ns, wanted, -fills.ts_ns)
    return np.where(at >= 0, np.append(splits.ts_ns, 0)[at], np.iinfo(np.int64).max)


def _rows(trace: Trace) -> dict[str, Small] | None:
    """The looks as columns; None without any, or when they are not what ``record`` writes."""
    recording: Any = trace.store.manifest.get("recording")
    occupancy = recording.get("huge_page_occupancy") if isinstance(recording, dict) else None
    if not isinstance(occupancy, dict) or list(occupancy.get("columns") or ()) != list(COLUMNS):
        return None
    try:
        table = np.array(occupancy["rows"], np.int64).reshape(-1, len(COLUMNS))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return {name: table[:, number] for number, name in enumerate(COLUMNS)} if len(table) else None


def _latest_before(key: Small, start: Small, wanted: Small, ts: Small) -> Small:
    """Row of the latest of ``key, start`` for each wanted key at or before a time; -1 without one."""
    both = np.r_[key, wanted]
    time = np.r_[start, ts]
    is_look = np.r_[np.zeros(len(key), np.bool_), np.ones(len(wanted), np.bool_)]
    order = np.lexsort((is_look, time, both))
    row = np.where(is_look, -1, np.arange(len(both)))[order]
    latest = np.maximum.accumulate(row)
    found = np.empty(len(both), np.int64)
    found[order] = latest
    result = found[len(key) :]
    valid = result >= 0
    valid[valid] = key[result[valid]] == wanted[valid]
    return np.where(valid, result, -1)
