"""Laying out a table of text: columns side by side as far as they fit, the rest below under the same key columns. Nothing is ever cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

from cowtrace.report.section import Head, Row

GAP = 2
#: A wrapped column is not squeezed below this while other columns could move below instead.
FOLD_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Line:
    """One line of output: ``kind`` is ``head``, ``row``, ``sum`` or ``blank``."""

    text: str
    kind: str


def table_lines(heads: tuple[Head, ...], rows: list[Row], keys: int, width: int) -> Iterator[Line]:
    """The lines of a table.

    Args:
        heads: Columns.
        rows: Their cells; already free of control characters, except line breaks in titles.
        keys: First columns, repeated when the table is split.
        width: Columns of the terminal. A single cell that cannot be wrapped may still be wider.
    """
    natural = [
        max([cell_len(line) for line in head.title.split("\n")] + [cell_len(row.cells[number]) for row in rows])
        for number, head in enumerate(heads)
    ]
    least = [min(size, FOLD_WIDTH) if head.fold else size for head, size in zip(heads, natural, strict=True)]
    for number, block in enumerate(_blocks(least, keys, width)):
        if number:
            yield Line("", "blank")
        widths = _spread(heads, block, natural, least, width)
        yield from _block_lines([heads[column] for column in block], widths, [Row(("",) * len(block))], "head")
        cells = [Row(tuple(row.cells[column] for column in block), row.is_sum) for row in rows]
        if number:  # what has nothing to say here was said above
            cells = [row for row in cells if any(row.cells[keys:])]
        yield from _block_lines([heads[column] for column in block], widths, cells, "row")


def wrap_cell(text: str, width: int) -> list[str]:
    """A cell in lines of at most ``width``, broken at blanks, else after slashes, else anywhere."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        pieces = _chop(word, width)
        if not lines[-1]:
            lines.pop()
        lines += pieces
    return lines


def _chop(word: str, width: int) -> list[str]:
    pieces = [""]
    for part in word.replace("/", "/\0").split("\0"):
        if cell_len(pieces[-1] + part) <= width:
            pieces[-1] += part
        else:
            chopped = chop_cells(part, width)
            pieces = [*pieces, *chopped] if pieces[-1] else chopped
    return pieces


def _blocks(least: list[int], keys: int, width: int) -> list[list[int]]:
    """Columns of each block: all keys, then others as they fit."""
    key_columns = list(range(keys))
    used = sum(least[:keys]) + GAP * (keys - 1)
    blocks, block, room = [], list(key_columns), width - used
    for column in range(keys, len(least)):
        if least[column] + GAP > room and len(block) > keys:
            blocks.append(block)
            block, room = list(key_columns), width - used
        block.append(column)
        room -= least[column] + GAP
    return [*blocks, block]


def _spread(heads: tuple[Head, ...], block: list[int], natural: list[int], least: list[int], width: int) -> list[int]:
    """Widths of a block: what is left over goes to its wrapped columns, what is missing comes from them."""
    widths = [least[column] for column in block]
    spare = width - sum(widths) - GAP * (len(block) - 1)
    for place, column in enumerate(block):
        if heads[column].fold:
            change = min(spare, natural[column] - widths[place]) if spare > 0 else max(spare, 8 - widths[place])
            widths[place] += change
            spare -= change
    return widths


def _block_lines(heads: list[Head], widths: list[int], rows: list[Row], kind: str) -> Iterator[Line]:
    for row in rows:
        if kind == "head":
            stacks = [head.title.split("\n") for head in heads]
            height = max(map(len, stacks))
            stacks = [[""] * (height - len(stack)) + stack for stack in stacks]
        else:
            stacks = [wrap_cell(cell, width) if head.fold else [cell] for head, cell, width in zip(heads, row.cells, widths, strict=True)]
            height = max(map(len, stacks))
            stacks = [stack + [""] * (height - len(stack)) for stack in stacks]
        for number in range(height):
            cells = [_pad(stack[number], width, head) for stack, width, head in zip(stacks, widths, heads, strict=True)]
            yield Line((" " * GAP).join(cells).rstrip(), "sum" if row.is_sum else kind)


def _pad(text: str, width: int, head: Head) -> str:
    blanks = " " * (width - cell_len(text))
    return blanks + text if head.align == "right" else text + blanks
