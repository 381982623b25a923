"""The folder appears whole or not at all, and takes nobody else's place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cowtrace.errors import UsageError
from cowtrace.recording.folder import RecordingFolder, is_recording


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_folder(tmp_path: Path) -> None:
    with RecordingFolder(tmp_path / "rec") as folder:
        (folder.folder / "perf.data").write_bytes(b"PERFILE2")
        assert names(tmp_path) == ["rec.partial"]
        folder.finish({"schema": "x/1"})
    assert names(tmp_path) == ["rec"]
    assert names(tmp_path / "rec") == ["perf.data", "recording.json"]
    assert json.loads((tmp_path / "rec/recording.json").read_text()) == {"schema": "x/1"}
    assert is_recording(tmp_path / "rec")


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="boom"), RecordingFolder(tmp_path / "rec") as folder:
        (folder.folder / "perf.data").write_bytes(b"PERFILE2")
        raise ValueError("boom")
    assert names(tmp_path) == []


def test_an_existing_recording_stays_without_force(tmp_path: Path) -> None:
    with RecordingFolder(tmp_path / "rec") as folder:
        folder.finish({"number": 1})
    with pytest.raises(UsageError, match=re.escape("rec: exists; --force replaces it, -o FOLDER writes another")):
        RecordingFolder(tmp_path / "rec")
    with RecordingFolder(tmp_path / "rec", force=True) as folder:
        folder.finish({"number": 2})
    assert json.loads((tmp_path / "rec/recording.json").read_text()) == {"number": 2}
    assert names(tmp_path) == ["rec"]


def test_a_failed_replacement_keeps_the_old_recording(tmp_path: Path) -> None:
    with RecordingFolder(tmp_path / "rec") as folder:
        folder.finish({"number": 1})
    with pytest.raises(ValueError, match="boom"), RecordingFolder(tmp_path / "rec", force=True):
        raise ValueError("boom")
    assert json.loads((tmp_path / "rec/recording.json").read_text()) == {"number": 1}


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_what_is_not_a_recording_is_never_replaced(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "rec"
    if kind == "folder":
        path.mkdir()
        (path / "thesis.tex").write_text("ten years")
    elif kind == "file":
        path.write_text("ten years")
    else:
        path.symlink_to("nowhere")
    with pytest.raises(UsageError, match="exists and is not a recording, so it is never overwritten"):
        RecordingFolder(path, force=True)


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*/absent to write it in"):
        RecordingFolder(tmp_path / "absent/rec")


def test_a_killed_recording_makes_room_and_a_living_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "rec.partial").mkdir()
    (tmp_path / "rec.partial/perf.data").write_bytes(b"old")
    with RecordingFolder(tmp_path / "rec") as first:
        assert names(first.folder) == []
        with pytest.raises(UsageError, match="another recording is being written there"), RecordingFolder(tmp_path / "rec"):
            pass
        assert names(tmp_path) == ["rec.partial"]
