"""Cut, garbled and hostile smaps: what can be read is kept, nothing is given to the wrong mapping, the rest is counted."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from cowtrace.errors import InputError
from tests.support.proc_text import DATA, mapping, notes, picked, read_smaps

LOW = mapping("1000-2000 rw-p 00000000 00:00 0 ", Size=4, Rss=1, Pss=1, flags="rd wr")
HIGH = mapping("7000-8000 rw-p 00000000 00:00 0 ", Size=4, Rss=3, Pss=3, flags="rd ex")
COLUMNS = ("start_addr", "size_kb", "rss_kb", "pss_kb", "vm_flags")
WHOLE = [(0x1000, 4, 1, 1, "rd wr"), (0x7000, 4, 3, 3, "rd ex")]
UNOWNED = "fields without a certain mapping"


def damage(path: Path, text: bytes) -> tuple[list[tuple[object, ...]], dict[str, int]]:
    """Rows, and the counts by reason."""
    rows, info = read_smaps(path, text, tgid=1, wall_ns=0)
    assert info.records_damaged == sum(notes(info).values())
    return picked(rows, *COLUMNS), notes(info)


def test_whole(tmp_path: Path) -> None:
    assert damage(tmp_path / "s", LOW + HIGH) == (WHOLE, {})


@pytest.mark.parametrize(
    ("left", "last"),
    [
        ("7000-8000 rw-p 00000000 00:0", None),
        ("Size:                  4 k", (0x7000, None, None, None, None)),
        ("Rss:                   3 kB", (0x7000, 4, 3, None, None)),  # whole but for the newline
        ("Pss: ", (0x7000, 4, 3, None, None)),
        ("VmFlags: rd", (0x7000, 4, 3, 3, None)),
    ],
)
def test_cut_within_a_line(left: str, last: tuple[object, ...] | None, tmp_path: Path) -> None:
    """The process exited while its file was read, or the disk was full."""
    text = LOW + HIGH
    end = text.index(left.encode(), text.index(b"7000-")) + len(left)
    assert damage(tmp_path / "s", text[:end]) == ([row for row in (WHOLE[0], last) if row], {"the file ends within a line": 1})


def test_cut_between_lines_is_seen_by_the_missing_fields(tmp_path: Path) -> None:
    cut = HIGH[: HIGH.index(b"Pss")]
    one = {"snapshots that end within a mapping": 1}
    assert damage(tmp_path / "s", LOW + cut) == ([WHOLE[0], (0x7000, 4, 3, None, None)], one)
    # the same in the middle of a series
    assert damage(tmp_path / "s", LOW + cut + b"# time 1700000000\n" + LOW + HIGH)[1] == one


def test_fields_after_a_line_that_cannot_be_read_belong_to_nobody(tmp_path: Path) -> None:
    broken_head = HIGH.replace(b"7000-8000", b"7000~8000")
    assert damage(tmp_path / "s", LOW + broken_head) == (
        WHOLE[:1],
        {"lines that are neither a mapping nor a field": 1, UNOWNED: 4},
    )
    broken_field = LOW.replace(b"Rss:                   1 kB", b"Rss:                   x kB")
    assert damage(tmp_path / "s", broken_field + HIGH) == (
        [(0x1000, 4, None, None, None), WHOLE[1]],
        {"fields that can't be read": 1, UNOWNED: 2},
    )


def test_a_lost_mapping_line_shows_in_repeated_fields(tmp_path: Path) -> None:
    """Size comes again after Rss: what follows is of another mapping, even what the first one lacks."""
    text = LOW[: LOW.index(b"Pss")] + HIGH[HIGH.index(b"Size") :]
    assert damage(tmp_path / "s", text + HIGH) == ([(0x1000, 4, 1, None, None), WHOLE[1]], {UNOWNED: 4})


def test_a_snapshot_glued_to_a_cut_one(tmp_path: Path) -> None:
    text = LOW[: LOW.index(b"1 kB\nPss")] + LOW + HIGH
    assert damage(tmp_path / "s", text) == ([(0x1000, 4, None, None, None), WHOLE[1]], {"fields that can't be read": 1, UNOWNED: 4})


def test_the_beginning_is_missing(tmp_path: Path) -> None:
    assert damage(tmp_path / "s", LOW[LOW.index(b"Rss") :] + HIGH) == (WHOLE[1:], {UNOWNED: 3})


@pytest.mark.parametrize(
    "head",
    [
        b"2000-1000 rw-p 00000000 00:00 0 ",  # ends before it starts
        b"1000-1000 rw-p 00000000 00:00 0 ",
        b"1000-2000 rwxx 00000000 00:00 0 ",
        b"11111111111111111-2000 rw-p 00000000 00:00 0 ",  # 17 digits
        b"1000-2000 rw-p 00000000 00:00 18446744073709551616 ",
        b"1000-2000 rw-p 00000000 00:00 ",
        b"1000-2000 rw-p 00000000 00 0 ",
        b"1000-2000 rw-p 00000000 00:00 0x",
        b"1000-2000 rw-p -1 00:00 0 ",
        b"1000-2000",
        b"-2000 rw-p 00000000 00:00 0 ",
    ],
)
def test_lines_that_are_almost_mappings(head: bytes, tmp_path: Path) -> None:
    rows, found = damage(tmp_path / "s", mapping(head, Rss=7) + HIGH)
    assert (rows, found) == (WHOLE[1:], {"lines that are neither a mapping nor a field": 1, UNOWNED: 1})


@pytest.mark.parametrize(
    ("head", "numbers"),
    [
        (b"ffffffffff600000-ffffffffffffffff --xp 0 00:00 18446744073709551615", (0xFFFFFFFFFF600000, 2**64 - 1, 0, 2**64 - 1)),
        (b"0-1 ---p ffffffffffffffff ffffffff:ffffffff 0 ", (0, 1, 2**64 - 1, 0)),
    ],
)
def test_the_largest_numbers(head: bytes, numbers: tuple[int, ...], tmp_path: Path) -> None:
    rows, info = read_smaps(tmp_path / "s", mapping(head, Rss=2**63 - 1))
    columns = ("start_addr", "end_addr", "pgoff", "inode", "rss_kb")
    assert (picked(rows, *columns), info.records_damaged) == ([(*numbers, 2**63 - 1)], 0)


@pytest.mark.parametrize("value", [str(2**63), str(2**64 - 1), str(2**64), "9" * 19, "9" * 20, "9" * 21, "9" * 5000])
def test_values_that_do_not_fit_are_null(value: str, tmp_path: Path) -> None:
    text = LOW.replace(b"1 kB\nPss", value.encode() + b" kB\nPss") + HIGH
    assert damage(tmp_path / "s", text) == ([(0x1000, 4, None, 1, "rd wr"), WHOLE[1]], {"values beyond 64 bits": 1})


@pytest.mark.parametrize("value", ["-1", "1.5", "0x10", "", "1 2", "\N{ARABIC-INDIC DIGIT ONE}", "1 MB", "+1"])
def test_values_that_are_no_numbers_end_the_mapping(value: str, tmp_path: Path) -> None:
    text = LOW.replace(b"1 kB\nPss", value.encode() + b" kB\nPss") + HIGH
    assert damage(tmp_path / "s", text) == (
        [(0x1000, 4, None, None, None), WHOLE[1]],
        {"fields that can't be read": 1, UNOWNED: 2},
    )


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 1 << 23])
def test_long_lines(size: int, tmp_path: Path) -> None:
    """A path of 64 KiB is none; the line is skipped, whatever its length."""
    head = b"1000-2000 rw-p 00000000 00:00 5 /"
    rows, info = read_smaps(tmp_path / "s", mapping(head + b"x" * (size - len(head)), Rss=1) + HIGH)
    assert [len(row.get("path", "")) for row in rows] == ([size - len(head) + 1, 0] if size == 1 << 16 else [0])
    assert info.records_damaged == (0 if size == 1 << 16 else 2)


def test_a_line_without_end(tmp_path: Path) -> None:
    """256 MiB without a newline after one good mapping: bounded memory, and the mapping is kept."""
    path = tmp_path / "s"
    with path.open("wb") as file:
        file.write(LOW)
        file.truncate(256 << 20)
    rows, info = read_smaps(path)
    assert (picked(rows, *COLUMNS), info.records_damaged) == (WHOLE[:1], 1)


@pytest.mark.parametrize(
    "line", [b"\n", b"x\n", b"#\n", b"a\n", b"A\n", b"A:\n", b"A: 1\n", b"1-2 \n", b"1700000000\n", b"# time 1700000000\n"]
)
def test_millions_of_short_lines(line: bytes, tmp_path: Path) -> None:
    rows, _ = read_smaps(tmp_path / "s", LOW + line * ((4 << 20) // len(line)) + HIGH)
    assert picked(rows, *COLUMNS)[-1] == WHOLE[1]


def test_a_snapshot_in_every_line(tmp_path: Path) -> None:
    line = b"1-2 ---p 0 0:0 0 [rollup]\n"
    rows, info = read_smaps(tmp_path / "s", line * 50_000)
    assert (len(rows), rows[-1]["snapshot_id"], info.features["snapshots"]) == (50_000, 49_999, 50_000)


def test_terminal_sequences_are_kept_as_data(tmp_path: Path) -> None:
    rows, _ = read_smaps(tmp_path / "s", mapping(b"1000-2000 r--p 0 0:0 5 /\x1b[2J\xe2\x80\xae\x00\xff", Rss=1, flags="\x1b["))
    assert picked(rows, "path", "vm_flags") == [("/\x1b[2J\u202e\x00\\xff", "\x1b[")]


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_an_error_or_counted(seed: int, tmp_path: Path) -> None:
    """Random bytes; a real file with random bytes, cuts and copies in it."""
    chance = random.Random(seed)
    real = (DATA / "kinds-smaps.txt").read_bytes()
    text = bytearray(real)
    for _ in range(chance.randrange(1, 40)):
        at, size = chance.randrange(len(text)), chance.randrange(60)
        text[at : at + size] = chance.choice([chance.randbytes(size), b"", text[at // 2 : at // 2 + size]])
    rows, info = read_smaps(tmp_path / "s", bytes(text))
    known = {(row["start_addr"], row["end_addr"]): row for row in read_smaps(DATA / "kinds-smaps.txt")[0]}
    same = [row for row in rows if (row["start_addr"], row["end_addr"]) in known]
    assert (info.records_read, len(same) > 0) == (len(rows), True)
    with pytest.raises(InputError, match="no mapping line of smaps was found"):
        read_smaps(tmp_path / "s", os.urandom(100_000) + b"\n")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be opened: No such file or directory"):
        read_smaps(tmp_path / "s")
    with pytest.raises(InputError, match="Is a directory"):
        read_smaps(tmp_path)
