"""Which reader a file gets, and what is said of files that nobody reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.errors import InputError
from cowtrace.parsers.registry import is_trace, open_recording

DATA = Path(__file__).parents[1] / "data" / "perfdata"

STRANGERS = {
    b"": "an empty file",
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x03\0" + bytes(40): "an ELF program or library",
    b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + b"\x04\0" + bytes(40): "a core dump",
    b"\x7fELF\x01\x02\x01".ljust(16, b"\0") + b"\0\x04" + bytes(40): "a core dump",
    b"\xff\xd8\xff\xe0\0\x10JFIF\0": "a JPEG picture",
    b"\x1f\x8b\x08\0": "gzip data; unpack it first",
    b"PAR1" + bytes(20): "a Parquet file",
    "Übersicht der Läufe\n".encode(): "text",
    bytes(5000): "zeros, as a file that was never written",
    b"a/".ljust(257, b"\0") + b"ustar\0": "a tar archive; unpack it first",
    bytes(range(256)) * 4: "unknown binary data",
}


@pytest.mark.parametrize("head", STRANGERS, ids=STRANGERS.values())
def test_strangers(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "perf.data"
    path.write_bytes(head)
    assert not is_trace(path)
    with pytest.raises(InputError) as error:
        open_recording(path)
    assert str(error.value) == (
        f"{path}: not a recording: it looks like {STRANGERS[head]}; supported formats: perf.data, trace.dat, ftrace text, perf script text"
    )


def test_content_decides(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes((DATA / "pipe-zstd.data").read_bytes())
    assert is_trace(path)
    assert open_recording(path).info.format == "perf.data pipe"
    assert open_recording(DATA / "threads-dir-zstd").info.format == "perf.data directory"


def test_an_old_version_is_known_by_name(tmp_path: Path) -> None:
    path = tmp_path / "perf.data"
    path.write_bytes(b"PERFFILE" + bytes(100))
    assert is_trace(path)
    with pytest.raises(InputError, match="version 1"):
        open_recording(path)


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this directory is no recording"):
        open_recording(tmp_path)
    with pytest.raises(InputError, match="No such file or directory"):
        open_recording(tmp_path / "missing")
    assert not is_trace(tmp_path)
    assert not is_trace(tmp_path / "missing")
