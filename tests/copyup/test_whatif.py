"""Predictions over rows of ``copyup``: what is deferred, what is copied after all, what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from cowtrace.copyup.costs import Range, measured_costs
from cowtrace.copyup.whatif import Copied, metacopy_off, metacopy_on, start, tmpfs_over, upper_on_tmpfs

MIB = 1 << 20


def rows(text: str) -> list[dict[str, Any]]:
    """``path trigger copied file_bytes metadata_only data_later duration_us`` a line; - is NULL."""
    found = []
    for number, line in enumerate(text.strip().split("\n")):
        path, trigger, copied, size, only, later, duration = line.split()
        flags = {"yes": True, "no": False, "-": None}
        found.append(
            {
                "path": path,
                "comm": "app",
                "tgid": 1,
                "trigger": trigger,
                "copied_bytes": None if copied == "-" else int(copied),
                "file_bytes": int(size),
                "metadata_only": flags[only],
                "data_later": flags[later],
                "duration_ns": None if duration == "-" else int(duration) * 1000,
                "file_type": "dir" if path.endswith("/") else "file",
                "mount_id": 7,
                "inode": hash(path) if "#" not in path else number,
            }
        )
    return found


OFF = """
/m/a   chown      1000000 1000000 no  no  3000
/m/b   chown      2000000 2000000 no  yes 5000
/m/c   chmod      4000000 4000000 no  -   9000
/m/log open_write 3000000 3000000 no  -   7000
/m/d/  chown      0       4096    yes -   100
"""
ON = """
/m/a   chown      0       1000000 yes no  100
/m/b   chown      0       2000000 yes yes 100
/m/b   open_write 2000000 2000000 no  -   5000
/m/log open_write 3000000 3000000 no  -   7000
/m/x   open_write 1000000 1000000 no  -   3000
/m/d/  chown      0       4096    yes -   100
"""


def totals(copies: list[Copied]) -> tuple[Range, Range]:
    data, time = Range.exact(0), Range.exact(0)
    for copied in copies:
        data, time = data + copied.cost.data_bytes, time + copied.cost.time_ns
    return data, time


def test_metacopy_on_copies_what_is_written_later_and_nothing_else_of_attributes() -> None:
    costs = measured_costs(rows(OFF))
    assert costs.metadata.value == pytest.approx(140_000)
    copies = start(rows(OFF), {7: False}, costs)
    data, time = totals(metacopy_on(copies, costs))
    # b follows, log was opened for writing anyway; c may follow
    assert (data.value, data.low, data.high) == (5_000_000, 5_000_000, 9_000_000)
    assert time.value == pytest.approx((3 * 140 + 5000 + 7000 + 100) * 1000)
    assert totals(metacopy_on(copies, costs, "other"))[0] == Range.exact(10_000_000)
    # a mount that had it already changes nothing
    assert totals(metacopy_on(start(rows(OFF), {7: True}, costs), costs))[0] == Range.exact(10_000_000)


def test_metacopy_off_copies_at_once_and_never_twice() -> None:
    costs = measured_costs(rows(ON))
    # 3, 5 and 7 ms for 1, 2 and 3 MB
    assert (round(costs.base_ns), round(costs.ns_per_byte, 3)) == (1_000_000, 2.0)
    data, time = totals(metacopy_off(start(rows(ON), {7: True}, costs), costs))
    assert data == Range.exact(7_000_000)
    assert round(time.value) == (3000 + 5000 + 7000 + 3000 + 100) * 1000


def test_a_tmpfs_hides_what_lies_below_and_keeps_it_in_memory() -> None:
    costs = measured_costs(rows(ON))
    copies = tmpfs_over(start(rows(ON), {7: True}, costs), "/m/b")
    data, _ = totals(copies)
    assert data.value == 4_000_000
    assert sum(copied.cost.memory_bytes.value for copied in copies) == 2_000_000
    # both together, in either order
    both = metacopy_off(copies, costs)
    assert totals(both)[0].value == 5_000_000


def test_an_upper_layer_in_memory_still_copies() -> None:
    costs = measured_costs(rows(OFF))
    data, time = totals(upper_on_tmpfs(start(rows(OFF), {7: False}, costs), "/m", costs))
    assert data.value == 10_000_000
    assert time.value < 10_000_000


@pytest.mark.parametrize("path", ["/m/lo", "/m/log/x", "/"])
def test_a_path_is_whole_names(path: str) -> None:
    costs = measured_costs([])
    copies = tmpfs_over(start(rows("/m/log open_write 5 5 no - 10"), {}, costs), path)
    assert totals(copies)[0].value == (0 if path == "/" else 5)


def test_costs_from_elsewhere_are_wide() -> None:
    costs = measured_costs([])
    assert (costs.metadata.low, costs.metadata.high) == (60_000, 430_000)
    time = costs.data(MIB)
    assert time.high / time.low == pytest.approx(9)
