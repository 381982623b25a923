"""Family trees from a /proc of our own."""

from __future__ import annotations

import os
from pathlib import Path

from cowtrace.recording.processes import descendants, owner, parents, start_time


def write_stat(proc: Path, pid: int, comm: str, *, state: str, parent: int, born: int) -> None:
    (proc / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} ({comm}) {state} {parent} {'0 ' * 17}{born} 0\n")


def test_a_family(tmp_path: Path) -> None:
    write_stat(tmp_path, 1, "init", state="S", parent=0, born=1)
    write_stat(tmp_path, 10, "make", state="S", parent=1, born=50)
    write_stat(tmp_path, 30, "evil) S 1 (", state="R", parent=10, born=60)
    write_stat(tmp_path, 20, "cc", state="S", parent=10, born=61)
    write_stat(tmp_path, 40, "as", state="Z", parent=20, born=62)
    (tmp_path / "50").mkdir()  # ended between listing and reading
    (tmp_path / "meminfo").write_text("")
    assert parents(tmp_path) == {1: 0, 10: 1, 30: 10, 20: 10, 40: 20}
    assert descendants(10, tmp_path) == [20, 30, 40]
    assert descendants(40, tmp_path) == []
    assert start_time(30, tmp_path) == 60
    assert start_time(40, tmp_path) is None  # a zombie has no memory any more
    assert start_time(50, tmp_path) is None


def test_owner() -> None:
    assert owner(os.getpid()) == os.geteuid()
    assert owner(1 << 30) is None
