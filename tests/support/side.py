"""Side-band rows written as one readable line each."""

from __future__ import annotations

from typing import Any

import polars as pl

from cowtrace.parsers.base import SIDE_BAND_SCHEMAS, SideBand


def side_band(*lines: str) -> SideBand:
    """Side band from lines in file order, times in ns, ``-`` for synthesized records:

    ``100 fork 20<-10``            process 20 forked off 10 (``21@20<-20`` : thread 21 of process 20 by thread 20)
    ``110 exec 20 ls`` / ``110 comm 20 name`` / ``- comm 10 bash``
    ``120 exit 20``
    ``130 mmap 20 1000-5000 rw-p //anon``   (hex addresses; ``????`` for a record without protection)
    """
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SIDE_BAND_SCHEMAS}
    for seq, line in enumerate(lines):
        when, verb, who, *rest = line.split()
        at = {"seq": seq, "ts_ns": -1 if when == "-" else int(when)}
        if verb == "fork":
            child, parent = who.split("<-")
            tid, _, tgid = child.partition("@")
            same = bool(tgid)
            owner = int(tgid) if same else int(tid)
            rows["fork"].append(
                at | {"tgid": owner, "parent_tgid": owner if same else int(parent), "tid": int(tid), "parent_tid": int(parent)}
            )
        elif verb in ("exec", "comm"):
            tid, _, tgid = who.partition("@")
            name = rest[0].encode() if rest else b""
            rows["comm"].append(at | {"tgid": int(tgid or tid), "tid": int(tid), "comm": name, "is_exec": verb == "exec"})
        elif verb == "exit":
            tid, _, tgid = who.partition("@")
            rows["exit"].append(at | {"tgid": int(tgid or tid), "parent_tgid": 1, "tid": int(tid), "parent_tid": 1})
        else:
            low, high = (int(part, 16) for part in rest[0].split("-"))
            perms, path = rest[1], rest[2] if len(rest) > 2 else ""
            known = perms != "????"
            prot = sum(bit for bit, char in zip((1, 2, 4), perms, strict=False) if char != "-") if known else None
            flags = (1 if perms[3] == "s" else 2) if known else None
            rows["mmap"].append(
                at
                | {"tgid": int(who), "tid": int(who), "start_addr": low, "size_bytes": high - low, "pgoff": 0, "prot": prot}
                | {"flags": flags, "path": path.encode(), "is_data": True}
            )
    return SideBand(**{name: pl.DataFrame(rows[name], schema=schema, orient="row") for name, schema in SIDE_BAND_SCHEMAS.items()})
