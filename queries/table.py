"""Results as aligned text for people, streamed: the first rows decide the layout, later rows may only widen it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from cowtrace.queries.answer import Result
from cowtrace.queries.write import json_value
from cowtrace.text import printable

#: Rows that are measured together.
CHUNK_ROWS = 1000
NULL = "∅"

_NUMERIC = re.compile(r"U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(.*\)")


def write_table(result: Result, console: Console) -> int:
    """Print a result; returns its row count.

    On a terminal that is too narrow each row becomes a block with one line a column. Elsewhere lines are as long as they must be:
    nothing is ever cut.
    """
    chunks = _chunks(result)
    first = next(chunks, [])
    right = [_NUMERIC.fullmatch(kind) is not None for kind in result.types]
    widths = [cell_len(printable(name)) for name in result.columns]
    _widen(widths, first)
    if console.is_terminal and sum(widths) + 2 * len(widths) - 2 > console.width and first:
        return _write_blocks(result, chain([first], chunks), console)
    _line(console, _padded([printable(name) for name in result.columns], widths, right), "bold")
    _line(console, "  ".join("─" * width for width in widths), "dim")
    count = 0
    for chunk in chain([first], chunks):
        _widen(widths, chunk)
        for row in chunk:
            _line(console, _padded(row, widths, right))
        count += len(chunk)
    return count


def _write_blocks(result: Result, chunks: Iterator[list[list[str]]], console: Console) -> int:
    name_width = max(cell_len(printable(name)) for name in result.columns)
    count = 0
    for chunk in chunks:
        for row in chunk:
            count += 1
            _line(console, f"── row {count} ".ljust(name_width + 2, "─"), "dim")
            for name, cell in zip(result.columns, row, strict=True):
                label = printable(name)
                _line(console, label + " " * (name_width - cell_len(label)) + "  " + cell)
    return count


def _chunks(result: Result) -> Iterator[list[list[str]]]:
    show = [_shower(name, kind) for name, kind in zip(result.columns, result.types, strict=True)]
    for batch in result.batches():
        for start in range(0, batch.num_rows, CHUNK_ROWS):
            columns = batch.slice(start, CHUNK_ROWS).columns
            texts = [[show_one(value) for value in column.to_pylist()] for show_one, column in zip(show, columns, strict=True)]
            yield [list(row) for row in zip(*texts, strict=True)]


def _shower(name: str, kind: str) -> Any:
    # addresses are read in hex everywhere else (maps, perf script)
    if kind == "UBIGINT" and (name == "ip" or name.endswith("addr")):
        return lambda value: NULL if value is None else f"{value:#x}"
    return show_value


def show_value(value: Any) -> str:
    """One value as text that can't drive a terminal; NULL as ``∅``."""
    if value is None:
        return NULL
    if isinstance(value, float):
        return f"{value:.6g}"
    plain = json_value(value)
    return printable(plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False))


def _widen(widths: list[int], rows: list[list[str]]) -> None:
    for row in rows:
        for number, cell in enumerate(row):
            widths[number] = max(widths[number], len(cell) if cell.isascii() else cell_len(cell))


def _padded(cells: list[str], widths: list[int], right: list[bool]) -> str:
    padded = []
    for cell, width, to_right in zip(cells, widths, right, strict=True):
        blanks = " " * (width - (len(cell) if cell.isascii() else cell_len(cell)))
        padded.append(blanks + cell if to_right else cell + blanks)
    return "  ".join(padded).rstrip()


def _line(console: Console, text: str, style: str = "") -> None:
    if not console.is_terminal:  # rich takes 250 µs a line, and has nothing to add here
        console.file.write(text + "\n")
        return
    styled = Text(text, style=style)
    styled.highlight_regex(NULL, "dim")
    console.print(styled, soft_wrap=True)
