"""Replay of what a toy kernel recorded without huge pages equals what the same kernel does with them."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cowtrace.replay import replay
from cowtrace.replay.engine import Replayer
from cowtrace.replay.scenario import parse
from cowtrace.replay.trace import GONE
from cowtrace.schema import KINDS
from cowtrace.store.reader import Store
from tests.support.huge_kernel import BLOCK, FIRST, HugeKernel
from tests.support.stores import make_store

NAMES = list(KINDS)
#: Addresses as recorded: no other layouts.
FIXED = {"settings": {"proc/sys/kernel/randomize_va_space": "0"}}

Operation = tuple[str, int, int, int]
#: Pages that operations choose from: both ends of three blocks.
OFFSETS = (0, 1, 2, 3, 509, 510, 511)

touches = st.tuples(st.sampled_from(["write", "write", "write", "read"]), st.integers(0, 4), st.integers(0, 2), st.sampled_from(OFFSETS))
others = st.tuples(st.sampled_from(["fork", "exit", "grow", "fill"]), st.integers(0, 4), st.integers(0, 2), st.integers(1, 700))
programs = st.lists(st.one_of(touches, touches, touches, others), min_size=1, max_size=60)


def run(program: list[Operation], *, always: bool, start: int, end: int) -> HugeKernel:
    kernel = HugeKernel(always=always, start=start, end=end)
    for what, who, block, number in program:
        alive = sorted(kernel.spaces)
        mm = alive[who % len(alive)]
        page = FIRST + block * BLOCK + number % BLOCK
        if what in ("write", "read"):
            kernel.touch(mm, page, what == "write")
        elif what == "fork" and len(kernel.lives) < 8:
            kernel.fork(mm)
        elif what == "exit" and len(alive) > 1:
            kernel.exit(mm)
        elif what == "grow":
            kernel.grow(mm, number)
        elif what == "fill":
            for each in range(FIRST + block * BLOCK, FIRST + (block + 1) * BLOCK):
                kernel.touch(mm, each, True)
    return kernel


def test_a_recording_of_the_huge_zero_page_only_can_be_undone() -> None:
    always = run([("read", 0, 0, 3)], always=True, start=FIRST, end=FIRST + BLOCK)
    settings = {"settings": {"sys/kernel/mm/transparent_hugepage/enabled": "[always] madvise never"}}
    with tempfile.TemporaryDirectory() as folder:
        faults = replay(make_store(Path(folder) / "s", recording=settings, **always.tables()), ["thp=never"]).what_if["faults"]
    assert faults is not None
    assert faults.low <= 1 <= faults.high


def predicted(store: Store) -> Counter[tuple[int, str]]:
    replayer = Replayer(store)
    work = replayer.work(parse(["thp=always"]))
    groups = replayer.trace.groups
    pairs = zip(replayer.trace.faults.group.tolist(), work.kind.tolist(), strict=True)
    return Counter((groups[group][1], NAMES[kind]) for group, kind in pairs if kind != GONE)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs, st.integers(0, 600), st.integers(100, 1536))
def test_faults_by_kind_and_process(program: list[Operation], lead: int, pages: int) -> None:
    start, end = FIRST - lead, FIRST + pages
    never, always = (run(program, always=mode, start=start, end=end) for mode in (False, True))
    if not never.faults:
        return
    with tempfile.TemporaryDirectory() as folder:
        store = make_store(Path(folder) / "s", recording=FIXED, **never.tables())
        assert predicted(store) == always.counts()
