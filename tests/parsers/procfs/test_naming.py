"""What paths say about tgid and time."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from cowtrace.parsers.procfs.naming import Place, place_of

T = 1_700_000_000_000_000_000


@pytest.mark.parametrize(
    ("path", "place"),
    [
        # as recorded
        ("rec/smaps/1234/1700000000123456789.smaps", Place("smaps", 1234, T + 123_456_789)),
        ("rec/smaps/1234/1700000000123456789.rollup.zst", Place("rollup", 1234, T + 123_456_789)),
        ("rec/vmstat/1700000000000000000.vmstat", Place("vmstat", None, T)),
        ("rec/meminfo/1700000000000000000.meminfo.zst", Place("meminfo", None, T)),
        ("rec/mountinfo/1234.mountinfo", Place("mountinfo", 1234, None)),
        ("smaps/1234/99999999999999999999.smaps", Place("smaps", None, None)),  # beyond int64
        # a copied tree
        ("/proc/1234/smaps", Place("smaps", 1234, None)),
        ("copy/proc/1234/smaps_rollup", Place("rollup", 1234, None)),
        ("1234/smaps", Place("smaps", 1234, None)),
        ("1234/task/1240/smaps.txt", Place("smaps", 1234, None)),
        ("1700000000/proc/1234/smaps", Place("smaps", 1234, T)),
        ("2023-11-14T22:13:20Z/1234/smaps.zst", Place("smaps", 1234, T)),
        ("/proc/self/smaps", Place("smaps", None, None)),
        ("/proc/vmstat", Place("vmstat", None, None)),
        # as people name them
        ("smaps.1234", Place("smaps", 1234, None)),
        ("1234.smaps", Place("smaps", 1234, None)),
        ("smaps-1234-1700000000.txt", Place("smaps", 1234, T)),
        ("smaps_1700000000123_1234", Place("smaps", 1234, T + 123_000_000)),
        ("pid1234-smaps_rollup-1700000000.500.txt", Place("rollup", 1234, T + 500_000_000)),
        ("smaps-1700000000.5-1234.txt", Place("smaps", None, T)),  # half a second, or number five
        ("redis.smaps-rollup.1234.zst", Place("rollup", 1234, None)),
        ("vmstat-2023-11-14T22:13:20Z.txt", Place("vmstat", None, T)),
        ("vmstat.7", Place("vmstat", None, None)),
        ("parent-smaps.txt", Place("smaps", None, None)),
        # not certain, so not taken
        ("smaps-1-1234.txt", Place("smaps", None, None)),
        ("smaps-1700000000-1700000001.txt", Place("smaps", None, None)),
        ("smaps-99999999.txt", Place("smaps", None, None)),
        ("smaps-0.txt", Place("smaps", None, None)),
        ("smaps1234", Place("smaps", None, None)),
        ("host7-smaps.txt", Place("smaps", None, None)),
        ("notes.txt", Place(None, None, None)),
    ],
)
def test_place(path: str, place: Place) -> None:
    assert place_of(PurePosixPath(path)) == place
