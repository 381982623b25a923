"""System calls paired from events, and what happened inside them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cowtrace.attribution.stacks import StackTable
from cowtrace.copyup.chains import COPY_UP, DATA, ChainMarks, FunctionRanges
from cowtrace.copyup.collect import CallCollector
from cowtrace.copyup.marks import MarkReader
from cowtrace.copyup.triggers import NAMES
from tests.support.recording import FakeBatch, FakeRecording, tracepoint

EVENTS = [
    tracepoint(0, "syscalls:sys_enter_openat", "__syscall_nr", "dfd", "filename", "flags", "mode"),
    tracepoint(1, "syscalls:sys_exit_openat", "__syscall_nr", "ret"),
    tracepoint(2, "syscalls:sys_enter_fchmodat", "__syscall_nr", "dfd", "filename", "mode"),
    tracepoint(3, "syscalls:sys_exit_fchmodat", "__syscall_nr", "ret"),
    tracepoint(4, "filemap:mm_filemap_add_to_page_cache", "pfn", "i_ino", "index", "s_dev", "order"),
    tracepoint(5, "kmem:mm_page_alloc", "order", "gfp_flags"),
]
NUMBERS = {"open": 0, "openend": 1, "chmod": 2, "chmodend": 3, "cache": 4, "alloc": 5}

# openat 0x441: O_WRONLY|O_CREAT|O_APPEND; 0x80000: O_RDONLY|O_CLOEXEC
SCENE = """
10 1 open 0x441
11 2 open 0x80000
12 1 cache 77 4
13 2 cache 77 4
14 1 cache 77 3
15 2 openend 3
16 2 chmod 0
17 1 alloc 0 0x8
18 2 alloc 4 0x0
19 1 openend 5
20 2 chmodend -2
21 2 cache 77 0
22 3 open 0x1
"""


def lines(text: str) -> list[dict[str, Any]]:
    """``time tid event values`` a line."""
    found = []
    for line in text.split("\n"):
        if line.strip():
            ts, tid, name, *rest = line.split()
            values = [int(word, 0) for word in rest]
            fields: dict[str, int] = {}
            if name in ("open", "chmod"):
                fields = {"dfd": 4, "flags": values[0]}
            elif name in ("openend", "chmodend"):
                fields = {"ret": values[0]}
            elif name == "cache":
                fields = {"i_ino": values[0], "s_dev": 7 << 20, "order": values[1]}
            elif name == "alloc":
                fields = {"order": values[0], "gfp_flags": values[1]}
            found.append({"ts_ns": int(ts), "tid": int(tid), "tgid": 100, "event": NUMBERS[name], "f": fields})
    return found


def collect(batch_lines: int, **options: Any) -> CallCollector:
    recording = FakeRecording(EVENTS, lines(SCENE), batch_lines=batch_lines)
    settings = {"births": np.zeros(0, np.int64), "inodes": np.zeros(0, np.int64), "tick_ns": 4} | options
    collector = CallCollector(MarkReader(EVENTS, "x86_64"), ChainMarks(StackTable(), None), **settings)
    for batch in recording.batches():
        collector.add(batch, None)
    return collector


@pytest.mark.parametrize("batch_lines", [1, 2, 3, 5, 100])
def test_only_calls_with_evidence_are_kept(batch_lines: int) -> None:
    collector = collect(batch_lines)
    calls = collector.calls()
    assert [NAMES[code] for code in calls.code] == ["openat"]
    assert [(int(calls.start_ns[0]), int(calls.end_ns[0]), int(calls.tid[0]), int(calls.ret[0]))] == [(10, 19, 1, 5)]
    assert (int(calls.flags[0]), int(calls.pages[0])) == (0x441, 1)
    inside = collector.inside(calls)
    # 16 and 8 pages by the opening thread; what a reader or nobody did is not counted
    assert [(int(inside.inode[0]), int(inside.dev[0]), int(inside.pages[0]))] == [(77, 7 << 20, 24)]


@pytest.mark.parametrize("batch_lines", [1, 4, 100])
def test_calls_at_a_birth_are_kept_without_evidence(batch_lines: int) -> None:
    calls = collect(batch_lines, births=np.array([18])).calls()
    assert [NAMES[code] for code in calls.code] == ["openat", "fchmodat"]
    assert calls.ret.tolist() == [5, -2]
    # a birth told at 7 may have been at 11
    assert [NAMES[code] for code in collect(batch_lines, births=np.array([7])).calls().code] == ["openat"]


def test_chains_name_copy_ups_only_where_something_is_copied() -> None:
    kallsyms = b"""ffffffff81000000 T do_sys_openat2
ffffffff81001000 t ovl_copy_up_flags\t[overlay]
ffffffff81002000 t ovl_copy_up_one.constprop.0\t[overlay]
ffffffff81003000 T do_splice_direct
ffffffff81004000 T ext4_create
"""
    ranges = FunctionRanges(kallsyms)
    stacks = StackTable()
    chains = [
        [0xFFFFFFFFFFFFFF80, 0xFFFFFFFF81001010, 0xFFFFFFFF81000010],
        [0xFFFFFFFFFFFFFF80, 0xFFFFFFFF81002010, 0xFFFFFFFF81001010, 0xFFFFFFFF81000010],
        [0xFFFFFFFF81003010, 0xFFFFFFFF81002010, 0xFFFFFFFF81000010],
        [0xFFFFFFFF81003010, 0xFFFFFFFF81000010],
    ]
    batch = FakeBatch([{"event": 0, "ts_ns": i, "tid": 1, "chain": chain} for i, chain in enumerate(chains)], ("ts_ns", "tid"))
    marks = ChainMarks(stacks, ranges)
    assert marks.of(stacks.assign(batch)).tolist() == [0, COPY_UP, COPY_UP | DATA, 0]
    assert not ChainMarks(stacks, FunctionRanges(b"ffffffff81000000 T do_sys_openat2\n")).usable
