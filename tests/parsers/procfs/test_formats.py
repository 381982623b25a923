"""Recognising files by content, and reading them plain, compressed, and cut."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from cowtrace.errors import InputError
from cowtrace.parsers.procfs import SNIFFERS, format_of, is_snapshot, sniff
from tests.support.proc_text import DATA, mapping, notes, read_counters, read_smaps

SMAPS = (DATA / "kinds-smaps.txt").read_bytes()
VMSTAT = (DATA / "series-vmstat.txt").read_bytes()
MEMINFO = (DATA / "meminfo.txt").read_bytes()
MOUNTINFO = b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n" * 3


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (SMAPS, "smaps"),
        ((DATA / "proc" / "3977" / "smaps_rollup").read_bytes(), "smaps"),
        (b"# time 1700000000\n\n==> /proc/1/smaps <==\n" + SMAPS, "smaps"),
        (SMAPS.replace(b"\n", b"\r\n"), "smaps"),
        (SMAPS[SMAPS.index(b"Rss") :], "smaps"),  # the beginning is cut off
        (mapping("1000-2000 rw-p 00000000 00:00 0 ", Size=4), "smaps"),
        (VMSTAT, "vmstat"),
        (b"thp_fault_alloc 5\nthp_fault_fallback 0\n", "vmstat"),  # some lines of it
        (MEMINFO, "meminfo"),
        (MOUNTINFO, "mountinfo"),
        ((DATA / "proc" / "3977" / "maps").read_bytes(), None),
        (b"anon 5\nfile 6\nnr_x 7\n", None),  # memory.stat of a cgroup
        (b"Name:\tbash\nUmask:\t0022\n", None),  # status
        (b"PERFILE2" + bytes(100), None),
        (b"Rss: 5 kB\nThis is a letter.\n" + SMAPS[:2000].replace(b"\n", b"\n> "), None),
        (b"", None),
        (b"\n\n# time 1700000000\n", None),
        (bytes(range(256)) * 16, None),
    ],
)
def test_by_content(head: bytes, name: str | None) -> None:
    assert sniff(head[:4096]) == name
    assert [form.name for form in SNIFFERS if form.sniff(head[:4096])] == ([name] if name else [])
    assert sniff(zstandard.compress(head)[:4096]) == name


def test_empty_files_go_by_name(tmp_path: Path) -> None:
    """A kernel thread's smaps is empty."""
    path = tmp_path / "2.smaps"
    path.write_bytes(b"")
    assert (format_of(path), is_snapshot(path)) == ("smaps", True)
    compressed = tmp_path / "smaps_rollup.2.zst"
    compressed.write_bytes(zstandard.compress(b""))
    assert format_of(compressed) == "smaps"
    assert read_smaps(compressed)[0] == []
    other = tmp_path / "empty.txt"
    other.write_bytes(b"")
    assert not is_snapshot(other)
    with pytest.raises(InputError, match="expected smaps, smaps_rollup, vmstat, meminfo or mountinfo, found an empty file"):
        format_of(other)


def test_other_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "smaps").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"more")
    with pytest.raises(InputError) as raised:
        format_of(tmp_path / "smaps")
    assert str(raised.value) == (
        f"{tmp_path}/smaps: expected smaps, smaps_rollup, vmstat, meminfo or mountinfo, found a file that starts with "
        r"b'\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00'; give a copy of the /proc file as it is"
    )


@pytest.mark.parametrize("block_bytes", [100, 1 << 21])
def test_zstd(block_bytes: int, tmp_path: Path) -> None:
    """One frame; many; frames without content in between."""
    plain, _ = read_smaps(DATA / "kinds-smaps.txt")
    half = SMAPS.index(b"\n", 5000) + 1
    for content in (
        zstandard.compress(SMAPS),
        zstandard.compress(SMAPS[:half]) + zstandard.compress(b"") + zstandard.compress(SMAPS[half:]),
    ):
        rows, info = read_smaps(tmp_path / "smaps.zst", content, block_bytes=block_bytes)
        assert (rows, info.records_damaged, info.size_bytes) == (plain, 0, len(content))


def test_zstd_that_is_cut(tmp_path: Path) -> None:
    text = b"".join(b"# time 17%08d\n" % number + SMAPS for number in range(200))
    content = zstandard.compress(text, level=1)
    rows, info = read_smaps(tmp_path / "smaps.zst", content[: len(content) // 2])
    whole, _ = read_smaps(tmp_path / "smaps", text)
    assert 0 < len(rows) < len(whole)
    assert rows[:-1] == whole[: len(rows) - 1]
    assert notes(info)["zstd data ends early: the last frame has no end"] == 1
    with pytest.raises(InputError, match="zstd data that can't be decompressed: the last frame has no end"):
        read_smaps(tmp_path / "smaps.zst", content[:20])


def test_zstd_that_is_damaged(tmp_path: Path) -> None:
    content = zstandard.compress(SMAPS) + zstandard.compress(VMSTAT)[:4] + b"garbage" * 99
    rows, info = read_smaps(tmp_path / "smaps.zst", content)
    assert (len(rows), info.records_damaged) == (13, 1)
    with pytest.raises(InputError, match="zstd data that can't be decompressed"):
        read_smaps(tmp_path / "smaps.zst", zstandard.compress(SMAPS)[:4] + b"\xff" * 99)


def test_a_small_file_that_decompresses_to_much(tmp_path: Path) -> None:
    """1 GiB of zeroes in 30 KB."""
    stream = zstandard.ZstdCompressor().compressobj()
    zeroes = bytes(1 << 20)
    content = stream.compress(SMAPS) + b"".join(stream.compress(zeroes) for _ in range(1 << 10)) + stream.flush()
    assert len(content) < 100_000
    rows, info = read_smaps(tmp_path / "smaps.zst", content)
    assert (len(rows), info.records_damaged) == (13, 1)


def test_plain_counters_in_zstd(tmp_path: Path) -> None:
    path = tmp_path / "vmstat-1700000000.zst"
    rows, info = read_counters(path, "vmstat", zstandard.compress(b"nr_a 1\n"))
    assert (rows, info.records_damaged) == ([{"ts_ns": 1_700_000_000_000_000_000, "snapshot_id": 0, "name": "nr_a", "value": 1}], 0)
