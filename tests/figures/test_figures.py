"""Figures of one small store: exact bars, literal names, None where there is nothing to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from cowtrace.errors import UsageError
from cowtrace.figures import FIGURES, figure
from cowtrace.figures.style import KIND_COLORS, in_order, plain
from cowtrace.queries import catalog, connect
from cowtrace.schema import KINDS, TABLES
from cowtrace.store.reader import Store
from tests.support.bill import small_bill
from tests.support.stores import make_store

SMAPS = """
ts_ns      tgid form   snapshot_id rss_kb private_dirty_kb shared_dirty_kb
1400000000 12   rollup 0           2048   0                1024
1500000000 12   rollup 1           2048   512              512
"""


Opened = tuple[duckdb.DuckDBPyConnection, Store]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    store = small_bill(tmp_path_factory.mktemp("figures") / "s", smaps=SMAPS)
    with connect(store) as connection:
        yield connection, store


def test_timeline_stacks_faults_by_kind(opened: Opened) -> None:
    drawn = figure(*opened, "timeline")
    assert drawn is not None
    counts = {trace.name: sum(trace.y) for trace in drawn.data if trace.type == "bar"}
    assert counts == {"cow_copy": 4, "cow_reuse": 1, "file_cow": 1, "anon_zero": 2, "failed": 1, "unknown": 3}
    (fork,) = [trace for trace in drawn.data if trace.type == "scatter"]
    assert (list(fork.x), list(fork.y)) == ([-100], ["fork"])
    assert drawn.layout.xaxis2.title.text == "ms since the first fault"


def test_fork_bill_has_a_bar_for_each_side(opened: Opened) -> None:
    drawn = figure(*opened, "fork_bill")
    assert drawn is not None
    copies, reuses = drawn.data
    assert list(copies.y) == ["fork 0 child redis", "fork 0 parent redis"]
    assert (list(copies.x), list(reuses.x)) == ([1, 3], [0, 1])


def test_heat_map_is_of_the_process_with_most_copies(opened: Opened) -> None:
    drawn = figure(*opened, "heat_map")
    assert drawn is not None
    (cells,) = drawn.data
    assert list(cells.y) == [f"{page}000-{page}000 anon" for page in range(1, 7)]
    assert drawn.layout.xaxis.title.text == "ms since the first fault of pid 12"
    assert sum(count for row in cells.customdata for count, _ in row) == 6
    assert sum(copies for row in cells.customdata for _, copies in row) == 3


def test_latency_steps_leave_gaps(opened: Opened) -> None:
    drawn = figure(*opened, "latency")
    assert drawn is not None
    steps = {trace.name: list(trace.y) for trace in drawn.data}
    assert steps["cow_copy"] == [2, None, 2]  # two of 1 µs, two of 2 µs, nothing between
    assert steps["anon_zero"] == [1, 1]


def test_memory_erodes(opened: Opened) -> None:
    drawn = figure(*opened, "memory")
    assert drawn is not None
    assert {trace.name: list(trace.y) for trace in drawn.data} == {
        "redis (12) private dirty": [0, 0.5],
        "redis (12) shared dirty": [1, 0.5],
    }


COPYUPS = """
ts_ns      duration_ns comm  trigger    path   copied_bytes metadata_only written_bytes file_type
1000000000 2000000     sh    open_write /m/log 4000         no            10            file
1000000000 -           sh    open_write /m     0            yes           -             dir
1000000100 1000000     chown chown      /m/<b> 1000         no            0             file
1500000000 -           -     unknown    -      -            -             -             -
"""


def test_copyups_stand_by_trigger_as_large_as_their_bytes(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUPS)
    with connect(store) as connection:
        drawn = figure(connection, store, "copyups")
    assert drawn is not None
    marks = {trace.name: sorted(zip(trace.x, trace.y, trace.marker.size, strict=True)) for trace in drawn.data}
    assert marks == {
        "data copied": [(0, "open_write", 40), (0.0001, "chown", 24)],  # a quarter of the bytes, half the way from 8 to 40 px
        "metadata only": [(0, "open_write", 8)],
        "not known what": [(500, "unknown", 8)],
    }
    assert list(drawn.layout.yaxis.categoryarray) == ["unknown", "chown", "open_write"]
    assert drawn.data[0].hovertext[0].endswith("1 copy-up, data copied<br>1000 B copied<br>blocked for 1 ms<br>/m/&lt;b&gt;")


def test_copyup_waste_divides_what_was_copied(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", copyup=COPYUPS.replace("10            file", "1024          file"))
    with connect(store) as connection:
        drawn = figure(connection, store, "copyup_waste")
    assert drawn is not None
    assert list(drawn.layout.yaxis.ticktext) == ["/m/&lt;b&gt;", "/m/log"]
    assert {trace.name: list(trace.x) for trace in drawn.data} == {
        "changed": [0, 1],
        "never changed": [1000 / 1024, 2976 / 1024],
    }


def test_nothing_to_show(tmp_path: Path) -> None:
    store = make_store(tmp_path / "empty")
    with connect(store) as connection:
        assert [name for name in FIGURES if figure(connection, store, name) is not None] == []


def test_an_unknown_name_lists_the_nearest(opened: Opened) -> None:
    with pytest.raises(UsageError, match="timeline"):
        figure(*opened, "time_line")


def test_every_figure_names_queries_that_exist() -> None:
    assert {query for kind in FIGURES.values() for query in kind.queries} <= catalog().keys() | TABLES.keys()


def test_every_kind_has_a_color() -> None:
    assert KIND_COLORS.keys() == KINDS.keys()


def test_new_kinds_stand_last() -> None:
    assert in_order(["zz_new", "unknown", "cow_copy"]) == ["cow_copy", "unknown", "zz_new"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [("<b>x", "&lt;b&gt;x"), ("\x1b[1m", "\\x1b[1m"), ("a" * 70, "a" * 59 + "…"), (None, "?")],
)
def test_names_are_literal(name: str | None, shown: str) -> None:
    assert plain(name) == shown


def test_flame_adds_up_from_leaf_to_root(tmp_path: Path) -> None:
    # two chains in code that no mapping explains: main calls one or two
    store = make_store(
        tmp_path / "chains",
        fault="ts_ns duration_ns comm kind copied_bytes stack_id mm_id\n1 30 app cow_copy 4096 0 0\n2 10 app anon_zero 0 1 0",
        process="mm_id tgid comm start_ns how\n0 12 app 0 seen",
        stack="stack_id ips\n0 0x2000;0x1000\n1 0x3000;0x1000",
    )
    with connect(store) as connection:
        drawn = figure(connection, store, "flame")
    assert drawn is not None
    (boxes,) = drawn.data
    path = {number: (label, parent) for number, label, parent in zip(boxes.ids, boxes.labels, boxes.parents, strict=True)}
    rows = {
        (label, path[parent][0] if parent else ""): value
        for label, parent, value in zip(boxes.labels, boxes.parents, boxes.values, strict=True)
    }
    assert rows == {
        ("all call chains", ""): 40,
        ("app", "all call chains"): 40,
        ("0x1000", "app"): 40,
        ("0x2000", "0x1000"): 30,
        ("cow_copy", "0x2000"): 30,
        ("0x3000", "0x1000"): 10,
        ("anon_zero", "0x3000"): 10,
    }
