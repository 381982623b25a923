"""Functions and call chains in SQL; names are found when a question reads them, and not before."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cowtrace.queries import connect, run, symbol_notes
from cowtrace.queries.names import readers
from cowtrace.store.confidential import confidential_copy
from cowtrace.symbols.elf import Elf
from cowtrace.symbols.symtab import read_symbols
from tests.support.ask import ask
from tests.support.coded import ID, coded
from tests.support.stores import make_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEBUGINFOD_URLS", raising=False)


def test_functions_by_cost(tmp_path: Path) -> None:
    app = str(tmp_path / "app")
    columns = ("symbol", "dso", "fault_count", "copy_count", "copied_bytes", "duration_ns")
    assert ask(coded(tmp_path), "code/by_function", *columns) == [
        ("ns::dirty(char*)", app, 3, 2, 8192, 60),
        ("copy_page", "[kernel.kallsyms]", 1, 1, 4096, 50),
        ("evil\x1b[31m<b>|", app, 1, 0, 0, 40),
        ("main", app, 1, 0, 0, 10),
        (None, app, 1, 0, 0, 5),
        (None, None, 1, 0, 0, None),
    ]


def test_call_chains_for_flame_graphs(tmp_path: Path) -> None:
    question = "SELECT array_to_string(frames, ';'), fault_count, copy_count, duration_ns FROM code_by_stack"
    assert ask(coded(tmp_path), question) == [
        ("main;ns::dirty(char*)", 3, 2, 60),
        ("main;copy_page", 1, 1, 50),
        ("evil\x1b[31m<b>|", 1, 0, 40),
        ("main", 1, 0, 10),
        ("[app]+0x401f00", 1, 0, 5),
        (None, 1, 0, None),
    ]


def test_tables_of_names_join_with_faults(tmp_path: Path) -> None:
    question = """
        SELECT fault.ts_ns, frame.symbol, frame.symbol_offset FROM fault JOIN text_space USING (mm_id)
        JOIN ip_frame ON ip_frame.ip = fault.ip AND ip_frame.text_mm_id = text_space.text_mm_id JOIN frame USING (frame_id) ORDER BY 1
    """
    assert ask(coded(tmp_path), question)[:4] == [
        (10, "ns::dirty(char*)", 0x10),
        (20, "ns::dirty(char*)", 0x18),
        (30, "ns::dirty(char*)", 0x10),
        (40, "copy_page", 4),
    ]


def test_without_the_file_addresses_stay(tmp_path: Path) -> None:
    app = str(tmp_path / "app")
    with connect(coded(tmp_path, with_file=False)) as connection:
        rows = [(row["symbol"], row["dso"], row["fault_count"]) for row in run(connection, "code/by_function").rows()]
        assert rows == [(None, app, 6), ("copy_page", "[kernel.kallsyms]", 1), (None, None, 1)]
        assert symbol_notes(connection) == [f"{app}: no such file here"]


def test_names_are_found_once_and_only_for_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cowtrace.symbols

    calls: list[Any] = []
    found = cowtrace.symbols.resolve
    monkeypatch.setattr(cowtrace.symbols, "resolve", lambda *arguments: calls.append(arguments) or found(*arguments))
    with connect(coded(tmp_path)) as connection:
        list(run(connection, "fault/by_process").rows())
        list(run(connection, "SELECT count(*) FROM fault").rows())
        assert calls == []
        for question in ("FROM Frame", "code/by_function", "symbol_note"):
            list(run(connection, question).rows())
        assert len(calls) == 1
    assert "code_by_function" in readers("frame")
    assert "code_by_function" not in readers("code_line")


def test_lines_without_debug_information_are_those_of_functions(tmp_path: Path) -> None:
    app = str(tmp_path / "app")
    assert ask(coded(tmp_path), "code/by_line")[:2] == [
        (None, None, "ns::dirty(char*)", app, 3, 2, 8192, 60),
        (None, None, "copy_page", "[kernel.kallsyms]", 1, 1, 4096, 50),
    ]


def test_lines_come_with_a_compiled_program(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    source = tmp_path / "app.c"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", "-g", "-no-pie", f"-Wl,--build-id=0x{ID}", "-o", tmp_path / "app", source], check=True)
    table = read_symbols(Elf(np.fromfile(tmp_path / "app", np.uint8)))
    assert table is not None
    at = next(int(table.start[row]) for row in range(len(table)) if table.name(row) == b"main")
    moved = make_store(
        tmp_path / "moved",
        process=[{"mm_id": 0, "tgid": 12}],
        vma=[{"vma_id": 0, "mm_id": 0, "start_addr": 0x400000 + 0x1000, "end_addr": 0x402000, "pgoff": 0x1000, "perms": "r-xp",
              "vma_kind": "file_private", "path": str(tmp_path / "app"), "build_id": ID}],
        fault=[{"ts_ns": 1, "mm_id": 0, "ip": at, "kind": "cow_copy", "copied_bytes": 4096}],
    )  # fmt: skip
    assert ask(moved, "code/by_line", "source_file", "source_line", "symbol", "copy_count") == [(str(source), 1, "main", 1)]


def test_a_confidential_copy_names_the_kernel_and_nobody_else(tmp_path: Path) -> None:
    copy = confidential_copy(coded(tmp_path), tmp_path / "copy", b"key")
    rows = ask(copy, "code/by_function", "symbol", "dso", "fault_count")
    (hashed,) = {dso for _, dso, _ in rows if dso not in (None, "[kernel.kallsyms]")}
    assert hashed.startswith("path-")
    assert rows == [(None, hashed, 6), ("copy_page", "[kernel.kallsyms]", 1), (None, None, 1)]
