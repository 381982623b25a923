"""Side-band records in ``perf script --show-*`` text. Source: tools/perf/util/event.c (perf_event__fprintf)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand
from cowtrace.parsers.perfscript.line import Sample

_COMM = re.compile(rb"^PERF_RECORD_COMM( exec)?: (.{0,16}):(-?\d{1,10})/(-?\d{1,10})$", re.DOTALL)
_TASK = re.compile(rb"^PERF_RECORD_(FORK|EXIT)\((-?\d{1,10}):(-?\d{1,10})\):\((-?\d{1,10}):(-?\d{1,10})\)")
_LOST = re.compile(rb"^PERF_RECORD_LOST(_SAMPLES)? lost (\d{1,18})")
_CGROUP = re.compile(rb"^PERF_RECORD_CGROUP cgroup: (\d{1,19}) (.*)$", re.DOTALL)
_MAP = re.compile(
    rb"^PERF_RECORD_MMAP2? (-?\d{1,10})/(-?\d{1,10}): \[(0x[0-9a-f]{1,16}|0)\((0x[0-9a-f]{1,16}|0)\) @ (0x[0-9a-f]{1,16}|0)"
    rb"(?: ([0-9a-f]{2,5}:[0-9a-f]{2,5}) (\d{1,19}) \d+| <([0-9a-f]{2,40})>)?\]: ([rwxsp-]+) (.*)$",
    re.DOTALL,
)  # fmt: skip
_PROT = ((ord("r"), 1), (ord("w"), 2), (ord("x"), 4))


@dataclass(slots=True)
class Records:
    """Rows of the side-band tables, in the order of the text; and what each task is called now."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in SIDE_BAND_SCHEMAS})
    names: dict[int, bytes] = field(default_factory=dict)
    tgids: dict[int, int] = field(default_factory=dict)

    def see(self, place: int, sample: Sample) -> None:
        """A sample shows the name that its task has at that moment."""
        tid = sample.tid
        if sample.pid >= 0 and tid >= 0:
            self.tgids[tid] = sample.pid
        if sample.comm is None or tid <= 0 or self.names.get(tid) == sample.comm:
            return
        since_start = tid not in self.names
        self.names[tid] = sample.comm
        at = {"seq": -1, "ts_ns": -1} if since_start else {"seq": place, "ts_ns": sample.ts_ns}
        self.rows["comm"].append({**at, "tgid": self.tgids.get(tid, -1), "tid": tid, "comm": sample.comm[:15], "is_exec": False})

    def add(self, place: int, sample: Sample) -> bool:
        """A record; False when its kind is not known."""
        text = sample.rest
        at = {"seq": place, "ts_ns": sample.ts_ns if sample.ts_ns > 0 else -1}
        if match := _COMM.match(text):
            tgid, tid = int(match[3]), int(match[4])
            self.names[tid], self.tgids[tid] = match[2], tgid
            self.rows["comm"].append({**at, "tgid": tgid, "tid": tid, "comm": match[2][:15], "is_exec": match[1] is not None})
        elif match := _TASK.match(text):
            tgid, tid, parent_tgid, parent_tid = (int(number) for number in match.groups()[1:])
            if match[1] == b"FORK":
                self.tgids[tid] = tgid
                self.names.pop(tid, None)
                if parent_tid in self.names:
                    self.names[tid] = self.names[parent_tid]
            table = self.rows["fork" if match[1] == b"FORK" else "exit"]
            table.append({**at, "tgid": tgid, "parent_tgid": parent_tgid, "tid": tid, "parent_tid": parent_tid})
        elif match := _LOST.match(text):
            reason = "lost_samples" if match[1] else "lost"
            cpu = sample.cpu if sample.cpu >= 0 else None
            self.rows["lost"].append({**at, "cpu": cpu, "event": None, "reason": reason, "lost_events": int(match[2])})
        elif match := _CGROUP.match(text):
            self.rows["cgroup"].append({**at, "cgroup_id": int(match[1]), "path": match[2]})
        elif match := _MAP.match(text):
            self._map(at, match)
        else:
            return text.startswith(b"PERF_RECORD_FINISHED_ROUND")
        return True

    def _map(self, at: dict[str, int], match: re.Match[bytes]) -> None:
        tgid, tid, start, size, pgoff, dev, inode, build_id, perms, path = match.groups()
        is_new = dev is not None or build_id is not None
        self.rows["mmap"].append(
            {
                **at,
                "tgid": int(tgid),
                "tid": int(tid),
                "start_addr": int(start, 16),
                "size_bytes": int(size, 16),
                "pgoff": int(pgoff, 16),
                "dev": None if dev is None else dev.decode(),
                "inode": None if inode is None else int(inode),
                "build_id": None if build_id is None else build_id.decode(),
                "prot": sum(bit for letter, bit in _PROT if letter in perms) if is_new else None,
                "flags": (1 if b"s" in perms else 2) if is_new else None,
                "path": path,
                "is_data": b"x" not in perms,
            }
        )

    def side_band(self) -> SideBand:
        """The tables."""
        return SideBand(**{name: pl.DataFrame(rows, schema=SIDE_BAND_SCHEMAS[name]) for name, rows in self.rows.items()})
