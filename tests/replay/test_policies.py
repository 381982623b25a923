"""Each knob on a small history: two processes, pages written before and after a fork."""

from __future__ import annotations

from collections import Counter

import pytest

from cowtrace.errors import UsageError
from cowtrace.replay import replay
from cowtrace.replay.result import ReplayResult
from cowtrace.store.reader import Store
from tests.support.huge_kernel import BLOCK, FIRST, HugeKernel
from tests.support.stores import make_store

FIXED = {"settings": {"proc/sys/kernel/randomize_va_space": "0"}}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A parent fills 64 pages and forks; the child writes 10 of them, the parent 20 after it has ended."""
    kernel = HugeKernel(always=False, start=FIRST, end=FIRST + BLOCK)
    for page in range(64):
        kernel.touch(0, FIRST + page, True)
    kernel.fork(0)
    for page in range(10):
        kernel.touch(1, FIRST + page, True)
    kernel.exit(1)
    for page in range(20):
        kernel.touch(0, FIRST + page, True)
    tables = kernel.tables()
    # charged as attribution does: the child's copies and the parent's reuses to the one fork
    lines = tables["fault"].splitlines()
    charged = [f"{lines[0]} fork_id fork_side"]
    for line in lines[1:]:
        kind = line.split()[6]
        charged.append(f"{line} " + ("0 child" if kind == "cow_copy" else "0 parent" if kind == "cow_reuse" else "- -"))
    return make_store(tmp_path_factory.mktemp("policies") / "s", recording=FIXED, **{**tables, "fault": "\n".join(charged)})


def kinds(result: ReplayResult) -> Counter[str]:
    return Counter({row.kind: round(row.what_if["faults"].value) for row in result.by_kind if row.what_if["faults"]}) - Counter()


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("thp=never", {"anon_zero": 64, "cow_copy": 10, "cow_reuse": 20}),
        ("thp=always", {"thp_zero": 1, "thp_split": 1, "cow_copy": 9, "thp_reuse": 1}),
        ("fork=none", {"anon_zero": 64}),
        ("fork=odf", {"anon_zero": 64, "cow_copy": 10, "cow_reuse": 20}),
        ("dontfork=anon", {"anon_zero": 64}),
        ("mthp=64K:always", {"mthp_zero": 4, "cow_copy": 10, "cow_reuse": 20}),
        ("mthp=1024K:always", {"mthp_zero": 1, "cow_copy": 10, "cow_reuse": 20}),
        ("hugetlb=anon", {"hugetlb": 1, "hugetlb_cow": 1, "cow_reuse": 1}),
        ("prefault=anon", {"cow_copy": 10, "cow_reuse": 20}),
    ],
)
def test_kinds(store: Store, request_: str, expected: dict[str, int]) -> None:
    assert kinds(replay(store, [request_])) == expected


def test_no_fork_and_huge_pages_combine(store: Store) -> None:
    assert kinds(replay(store, ["thp=always", "fork=none"])) == {"thp_zero": 1}


def test_fork_time(store: Store) -> None:
    shared = replay(store, ["fork=none"])
    assert (shared.baseline["fork_time_ns"], shared.what_if["fork_time_ns"]) != (None, None)
    assert [measure.value for measure in (shared.baseline["fork_time_ns"], shared.what_if["fork_time_ns"]) if measure] == [50_000, 0]


def test_populated_memory_is_zeroed_in_full(store: Store) -> None:
    zeroed = replay(store, ["prefault=anon"]).what_if["zeroed_bytes"]
    assert zeroed is not None
    assert zeroed.value == BLOCK * 4096


@pytest.mark.parametrize(
    ("requests", "said"),
    [
        (["fork=vfork"], "the recording holds no child that execs here"),
        (["ksm=off"], "the recording holds no write to a page merged by KSM"),
        (["fault_around=64K"], "the recording holds no faults on cached file pages with addresses"),
        (["fault_around=3"], "expected a power of two from 4096"),
        (["mthp=8K:always"], "expected mthp=<size>:never|madvise|always with a size of 16K"),
        (["dontfork=/usr/lib/*"], "no mapping of the recording fits"),
        (["fork=none", "dontfork=anon"], "contradict each other"),
        (["metacopy=on"], "holds no overlay copy-up"),
        (["metacopy=maybe"], "expected metacopy=on|off"),
        (["tmpfs=log"], "expected tmpfs=PATH, an absolute path"),
    ],
)
def test_refused(store: Store, requests: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("|", r"\|").replace("*", r"\*")):
        replay(store, requests)
