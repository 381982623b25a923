"""Several inputs become one stream in time order, whatever their batches are."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cowtrace.script.merge import Stream, merged


def frames(times: list[int], cuts: int, name: str, asked: list[str]) -> Iterator[pl.DataFrame]:
    for start in range(0, len(times), cuts):
        asked.append(f"{name}{times[start]}")
        part = times[start : start + cuts]
        yield pl.DataFrame({"ts_ns": part, "name": [name] * len(part)}, schema={"ts_ns": pl.Int64, "name": pl.String})


@given(st.lists(st.tuples(st.lists(st.integers(0, 30)), st.integers(1, 4)), min_size=1, max_size=4))
def test_all_rows_in_order(inputs: list[tuple[list[int], int]]) -> None:
    sources = [(sorted(times), cuts, f"i{number}") for number, (times, cuts) in enumerate(inputs)]
    streams = [Stream(frames(times, cuts, name, []), times[0] if times else 0) for times, cuts, name in sources]
    rows = [row for frame in merged(streams) for row in frame.rows()]
    assert [ts for ts, _ in rows] == sorted(ts for times, _, _ in sources for ts in times)
    for times, _, name in sources:
        assert [ts for ts, of in rows if of == name] == times


def test_an_input_is_read_only_when_its_time_has_come() -> None:
    """One piece after the other, as from --switch-output: a is finished before b is touched."""
    asked: list[str] = []
    streams = [Stream(frames([10, 11], 1, "b", asked), 10), Stream(frames([1, 2, 3], 2, "a", asked), 1)]
    order = [(row[1], list(asked)) for frame in merged(streams) for row in frame.rows()]
    assert order == [
        ("a", ["a1"]), ("a", ["a1"]), ("a", ["a1", "a3"]), ("b", ["a1", "a3", "b10"]), ("b", ["a1", "a3", "b10", "b11"]),
    ]  # fmt: skip


def test_rows_without_a_time_follow_the_row_before_them() -> None:
    first = pl.DataFrame({"ts_ns": [None, 5, None, 9], "name": list("abcd")}, schema={"ts_ns": pl.Int64, "name": pl.String})
    second = pl.DataFrame({"ts_ns": [6, 7], "name": list("xy")})
    rows = [name for frame in merged([Stream(iter([first]), 5), Stream(iter([second]), 6)]) for name in frame["name"]]
    assert rows == ["a", "b", "c", "x", "y", "d"]
