"""vmstat and meminfo."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from tests.support.proc_text import DATA, notes, picked, read_counters

T = 1_700_000_000_000_000_000
COLUMNS = ("snapshot_id", "ts_ns", "name", "value")


def test_a_series_of_vmstat() -> None:
    rows, info = read_counters(DATA / "series-vmstat.txt", "vmstat")
    assert picked([row for row in rows if row["name"] in ("pgfault", "nr_dirty")], *COLUMNS) == [
        (0, 1_795_383_715_200_634_543, "nr_dirty", 193),
        (0, 1_795_383_715_200_634_543, "pgfault", 133_606_937),
        (1, 1_795_383_715_307_082_338, "nr_dirty", 194),
        (1, 1_795_383_715_307_082_338, "pgfault", 133_607_352),
        (2, 1_795_383_715_416_917_882, "nr_dirty", 195),
        (2, 1_795_383_715_416_917_882, "pgfault", 133_607_762),
    ]
    assert (info.records_read, info.records_damaged, info.notes) == (39, 0, [])
    assert [row["name"] for row in rows[:13]] == [row["name"] for row in rows[26:]]


@pytest.mark.parametrize("block_bytes", [1, 10, 100, 1 << 20])
def test_pieces_of_any_size_give_the_same(block_bytes: int) -> None:
    whole = read_counters(DATA / "series-vmstat.txt", "vmstat")
    assert read_counters(DATA / "series-vmstat.txt", "vmstat", block_bytes=block_bytes) == whole


def test_a_series_without_times(tmp_path: Path) -> None:
    """The first name comes again; only the first snapshot has the time of the name."""
    rows, info = read_counters(tmp_path / "vmstat-1700000000", "vmstat", b"nr_a 1\npgfault 5\nnr_a 2\npgfault 6\npgfault 7\n")
    assert picked(rows, *COLUMNS) == [
        (0, T, "nr_a", 1),
        (0, T, "pgfault", 5),
        (1, None, "nr_a", 2),
        (1, None, "pgfault", 6),
        (1, None, "pgfault", 7),
    ]
    assert notes(info) == {"snapshots without a time: put it in the file name or in '# time' lines": 1}


def test_a_counter_below_zero_for_a_moment(tmp_path: Path) -> None:
    rows, info = read_counters(tmp_path / "vmstat", "vmstat", b"nr_a 18446744073709551614\nnr_unstable 0\n")
    assert (picked(rows, "name", "value"), info.records_damaged) == ([("nr_a", 2**64 - 2), ("nr_unstable", 0)], 0)


def test_damaged_counters(tmp_path: Path) -> None:
    text = b"nr_a 1\nnr_b -1\nnr_c\n nr_d 4\nnr_e 18446744073709551616\nnr f 6\nnr_\xff 7\n\x1b[2J 8\nnr_g  9\nnr_h 10x\nnr_i 11"
    rows, info = read_counters(tmp_path / "vmstat", "vmstat", text)
    assert picked(rows, "name", "value") == [("nr_a", 1), ("nr_g", 9)]
    assert info.records_damaged == 9
    assert {text: count for text, count in notes(info).items() if "without" not in text} == {
        "the file ends within a line": 1,
        "values beyond 64 bits": 1,
        "lines that are no counter": 7,
    }


def test_meminfo() -> None:
    rows, info = read_counters(DATA / "meminfo.txt", "meminfo")
    values = dict(picked(rows, "name", "value_kb"))
    assert (len(rows), len(values), info.records_damaged) == (54, 54, 0)
    assert {name: values[name] for name in ("MemTotal", "Active(anon)", "HugePages_Total", "VmallocTotal", "DirectMap1G")} == {
        "MemTotal": 24_684_092,
        "Active(anon)": 1_096,
        "HugePages_Total": 0,
        "VmallocTotal": 34_359_738_367,
        "DirectMap1G": 25_165_824,
    }


def test_meminfo_without_its_last_newline(tmp_path: Path) -> None:
    rows, info = read_counters(tmp_path / "meminfo", "meminfo", b"MemTotal: 5 kB\nMemFree:\t3 kB\nHugePages_Free: 2\nDirty: 1 kB")
    assert picked(rows, "name", "value_kb") == [("MemTotal", 5), ("MemFree", 3), ("HugePages_Free", 2), ("Dirty", 1)]
    assert info.records_damaged == 1


@pytest.mark.parametrize("form", ["vmstat", "meminfo"])
def test_no_counter_at_all(form: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"no line of {form} was found in it; copy /proc/{form} again"):
        read_counters(tmp_path / "x", form, bytes(range(256)) * 100)
    assert read_counters(tmp_path / "empty", form, b"")[0] == []


def test_hostile_series_end(tmp_path: Path) -> None:
    """A snapshot in every line, then a name in every line: neither takes time by the square."""
    rows, info = read_counters(tmp_path / "vmstat", "vmstat", b"nr_a 1\n" * 200_000)
    assert (len(rows), info.features["snapshots"]) == (200_000, 200_000)
    names = b"".join(b"n%x 1\n" % number for number in range(100_000))
    rows, info = read_counters(tmp_path / "vmstat", "vmstat", names)
    assert (len(rows), info.features["snapshots"]) == (100_000, 1)
