"""The wheel holds every file of the package: forgotten data files and checkouts that lost the links are caught here."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINKS = ("parsers", "queries")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("cowtrace-*.whl")
    return zipfile.ZipFile(path)


def on_disk() -> dict[str, Path]:
    """Files of the package by their name in the wheel, through the links."""
    files: dict[str, Path] = {}
    for folder, _, names in os.walk(ROOT / "cowtrace", followlinks=True):
        if Path(folder).name != "__pycache__":
            files |= {str((Path(folder) / name).relative_to(ROOT)): Path(folder) / name for name in names}
    return files


@pytest.mark.parametrize("name", LINKS)
def test_links_are_links(name: str) -> None:
    link = ROOT / "cowtrace" / name
    assert link.is_symlink(), f"{link} must be a link to ../{name}; on Windows: git config core.symlinks true, then check out again"
    assert os.readlink(link) == f"../{name}"


def test_every_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    packed = {name for name in wheel.namelist() if name.startswith("cowtrace/")}
    assert packed == set(on_disk())
    assert "cowtrace/queries/cow/fork_bill.sql" in packed
    assert "cowtrace/parsers/base.py" in packed
    assert "cowtrace/py.typed" in packed


def test_files_are_the_same(wheel: zipfile.ZipFile) -> None:
    for name, path in on_disk().items():
        assert wheel.read(name) == path.read_bytes(), name


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    others = {name for name in wheel.namelist() if not name.startswith("cowtrace/")}
    assert {name.split("/")[0].partition("-")[0] for name in others} == {"cowtrace"}
    assert {name.split("/", 1)[1] for name in others} == {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def test_the_wheel_works(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "from cowtrace.queries import catalog; from cowtrace.queries.collection import load_order; print(len(catalog()), len(load_order()))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    sql = [name for name in wheel.namelist() if name.endswith(".sql")]
    assert ran.stdout.split() == [str(len(sql)), str(len(sql))]
