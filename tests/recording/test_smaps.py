"""Snapshots of smaps from a /proc of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cowtrace.recording.collector import Scene
from cowtrace.recording.smaps import Smaps


def add_process(proc: Path, pid: int, parent: int, *, born: int = 100, state: str = "S", smaps: str = "smaps of %d\n") -> None:
    """``/proc/<pid>`` with the fields that count: parent (4th of stat) and start time (22nd)."""
    folder = proc / str(pid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stat").write_text(f"{pid} (a) b) {state} {parent} {'0 ' * 17}{born} 0 0\n")
    (folder / "smaps").write_text(smaps % pid if "%d" in smaps else smaps)
    (folder / "smaps_rollup").write_text(f"rollup of {pid}\n")


def taken(folder: Path) -> dict[str, list[str]]:
    """tgid -> contents of its snapshots in time order."""
    return {
        path.name: [file.read_text() for file in sorted(path.iterdir(), key=lambda file: (file.stem, file.suffix))]
        for path in sorted((folder / "smaps").glob("*"))
    }


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    proc = tmp_path / "proc"
    add_process(proc, 10, 1)
    add_process(proc, 11, 10)
    add_process(proc, 12, 11)
    add_process(proc, 99, 1)
    return proc


def scene(tmp_path: Path, *, is_command: bool = False) -> Scene:
    (tmp_path / "rec").mkdir()
    return Scene(tmp_path / "rec", [10], is_command)


def test_start_and_end_of_a_running_process(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=None, children=False, proc=proc)
    smaps.start(scene(tmp_path))
    assert smaps.tick(1e9) is None
    (proc / "10/smaps").write_text("smaps of 10, later\n")
    smaps.stop()
    assert [text for text in taken(tmp_path / "rec")["10"] if text.startswith("smaps")] == ["smaps of 10\n", "smaps of 10, later\n"]
    assert list(taken(tmp_path / "rec")) == ["10"]
    assert smaps.taken == 2


def test_names_tell_process_time_and_kind(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=None, children=False, proc=proc)
    smaps.start(scene(tmp_path))
    files = sorted((tmp_path / "rec/smaps/10").iterdir(), key=lambda file: file.suffix)
    assert [file.suffix for file in files] == [".rollup", ".smaps"]
    assert all(len(file.stem) == 19 and file.stem.isdigit() for file in files)


def test_a_command_is_not_copied_before_it_begins(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=5.0, children=False, proc=proc)
    smaps.start(scene(tmp_path, is_command=True))
    assert taken(tmp_path / "rec") == {}


def test_children_are_followed_also_when_their_parent_is_gone(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=None, children=True, proc=proc)
    smaps.start(scene(tmp_path))
    assert list(taken(tmp_path / "rec")) == ["10", "11", "12"]
    # 11 ends, 12 becomes a child of init
    for file in (proc / "11").iterdir():
        file.unlink()
    (proc / "11").rmdir()
    add_process(proc, 12, 1)
    smaps.stop()
    assert {pid: len(texts) for pid, texts in taken(tmp_path / "rec").items()} == {"10": 4, "11": 2, "12": 4}


def test_a_reused_process_id_is_a_stranger(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=None, children=True, proc=proc)
    smaps.start(scene(tmp_path))
    add_process(proc, 12, 1, born=555)
    smaps.stop()
    assert len(taken(tmp_path / "rec")["12"]) == 2


def test_zombies_and_kernel_threads_leave_no_file(tmp_path: Path, proc: Path) -> None:
    add_process(proc, 10, 1, state="Z")
    smaps = Smaps(interval_s=None, children=False, proc=proc)
    smaps.start(scene(tmp_path))
    assert taken(tmp_path / "rec") == {}
    add_process(proc, 10, 1, smaps="")
    (proc / "10/smaps_rollup").write_text("")
    smaps.stop()
    assert taken(tmp_path / "rec") == {}


def test_the_interval_and_the_limit(tmp_path: Path, proc: Path) -> None:
    smaps = Smaps(interval_s=2.0, children=False, limit=3, proc=proc)
    smaps.start(scene(tmp_path))  # 1
    first_due = smaps.tick(0.0)
    assert first_due is not None and smaps.taken == 1
    second_due = smaps.tick(first_due)  # 2
    assert second_due is not None and second_due >= first_due + 2.0
    assert smaps.tick(second_due) is not None  # 3
    assert smaps.tick(second_due + 10) is None
    smaps.stop()
    assert smaps.taken == 3
    assert smaps.notes == ["smaps: stopped after 3 snapshots (--smaps-limit)"]
