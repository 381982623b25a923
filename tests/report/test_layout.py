"""Tables of text: side by side as far as they fit, nothing cut."""

from __future__ import annotations

from cowtrace.report.layout import table_lines, wrap_cell
from cowtrace.report.section import Head, Row, Section

HEADS = (Head("name", fold=True), Head("faults", "right"), Head("first\ntouch", "right"), Head("time", "right"))
ROWS = [Row(("/usr/lib/libc.so.6", "1,234", "7", "1.5 µs")), Row(("all", "1,234", "7", "1.5 µs"), is_sum=True)]


def lines(width: int) -> list[str]:
    return [line.text for line in table_lines(HEADS, ROWS, 1, width)]


def test_wide() -> None:
    assert lines(80) == [
        "                            first",
        "name                faults  touch    time",
        "/usr/lib/libc.so.6   1,234      7  1.5 µs",
        "all                  1,234      7  1.5 µs",
    ]


def test_narrow_repeats_the_keys_below() -> None:
    assert lines(34) == [
        "                            first",
        "name                faults  touch",
        "/usr/lib/libc.so.6   1,234      7",
        "all                  1,234      7",
        "",
        "name                  time",
        "/usr/lib/libc.so.6  1.5 µs",
        "all                 1.5 µs",
    ]


def test_very_narrow_folds_the_key_too() -> None:
    assert lines(18)[:4] == ["name        faults", "/usr/lib/    1,234", "libc.so.6", "all          1,234"]


def test_kinds_of_lines() -> None:
    assert [line.kind for line in table_lines(HEADS, ROWS, 1, 80)] == ["head", "head", "row", "sum"]


def test_rows_without_anything_to_say_are_not_repeated() -> None:
    heads = (Head("fork"), Head("faults", "right"), Head("note"))
    rows = [Row(("0", "12", "took 26 ms")), Row(("all", "12", ""), is_sum=True)]
    assert [line.text for line in table_lines(heads, rows, 1, 16)] == [
        "fork  faults",
        "0         12",
        "all       12",
        "",
        "fork  note",
        "0     took 26 ms",
    ]


def test_wide_characters_take_two_columns() -> None:
    heads = (Head("name"), Head("n", "right"))
    assert [line.text for line in table_lines(heads, [Row(("日本", "1")), Row(("abcd", "2"))], 1, 80)] == ["name  n", "日本  1", "abcd  2"]


def test_wrap_cell() -> None:
    assert wrap_cell("one two three", 7) == ["one two", "three"]
    assert wrap_cell("/usr/lib/x86/libc.so", 10) == ["/usr/lib/", "x86/", "libc.so"]
    assert wrap_cell("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert wrap_cell("a /very/long/path b", 6) == ["a", "/very/", "long/", "path b"]
    assert wrap_cell("", 5) == [""]


def test_columns_that_say_nothing_are_dropped() -> None:
    section = Section("x", heads=(Head("a"), Head("b"), Head("c"), Head("d")), rows=[Row(("0", "0", "?", "1")), Row(("", "0 B", "", "0"))])
    kept = section.without_empty()
    assert [head.title for head in kept.heads] == ["a", "d"]
    assert [row.cells for row in kept.rows] == [("0", "1"), ("", "0")]
