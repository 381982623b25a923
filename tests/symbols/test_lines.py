"""Source lines and inlined calls, against addr2line; damaged and endless debug information."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from cowtrace.symbols import lines as lines_module
from cowtrace.symbols.elf import Elf
from cowtrace.symbols.files import open_regular
from cowtrace.symbols.lines import Calls, LineReader

SOURCE = """\
#include <string.h>
static char area[1 << 16];
static inline __attribute__((always_inline)) void inner(int from) {
  for (int i = from; i < 10; i++) area[i * 4096] = 1;
}
static inline __attribute__((always_inline)) void middle(int from) { inner(from); }
__attribute__((noinline)) int outer(int from) {
  middle(from);
  return area[0];
}
int main(int count, char **words) { return outer(count) + (words == 0); }
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))


def build(folder: Path, *options: str) -> Path:
    missing = [tool for tool in ("cc", "addr2line", "objdump") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed")
    (folder / "app.c").write_text(SOURCE)
    program = folder / "app"
    done = subprocess.run(["cc", "-O2", *options, "-o", program, folder / "app.c"], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this compiler can't: {done.stderr.splitlines()[-1]}")
    return program


def read(program: Path, addresses: list[int], reader: LineReader | None = None) -> dict[int, Calls]:
    opened = open_regular(program)
    assert opened is not None
    return (reader or LineReader(60.0)).calls("app", Elf(opened.data), opened.identity, np.array(addresses, np.int64))


def code_of(program: Path, function: str) -> list[int]:
    """Addresses of a function's instructions."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", program], check=True, capture_output=True, text=True).stdout
    (body,) = re.findall(rf"^[0-9a-f]+ <{function}>:\n((?:.+\n)+)", listing, re.MULTILINE)
    return [int(address, 16) for address in re.findall(r"^\s+([0-9a-f]+):", body, re.MULTILINE)]


def addr2line(program: Path, addresses: list[int]) -> dict[int, Calls]:
    text = subprocess.run(
        ["addr2line", "-f", "-i", "-a", "-e", program, *map(hex, addresses)], check=True, capture_output=True, text=True
    ).stdout
    found: dict[int, Calls] = {}
    rows = iter(text.splitlines())
    for row in rows:
        if row.startswith("0x"):
            at = int(row, 16)
            found[at] = []
            continue
        file, _, line = next(rows).split(" ")[0].rpartition(":")
        found[at].append((row, os.path.normpath(file), int(line) if line.isdigit() and line != "0" else None))
    return found


@pytest.mark.parametrize("make", [["-g"], ["-gdwarf-4"], ["-g", "-gz"], ["-g", "-no-pie"]], ids=" ".join)
def test_lines_and_inlined_calls_are_those_of_addr2line(tmp_path: Path, make: list[str]) -> None:
    program = build(tmp_path, *make)
    addresses = code_of(program, "outer") + code_of(program, "main")
    # padding behind a function has no line; addr2line then names the nearest symbol
    expected = {at: calls for at, calls in addr2line(program, addresses).items() if calls[-1][1] != "??"}
    assert any([name for name, _, _ in calls] == ["inner", "middle", "outer"] for calls in expected.values())
    assert read(program, addresses) == expected


def test_lines_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build(tmp_path, "-g")
    addresses = code_of(program, "outer")
    first = read(program, [*addresses, 0x10])
    monkeypatch.setattr(lines_module.subprocess, "run", None)  # a second worker would fail
    assert read(program, [*addresses, 0x10]) == first
    (kept,) = (tmp_path / "cache" / "symbols" / "lines").iterdir()
    assert len(json.loads(kept.read_bytes())) == len(addresses) + 1


def test_a_program_without_debug_information_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = build(tmp_path)
    monkeypatch.setattr(lines_module.subprocess, "run", None)
    assert read(program, [0x1000]) == {}


def test_damaged_debug_information_is_one_note(tmp_path: Path) -> None:
    program = build(tmp_path, "-g")
    opened = open_regular(program)
    assert opened is not None
    section = Elf(opened.data).section(".debug_abbrev")
    assert section is not None
    raw = bytearray(program.read_bytes())
    raw[section.offset : section.offset + section.size] = b"\xff" * section.size
    program.write_bytes(raw)
    reader = LineReader(60.0)
    assert read(program, [0x1140], reader) == {}
    assert reader.notes == ["app: source lines left out, damaged debug information"]


def test_the_time_is_kept_and_what_came_in_it_too(tmp_path: Path) -> None:
    program = build(tmp_path, "-g")
    reader = LineReader(0.001)
    assert read(program, [0x1140], reader) == {}
    assert read(program, [0x1150], reader) == {}
    assert reader.notes == ["app: source lines left out, the time for them is over"] * 2


def test_debug_information_beyond_all_measure_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "_MAX_DEBUG_BYTES", 100)
    for make in ("-g1", "-gz"):
        reader = LineReader(60.0)
        assert read(build(tmp_path, "-g", make), [0x1140], reader) == {}
        assert reader.notes == ["app: source lines left out, more than 0 MiB of debug information"]
