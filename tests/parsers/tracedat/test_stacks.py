"""Call stacks: events of their own, and the call chain of the event before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cowtrace.parsers.tracedat import TraceDatRecording, open_tracedat
from tests.support.ringbuffer import KERNEL_STACK, PC, USER_STACK, Machine, Page, fault
from tests.support.tracedat import DATA, Area, TraceFile, opened, rows

KERNEL, USER = (1 << 64) - 128, (1 << 64) - 512
NAMES = {"exceptions:page_fault_user": "fault", "ftrace:kernel_stack": "kernel", "ftrace:user_stack": "user"}


def kernel(tid: int, *ips: int, machine: Machine = PC, size: int | None = None) -> bytes:
    head = KERNEL_STACK.payload(tid, machine, size=len(ips) if size is None else size)
    return head.ljust(16, b"\0") + b"".join(machine.pack(machine.long, ip) for ip in ips)


def user(tid: int, *ips: int) -> bytes:
    return USER_STACK.payload(tid, tgid=tid, caller=b"".join(PC.pack("Q", ip) for ip in ips))


def chains(recording: TraceDatRecording) -> list[tuple[str, list[int]]]:
    """Name and chain of every event, in order of time."""
    found = []
    for batch in recording.batches():
        offsets, ips = batch.chains()
        names = [NAMES[recording.events[event].name] for event in batch.event.tolist()]
        found += [(name, ips[offsets[row] : offsets[row + 1]].tolist()) for row, name in enumerate(names)]
    return found


def read(path: Path, *cpus: bytes, machine: Machine = PC, block_bytes: int = 1 << 20) -> TraceDatRecording:
    file = TraceFile([Area(dict(enumerate(cpus)))], machine=machine)
    return opened(path / "trace.dat", file.version7(), block_bytes=block_bytes)


def test_stacks_stay_events_and_become_chains(tmp_path: Path) -> None:
    page = Page(0).data(1, fault(5, 0)).data(1, kernel(5, 0xA1, 0xA2)).data(1, user(5, 0xB1, 0xB2, 0, 0xB3)).data(1, fault(5, 1))
    recording = read(tmp_path, page.bytes())
    assert chains(recording) == [("fault", [KERNEL, 0xA1, 0xA2, USER, 0xB1, 0xB2]), ("kernel", []), ("user", []), ("fault", [])]
    assert [name for *_, name in rows(recording)] == [
        "exceptions:page_fault_user",
        "ftrace:kernel_stack",
        "ftrace:user_stack",
        "exceptions:page_fault_user",
    ]
    with_chain = {desc.name for desc in recording.events if desc.has_callchain}
    assert "exceptions:page_fault_user" in with_chain
    assert with_chain.isdisjoint(("ftrace:kernel_stack", "ftrace:user_stack"))


def test_an_interrupt_between_an_event_and_its_stack(tmp_path: Path) -> None:
    # event A; an interrupt's event B and its stack; the stack of A, which B must not get
    page = Page(0).data(1, fault(5, 0)).data(1, fault(5, 1)).data(1, kernel(5, 0xB)).data(1, kernel(5, 0xA))
    assert chains(read(tmp_path, page.bytes())) == [("fault", []), ("fault", [KERNEL, 0xB]), ("kernel", []), ("kernel", [])]


def test_a_stack_of_another_task_or_without_an_event(tmp_path: Path) -> None:
    first = Page(0).data(1, kernel(5, 0xA)).data(1, fault(5, 0)).data(1, kernel(6, 0xB))
    second = Page(10).data(1, user(5, 0xC))
    assert chains(read(tmp_path, first.bytes(), second.bytes())) == [("kernel", []), ("fault", []), ("kernel", []), ("user", [])]


@pytest.mark.parametrize("machine", [Machine(order, long_size) for order in "<>" for long_size in (8, 4)])
def test_machines(tmp_path: Path, machine: Machine) -> None:
    page = Page(0, machine).data(1, fault(5, 0, machine)).data(1, kernel(5, 0xC0001234, 0xC0005678, machine=machine))
    assert chains(read(tmp_path, page.bytes(), machine=machine))[0] == ("fault", [KERNEL, 0xC0001234, 0xC0005678])


def test_what_a_stack_says_is_not_taken_on_trust(tmp_path: Path) -> None:
    end = (1 << 64) - 1
    stacks = [kernel(5, 1, 2, size=1_000_000), kernel(5, 1, 2, size=-1), kernel(5, 1, end, 2), kernel(5, 1, 2, size=1), kernel(5)[:8]]
    page = Page(0)
    for stack in stacks:
        page.data(1, fault(5, 0)).data(1, stack)
    found = [chain for name, chain in chains(read(tmp_path, page.bytes())) if name == "fault"]
    assert found == [[KERNEL, 1, 2], [], [KERNEL, 1], [KERNEL, 1], []]


@pytest.mark.parametrize("block_bytes", [1 << 12, 1 << 14, 1 << 20])
def test_a_stack_on_the_next_page_finds_its_event_whatever_the_block(tmp_path: Path, block_bytes: int) -> None:
    # CPU 0: each stack is the first event of the page after its fault's; CPU 1 fills the time in between
    first = [Page(0).data(0, fault(5, 0))]
    first += [Page(1_000 * n).data(0, kernel(5, n)).data(500, fault(5, n)) for n in range(1, 12)]
    second = [Page(100 * n).data(1, fault(6, n)) for n in range(120)]
    recording = read(tmp_path, b"".join(p.bytes() for p in first), b"".join(p.bytes() for p in second), block_bytes=block_bytes)
    side = [chain for name, chain in chains(recording) if name == "fault" and chain]
    assert side == [[KERNEL, n] for n in range(1, 12)]


@pytest.mark.parametrize("block_bytes", [1 << 12, 16 << 20])
def test_recorded_stacks(block_bytes: int) -> None:
    recording = open_tracedat(DATA / "stacktrace.dat", block_bytes=block_bytes)
    lengths, first = [], None
    for batch in recording.batches():
        offsets, ips = batch.chains()
        lengths += np.diff(offsets)[np.diff(offsets) > 0].tolist()
        first = ips[:11].tolist() if first is None else first
    assert (len(lengths), sum(lengths)) == (196, 851)
    assert first is not None
    assert first[:3] == [KERNEL, 0xFFFFFFFF8133DCCD, 0xFFFFFFFF821F32A1]
