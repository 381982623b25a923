"""Budget files: TOML, one table a budget; every mistake with its line and column.

::

    [budget.snapshot-copies]
    measure = "copied_bytes"
    max = "64 MiB"
    process = "redis-server"   # optional: shell pattern
    per = "fork"               # optional: the limit holds for each of them
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cowtrace.errors import InputError, UsageError
from cowtrace.gate.amount import parse_amount
from cowtrace.gate.measures import MEASURES, PER, SCOPES, Measure

_MAX_BYTES = 1 << 20
_KEYS = ("measure", "max", *SCOPES, "per", "why")


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget.

    Attributes:
        name: Its table's name.
        measure: What is limited.
        most: The limit, in the measure's unit.
        scope: Parts of the store that count: key of ``SCOPES`` -> shell pattern.
        per: The limit holds for each process, fork or child; None: for all together.
        why: What the author says about it.
        line: Of its ``measure`` in the file.
    """

    name: str
    measure: Measure
    most: int
    scope: dict[str, str]
    per: str | None
    why: str
    line: int


def read_budgets(path: Path) -> list[Budget]:
    """All budgets of a file, in its order.

    Raises:
        InputError: Not readable, not TOML, or a key, unit, measure or value that does not exist: with line and column.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise InputError(path, f"larger than {_MAX_BYTES} bytes, expected a short TOML file")
        text = raw.decode("utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise InputError(path, f"can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(path, f"not TOML: {error}") from None
    except RecursionError:
        raise InputError(path, "not a budget file: nested too deeply") from None
    source = _Source(path, text)
    for key in content.keys() - {"budget"}:
        raise source.error(f"unknown key {key!r}; a budget is a table [budget.NAME]", key)
    tables = content.get("budget")
    if not isinstance(tables, dict) or not tables:
        raise InputError(path, "holds no budget", hint='write [budget.NAME] with measure = "copied_bytes" and max = "64 MiB"')
    return [_budget(source, name, table) for name, table in tables.items()]


@dataclass(frozen=True, slots=True)
class _Source:
    """The text, to say where a key stands: tomllib keeps no positions."""

    path: Path
    text: str

    def error(self, problem: str, *keys: str) -> InputError:
        line, column = self.place(*keys)
        return InputError(self.path, f"line {line}, column {column}: {problem}")

    def place(self, *keys: str) -> tuple[int, int]:
        """Line and column, both from 1, of ``key`` of ``[budget.name]``; as near as the text allows."""
        lines = self.text.splitlines()
        start = 0
        column = 1
        for key in keys:
            head = re.compile(rf"""^\s*\[+.*?["']?{re.escape(key)}["']?\s*\]|^(\s*)["']?{re.escape(key)}["']?\s*[=.]""")
            for number in range(start, len(lines)):
                found = head.match(lines[number])
                if found is not None:
                    start, column = number, len(found[1] or "") + 1
                    break
        return start + 1, column


def _budget(source: _Source, name: str, table: Any) -> Budget:
    if not isinstance(table, dict):
        raise source.error(f"[budget.{name}] is no table", name)
    for key in table.keys() - set(_KEYS):
        raise source.error(f"unknown key {key!r} in [budget.{name}]; known: {', '.join(_KEYS)}", name, key)
    for key in ("measure", "max"):
        if key not in table:
            raise source.error(f"[budget.{name}] has no {key}", name)
    for key in table.keys() - {"max"}:
        if not isinstance(table[key], str):
            raise source.error(f"{key} is {table[key]!r}, expected text", name, key)
    if table["measure"] not in MEASURES:
        raise source.error(f"unknown measure {table['measure']!r}; known: {', '.join(MEASURES)}", name, "measure")
    measure = MEASURES[table["measure"]]
    try:
        most = parse_amount(table["max"], measure.unit)
    except (ValueError, OverflowError) as error:
        raise source.error(f"max of {measure.name}: {error}", name, "max") from None
    scope = {key: table[key] for key in SCOPES if key in table}
    per = table.get("per")
    if per is not None and per not in PER:
        raise source.error(f"unknown per {per!r}; known: {', '.join(PER)}", name, "per")
    try:
        check_scope(measure, scope, per)
    except UsageError as error:
        raise source.error(str(error), name) from None
    return Budget(name, measure, most, scope, per, table.get("why", ""), source.place(name, "measure")[0])


def check_scope(measure: Measure, scope: dict[str, str], per: str | None) -> None:
    """Refuse a measure that can't be narrowed so.

    Raises:
        UsageError: With the parts that it can be narrowed to.
    """
    can = [key for key, (_, tables) in SCOPES.items() if measure.table in tables]
    for key in scope:
        if key not in can:
            raise UsageError(f"{measure.name} can't be narrowed by {key}; it can by: {', '.join(can)}")
    if scope.get("fork_side", "parent") not in ("parent", "child"):
        raise UsageError(f"fork_side is parent or child, not {scope['fork_side']!r}")
    if per is not None and measure.table not in PER[per][1]:
        raise UsageError(f"{measure.name} can't be counted per {per}")
