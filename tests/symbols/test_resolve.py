"""From a store to names: mappings over time, forks, the kernel, compilers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cowtrace.store.reader import Store
from cowtrace.symbols import Sources, Symbols, resolve
from cowtrace.symbols.naming import plain_build_id
from tests.support.elf_bytes import Symbol, elf
from tests.support.stores import SOURCE, make_store

ID, OTHER = "ab" * 20, "cd" * 20
KERNEL_ID = "ee" * 20


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))


def sources(tmp_path: Path, **more: Any) -> Sources:
    return Sources(build_id_cache=tmp_path / "debug-cache", debug_folder=tmp_path / "debug", debuginfod_urls=(), **more)


def names(store: Store, symbols: Symbols) -> list[tuple[int, str | None, int | None, str | None]]:
    """(time, symbol, offset, dso's name) of each fault."""
    rows = (
        store.lazy("fault").select("ts_ns", "mm_id", "ip").collect()
        .join(symbols.text_space, on="mm_id", how="left")
        .join(symbols.ip_frame, on=["text_mm_id", "ip"], how="left", nulls_equal=True)
        .filter((pl.col("start_ns") <= pl.col("ts_ns")) & (pl.col("ts_ns") < pl.col("end_ns")))
        .join(symbols.frame, on="frame_id", how="left").sort("ts_ns")
    )  # fmt: skip
    return [(row["ts_ns"], row["symbol"], row["symbol_offset"], row["dso"] and Path(row["dso"]).name) for row in rows.iter_rows(named=True)]


def text(vma_id: int, mm_id: int, start: int, path: Path, build_id: str = ID, **more: Any) -> dict[str, Any]:
    """An executable mapping of a whole page at file offset 0x1000."""
    place = {"start_addr": start, "end_addr": start + 0x1000, "pgoff": 0x1000, "perms": "r-xp", "vma_kind": "file_private"}
    return {"vma_id": vma_id, "mm_id": mm_id, **place, "path": str(path), "build_id": build_id, **more}


def test_what_lay_at_the_address_at_that_time(tmp_path: Path) -> None:
    one, two = tmp_path / "one.so", tmp_path / "two.so"
    one.write_bytes(elf([Symbol("first", 0x401000, 0x100)], build_id=ID))
    two.write_bytes(elf([Symbol("second", 0x401000, 0x100)], build_id=OTHER))
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 12}, {"mm_id": 1, "tgid": 13, "parent_mm_id": 0, "how": "fork", "start_ns": 150}],
        vma=[text(0, 0, 0x7000, one, start_ns=50), text(1, 0, 0x7000, two, OTHER, start_ns=200)],
        fault=[
            {"ts_ns": 20, "mm_id": 0, "ip": 0x7010, "kind": "anon_zero"},
            {"ts_ns": 100, "mm_id": 0, "ip": 0x7010, "kind": "anon_zero"},
            {"ts_ns": 250, "mm_id": 0, "ip": 0x7010, "kind": "anon_zero"},
            {"ts_ns": 260, "mm_id": 1, "ip": 0x7010, "kind": "anon_zero"},
            {"ts_ns": 270, "mm_id": 0, "ip": 0x7200, "kind": "anon_zero"},
            {"ts_ns": 280, "mm_id": 0, "ip": 0x9000, "kind": "anon_zero"},
        ],
    )
    assert names(store, resolve(store, sources(tmp_path))) == [
        (20, None, None, None),  # not mapped yet
        (100, "first", 0x10, "one.so"),
        (250, "second", 0x10, "two.so"),  # another file over it
        (260, "first", 0x10, "one.so"),  # forked before that
        (270, None, None, "two.so"),  # past the function's end
        (280, None, None, None),
    ]


def test_one_place_for_all_forks_of_a_process(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.write_bytes(elf([Symbol("main", 0x401000, 0x100)]))
    children = [{"mm_id": mm, "tgid": mm, "parent_mm_id": mm - 1, "how": "fork", "start_ns": mm} for mm in range(1, 50)]
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 99}, *children],
        vma=[text(0, 0, 0x7000, app)],
        stack=[{"stack_id": 0, "ips": [2**64 - 512, 0x7004, 0x7008]}],
        fault=[{"ts_ns": 100 + mm, "mm_id": mm, "ip": 0x7004, "stack_id": 0, "kind": "cow_copy"} for mm in range(50)],
    )
    symbols = resolve(store, sources(tmp_path))
    assert symbols.text_space["text_mm_id"].to_list() == [0] * 50
    assert len(symbols.ip_frame) == 1
    assert symbols.stack_frame.select("stack_id", "depth", "frame_id").rows() == [(0, 0, 0), (0, 1, 1)]
    assert symbols.frame.select("symbol", "symbol_offset", "address").rows() == [("main", 4, 0x401004), ("main", 8, 0x401008)]


def test_kernel_names_come_with_the_recording(tmp_path: Path) -> None:
    base = 0xFFFFFFFF81000000
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 12}],
        kernel_symbol=[
            {"addr": base, "function": "_text"},
            {"addr": base + 0x100, "function": "copy_page"},
            {"addr": base + 0xC0000000 - 0x81000000, "function": "ovl_copy_up", "module": "overlay"},
        ],
        fault=[
            {"ts_ns": 1, "mm_id": 0, "ip": base + 0x110, "kind": "cow_copy"},
            {"ts_ns": 2, "mm_id": 0, "ip": base + 0x2000, "kind": "cow_copy"},
            {"ts_ns": 3, "mm_id": 0, "ip": base + 0xC0000010 - 0x81000000, "kind": "cow_copy"},
        ],
    )
    assert names(store, resolve(store, sources(tmp_path))) == [
        (1, "copy_page", 0x10, "[kernel.kallsyms]"),
        (2, None, None, "[kernel.kallsyms]"),  # the last function before a module ends with its page
        (3, "ovl_copy_up", 0x10, "[overlay]"),
    ]


