"""``cowtrace record --occupancy`` on a program that writes a known number of base pages of each huge page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import knobs, live

pytestmark = [pytest.mark.live, pytest.mark.skipif(live.unavailable() is not None, reason=str(live.unavailable()))]

# eight huge pages, of which 100, 101, ... 107 base pages are written; 16 pages of zeros are written too and look untouched
PROGRAM = """
import ctypes, mmap, time
area = mmap.mmap(-1, 9 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
area.madvise(mmap.MADV_HUGEPAGE)
address = ctypes.addressof(ctypes.c_char.from_buffer(area))
start = -address % (1 << 21)
for block in range(8):
    for page in range(100 + block):
        area[start + (block << 21) + page * 4096] = 1
    for page in range(200, 216):
        area[start + (block << 21) + page * 4096] = 0
time.sleep(1)
print(f"{address + start:x}")
"""


def test_occupancy(tmp_path: Path) -> None:
    if not (knobs.THP / "enabled").exists():
        pytest.skip("this kernel has no huge pages")
    with knobs.one_at_a_time(), knobs.huge_pages("madvise"):
        command = [sys.executable, "-I", "-c", PROGRAM]
        out = live.cowtrace("record", "--occupancy", "--level", "low", "-o", tmp_path / "rec", "--", *command).stdout
    recording = json.loads((tmp_path / "rec" / "recording.json").read_text())
    for note in recording["notes"]:
        if note.startswith("occupancy: this kernel"):
            pytest.skip(note)
    occupancy = recording["huge_page_occupancy"]
    first = int(out, 16)
    last = {row[1]: row[5] for row in occupancy["rows"]}
    assert [last.get(first + (block << 21)) for block in range(8)] == list(range(100, 108))
    assert occupancy["spent_ns"] < 0.2 * (recording["end"]["mono_ns"] - recording["start"]["mono_ns"])
