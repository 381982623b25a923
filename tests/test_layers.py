"""Imports point one way: a module may use what stands left of it, never what stands right."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "cowtrace"

ARCHITECTURE = (ROOT.parent / "ARCHITECTURE.md").read_text(encoding="utf-8")

#: Part -> its place from the left, as ARCHITECTURE.md draws it: `a, b` ← `c`. Parts of one place may use each other.
(DRAWING,) = re.findall(r"^`errors, .+ ← .+$", ARCHITECTURE, re.MULTILINE)
RANK = {name.strip(): rank for rank, names in enumerate(re.findall(r"`([^`]+)`", DRAWING)) for name in names.split(",")}
RANK["__main__"] = len(RANK)
FILES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py") + sorted(
    path for link in ("parsers", "queries") for path in (ROOT / link).resolve().rglob("*.py")
)


def part_of(path: Path) -> str:
    """The part of the package that a file belongs to: ``cowtrace/report/bill.py -> report``."""
    home = ROOT if path.is_relative_to(ROOT) else ROOT.parent
    return path.relative_to(home).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Parts of the package that a file imports, anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            modules |= {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "cowtrace" else {node.module}
    return {name.split(".")[1] for name in modules if name.startswith("cowtrace.")} - {"__version__"}


def test_every_part_has_a_place() -> None:
    assert {part_of(path) for path in FILES} == set(RANK)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT.parent)))
def test_imports_point_left(path: Path) -> None:
    own = RANK[part_of(path)]
    wrong = {name for name in imported(path) if RANK[name] > own}
    assert not wrong, f"{part_of(path)} stands left of {sorted(wrong)}"
