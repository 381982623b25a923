"""Times: what each clock and each option make of a time stamp."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cowtrace.parsers.base import SourceInfo
from cowtrace.parsers.tracedat.clock import Clock
from cowtrace.parsers.tracedat.options import clock_name
from tests.support.ringbuffer import Page, fault, pages
from tests.support.tracedat import DATA, Area, TraceFile, clock_list, column, opened

DATE, BUFFER_CLOCK, OFFSET, TSC2NSEC, TIME_SHIFT = 1, 4, 7, 14, 12


def read(path: Path, *options: tuple[int, bytes], clock: str = "local", stamp: int = 5_000) -> tuple[list[int], SourceInfo]:
    area = Area({0: pages(Page(stamp).data(0, fault(1, 0)))}, clock=clock)
    recording = opened(path / "trace.dat", TraceFile([area], options=options).version7())
    return column(recording, "ts_ns"), recording.info


@pytest.mark.parametrize("clock", ["local", "global", "perf", "mono", "mono_raw", "boot", "tai"])
def test_clocks_in_nanoseconds(tmp_path: Path, clock: str) -> None:
    times, info = read(tmp_path, (BUFFER_CLOCK, clock_list(clock)), clock=clock)
    assert (times, info.clock, info.notes) == ([5_000], clock, [])


@pytest.mark.parametrize(("clock", "unit"), [("x86-tsc", "cycles"), ("counter", "events"), ("uptime", "jiffies")])
def test_clocks_without_nanoseconds(tmp_path: Path, clock: str, unit: str) -> None:
    times, info = read(tmp_path, clock=clock)
    assert (times, info.clock) == ([5_000], f"{clock} ({unit})")
    assert [note.text for note in info.notes] == [f"clock {clock} counts {unit}, not nanoseconds: times are these numbers"]


def test_a_date_makes_times_count_from_1970(tmp_path: Path) -> None:
    times, info = read(tmp_path, (DATE, b"0x660e3628d64b4\0"))
    assert times == [0x660E3628D64B4 * 1_000 + 5_000]
    assert (info.clock, info.wall_offset_ns) == ("realtime", 0)
    assert [note.text for note in info.notes] == ["times were recorded with clock local and the offset to the time of day was added"]


def test_an_offset_is_added(tmp_path: Path) -> None:
    times, info = read(tmp_path, (OFFSET, b"-4000\0"), (OFFSET, b"7\0"))
    assert (times, info.clock, info.features["offset_ns"]) == ([1_007], "local", -3993)
    assert [note.text for note in info.notes] == ["-3993 was added to all times, as the recorder was told"]


def test_cycles_become_nanoseconds(tmp_path: Path) -> None:
    option = (3).to_bytes(4, "little") + (1).to_bytes(4, "little") + bytes(8)
    times, info = read(tmp_path, (TSC2NSEC, option), clock="tsc2nsec")
    assert (times, info.clock, info.notes) == ([7_500], "tsc2nsec", [])


@pytest.mark.parametrize(("mult", "shift"), [(0xFFFFFFFF, 32), (2_796_202_666, 31), (1, 0), (12_345, 63), (0x80000001, 40)])
def test_the_product_has_128_bits(mult: int, shift: int) -> None:
    stamps = [0, 1, 5_000, (1 << 32) - 1, 1 << 32, 6_471_423_023_571, (1 << 62) + 12_345]
    found = Clock(mult, shift, 0).convert(np.array(stamps, np.uint64))
    exact = [(stamp * mult >> shift) % (1 << 64) for stamp in stamps]
    assert found.view(np.uint64).tolist() == exact


def test_instances_with_different_clocks(tmp_path: Path) -> None:
    areas = [Area({0: b""}, clock="local"), Area({0: pages(Page(5).data(0, fault(1, 0)))}, name="bb", clock="mono")]
    info = opened(tmp_path / "trace.dat", TraceFile(areas).version7()).info
    assert info.clock == "local"
    assert info.features["clocks"] == {"": "local", "bb": "mono"}
    assert [note.text for note in info.notes] == ["the instances have different clocks (local, mono): their times can't be compared"]


def test_no_clock_at_all(tmp_path: Path) -> None:
    _, info = read(tmp_path, clock="")
    assert info.clock is None
    assert [note.text for note in info.notes] == ["the file does not say its clock: times are taken as nanoseconds"]


def test_a_guest_says_so(tmp_path: Path) -> None:
    _, info = read(tmp_path, (TIME_SHIFT, bytes([9]) + bytes(15)))
    assert info.features["peer_trace_id"] == 9
    assert [note.text for note in info.notes] == ["the recording of a guest: its times are those of the guest, not of the host"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"[local] global counter\n\0", "local"),
        (b"local global [x86-tsc]\n\0", "x86-tsc"),
        (b"local", None),
        (b"[" + b"a" * 100 + b"]", None),
    ],
)
def test_the_clock_in_brackets(text: bytes, name: str | None) -> None:
    assert clock_name(text) == name


def test_recorded_clocks() -> None:
    from cowtrace.parsers.tracedat import open_tracedat

    names = {name: open_tracedat(DATA / name).info.clock for name in ("clock-tsc.dat", "clock-mono-v6.dat.zst", "date.dat")}
    assert names == {"clock-tsc.dat": "x86-tsc (cycles)", "clock-mono-v6.dat.zst": "mono", "date.dat": "realtime"}
