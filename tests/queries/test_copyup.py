"""The ledger of copy-ups: classes, waste, layers that add up, and what happened beside."""

from __future__ import annotations

from pathlib import Path

from tests.support.ask import ask
from tests.support.stores import make_store

COPYUP = """
ts_ns      duration_ns tgid comm  trigger    path    copied_bytes metadata_only written_bytes file_type mount_id inode confidence
1000000000 14000000    12   chown chown      /m/a    1000         no            0             file      7        20    0.99
1000000001 14000000    12   chown chown      /m/b    3000         no            0             file      7        21    0.97
2000000000 5000        12   chown chown      /m/c    0            yes           -             file      7        22    0.99
3000000000 9000000     13   log   open_write /m/log  5000         no            10            file      7        23    0.9
3000000001 9000000     13   log   open_write /m/full 100          no            100           file      7        24    0.9
3000000002 9000000     13   log   open_write /m/ro   200          no            0             file      7        25    0.9
3000000003 1000        13   log   create     /m/d    0            yes           -             dir       7        26    0.9
4000000000 -           -    -     unknown    /m/x    700          no            -             file      7        27    0
"""
MOUNT = """
mount_id mount_point upper lower metacopy complete
7        /m          /up   /low  no       yes
"""
CHANGE = """
mount_id path type inode size_bytes copied copyup_bytes new_bytes
7        a    file 20    1000       yes    1000         0
7        log  file 23    5010       yes    5000         10
7        x    file 27    700        yes    700          0
7        new  file 30    50         no     0            50
7        d    dir  26    4096       yes    0            0
"""


def test_classes_of_copy_ups_and_their_hints(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUP)
    rows = {row[:2]: row[2:6] for row in ask(store, "copyup/by_trigger")}
    assert rows == {
        ("chown", "attributes"): (2, 4000, 4000, 28000000),
        ("chown", "metadata only"): (1, 0, None, 5000),
        ("open_write", "written in part"): (1, 5000, 4990, 9000000),
        ("open_write", "rewritten"): (1, 100, 0, 9000000),
        ("open_write", "opened, not written"): (1, 200, 200, 9000000),
        ("create", "folder"): (1, 0, None, 1000),
        ("unknown", "unknown"): (1, 700, None, None),
    }
    hints = {row[1]: row[-1] for row in ask(store, "copyup/by_trigger")}
    assert hints["attributes"].startswith("set owner, mode, times")
    assert hints["folder"] is None


def test_the_most_wasted_comes_first(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUP)
    assert [(row[0], row[6], round(row[7], 3)) for row in ask(store, "copyup/waste")] == [
        ("/m/log", 4990, 0.998),
        ("/m/b", 3000, 1.0),
        ("/m/a", 1000, 1.0),
        ("/m/ro", 200, 1.0),
    ]


def test_the_time_line_groups_by_stretch_and_trigger(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUP)
    columns = ("start_ns", "trigger", "metadata_only", "copyup_count", "copied_bytes", "duration_ns", "path")
    assert ask(store, "FROM copyup_timeline(stretch_count := 3)", *columns) == [
        (1000000000, "chown", False, 2, 4000, 28000000, "/m/a"),
        (1000000000, "chown", True, 1, 0, 5000, "/m/c"),  # exactly a third of the way belongs to what ends there
        (2000000001, "open_write", False, 2, 5100, 18000000, "/m/log"),
        (3000000002, "create", True, 1, 0, 1000, "/m/d"),
        (3000000002, "open_write", False, 1, 200, 9000000, "/m/ro"),
        (3000000002, "unknown", False, 1, 700, None, "/m/x"),
    ]


def test_layers_add_up(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUP, overlay_mount=MOUNT, overlay_change=CHANGE)
    ((*_, gained, copied, explained, new, files, metadata, share),) = ask(store, "copyup/layers")
    assert (gained, copied, explained, new, files, metadata) == (6760, 6700, 6000, 60, 3, 1)
    assert share == 6000 / 6700


def test_pages_copied_by_the_same_process_within_a_second_stand_beside(tmp_path: Path) -> None:
    fault = """
    ts_ns       kind     tgid copied_bytes duration_ns
    1500000000  cow_copy 12   4096         2000
    9000000000  cow_copy 12   4096         2000
    3500000000  anon_zero 13  -            2000
    """
    store = make_store(tmp_path / "s", copyup=COPYUP, fault=fault)
    assert ask(store, "copyup/beside_faults") == [(12, "app", 3, 4000, 28005000, 1, 4096, 2000)]


def test_private_mappings_of_copied_files(tmp_path: Path) -> None:
    vma = """
    vma_id mm_id start_addr end_addr path  vma_kind     start_ns   end_ns
    0      0     4096       12288    /m/a  file_private 0          -
    1      0     4096       12288    /m/a  file_private 1500000000 -
    2      0     4096       12288    /m/b  file_shared  0          -
    """
    process = """
    mm_id tgid comm
    0     40   viewer
    """
    store = make_store(tmp_path / "s", copyup=COPYUP, vma=vma, process=process)
    assert ask(store, "copyup/private_mappings") == [("/m/a", 12, "chown", 1000000000, 1000, 0, 40, "viewer", 8192, 0, 0)]
