"""Times as people write them."""

from __future__ import annotations

import pytest

from cowtrace.parsers.procfs.when import cut_times, parse_time


@pytest.mark.parametrize(
    ("text", "wall_ns"),
    [
        ("1700000000", 1_700_000_000_000_000_000),
        ("1700000000.5", 1_700_000_000_500_000_000),
        ("1795383715.200634543", 1_795_383_715_200_634_543),
        ("1700000000.1234567899", 1_700_000_000_123_456_789),  # more decimals than ns
        ("1700000000123", 1_700_000_000_123_000_000),
        ("1700000000123456", 1_700_000_000_123_456_000),
        ("1700000000123456789", 1_700_000_000_123_456_789),
        ("2023-11-14T22:13:20Z", 1_700_000_000_000_000_000),
        ("2023-11-14 22:13:20UTC", 1_700_000_000_000_000_000),
        ("20231114T221320Z", 1_700_000_000_000_000_000),
        ("2023-11-14T22-13-20Z", 1_700_000_000_000_000_000),
        ("2023-11-14T23:13:20.000000001+01:00", 1_700_000_000_000_000_001),
        ("2023-11-14T16:43:20,25-0530", 1_700_000_000_250_000_000),
    ],
)
def test_a_time(text: str, wall_ns: int) -> None:
    assert parse_time(text) == wall_ns


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-14T22:13:20",  # local time of an unknown place
        "2023-11-14",
        "2023-02-30T00:00:00Z",
        "2023-11-14T25:00:00Z",
        "1969-12-31T23:59:59Z",
        "2300-01-01T00:00:00Z",  # beyond int64
        "9999999999999999999",
        "123456789",  # uptime, or a time before 2001
        "12345678901",
        "1700000000s",
        "",
    ],
)
def test_no_time(text: str) -> None:
    assert parse_time(text) is None


@pytest.mark.parametrize(
    ("name", "times", "left"),
    [
        ("smaps-1234-1700000000.txt", [1_700_000_000_000_000_000], ["1234"]),
        ("smaps.1700000000.1234", [1_700_000_000_000_000_000], ["1234"]),
        ("smaps-1234-2023-11-14T22:13:20Z", [1_700_000_000_000_000_000], ["1234"]),
        ("smaps-20231114-221320-77", [], ["77"]),  # no zone, but no tgid either
        ("smaps-2023-11-14.txt", [], []),
        ("smaps-2023-11-14_2213", [], []),
        ("smaps-2023-11-14T22:13:20-1200", [], []),  # a zone or a tgid
    ],
)
def test_times_are_cut_out_of_names(name: str, times: list[int], left: list[str]) -> None:
    found, rest = cut_times(name)
    digits = "".join(char if char.isdigit() else " " for char in rest).split()
    assert (found, digits) == (times, left)
