"""Copy-ups and overlay mounts as rows of ``copyup``, ``overlay_mount`` and ``overlay_change``; what they need from beside a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cowtrace.attribution.engine import Engine
from cowtrace.copyup.chains import read_kallsyms
from cowtrace.copyup.collect import Calls
from cowtrace.copyup.recording import Surroundings
from cowtrace.copyup.rows import CONFIDENCE, EVIDENCE, CopyUp
from cowtrace.copyup.triggers import UNKNOWN
from cowtrace.errors import InputError
from cowtrace.ingest.fault_rows import Offsets
from cowtrace.parsers.procfs.formats import format_of
from cowtrace.parsers.procfs.mountinfo import read_mountinfo
from cowtrace.parsers.procfs.overlay import Listing, read_listing
from cowtrace.schema import TABLES
from cowtrace.store.writer import StoreWriter


def surroundings(snapshots: Sequence[Path], folders: Sequence[Path]) -> Surroundings:
    """Listings and mount tables among the inputs, and the kernel's functions beside them, in the first of ``folders`` that has them.

    What can't be read is told where all snapshots are read.
    """
    around = Surroundings()
    for path in snapshots:
        try:
            form = format_of(path)
            if form == "overlay":
                around.listings.append(read_listing(path)[0])
            elif form == "mountinfo":
                around.mounts += read_mountinfo(path)[0].to_dicts()
        except InputError:
            continue
    around.functions = next((found for folder in folders if (found := read_kallsyms(folder))), None)
    return around


def copyup_rows(engine: Engine, calls: Calls, rows: Sequence[CopyUp], offsets: Offsets) -> pa.Table:
    """One row a copy-up, in order of time.

    Args:
        engine: Knows the processes.
        calls: What ``CopyUp.call`` counts in.
        rows: Of the ledger.
        offsets: Of the recording in the store.
    """
    called = [row.call for row in rows if row.call >= 0]
    who = _who(engine, calls, np.array(sorted(set(called)), np.int64))
    table = []
    for row in rows:
        known = row.call >= 0
        call = (
            {name: int(getattr(calls, name)[row.call]) for name in ("start_ns", "end_ns", "tgid", "tid", "ret", "cgroup")} if known else {}
        )
        named = known and row.trigger != UNKNOWN
        comm, mm = who.get(row.call, (None, -1))
        table.append(
            {
                "ts_ns": call["start_ns"] if named else _born(row, call.get("start_ns", 0)),
                "duration_ns": call["end_ns"] - call["start_ns"] if named and row.pays else None,
                "tgid": call.get("tgid"),
                "tid": call["tid"] if named else None,
                "comm": comm,
                "trigger": row.trigger_name,
                "copied_bytes": row.copied_bytes,
                "metadata_only": row.metadata_only,
                "evidence": EVIDENCE[row.matched_by],
                "confidence": CONFIDENCE[row.matched_by],
                "matched_by": row.matched_by,
                "mm_id": mm + offsets.mm if mm >= 0 else None,
                "cgroup_id": (call.get("cgroup") or 0) % (1 << 64) or None,
                "written_bytes": row.written_bytes,
                "wasted_ratio": row.wasted_ratio,
                "data_later": row.data_later,
                "errno": max(-call["ret"], 0) if named else None,
                **row.names(),
            }
        )
    table.sort(key=lambda line: (line["ts_ns"], line["inode"] or 0))
    return pa.Table.from_pylist(table, schema=TABLES["copyup"].arrow())


def _born(row: CopyUp, otherwise: int) -> int:
    return row.copy.birth_ns if row.copy and row.copy.birth_ns is not None else otherwise


def _who(engine: Engine, calls: Calls, wanted: np.ndarray) -> dict[int, tuple[str | None, int]]:
    """Name and address space of the threads that made some calls."""
    if not len(wanted):
        return {}
    # calls are in order of their begin
    tid = calls.tid[wanted]
    by_thread = np.argsort(tid, kind="stable")
    comm, mm = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
    comm[by_thread], mm[by_thread] = engine.history.fill_tasks(tid[by_thread], by_thread, calls.start_ns[wanted])
    names = engine.history.comm_names
    return {
        call: (names[code] if code >= 0 else f":{thread}", space)
        for call, code, thread, space in zip(wanted.tolist(), comm.tolist(), tid.tolist(), mm.tolist(), strict=True)
    }


def write_overlays(listings: Sequence[Listing], writer: StoreWriter, wall_offset_ns: int | None) -> None:
    """Tables ``overlay_mount`` and ``overlay_change``."""
    mounts, changes = [], []
    for listing in listings:
        mounts.append(_mount_row(listing))
        counted: set[int] = set()
        for entry in listing.entries.iter_rows(named=True):
            changes.append(_change_row(listing, entry, counted, wall_offset_ns))
    if mounts:
        writer.table("overlay_mount").write(pa.Table.from_pylist(mounts, schema=TABLES["overlay_mount"].arrow()))
        writer.table("overlay_change").write(pa.Table.from_pylist(changes, schema=TABLES["overlay_change"].arrow()))


def _mount_row(listing: Listing) -> dict[str, Any]:
    mount, facts = listing.mount, listing.facts
    before: Any
    after: Any
    before, after = (facts.get(name) if isinstance(facts.get(name), dict) else {} for name in ("before", "after"))
    return {
        "mount_id": _int(mount.get("mount_id")) or 0,
        "mount_point": str(mount.get("mount_point")),
        "upper": str(mount.get("upper")),
        "lower": ":".join(map(str, mount.get("lower") or [])),
        "metacopy": mount.get("metacopy") if isinstance(mount.get("metacopy"), bool) else None,
        "volatile": mount.get("volatile") if isinstance(mount.get("volatile"), bool) else None,
        "before_bytes": _int((before or {}).get("alloc_bytes")),
        "after_bytes": _int((after or {}).get("alloc_bytes")),
        "complete": bool(facts.get("complete", True)),
    }


def _change_row(listing: Listing, entry: dict[str, Any], counted: set[int], wall_offset_ns: int | None) -> dict[str, Any]:
    size, before, lower = entry["size_bytes"] or 0, entry["before_size_bytes"], entry["lower_size_bytes"]
    is_data = entry["type"] == "file" and not entry["metacopy"]
    is_link = entry["inode"] in counted
    if entry["type"] == "file" and entry["inode"] is not None:
        counted.add(entry["inode"])
    fresh = before is None or entry["before_inode"] != entry["inode"] or bool(entry["before_metacopy"])
    copied = is_data and fresh and not is_link and bool(entry["copied"])
    copyup = min(size if lower is None else lower, size) if copied else 0
    held = before if before is not None and not fresh else 0
    birth = entry["birth_ns"] if (entry["birth_ns"] or 0) < 1 << 62 else None
    return {
        "mount_id": _int(listing.mount.get("mount_id")) or 0,
        **{name: entry[name] for name in ("path", "type", "inode", "alloc_bytes", "copied", "metacopy")},
        "size_bytes": size,
        "before_bytes": before,
        "lower_bytes": lower,
        "copyup_bytes": copyup,
        "new_bytes": max(size - copyup - held, 0) if is_data and not is_link else 0,
        "birth_ns": None if birth is None or wall_offset_ns is None else birth - wall_offset_ns,
    }


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63 else None
