"""Lines of function_graph become entries and exits, whatever columns are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.ftracetext import calls, opened, rows

HEADER = "# tracer: function_graph\n#\n"

FULL = """\
#     TIME        CPU  TASK/PID         DURATION                  FUNCTION CALLS
#      |          |     |    |           |   |                     |   |   |   |
   11.403934 |   0)   cowlab-189   |               |  handle_mm_fault() {
   11.403948 |   0)   cowlab-189   |               |    __handle_mm_fault() {
   11.403996 |   0)   cowlab-189   | ! 744.511 us  |      vma_alloc_folio();
   11.404905 |   0)   cowlab-189   | # 1005.250 us |    } /* __handle_mm_fault */
   11.404950 |   0)   cowlab-189   | # 1010.001 us |  } /* handle_mm_fault */
"""
BARE = """\
# CPU  DURATION                  FUNCTION CALLS
# |     |   |                     |   |   |   |
 0)               |  handle_mm_fault() {
 0)               |    __handle_mm_fault() {
 0) ! 744.511 us  |      vma_alloc_folio();
 0) # 1005.250 us |    }
 0) # 1010.001 us |  }
"""
NAMES = ["handle_mm_fault", "__handle_mm_fault", "vma_alloc_folio", "vma_alloc_folio", "__handle_mm_fault", "handle_mm_fault"]
DEPTHS = [("+", 0), ("+", 1), ("+", 2), ("-", 2), ("-", 1), ("-", 0)]
DURATIONS = [None, None, None, 744_511, 1_005_250, 1_010_001]


def test_all_columns(tmp_path: Path) -> None:
    found = calls(opened(tmp_path, HEADER + FULL))
    times = [11_403_934_000, 11_403_948_000, 11_403_996_000, 11_403_996_000, 11_404_905_000, 11_404_950_000]
    assert [row[0] for row in found] == times
    assert {row[1] for row in found} == {189}
    assert [row[2:4] for row in found] == DEPTHS
    assert [row[4] for row in found] == NAMES
    assert [row[5] for row in found] == DURATIONS


def test_times_of_exits(tmp_path: Path) -> None:
    exits = [row[4] for row in rows(opened(tmp_path, HEADER + FULL)) if row[3] == "ftrace:funcgraph_exit"]
    assert [(row["calltime"], row["rettime"]) for row in exits] == [
        (11_403_996_000, 11_404_740_511),
        (11_403_899_750, 11_404_905_000),
        (11_403_939_999, 11_404_950_000),
    ]


def test_without_times_tasks_and_tails_the_order_and_the_durations_stay(tmp_path: Path) -> None:
    recording = opened(tmp_path, HEADER + BARE)
    found = calls(recording)
    assert [row[0] for row in found] == sorted(row[0] for row in found)
    assert [row[1] for row in found] == [-1] * 6
    assert [row[2:4] for row in found] == DEPTHS
    assert [row[4] for row in found] == NAMES
    assert [row[5] for row in found] == DURATIONS
    assert recording.info.clock == "order"
    assert [note.text for note in recording.info.notes] == ["times are not recorded in this text: ts_ns only tells the order of its lines"]


def test_switches_tell_the_tasks(tmp_path: Path) -> None:
    text = """\
 0)   0.616 us    |  before();
 1)   0.700 us    |  other_cpu();
 ------------------------------------------
 0)    a b-12      =>   kid 1-4803
 ------------------------------------------

 0) + 12.370 us   |  after();
