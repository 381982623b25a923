"""Copies in a listing matched with calls: one screen a case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from cowtrace.copyup.chains import COPY_UP
from cowtrace.copyup.collect import Calls, Inside
from cowtrace.copyup.copies import Copy, copies_of
from cowtrace.copyup.ledger import Ledger
from cowtrace.copyup.triggers import NAMES
from cowtrace.copyup.unlisted import unlisted
from cowtrace.parsers.procfs.overlay import COLUMNS, Listing

MS = 1_000_000
MOUNT = {"mount_point": "/mnt", "upper": "/up", "mount_id": 7, "metacopy": False}
FILE = Copy(MOUNT, "f", "file", 20, 7 << 20, 100 * MS, 1 << 20, 1 << 20, False, False, frozenset(), 0)


def calls(text: str) -> Calls:
    """``name tgid start_ms end_ms [flags] [pages] [chain]`` a line."""
    rows = [line.split() + ["-"] * 3 for line in text.strip().split("\n")] if text.strip() else []
    count = len(rows)

    def column(place: int, default: int = 0) -> np.ndarray:
        return np.array([default if row[place] == "-" else int(row[place], 0) for row in rows], np.int64)

    return Calls(
        number=np.arange(count) + 50,
        tid=column(1) + 1,
        tgid=column(1),
        start_ns=column(2) * MS,
        end_ns=column(3) * MS,
        code=np.array([NAMES.index(row[0]) for row in rows], np.int64),
        flags=column(4, -1),
        ret=np.zeros(count, np.int64),
        first=np.zeros(count, np.int64),
        cgroup=np.zeros(count, np.int64),
        pages=column(5),
        chain=column(6),
    )


def inside(*rows: tuple[int, int, int, int]) -> Inside:
    """(call, inode, dev, pages)."""
    columns = np.array(rows, np.int64).reshape(-1, 4)
    return Inside(columns[:, 0] + 50, columns[:, 1], columns[:, 2], columns[:, 3])


def match(text: str, copies: list[Copy], *touched: tuple[int, int, int, int]) -> list[tuple[Any, ...]]:
    rows = Ledger(calls(text), inside(*touched), copies).match()
    return [(row.call, row.copy.path if row.copy else None, row.trigger_name, row.copied_bytes, row.matched_by) for row in rows]


def test_the_inode_decides_between_calls_at_the_same_time() -> None:
    text = """
    openat  1 99 104 0x1
    openat  2 99 104 0x1
    """
    assert match(text, [FILE], (1, 20, 7 << 20, 256)) == [(1, "f", "open_write", 1 << 20, "inode")]
    # the same number on another file system, or long before the copy was born, is another file
    assert match(text, [FILE], (1, 20, 8 << 20, 256)) == [(-1, "f", "unknown", 1 << 20, "none")]
    assert match(text, [replace(FILE, birth_ns=300 * MS)], (1, 20, 7 << 20, 256)) == [(-1, "f", "unknown", 1 << 20, "none")]


def test_processes_that_can_not_be_told_apart_stay_unknown() -> None:
    text = """
    openat   1 99 104 0x1
    fchmodat 2 99 104
    """
    assert match(text, [FILE]) == [(-1, "f", "unknown", 1 << 20, "none")]
    # what changed tells who
    changed = replace(FILE, differs=frozenset({"mode"}))
    assert match(text, [changed]) == [(1, "f", "chmod", 1 << 20, "differs")]


def test_one_call_at_the_birth_is_it_and_equal_ones_go_in_order() -> None:
    assert match("fchownat 1 99 104", [FILE]) == [(0, "f", "chown", 1 << 20, "birth")]
    other = replace(FILE, path="g", inode=21, birth_ns=101 * MS)
    text = """
    fchownat 1 99 101
    fchownat 1 101 103
    """
    assert match(text, [FILE, other]) == [(0, "f", "chown", 1 << 20, "order"), (1, "g", "chown", 1 << 20, "birth")]


def test_truncating_opens_copy_no_data_and_calls_that_allocated_nothing_none_either() -> None:
    assert match("openat 1 99 104 0x201", [FILE]) == [(0, "f", "open_write", 0, "birth")]
    text = """
    openat 1 99 100 0x1 3
    openat 2 100 104 0x1 256
    """
    assert match(text, [FILE]) == [(1, "f", "open_write", 1 << 20, "birth")]


def test_folders_above_a_file_are_paid_by_its_call() -> None:
    folder = replace(FILE, path="d", type="dir", inode=19, data_bytes=0)
    file = replace(FILE, path="d/f")
    text = "openat 1 99 104 0x1"
    rows = Ledger(calls(text), inside((0, 20, 7 << 20, 256)), [folder, file]).match()
    assert [(row.copy and row.copy.path, row.trigger_name, row.pays, row.matched_by) for row in rows] == [
        ("d/f", "open_write", True, "inode"),
        ("d", "open_write", False, "parent"),
    ]
    # a new file in a folder of the image copies the folder only
    rows = Ledger(calls("openat 1 99 104 0x41"), inside((0, 19, -1, 0)), [folder]).match()
    assert [(row.trigger_name, row.pays, row.copied_bytes, row.metadata_only) for row in rows] == [("create", True, 0, True)]


def test_metadata_first_and_data_later_are_two_rows() -> None:
    copy = replace(FILE, mount={**MOUNT, "metacopy": True}, differs=frozenset({"owner", "content"}), changed_bytes=9)
    text = """
    fchownat 1 99 101
    openat   2 200 240 0x1
    """
    rows = Ledger(calls(text), inside((0, 20, -1, 0), (1, 20, 7 << 20, 256)), [copy]).match()
    assert [(row.trigger_name, row.copied_bytes, row.metadata_only, row.data_later, row.written_bytes) for row in rows] == [
        ("chown", 0, True, True, None),
        ("open_write", 1 << 20, False, None, 9),
    ]
    assert rows[1].wasted_ratio == 1 - 9 / (1 << 20)
    still = replace(copy, metacopy=True)
    rows = Ledger(calls(text), inside((0, 20, -1, 0)), [still]).match()
    assert [(row.trigger_name, row.copied_bytes, row.metadata_only, row.data_later) for row in rows] == [("chown", 0, True, False)]


def test_without_a_listing_only_proof_counts() -> None:
    text = f"""
    openat   1 10 12 0x441 300
    fchmodat 1 20 22 - 300 {COPY_UP}
    openat   1 30 32 0x1
    """
    ledger = Ledger(calls(text), inside((2, 20, 7 << 20, 256), (2, 9, 0, 300)), [])
    ledger.match()

    def found(devs: list[int] | None) -> list[tuple[Any, ...]]:
        rows = unlisted(ledger, overlay_devs=devs, sees_inodes=True, on_tmpfs=False)
        return [(row.call, row.trigger_name, row.copied_bytes, row.metadata_only, row.matched_by) for row in rows]

    assert found(None) == [(1, "chmod", 0, True, "chain"), (2, "open_write", 1 << 20, False, "unlisted")]
    assert found([8 << 20]) == [(1, "chmod", 0, True, "chain")]


def test_of_links_to_one_copy_the_one_in_the_old_place_is_named() -> None:
    base: dict[str, Any] = dict.fromkeys(COLUMNS)
    rows = [
        {**base, "path": path, "type": "file", "inode": 9, "copied": True, "redirect": redirect, "lower_size_bytes": lower}
        for path, redirect, lower in (("b/link", "/a/f", 5), ("a/f", "/a/f", 5), ("c/link", None, None))
    ]
    for order in (rows, rows[::-1]):
        listing = Listing(MOUNT, {}, pl.DataFrame(order, schema=COLUMNS, orient="row"))
        assert [copy.path for copy in copies_of([listing], None)] == ["a/f"]


def test_a_folder_that_another_call_may_have_made_earlier_is_not_booked_under_a_file() -> None:
    folder = replace(FILE, path="d", type="dir", inode=10, data_bytes=0, birth_ns=98 * MS, below=frozenset({"new"}))
    file = replace(FILE, path="d/f", inode=20)
    text = """
    openat   1 97 98 0x41
    fchmodat 2 99 104
    """
    rows = Ledger(calls(text), inside((1, 20, -1, 0)), [folder, file]).match()
    assert [(row.copy and row.copy.path, row.trigger_name, row.call) for row in rows] == [("d/f", "chmod", 1), ("d", "create", 0)]
    # the number before the file's: made by the same call
    rows = Ledger(calls(text), inside((1, 20, -1, 0)), [replace(folder, inode=19), file]).match()
    assert [(row.trigger_name, row.call, row.matched_by) for row in rows] == [("chmod", 1, "inode"), ("chmod", 1, "parent")]
