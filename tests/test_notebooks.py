"""The notebooks run from top to bottom."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not list((ROOT / "sample-traces").glob("*.data*")):
        pytest.skip("sample-traces/ holds no recording")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Jupyter's own, about its folders and event loops
        nbformat = pytest.importorskip("nbformat")
        nbclient = pytest.importorskip("nbclient")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("COWTRACE_CACHE", str(tmp_path / "cache"))
        notebook = nbformat.read(path, as_version=4)
        client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}})
        client.execute()
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # nothing is printed beside the answers: no warning, no progress bar
    assert [output.text for cell in cells for output in cell.outputs if output.output_type == "stream"] == []
    assert all(cell.outputs for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_stored_without_outputs(path: Path) -> None:
    """Outputs go stale, and figures weigh megabytes."""
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")
