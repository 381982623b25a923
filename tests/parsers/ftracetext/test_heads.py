"""Every layout of a line's head."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from tests.support.ftracetext import opened, rows

FAULT = "page_fault_user: address=0x7f00 ip=0x4011 error_code=0x7"
FIELDS = {"address": 0x7F00, "ip": 0x4011, "error_code": 7}
S = 2688_340_177_000


@pytest.mark.parametrize(
    ("head", "ts_ns"),
    [
        ("            bash-4319    [001] .....  2688.340177: ", S),
        ("            bash-4319    [001] ....  2688.340177: ", S),
        ("            bash-4319    [001] d..h2...  2688.340177: ", S),
        ("            bash-4319    [001]  2688.340177: ", S),
        ("            bash-4319  [001] d....  2688.340177: ", S),
        ("            bash-4319  [001]  2688.340177:     ", S),
        ("            bash-4319    (   4319) [001] d....  2688.340177: ", S),
        ("            bash-4319    (-------) [001] d....  2688.340177: ", S),
        ("            bash-4319    (-----) [001] d...  2688.340177: ", S),
        ("            bash-4319  [001]  2688.340177123: ", S + 123),
        ("            bash-4319  [001] 1795382709.090549: ", 1795382709_090_549_000),
        ("            bash-4319    [001] .....       312037: ", 312037),
        ("            bash-4319  [001]6471423023571: ", 6471423023571),
        ("            bash-4319  [001] d....6471423023571: ", 6471423023571),
        ("            bash-4319  [001]-0x1  2688.340177: ", S),
        ("            bash-4319  [001]  2688.340177: (+19)    ", S),
        ("   bash-4319  [001]  2688.340177: ", S),
        ("             bash-4319  [001] d....  2688.340177: ", S),
        ("    bash-4319      1..... 2688us+: ", 2_688_000),
        ("    bash-4319    1d..2.  2688.340177: ", S),
        ("            bash    4319   1 0 00000000 00000000 [a03cd0d1] 624.986ms (+0.026ms): ", 0xA03CD0D1 * 1000),
    ],
)
@pytest.mark.parametrize("count", [1, 3])
def test_layouts(tmp_path: Path, head: str, ts_ns: int, count: int) -> None:
    """Alone, and among others, where columns are read for many lines at once."""
    found = rows(opened(tmp_path, f"# tracer: nop\n{head}{FAULT}\n" + f"{head}{FAULT}\n" * (count - 1)))
    assert found == [(ts_ns, 4319, 1, "exceptions:page_fault_user", FIELDS)] * count


@pytest.mark.parametrize("comm", ["a-b-123 [001] 1", "x (y) [z]", "1.5: sched: a=b", "nl\nname", "[000] 1.5: ev:", "é\tx"])
def test_a_name_may_be_anything(tmp_path: Path, comm: str) -> None:
    field = (" " * (16 - len(comm.encode())) + comm).encode()
    line = field + f"-77    [000] d....     1.000001: {FAULT}\n".encode()
    recording = opened(tmp_path, b"# tracer: nop\n" + line * 3)
    assert rows(recording) == [(1_000_001_000, 77, 0, "exceptions:page_fault_user", FIELDS)] * 3
    assert recording.side_band().comm["comm"].to_list() == [comm.encode()]


def test_a_task_without_a_name(tmp_path: Path) -> None:
    recording = opened(tmp_path, "# tracer: nop\n" + f"           <...>-77    [000] d....     1.000001: {FAULT}\n" * 2)
    assert recording.side_band().comm.height == 0


def test_lines_of_the_event_before(tmp_path: Path) -> None:
    head = "            bash-4319    [001] .....     1.000001: "
    text = f"# tracer: nop\n{head}tracing_mark_write: one\ntwo\n\nthree\n{head}{FAULT}\nstray\n{head}{FAULT}\n"
    recording = opened(tmp_path, text)
    assert [fields for *_, fields in rows(recording)] == [{"buf": b"one\ntwo\n\nthree"}, FIELDS, FIELDS]
    assert [(note.text, note.count) for note in recording.info.notes] == [("lines that are no part of an event were left out", 1)]


def test_carriage_returns_started_buffers_and_a_cropped_first_line(tmp_path: Path) -> None:
    line = f"            bash-4319    [001] .....     1.000001: {FAULT}\n"
    text = "0x4011 error_code=0x7\n##### CPU 1 buffer started ####\n" + line * 2
    recording = opened(tmp_path, text.replace("\n", "\r\n"))
    assert [row[3] for row in rows(recording)] == ["exceptions:page_fault_user"] * 2


def test_raw_lines_tell_no_names(tmp_path: Path) -> None:
    recording = opened(tmp_path, "# tracer: nop\n#\n10466 0 3118125033747 type: 653\n10466 1 3118125033748 type: 653\n")
    assert [row[:4] for row in rows(recording)] == [(3118125033747, 10466, 0, "type:653"), (3118125033748, 10466, 1, "type:653")]


def test_an_empty_buffer_and_one_printed_as_bytes(tmp_path: Path) -> None:
    header = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 0/0   #P:2\n#\n"
    assert rows(opened(tmp_path, header)) == []
    with pytest.raises(InputError, match="no line can be read; print it again without the trace options hex and bin"):
        opened(tmp_path, header.encode() + b"e2280000 01000000 53ab\n\xff\x01\x02garbage\n")


def test_without_context(tmp_path: Path) -> None:
    recording = opened(tmp_path, f"# tracer: nop\n#\n{FAULT}\n{FAULT}\n")
    assert [(row[1], row[4]) for row in rows(recording)] == [(-1, FIELDS)] * 2
    assert recording.info.clock == "order"


def test_nanoseconds_stay_exact_beyond_the_reach_of_floating_point(tmp_path: Path) -> None:
    recording = opened(tmp_path, f"cpus=1\n            bash-4319  [000] 1795382709.090549123: {FAULT}\n" * 2)
    assert [row[0] for row in rows(recording)] == [1795382709090549123] * 2


def test_names_that_change(tmp_path: Path) -> None:
    """trace_pipe prints each event with the name of that moment."""
    lines = [f"{comm:>16}-77    [000] d....     {second}.000000: {FAULT}\n" for second, comm in enumerate(["old", "old", "new", "new"], 1)]
    comm = opened(tmp_path, "# tracer: nop\n" + "".join(lines)).side_band().comm
    assert comm.select("ts_ns", "tid", "comm").rows() == [(-1, 77, b"old"), (3_000_000_000, 77, b"new")]


def test_names_of_the_same_task_under_two_instances(tmp_path: Path) -> None:
    head = "            bash-4319  [001]     1.00000"
    text = f"cpus=2\naa: {head}1: {FAULT}\n    {head}2: {FAULT}\naa: {head}3: {FAULT}\n    {head}4: {FAULT}\n"
    recording = opened(tmp_path, text)
    recording.side_band()
    (batch,) = recording.batches()
    assert [recording.events[event].instance for event in batch.event.tolist()] == ["aa", "", "aa", ""]
