"""Names beside a recording: /proc/kallsyms and perf maps."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from cowtrace.parsers import recorded_names
from cowtrace.parsers.recorded_names import read_kallsyms, read_names, read_perf_map

KALLSYMS = b"""\
ffffffff81000000 T _text
ffffffff81000000 t startup
ffffffff81000040 D data
ffffffffc0001000 t ext4_write\t[ext4]
ffffffff81000080 W weak
not a line
ffffffff8100 T
"""


def test_functions_of_kernel_and_modules() -> None:
    assert read_kallsyms(KALLSYMS).rows() == [
        (None, 0xFFFFFFFF81000000, None, "_text", None),
        (None, 0xFFFFFFFF81000000, None, "startup", None),
        (None, 0xFFFFFFFFC0001000, None, "ext4_write", "ext4"),
        (None, 0xFFFFFFFF81000080, None, "weak", None),
    ]


def test_hidden_addresses_name_nothing() -> None:
    assert read_kallsyms(b"0000000000000000 T _text\n0000000000000000 t startup\n").rows() == []


def test_functions_of_a_compiler_the_last_announcement_of_an_address_holds() -> None:
    text = (
        b"7f0000001000 40 LazyCompile:~add app.js:1\n0x7f0000001040 0x10 evil\xff\x1b\n7f0000001000 80 LazyCompile:*add app.js:1\nbroken\n"
    )
    assert read_perf_map(text, 12).rows() == [
        (12, 0x7F0000001040, 0x10, "evil\\xff\x1b", None),
        (12, 0x7F0000001000, 0x80, "LazyCompile:*add app.js:1", None),
    ]


def test_files_are_known_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "kallsyms.zst").write_bytes(zstandard.compress(KALLSYMS))
    (tmp_path / "perf-77.map").write_bytes(b"1000 10 f\n")
    (tmp_path / "notes.txt").write_bytes(KALLSYMS)
    first, second = read_names(tmp_path / "kallsyms.zst"), read_names(tmp_path / "perf-77.map")
    assert first is not None and len(first) == 4
    assert second is not None and second.rows() == [(77, 0x1000, 0x10, "f", None)]
    assert read_names(tmp_path / "notes.txt") is None


def test_a_file_that_swells_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_names, "MAX_BYTES", 1 << 20)
    (tmp_path / "kallsyms.zst").write_bytes(zstandard.compress(b"\0" * (2 << 20)))
    with pytest.raises(ValueError, match="more than 1 MiB"):
        read_names(tmp_path / "kallsyms.zst")
