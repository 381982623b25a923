"""Two recordings of one run in one store: each fault, fork and task once, with what both tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cowtrace.copyup.recording import Surroundings
from cowtrace.ingest.fault_rows import Offsets
from cowtrace.ingest.progress import Progress
from cowtrace.ingest.recordings import group_recordings, ingest_group
from cowtrace.parsers.base import SideBand, SourceInfo
from cowtrace.schema import SCHEMA_VERSION
from cowtrace.store.reader import Store
from cowtrace.store.writer import StoreWriter
from tests.support.recording import FakeRecording, software, tracepoint
from tests.support.side import side_band

PAGE = 0x7000
FRAMES = ("phys_addr", "data_page_size")
PERF_EVENTS = [software(0, "page-faults", *FRAMES), software(1, "minor-faults", *FRAMES), software(2, "major-faults", *FRAMES)]
FTRACE_EVENTS = [
    tracepoint(0, "exceptions:page_fault_user", "address", "ip", "error_code"),
    tracepoint(1, "exceptions:page_fault_kernel", "address", "ip", "error_code"),
    tracepoint(2, "kmem:mm_page_alloc", "order", "gfp_flags"),
]
#: A process of both, born and executed within the recording; perf knows what it has mapped.
PERF_SIDE = ("- comm 10 bash", "50 fork 20<-10", "60 exec 20 job", "60 mmap 20 7000-9000 rw-p //anon", "900 exit 20")
FTRACE_SIDE = ("- comm 10 bash", "52 fork 20<-10", "53 comm 20 bash", "63 exec 20 job", "903 exit 20")


class Made(FakeRecording):
    """A recording whose side band is made of lines."""

    def side_band(self) -> SideBand:
        super().side_band()
        self.info.last_ns = max((line["ts_ns"] for line in self.lines), default=None)
        self.info.records_read = len(self.lines)
        self.info.records_by_type = {"SAMPLE": len(self.lines)}
        return self._side

    def told(self, *lines: str) -> Made:
        self._side = side_band(*lines)
        return self


def perf(faults: Sequence[tuple[int, int, int, int]], *, side: Sequence[str] = PERF_SIDE, **info: Any) -> Made:
    """perf.data with frames; a fault is (entry, exit, address, tid): a page that appears."""
    lines = []
    for entry, leave, address, tid in faults:
        common = {"tgid": tid, "tid": tid, "cpu": 0, "addr": address, "ip": 0x400000, "period": 1, "cpumode": 2}
        lines.append({"event": 0, "ts_ns": entry, **common, "phys_addr": 0, "data_page_size": 0})
        lines.append({"event": 1, "ts_ns": leave, **common, "phys_addr": 0x5000 + address, "data_page_size": 4096})
    facts = {"format": "perf.data", "hostname": "db1", "clock": "mono", "kernel_release": "6.18.0", **info}
    return Made(PERF_EVENTS, lines, info=SourceInfo("perf.data", **facts)).told(*side)


def ftrace(events: Sequence[tuple[int, int, int, dict[str, int]]], *, side: Sequence[str] = FTRACE_SIDE, **info: Any) -> Made:
    """trace.dat: an event is (number, time, tid, fields); it knows no processes of threads."""
    lines = [{"event": event, "ts_ns": ts, "tid": tid, "tgid": -1, "cpu": 0, "f": fields} for event, ts, tid, fields in events]
    facts = {"format": "trace.dat", "hostname": "db1", "clock": "mono", "kernel_release": "6.18.0", **info}
    return Made(FTRACE_EVENTS, lines, info=SourceInfo("trace.dat", **facts)).told(*side)


def exception(ts: int, address: int, code: int, tid: int = 20) -> tuple[int, int, int, dict[str, int]]:
    return 0, ts, tid, {"address": address, "ip": 0x400000, "error_code": code}


def allocation(ts: int, tid: int = 20) -> tuple[int, int, int, dict[str, int]]:
    return 2, ts, tid, {"order": 0, "gfp_flags": 0x108}


def ingested(tmp_path: Path, *recordings: Made) -> Store:
    sides = [recording.side_band() for recording in recordings]
    tmp_path.mkdir(exist_ok=True)
    with StoreWriter(tmp_path / "store", force=True) as writer, Progress("test", None, quiet=True) as progress:
        groups, _ = group_recordings(recordings, sides, range(len(recordings)))
        offsets = Offsets()
        for group in groups:
            offsets = ingest_group(group, writer, offsets, progress, Surroundings())
        writer.finish({"schema_version": SCHEMA_VERSION})
    return Store(tmp_path / "store")


def rows(store: Store, sql: str) -> list[tuple[Any, ...]]:
    return store.connect().execute(sql).fetchall()


FAULTS = "SELECT ts_ns, tgid, duration_ns, kind, error_code, is_write, alloc_order FROM fault ORDER BY ts_ns"


def test_each_fault_once_with_what_both_tell(tmp_path: Path) -> None:
    store = ingested(
        tmp_path,
        perf([(101, 120, PAGE, 20), (201, 220, PAGE + 0x1000, 20)]),
        ftrace([exception(100, PAGE, 6), allocation(110), exception(200, PAGE + 0x1000, 6), allocation(210)]),
    )
    assert rows(store, FAULTS) == [(101, 20, 19, "anon_zero", 6, True, 0), (201, 20, 19, "anon_zero", 6, True, 0)]
    assert rows(store, "SELECT how, tgid, comm, start_ns, end_ns FROM process ORDER BY start_ns, tgid") == [
        ("fork", 20, "bash", 50, 60),
        ("exec", 20, "job", 60, 900),
        ("seen", 10, "bash", 100, None),
    ]
    assert rows(store, "SELECT ts_ns, parent_tgid, child_tgid FROM fork") == [(50, 10, 20)]
    assert rows(store, "SELECT count(*) FROM vma") == [(1,)]


@pytest.mark.parametrize("perf_lines", [1, 2, 3, 100])
@pytest.mark.parametrize("ftrace_lines", [1, 2, 3, 100])
def test_where_batches_end_does_not_matter(tmp_path: Path, perf_lines: int, ftrace_lines: int) -> None:
    pages = [(100 * n + 1, 100 * n + 20, PAGE + 0x1000 * (n % 2), 20) for n in range(1, 8)]
    told = [event for n in range(1, 8) for event in (exception(100 * n, PAGE + 0x1000 * (n % 2), 4 + n % 4), allocation(100 * n + 5))]
    one, other = perf(pages), ftrace(told)
    one.batch_lines, other.batch_lines = perf_lines, ftrace_lines
    store = ingested(tmp_path, one, other)
    assert rows(store, "SELECT ts_ns, error_code, alloc_order FROM fault ORDER BY ts_ns") == [
        (100 * n + 1, 4 + n % 4, 0) for n in range(1, 8)
    ]


def test_exceptions_of_no_fault_are_told_but_are_none(tmp_path: Path) -> None:
    """Of a process that perf did not record, before perf began, and inside a fault: a call chain that reached unmapped user memory."""
    other = ftrace([
        exception(90, PAGE + 0x1000, 6),
        exception(100, PAGE, 6),
        (1, 110, 20, {"address": 0x1234000, "ip": 0x400000, "error_code": 0}),
        allocation(115),
        exception(130, 0x4000, 6, tid=77),
        exception(140, 0x4000, 6, tid=77),
    ])  # fmt: skip
    store = ingested(tmp_path, perf([(101, 120, PAGE, 20)]), other)
    assert rows(store, FAULTS) == [(101, 20, 19, "anon_zero", 6, True, 0)]
    assert [(note.text.partition(":")[0], note.count) for note in other.info.notes] == [
        ("the same run as perf.data", 1),
        ("page-fault exceptions that belong to no fault in perf.data (other processes or times, kernel addresses, losses)", 4),
    ]


def test_exits_alone_get_their_entries_from_ftrace(tmp_path: Path) -> None:
    one = perf([(101, 120, PAGE, 20), (201, 220, PAGE + 0x1000, 20)])
    one.lines = [line for line in one.lines if line["event"] == 1]
    one.events = [software(0, "minor-faults"), software(1, "major-faults")]
    for line in one.lines:
        line["event"] = 0
    other = ftrace([exception(100, PAGE, 6), allocation(110), exception(130, 0x4000, 6, tid=77), exception(190, PAGE, 6)])
    store = ingested(tmp_path, one, other)
    assert rows(store, "SELECT ts_ns, tid, duration_ns, error_code FROM fault ORDER BY ts_ns") == [(100, 20, 20, 6), (220, 20, None, None)]


def test_where_ftrace_did_not_watch_nothing_follows_from_its_silence(tmp_path: Path) -> None:
    """It began when one of three faults was over, and lost what it saw of the last: no allocation seen is not none made."""
    faults = [(101, 120, PAGE, 20), (201, 220, PAGE + 0x1000, 20), (301, 320, PAGE, 20)]
    store = ingested(tmp_path, perf(faults), ftrace([exception(200, PAGE + 0x1000, 6), allocation(210)]))
    alone = ingested(tmp_path / "alone", perf(faults))
    told, untold = rows(store, FAULTS), rows(alone, FAULTS)
    assert told[1] == (201, 20, 19, "anon_zero", 6, True, 0)
    assert [told[0], told[2]] == [untold[0], untold[2]]


def test_counts_stay_with_each_source(tmp_path: Path) -> None:
    one, other = perf([(101, 120, PAGE, 20)]), ftrace([exception(100, PAGE, 6), allocation(110)])
    ingested(tmp_path, one, other)
    assert (one.info.features["event_counts"], other.info.features["event_counts"]) == ([1, 1, 0], [1, 0, 1])


def test_tasks_that_only_ftrace_saw_are_added(tmp_path: Path) -> None:
    side = (*FTRACE_SIDE, "300 fork 33<-20", "301 comm 33 job")
    store = ingested(tmp_path, perf([(101, 120, PAGE, 20), (401, 420, PAGE, 20)]), ftrace([exception(100, PAGE, 6)], side=side))
    assert rows(store, "SELECT how, tgid, comm FROM process WHERE tgid > 10 ORDER BY start_ns") == [
        ("fork", 20, "bash"),
        ("exec", 20, "job"),
        ("fork", 33, "job"),
    ]


def test_a_date_that_trace_cmd_added_is_taken_away_again(tmp_path: Path) -> None:
    date = 1_700_000_000_000_000_000
    events = [(number, ts + date, tid, fields) for number, ts, tid, fields in [exception(100, PAGE, 6), allocation(110)]]
    side = tuple(line if line.startswith("-") else f"{int(line.split()[0]) + date} {line.split(' ', 1)[1]}" for line in FTRACE_SIDE)
    other = ftrace(events, side=side, clock="realtime", wall_offset_ns=0, features={"offset_ns": date, "clocks": {"": "mono"}})
    store = ingested(tmp_path, perf([(101, 120, PAGE, 20)]), other)
    assert rows(store, FAULTS) == [(101, 20, 19, "anon_zero", 6, True, 0)]
    assert (other.info.clock, other.info.first_ns, other.info.wall_offset_ns) == ("mono", 100, date)
    assert f"{-date} ns were added to its times, for the clock of perf.data" in [note.text for note in other.info.notes]


def test_clocks_that_can_not_be_joined(tmp_path: Path) -> None:
    """The same births and execs at other times: one recording fills the tables, a note tells of the other."""
    late = tuple(line if line.startswith("-") else f"{int(line.split()[0]) + 5000} {line.split(' ', 1)[1]}" for line in FTRACE_SIDE)
    other = ftrace([exception(5100, PAGE, 6)], side=late, clock="local")
    store = ingested(tmp_path, other, perf([(101, 120, PAGE, 20)]))
    assert [row[:4] for row in rows(store, FAULTS)] == [(101, 20, 19, "anon_zero")]
    assert [note.text for note in other.info.notes] == [
        "the same run as perf.data, but their clocks (mono and local) can't be brought together: "
        "its faults would count twice, so the tables are made from perf.data alone"
    ]


def test_a_text_of_a_recording_beside_it_is_no_second_run(tmp_path: Path) -> None:
    one = ftrace([exception(100, PAGE, 6), exception(200, PAGE + 0x1000, 6)])
    text = ftrace([exception(1000, PAGE, 6), exception(1000, PAGE + 0x1000, 6)], format="ftrace text", hostname=None, clock=None)
    store = ingested(tmp_path, text, one)
    assert rows(store, "SELECT ts_ns FROM fault ORDER BY ts_ns") == [(100,), (200,)]
    assert [note.text for note in text.info.notes] == [
        "the same run as trace.dat, but a text rounds its times, so the two can't be woven together: "
        "its faults would count twice, so the tables are made from trace.dat alone"
    ]


@pytest.mark.parametrize(
    "changes", [{"hostname": "db2"}, {"kernel_release": "6.1.0"}, {"side": ("- comm 11 bash", "52 fork 21<-11", "63 exec 21 job")}]
)
def test_recordings_of_different_runs_both_count(tmp_path: Path, changes: dict[str, Any]) -> None:
    other = ftrace([exception(100, PAGE, 6)], **changes)
    store = ingested(tmp_path, perf([(101, 120, PAGE, 20)]), other)
    assert rows(store, "SELECT count(*) FROM fault") == [(2,)]
    assert other.info.notes == []


def test_equal_uptimes_of_two_boots_are_two_runs(tmp_path: Path) -> None:
    day = 86_400_000_000_000
    store = ingested(tmp_path, perf([(101, 120, PAGE, 20)], wall_offset_ns=day), ftrace([exception(100, PAGE, 6)], wall_offset_ns=3 * day))
    assert rows(store, "SELECT count(*) FROM fault WHERE error_code IS NULL") == [(1,)]


def test_pieces_at_the_same_time_are_merged_and_copies_counted_once(tmp_path: Path) -> None:
    """Two perfs with the same events, one for each CPU, and a copy of one of them."""
    one, two = perf([(101, 120, PAGE, 20), (301, 320, PAGE, 20)]), perf([(201, 220, PAGE + 0x1000, 20)])
    copy = perf([(101, 120, PAGE, 20), (301, 320, PAGE, 20)])
    store = ingested(tmp_path, one, two, copy)
    assert [row[0] for row in rows(store, "SELECT ts_ns FROM fault")] == [101, 201, 301]
    assert [note.text for note in copy.info.notes] == ["holds the same events as perf.data: not counted again"]
    assert one.info.features["event_counts"] == [2, 2, 0]


def test_losses_keep_their_recording(tmp_path: Path) -> None:
    """A loss in one does not become one of the other."""
    one, other = perf([(101, 120, PAGE, 20)]), ftrace([exception(100, PAGE, 6)])
    lost = pl.DataFrame(
        [{"seq": 0, "ts_ns": 105, "cpu": 0, "event": None, "reason": "lost", "lost_events": 3}], schema=one._side.lost.schema
    )
    other._side.lost = lost
    groups, _ = group_recordings([one, other], [one.side_band(), other.side_band()], [0, 1])
    assert (len(groups), len(one._side.lost), groups[0].side.lost["lost_events"].to_list()) == (1, 0, [3])


NAMES = {1: "handle_mm_fault", 2: "do_wp_page", 3: "wp_page_copy", 4: "do_anonymous_page", 5: "folio_add_new_anon_rmap"}


class Graph(Made):
    """function_graph: ``lines`` of events of two kinds, entry and exit."""

    def function_names(self, values: Any, *, within_bytes: int = 32) -> list[str]:
        return [NAMES[value] for value in values.tolist()]


def graph(calls: Sequence[tuple[int, int, int, int]]) -> Made:
    """trace.dat with calls: (entry, exit, function, depth) of thread 20."""
    events = [tracepoint(0, "ftrace:funcgraph_entry", "func", "depth"), tracepoint(1, "ftrace:funcgraph_exit", "func", "depth")]
    lines = [
        {"event": kind, "ts_ns": ts, "tid": 20, "tgid": -1, "cpu": 0, "f": {"func": function, "depth": depth}}
        for begin, end, function, depth in calls
        for kind, ts in ((0, begin), (1, end))
    ]
    info = SourceInfo("trace.dat", format="trace.dat", hostname="db1", clock="mono", kernel_release="6.18.0")
    return Graph(events, lines, info=info).told(*FTRACE_SIDE)


@pytest.mark.parametrize("batch_lines", [1, 3, 100])
def test_spans_are_the_evidence_for_faults_that_perf_counts(tmp_path: Path, batch_lines: int) -> None:
    faults = perf([(101, 120, PAGE, 20), (201, 240, PAGE, 20), (301, 310, PAGE, 20)])
    for line in faults.lines:
        line["phys_addr"] = line["data_page_size"] = 0
    faults.events = [software(0, "page-faults"), software(1, "minor-faults"), software(2, "major-faults")]
    calls = graph([(103, 118, 1, 0), (104, 117, 4, 1), (110, 111, 5, 2), (203, 235, 1, 0), (204, 234, 2, 1), (205, 230, 3, 2)])
    faults.batch_lines, calls.batch_lines = 2, batch_lines
    store = ingested(tmp_path, calls, faults)
    assert rows(store, "SELECT ts_ns, duration_ns, kind, evidence FROM fault ORDER BY ts_ns")[:2] == [
        (101, 19, "anon_zero", "span"),
        (201, 39, "ksm_copy", "span"),  # copied, though nobody else has the page
    ]
    assert rows(store, "SELECT count(*) FROM fault WHERE evidence <> 'span'") == [(1,)]  # the third had no call recorded
    assert rows(store, "SELECT ts_ns, duration_ns, function, depth, tgid FROM span ORDER BY ts_ns") == [
        (103, 15, "handle_mm_fault", 0, 20),
        (104, 13, "do_anonymous_page", 1, 20),
        (110, 1, "folio_add_new_anon_rmap", 2, 20),
        (203, 32, "handle_mm_fault", 0, 20),
        (204, 30, "do_wp_page", 1, 20),
        (205, 25, "wp_page_copy", 2, 20),
    ]
