"""Walking a layer and comparing copies with what they were copied from; no mount needed."""

from __future__ import annotations

import os
from pathlib import Path

from cowtrace.recording.levels import LEVELS
from cowtrace.recording.overlay.compare import Budget, changed_bytes, differences, lower_entry
from cowtrace.recording.overlay.events import overlay_events, with_overlay
from cowtrace.recording.overlay.tree import entry_at, walk


def test_walk_tells_what_stat_tells(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_bytes(b"x" * 5000)
    (tmp_path / "link").symlink_to("nowhere")
    entries = {entry.path: entry for entry in walk(os.fsencode(tmp_path), "user.overlay.")}
    assert {path: entry.type for path, entry in entries.items()} == {b"d": "dir", b"d/f": "file", b"link": "link"}
    status, entry = (tmp_path / "d" / "f").stat(), entries[b"d/f"]
    assert (entry.inode, entry.size_bytes, entry.alloc_bytes) == (status.st_ino, 5000, status.st_blocks * 512)
    assert (entry.mtime_ns, entry.ctime_ns, entry.owner) == (status.st_mtime_ns, status.st_ctime_ns, (status.st_uid, status.st_gid))
    assert entry.dev == f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"


def test_copies_are_compared_with_the_topmost_lower_file(tmp_path: Path) -> None:
    for layer, text in (("top", b"abcd"), ("bottom", b"zzzzzz"), ("upper", b"abXd+tail")):
        (tmp_path / layer).mkdir()
        (tmp_path / layer / "f").write_bytes(text)
    (tmp_path / "upper" / "f").chmod(0o600)
    (tmp_path / "top" / "f").chmod(0o644)
    copy = entry_at(os.fsencode(tmp_path / "upper" / "f"), b"f")
    found = lower_entry(copy, [os.fsencode(tmp_path / "top"), os.fsencode(tmp_path / "bottom")], {})
    assert found is not None
    layer, below = found
    assert (layer, below.size_bytes) == (os.fsencode(tmp_path / "top"), 4)
    assert {"mode", "size"} <= set(differences(copy, below)) <= {"mode", "size", "mtime"}
    # one byte differs, five were added
    paths = [os.fsencode(tmp_path / name / "f") for name in ("upper", "top")]
    assert changed_bytes(*paths, Budget()) == 6
    assert changed_bytes(*paths, Budget(left_bytes=7)) is None
    assert changed_bytes(os.fsencode(tmp_path / "none"), paths[1], Budget()) is None


def test_events_of_a_machine() -> None:
    calls = [event for event in overlay_events("x86_64") if event.name == "raw_syscalls:sys_enter"]
    assert "id == 257 ||" in calls[0].filter
    assert [event.name for event in overlay_events("sparc64")] == [
        "writeback:writeback_mark_inode_dirty",
        "filemap:mm_filemap_add_to_page_cache",
    ]
    names = [event.name for event in with_overlay(LEVELS["full"], "aarch64", []).events]
    assert len(names) == len(set(names))
