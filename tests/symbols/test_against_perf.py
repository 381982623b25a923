"""Names against ``perf script``, frame by frame, on programs of every make."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cowtrace.ingest import ingest
from cowtrace.symbols import Sources, resolve
from cowtrace.symbols.demangle import demangle
from tests.support.live import run, unavailable
from tests.support.perf_symbols import chains_of_perf, chains_of_store, differences

REASON = unavailable()
pytestmark = [pytest.mark.live, pytest.mark.skipif(REASON is not None, reason=REASON or "")]

PROGRAM = r"""
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
static char *area;
__attribute__((noinline)) void dirty(size_t from, size_t count) { for (size_t i = 0; i < count; i++) area[(from + i) * 4096] = 1; }
__attribute__((noinline)) static void outer(int from) { dirty(from, 16); __asm__ volatile("" ::: "memory"); }
int main(void) {
  area = mmap(0, 1 << 22, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  outer(0);
  pid_t child = fork();
  if (!child) { outer(0); memset(malloc(1 << 20), 2, 1 << 20); _exit(0); }
  waitpid(child, 0, 0);
  outer(32);
  return 0;
}
"""

MAKES = {
    "pie": ["-pie", "-fPIE"],
    "not position-independent": ["-no-pie"],
    "static": ["-static"],
    "static pie": ["-static-pie"],
    "prelinked": ["-no-pie", "-Wl,-Ttext-segment=0x10000000", "-Wl,-z,noseparate-code"],
    "without build-id": ["-Wl,--build-id=none"],
}


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # perf looks into and fills ~/.debug
    monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PERF_BUILDID_DIR", raising=False)


def build(folder: Path, options: Sequence[str], source: str = PROGRAM, compiler: str = "cc", suffix: str = ".c") -> Path:
    code, program = folder / f"app{suffix}", folder / "app"
    code.write_text(source)
    done = subprocess.run(
        [compiler, "-g", "-O1", "-fno-omit-frame-pointer", *options, "-o", program, code], check=False, capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"this compiler can't: {done.stderr.splitlines()[-1]}")
    return program


def recorded(program: Path, *options: str) -> Path:
    recording = program.with_suffix(".data")
    run(["perf", "record", "-q", "-N", "-e", "page-faults", "-c", "1", *options, "-o", str(recording), str(program)])
    return recording


def compare(tmp_path: Path, program: Path, *options: str) -> tuple[int, list[str]]:
    recording = recorded(program, *options)
    count, wrong = differences(recording, ingest([recording], tmp_path / "store", quiet=True))
    # perf 6.1 names stubs of the procedure linkage table, some of them with nothing before "@plt"
    return count, [line for line in wrong if "@plt" not in line]


@pytest.mark.parametrize("make", MAKES)
@pytest.mark.parametrize("chains", [(), ("-g",)], ids=["ip", "call chains"])
def test_programs_of_every_make(tmp_path: Path, make: str, chains: tuple[str, ...]) -> None:
    count, wrong = compare(tmp_path, build(tmp_path, MAKES[make]), *chains)
    assert count > 50
    assert wrong == []


def test_a_stripped_program(tmp_path: Path) -> None:
    program = build(tmp_path, [])
    run(["strip", str(program)])
    count, wrong = compare(tmp_path, program, "-g")
    assert (count > 100, wrong) == (True, [])


def test_a_stripped_program_with_a_debug_file(tmp_path: Path) -> None:
    program = build(tmp_path, [])
    debug = tmp_path / "app.debug"
    run(["objcopy", "--only-keep-debug", str(program), str(debug)])
    run(["strip", str(program)])
    run(["objcopy", f"--add-gnu-debuglink={debug}", str(program)])
    recording = recorded(program, "-g")
    store = ingest([recording], tmp_path / "store", quiet=True)
    count, wrong = differences(recording, store)
    assert (count > 100, [line for line in wrong if "@plt" not in line]) == (True, [])
    program.unlink()  # perf gives up; the debug file alone has the build-id and the names
    debug.rename(tmp_path / "kept.debug")
    cached = tmp_path / ".debug" / ".build-id"
    build_id = resolve(store).frame.filter(dso=str(program))["build_id"][0]
    (cached / build_id[:2] / build_id[2:]).mkdir(parents=True)
    (tmp_path / "kept.debug").rename(cached / build_id[:2] / build_id[2:] / "debug")
    symbols = resolve(store).frame.filter(dso=str(program))["symbol"].to_list()
    assert {"main", "dirty"} <= set(symbols)


def test_cpp_names_are_demangled_as_perf_does_with_parameters(tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed")
    source = "namespace ns { template <class T> __attribute__((noinline)) T touch(T *p) {"
    source += " for (int i = 0; i < 50; i++) p[i * 4096] = 1; return *p; } }\n"
    program = build(tmp_path, [], source + "static char area[1 << 20];\nint main() { return ns::touch(area) - 1; }\n", "g++", ".cc")
    recording = recorded(program, "-g")
    store = ingest([recording], tmp_path / "store", quiet=True)
    count, wrong = differences(recording, store)
    assert (count > 50, [line for line in wrong if "@plt" not in line]) == (True, [])
    symbols = resolve(store).frame["symbol"].to_list()
    assert symbols.count("char ns::touch<char>(char*)") >= 1
    assert demangle(b"_ZN2ns5touchIcEET_PS1_") == "char ns::touch<char>(char*)"


def test_a_replaced_program_names_nothing(tmp_path: Path) -> None:
    program = build(tmp_path, [])
    recording = recorded(program)
    store = ingest([recording], tmp_path / "store", quiet=True)
    program.unlink()
    build(tmp_path, ["-DANOTHER", "-O2"])
    symbols = resolve(store, Sources(debuginfod_urls=()))
    assert symbols.frame.filter(dso=str(program))["symbol"].to_list() == [None] * len(symbols.frame.filter(dso=str(program)))
    assert any(f"{program}: {program} has build-id" in note and note.endswith("not used") for note in symbols.notes)
    assert len(chains_of_store(store, symbols)) == len(chains_of_perf(recording))
