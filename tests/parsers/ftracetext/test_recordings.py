"""Real texts: every event, equal to the binary recording of the same buffer and to a reader that takes a line at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard

from cowtrace.ingest import ingest
from cowtrace.parsers.ftracetext import open_ftracetext
from cowtrace.parsers.tracedat import open_tracedat
from tests.parsers.ftracetext import reference
from tests.support.ftracetext import DATA, opened, rows

TRACEDAT = DATA.parent / "tracedat"
COUNTS: dict[str, dict[str, int]] = {
    "default.txt.zst": {
        "exceptions:page_fault_kernel": 15, "exceptions:page_fault_user": 286, "kmem:mm_page_alloc": 259, "sched:sched_process_exec": 2,
        "sched:sched_process_exit": 7, "sched:sched_process_fork": 7, "sched:sched_switch": 36,
    },
    "latency-format.txt.zst": {
        "exceptions:page_fault_kernel": 15, "exceptions:page_fault_user": 286, "kmem:mm_page_alloc": 259, "sched:sched_process_exec": 2,
        "sched:sched_process_exit": 7, "sched:sched_process_fork": 7, "sched:sched_switch": 36,
    },
    "nasty-comms.txt": {"exceptions:page_fault_user": 333, "sched:sched_switch": 37, "task:task_rename": 12},
    "markers.txt": {"exceptions:page_fault_user": 66, "ftrace:raw_data": 9, "tracing_mark_write": 17},
    "syscalls.txt": {
        "irq:softirq_entry": 2, "sched:sched_process_exec": 2, "sched:sched_waking": 6, "sched:sched_wakeup": 6,
        "syscalls:sys_enter_execve": 2, "syscalls:sys_enter_openat": 4, "syscalls:sys_exit_openat": 4, "task:task_newtask": 5,
        "task:task_rename": 6,
    },
    "userstacktrace.txt.zst": {"exceptions:page_fault_user": 147, "ftrace:user_stack": 147},
    "rt-flags.txt": {"exceptions:page_fault_user": 1, "sched:sched_wakeup": 1},
    "function.txt": {"ftrace:function": 3},
    "report-instances.txt.zst": {
        "exceptions:page_fault_kernel": 9, "exceptions:page_fault_user": 251, "sched:sched_process_exec": 1, "sched:sched_process_exit": 1,
        "sched:sched_process_fork": 3, "sched:sched_switch": 9, "task:task_newtask": 3, "task:task_rename": 1,
    },
    "report340-clock-tsc.txt.zst": {"exceptions:page_fault_kernel": 8, "exceptions:page_fault_user": 181},
    "report340-raw.txt.zst": {
        "exceptions:page_fault_kernel": 13, "exceptions:page_fault_user": 424, "sched:sched_process_exec": 2,
        "sched:sched_process_exit": 13, "sched:sched_process_fork": 12, "sched:sched_switch": 37,
    },
}  # fmt: skip


def plain(name: str) -> bytes:
    """A text, unpacked."""
    data = (DATA / name).read_bytes()
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if name.endswith(".zst") else data


@pytest.mark.parametrize("sizes", [{}, {"text_bytes": 20_000}, {"text_bytes": 3_000, "block_bytes": 1 << 14}])
@pytest.mark.parametrize("name", COUNTS)
def test_every_event(name: str, sizes: dict[str, int]) -> None:
    recording = open_ftracetext(DATA / name, **sizes)
    recording.side_band()
    assert dict(sorted(recording.info.records_by_type.items())) == COUNTS[name]
    entries = recording.info.features.get("entries_in_buffer")
    assert entries in (None, sum(COUNTS[name].values()))
    assert recording.info.notes == []
    assert sum(batch.count for batch in recording.batches()) == sum(COUNTS[name].values())


@pytest.mark.parametrize("name", ["default.txt.zst", "kprobe.txt.zst", "syscalls.txt"])
def test_as_a_reader_that_takes_a_line_at_a_time(name: str) -> None:
    expected = [row for row in reference.read(plain(name)) if not row[3].startswith("sys_")]
    found = [row for row in reference.plain(rows(open_ftracetext(DATA / name))) if not row[3].startswith("sys_")]
    assert found == expected


PAIRS = [
    (TRACEDAT / "instances-v7.dat", DATA / "report-instances.txt.zst", 500),
    (TRACEDAT / "clock-tsc.dat", DATA / "report340-clock-tsc.txt.zst", 0),
]


@pytest.mark.parametrize(("binary", "text", "rounding_ns"), PAIRS)
def test_text_and_binary_give_the_same_rows(binary: Path, text: Path, rounding_ns: int) -> None:
    expected, found = rows(open_tracedat(binary)), rows(open_ftracetext(text))
    key = lambda row: (row[0], row[2], row[3])  # noqa: E731
    assert len(found) == len(expected)
    assert max(abs(a[0] - b[0]) for a, b in zip(sorted(expected, key=key), sorted(found, key=key), strict=True)) <= rounding_ns
    for (_, tid, cpu, name, there), (_, *here, fields) in zip(expected, found, strict=True):
        assert [tid, cpu, name] == here
        # trace-cmd prints R for R+ as well
        told = {n: value for n, value in fields.items() if n in there and n != "prev_state" and not fields.get(f"{n}_symbol")}
        assert told == {n: there[n] for n in told}


@pytest.mark.parametrize(("binary", "text", "rounding_ns"), PAIRS)
def test_text_and_binary_give_the_same_tables(tmp_path: Path, binary: Path, text: Path, rounding_ns: int) -> None:
    for name, path in (("binary", binary), ("text", text)):
        ingest([path], tmp_path / name, quiet=True)
    for table in ("fault", "process", "fork"):
        there, here = (pl.read_parquet(tmp_path / name / f"{table}.parquet") for name in ("binary", "text"))
        assert len(there) == len(here)
        for column in there.columns:
            expected, found = there[column], here[column]
            if column.endswith("_ns"):
                assert (expected - found).abs().fill_null(0).max() <= rounding_ns if len(found) else True
                assert (expected.is_null() == found.is_null()).all()
            elif column == "ip":  # the text has the kernel's own instructions by name only
                assert expected.filter(found.is_not_null()).to_list() == found.drop_nulls().to_list()
            else:
                assert expected.to_list() == found.to_list(), column


def test_names_over_time_are_those_of_the_binary_reader() -> None:
    there, here = open_tracedat(PAIRS[0][0]).side_band(), open_ftracetext(PAIRS[0][1]).side_band()
    names = [
        table.comm.filter(pl.col("ts_ns") >= 0).sort(pl.col("ts_ns").floordiv(1000), "tid").select("tid", "comm", "is_exec").rows()
        for table in (there, here)
    ]
    assert names[0] == names[1]
    assert len(names[0]) == 7


def test_hostile_names() -> None:
    comms = set(open_ftracetext(DATA / "nasty-comms.txt").side_band().comm["comm"].to_list())
    assert {b"kid one", b"a-b-123", b"x (y) [z]", b"c:d>e", b"nl\nname", b"tab\there", b"bad\xff\xfe", b"\xc3\xa9t\xc3\xa9"} <= comms


def test_markers_keep_their_lines() -> None:
    found = [fields["buf"] for *_, name, fields in rows(open_ftracetext(DATA / "markers.txt")) if name == "tracing_mark_write"]
    assert found[:4] == [b"short", b"no newline", b"B|123|with: colon [000] 1.5: x", b"two\nlines"]
    raw = [fields for *_, name, fields in rows(open_ftracetext(DATA / "markers.txt")) if name == "ftrace:raw_data"]
    assert raw[1] == {"id": 0x35, "buf": bytes.fromhex("9fc4e90e33587d")}


def test_user_stacks_become_chains() -> None:
    recording = open_ftracetext(DATA / "userstacktrace.txt.zst")
    recording.side_band()
    (batch,) = recording.batches()
    offsets, ips = batch.chains()
    assert ips[:4].tolist() == [(1 << 64) - 512, 0x7F10B083408E, (1 << 64) - 512, 0x5641F3E1863E]
    assert int((np.diff(offsets) > 0).sum()) == 147


def test_system_calls() -> None:
    found: list[dict[str, Any]] = [fields for *_, name, fields in rows(open_ftracetext(DATA / "syscalls.txt")) if name.endswith("_openat")]
    assert found[0] == {"dfd": 0xFFFFFF9C, "filename": 0x7F6E7EE1F0C6, "flags": 0x80000, "mode": 0} or "dfd" in found[0]
    assert "ret" in found[1]


def test_probes_have_their_function_by_name() -> None:
    recording = open_ftracetext(DATA / "kprobe.txt.zst")
    *_, fields = next(row for row in rows(recording) if row[3] == "hmf")
    assert recording.function_names(np.array([fields["__probe_ip"]])) == ["handle_mm_fault"]
    assert {"vma", "addr", "flags", "__probe_symbol"} <= set(fields)


def test_a_buffer_that_ran_over(tmp_path: Path) -> None:
    line = "            bash-4319    [001] d....  2688.340177: page_fault_user: address=0x10 ip=0x20 error_code=0x7\n"
    head = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 2/2423   #P:4\n"
    recording = opened(tmp_path, head + "CPU:1 [LOST 791 EVENTS]\n" + line + "CPU:1 [LOST EVENTS]\n" + line)
    lost = recording.side_band().lost.select("ts_ns", "cpu", "reason", "lost_events").rows()
    assert lost == [(2688340177000, 1, "lost", 791), (2688340177000, 1, "lost", None), (-1, None, "lost", 2421)]
    assert recording.info.cpu_count == 4
