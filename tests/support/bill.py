"""A store of one program and its fork, small enough to add up by hand, and the same with names that try to break out."""

from __future__ import annotations

from pathlib import Path

from cowtrace.store.reader import Store
from tests.support.stores import event, make_store

#: 12 faults in 10000 ns, of these 6500 ns charged to fork 0: 3 copies and a reuse in the parent, a copy in the child.
FAULTS = """
ts_ns duration_ns tgid comm mm_id kind copied_bytes zeroed_bytes fork_id fork_side vma_id is_major evidence confidence addr possible_kinds
1500000000 2000 12 {one} 0 cow_copy  4096 0    0 parent 0 no  frames 1.0 0x1000 -
1500000100 2000 12 {one} 0 cow_copy  4096 0    0 parent 0 no  frames 1.0 0x2000 -
1500000200 1000 12 {one} 0 cow_copy  4096 0    0 parent 0 no  join   0.5 0x3000 -
1500000300 500  12 {one} 0 cow_reuse 0    0    0 parent 0 no  frames 1.0 0x4000 -
1500000400 1000 13 {two} 1 cow_copy  4096 0    0 child  0 no  frames 1.0 0x1000 -
1600000000 1200 12 {one} 0 anon_zero 0    4096 - -      0 no  frames 1.0 0x5000 -
1600000100 1300 12 {one} 0 anon_zero 0    4096 - -      0 no  frames 1.0 0x6000 -
1600000200 600  13 {two} 1 file_cow  4096 0    - -      1 yes frames 1.0 0x9000 -
1600000300 200  13 {two} 1 unknown   -    -    - -      0 no  none   0.0 0x7000 cow_copy|cow_reuse
1600000400 200  13 {two} 1 unknown   -    -    - -      0 no  none   0.0 0x8000 cow_copy|cow_reuse
1600000500 -    13 {two} 1 unknown   -    -    - -      - -   none   0.0 -      -
1600000600 -    13 {two} 1 failed    0    0    - -      - -   join   1.0 0x10   -
"""
PROCESS = """
mm_id tgid comm  parent_mm_id start_ns   end_ns     how
0     12   {one} -            0          -          seen
1     13   {two} 0            1400000000 1700000000 fork
"""
FORK = """
fork_id ts_ns      duration_ns parent_tgid child_tgid parent_mm_id child_mm_id end_ns     execed
0       1400000000 26000       12          13         0            1           1700000000 no
"""
VMA = """
vma_id mm_id start_addr end_addr path   vma_kind
0      0     0x1000     0x9000   -      anon
1      1     0x9000     0xa000   {path} file_private
"""
EVENTS = [
    event("page-faults", "addr ip tid ts_ns", 12),
    event("minor-faults", "addr", 10),
    event("major-faults", "addr", 1),
]

#: A comm that paints, splits table cells, breaks lines and opens tags; a path that does too.
HOSTILE = {"one": r"\x1b[31m|\n<b>", "two": r"<script>`*x*", "path": r"/x\r\n|\u202e[a](b)"}


def small_bill(path: Path, *, hostile: bool = False, **tables: str) -> Store:
    """The store; ``tables`` come on top."""
    names = HOSTILE if hostile else {"one": "redis", "two": "redis", "path": "/lib/libc.so.6"}
    filled = {name: text.format(**names) for name, text in {"fault": FAULTS, "process": PROCESS, "fork": FORK, "vma": VMA}.items()}
    return make_store(path, sources=[{"events": EVENTS, "first_ns": 1_000_000_000}], **filled, **tables)
