"""Every notebook runs from top to bottom, and is stored without outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert not any(cell.outputs or cell.execution_count for cell in code)
    # An exception in a cell, a failed assertion too, is raised here.
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    shown = [output for cell in code for output in cell.outputs]
    warnings = [o.text for o in shown if o.output_type == "stream" and o.name == "stderr"]
    assert not warnings


def test_notebooks_use_public_names():
    assert NOTEBOOKS
    for path in NOTEBOOKS:
        assert not re.search(r"(?:from|import) j(?:wi|rft)\.", path.read_text("utf-8")), path
