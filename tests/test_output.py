"""Outputs appear whole or not at all, and never replace a file unasked."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from cowtrace.errors import UsageError
from cowtrace.output import binary_output, text_output


def test_a_new_file(tmp_path: Path) -> None:
    with text_output(tmp_path / "x.txt") as out:
        out.write("µs\n")
        assert not (tmp_path / "x.txt").exists()
    assert (tmp_path / "x.txt").read_bytes() == "µs\n".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), binary_output(tmp_path / "x") as out:
        out.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("mine")
    with pytest.raises(UsageError, match=r"x: exists; --force overwrites it$"), binary_output(path):
        pass
    with pytest.raises(RuntimeError), binary_output(path, force=True) as out:
        out.write(b"half")
        raise RuntimeError
    assert path.read_text() == "mine"
    with binary_output(path, force=True) as out:
        out.write(b"new")
    assert path.read_text() == "new"


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a folder; -o names the file to write$"), binary_output(tmp_path):
        pass
    with pytest.raises(UsageError, match=r"the folder .*/missing does not exist$"), binary_output(tmp_path / "missing" / "x"):
        pass


def test_devices_and_pipes_are_written_to(tmp_path: Path) -> None:
    with binary_output(Path(os.devnull)) as out:
        out.write(b"gone")
    assert not Path(os.devnull).is_file()


def test_standard_output_takes_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with text_output(None) as out:
        out.write("1.5 µs\n")
    assert raw.getvalue() == b"1.5 \\xb5s\n"
