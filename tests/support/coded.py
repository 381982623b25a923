"""A store whose faults are in known functions: of a program, its library, the kernel, and code without a name."""

from __future__ import annotations

from pathlib import Path

from cowtrace.store.reader import Store
from tests.support.elf_bytes import Symbol, elf
from tests.support.stores import make_store

KERNEL = 0xFFFFFFFF81000000
ID = "ab" * 20

FUNCTIONS = [Symbol("main", 0x401000, 0x100), Symbol("_ZN2ns5dirtyEPc", 0x401100, 0x100), Symbol("evil\x1b[31m<b>|", 0x401200, 0x10)]

#: 8 faults; (function, faults, copies, ns): ns::dirty 3, 2, 60; copy_page 1, 1, 50; evil 1, 0, 40; main 1, 0, 10; the rest without a name.
FAULTS = """
ts_ns duration_ns tgid comm mm_id kind copied_bytes zeroed_bytes ip stack_id fork_id
10    20          12   app  0     cow_copy  4096 0    0x7110             0 -
20    20          13   app  1     cow_copy  4096 0    0x7118             0 -
30    20          12   app  0     anon_zero 0    4096 0x7110             0 -
40    50          12   app  0     cow_copy  4096 0    0xffffffff81000104 1 -
50    40          12   app  0     anon_zero 0    4096 0x7204             - -
60    10          12   app  0     anon_zero 0    4096 0x7000             - -
70    5           12   app  0     anon_zero 0    4096 0x7f00             - -
80    -           12   app  0     anon_zero 0    4096 -                  - -
"""


def coded(folder: Path, *, with_file: bool = True) -> Store:
    """The store ``folder/store`` of the program ``folder/app``; without the file, names but the kernel's are not to be had."""
    folder.mkdir(parents=True, exist_ok=True)
    app = folder / "app"
    if with_file:
        app.write_bytes(elf(FUNCTIONS, build_id=ID))
    process = [{"mm_id": 0, "tgid": 12}, {"mm_id": 1, "tgid": 13, "parent_mm_id": 0, "how": "fork", "start_ns": 15}]
    vma = {"vma_id": 0, "mm_id": 0, "start_addr": 0x7000, "end_addr": 0x8000, "pgoff": 0x1000, "perms": "r-xp"}
    return make_store(
        folder / "store",
        fault=FAULTS,
        process=process,
        vma=[{**vma, "vma_kind": "file_private", "path": str(app), "build_id": ID}],
        stack=[
            {"stack_id": 0, "ips": [2**64 - 512, 0x7110, 0x7008]},
            {"stack_id": 1, "ips": [2**64 - 128, KERNEL + 0x104, 2**64 - 512, 0x7008]},
        ],
        kernel_symbol=[{"addr": KERNEL, "function": "_text"}, {"addr": KERNEL + 0x100, "function": "copy_page"}],
    )
