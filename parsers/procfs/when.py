"""Times that people and ``record`` write beside snapshots, as nanoseconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cowtrace.units import NS_PER_MS, NS_PER_S, NS_PER_US

#: Digits of a whole number of s, ms, µs, ns since 1970 (2001 to 2286), and its unit in ns.
_DIGITS = {10: NS_PER_S, 13: NS_PER_MS, 16: NS_PER_US, 19: 1}
_INT64_MAX = (1 << 63) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# 1700000000 · 1700000000.123456789 · 1700000000123456789
_NUMBER = r"(?P<seconds>\d{10})(?:\.(?P<decimals>\d+))?|(?P<number>\d{13}|\d{16}|\d{19})"
# 2023-11-14T22:13:20.5+01:00 · 20231114T221320Z · 2023-11-14T22-13-20Z, as file names have it where a colon is not allowed
_ISO = (
    r"(?P<day>\d{4}-?\d\d-?\d\d)[T_ -](?P<clock>\d\d[:._-]?\d\d[:._-]?\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r" ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
)
_TIME = re.compile(rf"(?<!\d)(?:{_ISO}|{_NUMBER})(?!\d)")
# A day alone, or with hours and minutes, is no time, but its digits must not be taken for a tgid: smaps-2023-11-14.txt
_DAY = re.compile(r"(?<!\d)\d{4}-?\d\d-?\d\d(?:[T_ -]\d\d[:._-]?\d\d)?(?!\d)")


def parse_time(text: str) -> int | None:
    """A time that is the whole text, in ns since 1970; None when it is none, or a date without a zone.

    ``"1795383715.200634543"``, ``"1700000000123"``, ``"2023-11-14T23:13:20+01:00"``.
    """
    match = _TIME.fullmatch(text.strip())
    return _value(match) if match else None


def cut_times(name: str) -> tuple[list[int], str]:
    """The times within a file name, and the name with them and all dates blanked out.

    What can be read in two ways is blanked out and gives no time: ``2023-11-14T22:13:20-1200`` may end in a zone or in
    a tgid.
    """
    times: list[int] = []

    def cut(match: re.Match[str]) -> str:
        decimals, zone = match["decimals"] or "", match["zone"] or ""
        if zone.startswith("-") and ":" not in zone:
            return " "
        # smaps-1700000000.1234: four digits are no ms, µs or ns, so they are no decimals
        extra = decimals if len(decimals) % 3 or len(decimals) > 9 else ""
        value = parse_time(match["seconds"]) if extra else _value(match)
        times.extend([] if value is None else [value])
        return f" .{extra} " if extra else " "

    rest = _TIME.sub(cut, name)
    return times, _DAY.sub(" ", rest)


def _value(match: re.Match[str]) -> int | None:
    if match["day"] is None:
        number = match["seconds"] or match["number"]
        value = int(number) * _DIGITS[len(number)] + int((match["decimals"] or "")[:9].ljust(9, "0"))
    else:
        offset = _zone_minutes(match["zone"])
        digits = re.sub(r"\D", "", match["day"] + match["clock"])
        try:
            moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return None
        if offset is None:
            return None
        seconds = (moment - _EPOCH) // timedelta(seconds=1) - offset * 60
        value = seconds * NS_PER_S + int((match["fraction"] or "").ljust(9, "0"))
    return value if 0 <= value <= _INT64_MAX else None


def _zone_minutes(zone: str | None) -> int | None:
    """Minutes east of UTC; None when there is no zone, or none that exists."""
    if zone is None:
        return None
    if zone[0] not in "+-":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    if minutes > 14 * 60 or minutes % 15:
        return None
    return minutes if zone[0] == "+" else -minutes
