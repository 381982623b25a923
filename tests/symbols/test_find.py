"""Finding the recorded file, and nothing else, whatever a path leads to."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cowtrace.symbols.elf import Elf
from cowtrace.symbols.files import open_regular
from cowtrace.symbols.find import Dso, Finder, Found
from cowtrace.symbols.sources import Sources
from tests.support.elf_bytes import Symbol, elf

CODE = [Symbol("main", 0x401000, 0x20)]
ID, OTHER = "ab" * 20, "cd" * 20


def find(tmp_path: Path, dso: Dso, *, same_host: bool = True, symfs: Path | None = None) -> Found:
    sources = Sources(symfs=symfs, build_id_cache=tmp_path / "debug-cache", debug_folder=tmp_path / "debug", debuginfod_urls=())
    return Finder(sources, [], [], same_host=same_host).find(dso)


def symbols_in(found: Found) -> bool:
    return found.names is not None and any(section.type == 2 for section in found.names.sections)


def write(path: Path, raw: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return path


def test_the_recorded_build_at_its_path_is_used(tmp_path: Path) -> None:
    app = write(tmp_path / "app", elf(CODE, build_id=ID))
    found = find(tmp_path, Dso(str(app), ID))
    assert found.code is not None and found.code is found.names and found.note == ""


def test_another_build_is_refused(tmp_path: Path) -> None:
    app = write(tmp_path / "app", elf(CODE, build_id=OTHER))
    found = find(tmp_path, Dso(str(app), ID))
    assert (found.code, found.names) == (None, None)
    assert found.note == f"{app} has build-id {OTHER}, the recording {ID}: not used"


def test_a_file_without_build_id_is_not_the_recorded_one_with(tmp_path: Path) -> None:
    app = write(tmp_path / "app", elf(CODE, build_id=None))
    assert find(tmp_path, Dso(str(app), ID)).note == f"{app} has build-id (none), the recording {ID}: not used"


@pytest.mark.parametrize(("same_host", "inode_plus", "used"), [(True, 0, True), (True, 1, False), (False, 0, False)])
def test_without_a_recorded_build_id_the_same_inode_of_this_host_will_do(
    tmp_path: Path, same_host: bool, inode_plus: int, used: bool
) -> None:
    app = write(tmp_path / "app", elf(CODE, build_id=None))
    found = find(tmp_path, Dso(str(app), None, app.stat().st_ino + inode_plus), same_host=same_host)
    assert (found.code is not None) == used
    assert used or "may be another file" in found.note


def test_a_folder_that_the_user_vouches_for_needs_no_build_id(tmp_path: Path) -> None:
    write(tmp_path / "root" / "opt" / "app", elf(CODE, build_id=None))
    assert symbols_in(find(tmp_path, Dso("/opt/app", None, 7), same_host=False, symfs=tmp_path / "root"))


def test_names_of_a_stripped_file_come_from_its_debug_file(tmp_path: Path) -> None:
    app = write(tmp_path / "app", elf(build_id=ID))
    debug = write(tmp_path / "debug" / ".build-id" / "ab" / (ID[2:] + ".debug"), elf(CODE, build_id=OTHER))
    assert not symbols_in(find(tmp_path, Dso(str(app), ID)))  # a debug file of another build
    debug.write_bytes(elf(CODE, build_id=ID))
    found = find(tmp_path, Dso(str(app), ID))
    assert symbols_in(found) and found.names is not found.code


@pytest.mark.parametrize("place", ["link.debug", ".debug/link.debug"])
def test_a_debug_link_is_followed_when_the_checksum_agrees(tmp_path: Path, place: str) -> None:
    debug = elf(CODE, build_id=None)
    app = write(tmp_path / "app", elf(build_id=None, debuglink=("link.debug", debug)))
    linked = write(tmp_path / place, debug)
    assert symbols_in(find(tmp_path, Dso(str(app))))
    linked.write_bytes(debug + b"\0")
    assert not symbols_in(find(tmp_path, Dso(str(app))))


def test_the_cache_of_perf_has_what_the_path_no_longer_has(tmp_path: Path) -> None:
    write(tmp_path / "debug-cache" / ".build-id" / "ab" / ID[2:] / "elf", elf(CODE, build_id=ID))
    assert symbols_in(find(tmp_path, Dso(str(tmp_path / "gone"), ID)))
    assert find(tmp_path, Dso(str(tmp_path / "gone"), OTHER)).note == "no such file here"


def test_a_debug_file_alone_names_what_was_mapped(tmp_path: Path) -> None:
    write(tmp_path / "debug" / ".build-id" / "ab" / (ID[2:] + ".debug"), elf(CODE, build_id=ID, segments=[(0, 0x401000, 0x1000)]))
    found = find(tmp_path, Dso("/gone", ID, None, 0x3000))
    assert found.code is None and found.names is not None
    assert found.names.vaddr_without_file(np.array([0x3010]), 0x3000).tolist() == [0x401010]


def test_nothing_but_regular_files_is_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "empty").touch()
    for path in (
        pipe,
        tmp_path / "link",
        tmp_path / "empty",
        tmp_path,
        Path("/dev/zero"),
        Path("/proc/kmsg"),
        Path("a\0b"),
        Path("/x" * 3000),
    ):
        assert open_regular(path) is None
    assert find(tmp_path, Dso(str(pipe), ID)).note == "no such file here"


def test_a_large_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    app = write(tmp_path / "app", elf(CODE, build_id=ID))
    with app.open("r+b") as file:
        file.truncate(2 << 30)
    opened = open_regular(app)
    assert opened is not None and len(opened.data) == 2 << 30
    assert Elf(opened.data).build_id == ID
