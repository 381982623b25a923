"""A reader of the common layout as one would write it by hand: a line at a time, one regular expression, no state but the last event."""

from __future__ import annotations

import re
from typing import Any

_LINE = re.compile(
    rb"^(?P<comm>.{16})-(?P<tid>\d+) +(?:\( *(?P<tgid>\d+|-+)\) )?\[(?P<cpu>\d+)\] +(?:[A-Za-z0-9.#]{3,8} +)?"
    rb"(?P<s>\d+)\.(?P<us>\d{6}): (?P<name>\w+): *(?P<args>.*)$",
    re.DOTALL,
)  # fmt: skip
_PAIR = re.compile(r"(\w+)=(.*?)(?= \w+=|$)")
_FAULT = ("address", "ip", "error_code")


def read(text: bytes) -> list[tuple[Any, ...]]:
    """ts_ns, tid, cpu, name, fields: numbers of page faults and probes; of other events nothing."""
    found = []
    for line in text.split(b"\n"):
        match = _LINE.match(line)
        if match is None:
            continue
        name, args = match["name"].decode(), match["args"].decode("latin-1")
        numbers = {
            key: int(value, 16 if "x" in value else 10)
            for key, value in _PAIR.findall(args)
            if re.fullmatch(r"0x[0-9a-f]+|-?\d{1,15}", value)
        }
        is_plain = name.startswith("page_fault") or args.startswith("(")
        fields = numbers if is_plain else {}
        ts_ns = int(match["s"]) * 10**9 + int(match["us"]) * 1000
        found.append((ts_ns, int(match["tid"]), int(match["cpu"]), name, fields))
    return found


def plain(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows of a recording as ``read`` gives them."""
    found = []
    for ts_ns, tid, cpu, event, fields in rows:
        name = event.rpartition(":")[2]
        is_plain = name.startswith("page_fault") or "__probe_symbol" in fields
        numbers = {key: value for key, value in fields.items() if isinstance(value, int) and not key.startswith("__probe")}
        if fields.get("ip_symbol"):
            del numbers["ip"]
        found.append((ts_ns, tid, cpu, name, numbers if is_plain else {}))
    return found