"""
    assert [row[1:] for row in calls(opened(tmp_path, HEADER + text))] == [
        (12, "+", 0, "before", None),
        (12, "-", 0, "before", 616),
        (-1, "+", 0, "other_cpu", None),
        (-1, "-", 0, "other_cpu", 700),
        (4803, "+", 0, "after", None),
        (4803, "-", 0, "after", 12_370),
    ]


@pytest.mark.parametrize(
    ("shown", "nanoseconds"),
    [
        ("  0.616", 616), ("+ 12.370", 12_370), ("# 1500.250", 1_500_250), ("* 25000.00", 25_000_000), ("@ 120000.0", 120_000_000),
        ("$ 2000000", 2_000_000_000),
    ],
)  # fmt: skip
def test_durations(tmp_path: Path, shown: str, nanoseconds: int) -> None:
    line = f" 1)   <...>-9      | {shown} us".ljust(36) + "|  f();\n"
    assert calls(opened(tmp_path, HEADER + line))[1][1:] == (9, "-", 0, "f", nanoseconds)


@pytest.mark.parametrize(
    ("call", "function", "args", "returned"),
    [
        ("ovl_open [overlay]();", "ovl_open [overlay]", None, None),
        ("copy_page.isra.0();", "copy_page.isra.0", None, None),
        ("do_fault(vmf=0xff, flags=1);", "do_fault", b"vmf=0xff, flags=1", None),
        ("f(a=0x1) { /* <-caller+0x10/0x20 */", "f", b"a=0x1", None),
        ("f(); /* = 0x10 */", "f", None, 16),
        ("f(); /* = -22 */", "f", None, (1 << 64) - 22),
        ("f(); /* <-caller+0x1/0x2 ret=0xffff88 */", "f", None, 0xFFFF88),
        ("} /* f [mod] = -1 */", "f [mod]", None, (1 << 64) - 1),
        ("} /* f ret=0x2 */", "f", None, 2),
        ("} /* f.part.0 */", "f.part.0", None, None),
        ("} /* f() */", "f", None, None),
    ],
)
def test_calls(tmp_path: Path, call: str, function: str, args: bytes | None, returned: int | None) -> None:
    recording = opened(tmp_path, f"{HEADER} 0)   1.000 us    |  {call}\n")
    found = rows(recording)
    assert recording.function_names(np.array([fields["func"] for *_, fields in found])) == [function] * len(found)
    assert [fields["args"] for *_, fields in found if "args" in fields] == ([] if args is None else [args])
    assert [fields["retval"] for *_, fields in found if "retval" in fields] == ([] if returned is None else [returned])


def test_an_exit_without_entry_is_of_no_known_function(tmp_path: Path) -> None:
    assert [row[2:] for row in calls(opened(tmp_path, HEADER + " 0)   1.000 us    |  }\n"))] == [("-", 0, "0x0", 1000)]


def test_events_and_markers_among_calls(tmp_path: Path) -> None:
    text = """\
 0)   kid 1-4803   |               |  /* page_fault_user: address=0x7f00deadb000 ip=0x401136 error_code=0x7 */
 0)   kid 1-4803   |   ==========> |
 0)   kid 1-4803   |               |  /* hmf: (handle_mm_fault+0x0/0x2d0) addr=0x1000 */
 0)   kid 1-4803   |               |  /* phase: begin warm range=0x1-0x2 */
 0)   kid 1-4803   |   <========== |
"""
    recording = opened(tmp_path, HEADER + text)
    assert recording.function_names(np.array([1])) == ["handle_mm_fault"]
    assert [row[1:] for row in rows(recording)] == [
        (4803, 0, "exceptions:page_fault_user", {"address": 0x7F00DEADB000, "ip": 0x401136, "error_code": 7}),
        (4803, 0, "hmf", {"__probe_ip": 1, "__probe_symbol": b"handle_mm_fault+0x0/0x2d0", "addr": 0x1000}),
        (4803, 0, "tracing_mark_write", {"buf": b"phase: begin warm range=0x1-0x2"}),
    ]


def test_trace_cmd_prints_calls_as_events(tmp_path: Path) -> None:
    text = """\
cpus=2
          cowlab-420   [001]    42.503365: funcgraph_entry:                   |    __handle_mm_fault() {
          cowlab-420   [001] ...1.    42.503496: funcgraph_entry:      + 51.026 us  |      page_add_new_anon_rmap();
          cowlab-420   [001]    42.503562: funcgraph_exit:       ! 197.235 us |    }
"""
    assert calls(opened(tmp_path, text)) == [
        (42_503_365_000, 420, "+", 1, "__handle_mm_fault", None),
        (42_503_496_000, 420, "+", 2, "page_add_new_anon_rmap", None),
        (42_503_496_000, 420, "-", 2, "page_add_new_anon_rmap", 51_026),
        (42_503_562_000, 420, "-", 1, "__handle_mm_fault", 197_235),
    ]


def test_times_since_1970(tmp_path: Path) -> None:
    line = " 1795382709.090549 |   0)   cowlab-189   |   1.000 us    |  f();\n"
    assert [row[0] for row in calls(opened(tmp_path, HEADER + line))] == [1795382709090549000] * 2
    assert [row[0] for row in calls(opened(tmp_path, HEADER + line * 3))] == [1795382709090549000] * 6