def test_the_kernel_of_another_boot_lay_elsewhere(tmp_path: Path) -> None:
    facts = {
        **SOURCE,
        "features": {"build_ids": [{"path": "[kernel.kallsyms]", "build_id": KERNEL_ID}]},
        "kernel_maps": [{"path": "[kernel.kallsyms]_text", "start_addr": 0, "size_bytes": 0, "pgoff": 0xFFFFFFFF9A000000}],
    }
    cached = tmp_path / "debug-cache" / ".build-id" / KERNEL_ID[:2] / KERNEL_ID[2:] / "kallsyms"
    cached.parent.mkdir(parents=True)
    cached.write_text("ffffffff81000000 T _text\nffffffff81000100 T copy_page\nffffffffc0000000 t f\t[ovl]\n")
    store = make_store(tmp_path / "store", sources=[facts], fault=[{"ts_ns": 1, "ip": 0xFFFFFFFF9A000104, "kind": "cow_copy"}])
    symbols = resolve(store, sources(tmp_path))
    assert symbols.frame.select("symbol", "symbol_offset").rows() == [("copy_page", 4)]
    bare = make_store(tmp_path / "bare", fault=[{"ts_ns": 1, "ip": 0xFFFFFFFF9A000104, "kind": "cow_copy"}])
    assert resolve(bare, sources(tmp_path)).notes == [
        "kernel functions: the recording has no names of kernel functions, and does not say which kernel it was "
        "(record with `cowtrace record`)"
    ]


def test_compilers_name_their_code_per_process(tmp_path: Path) -> None:
    anon = {"start_addr": 0x7000, "end_addr": 0x8000, "perms": "rwxp"}
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 12}, {"mm_id": 1, "tgid": 13}],
        vma=[{"vma_id": mm, "mm_id": mm, **anon} for mm in (0, 1)],
        jit_symbol=[{"tgid": 12, "addr": 0x7000, "size_bytes": 0x40, "symbol": "LazyCompile:add"}],
        fault=[{"ts_ns": mm, "mm_id": mm, "ip": 0x7008, "kind": "anon_zero"} for mm in (0, 1)],
    )
    assert names(store, resolve(store, sources(tmp_path))) == [(0, "LazyCompile:add", 8, "perf-12.map"), (1, None, None, None)]
    (tmp_path / "perf-13.map").write_text("7000 10 js_main\n")
    assert names(store, resolve(store, sources(tmp_path, perf_maps=(tmp_path,))))[1] == (1, "js_main", 8, "perf-13.map")


def test_a_second_run_reads_the_cache_and_a_damaged_one_is_made_anew(tmp_path: Path) -> None:
    app = tmp_path / "app"
    app.write_bytes(elf([Symbol("main", 0x401000, 0x100)]))
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 12}],
        vma=[text(0, 0, 0x7000, app)],
        fault=[{"ts_ns": 1, "mm_id": 0, "ip": 0x7004, "kind": "anon_zero"}],
    )
    expected = [(1, "main", 4, "app")]
    assert names(store, resolve(store, sources(tmp_path))) == expected
    (kept,) = (tmp_path / "cache" / "symbols" / "ab").glob("*.npz")
    assert names(store, resolve(store, sources(tmp_path))) == expected
    kept.write_bytes(kept.read_bytes()[:100])
    assert names(store, resolve(store, sources(tmp_path))) == expected


def test_without_any_file_addresses_stay_and_one_note_says_why(tmp_path: Path) -> None:
    store = make_store(
        tmp_path / "store",
        process=[{"mm_id": 0, "tgid": 12}],
        vma=[text(0, 0, 0x7000, Path("/nowhere/app")), text(1, 0, 0x9000, Path("/dev/zero"))],
        fault=[{"ts_ns": ts, "mm_id": 0, "ip": 0x7000 + ts, "kind": "anon_zero"} for ts in range(5)]
        + [{"ts_ns": 9, "mm_id": 0, "ip": 0x9001, "kind": "anon_zero"}],
    )
    symbols = resolve(store, sources(tmp_path))
    assert symbols.frame.select("dso", "symbol", "address").rows() == [
        *(("/nowhere/app", None, 0x1000 + ts) for ts in range(5)),
        (None, None, 0x9001),
    ]
    assert symbols.notes == ["/nowhere/app: no such file here"]


def test_an_empty_store_has_no_places(tmp_path: Path) -> None:
    symbols = resolve(make_store(tmp_path / "store"), sources(tmp_path))
    assert [len(table) for table in (symbols.frame, symbols.ip_frame, symbols.stack_frame, symbols.text_space)] == [0, 0, 0, 0]
    assert symbols.notes == []


@pytest.mark.parametrize(
    ("recorded", "plain"),
    [
        (None, None),
        ("ab" * 20, "ab" * 20),
        ("ab" * 16 + "00" * 4, "ab" * 16),
        ("ab" * 8 + "00" * 12, "ab" * 8),
        ("ab" * 17 + "00" * 3, "ab" * 17 + "00" * 3),
        ("../../etc", None),
        ("build_id-0123456789", None),
    ],
)
def test_old_recordings_pad_short_build_ids(recorded: str | None, plain: str | None) -> None:
    assert plain_build_id(recorded) == plain
