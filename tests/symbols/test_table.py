"""Looking addresses up in sorted symbols."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cowtrace.symbols.table import SymbolTable, build


def table(*symbols: tuple[int, int, str]) -> SymbolTable:
    """Symbols as (start, size, name)."""
    names = b"".join(name.encode() + b"\0" for _, _, name in symbols)
    lengths = np.array([len(name) + 1 for _, _, name in symbols], np.int64)
    columns = (np.array([symbol[part] for symbol in symbols], np.int64) for part in (0, 1))
    return build(*columns, np.cumsum(lengths) - lengths, np.frombuffer(names, np.uint8), np.zeros(len(symbols), np.int64))


def found(symbols: SymbolTable, *addresses: int) -> list[str | None]:
    rows = symbols.find(np.array(addresses, np.int64)).tolist()
    return [None if row < 0 else symbols.name(row).decode() for row in rows]


def test_a_symbol_ends_where_its_size_says() -> None:
    symbols = table((100, 10, "a"), (120, 10, "b"))
    assert found(symbols, 99, 100, 109, 110, 119, 120, 129, 130) == [None, "a", "a", None, None, "b", "b", None]


def test_one_without_a_size_reaches_to_the_next_and_the_last_to_the_end_of_the_next_page() -> None:
    symbols = table((100, 0, "a"), (200, 0, "b"))
    assert found(symbols, 100, 199, 200, 4096, 8191, 8192) == ["a", "a", "b", "b", "b", None]


def test_what_lies_around_an_inner_symbol_belongs_to_the_outer_one() -> None:
    symbols = table((100, 100, "outer"), (120, 10, "inner"), (125, 2, "innermost"), (150, 5, "later"))
    assert found(symbols, 110, 121, 126, 128, 140, 152, 180, 200) == [
        "outer", "inner", "innermost", "inner", "outer", "later", "outer", None,
    ]  # fmt: skip


def test_an_empty_table_names_nothing() -> None:
    assert found(table(), 0, 100) == [None, None]


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 60)), min_size=1, max_size=12, unique_by=lambda symbol: symbol[0]))
def test_the_innermost_of_nested_symbols_is_found(symbols: list[tuple[int, int]]) -> None:
    named = [(start, size, f"{start}") for start, size in symbols]
    expected = []
    for address in range(400):
        around = [start for start, size in symbols if start <= address < start + size]
        expected.append(str(max(around)) if around else None)
    assert found(table(*named), *range(400)) == expected
