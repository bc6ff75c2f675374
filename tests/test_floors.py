"""Imports point down only: tests, notebooks → experiments → {jwi, jrft}."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOOR_1 = ("jwi", "jrft")
# What a floor must not import. The libraries hold no training loop, hence no optimizer.
FORBIDDEN = {
    "jwi": {"jrft", "experiments", "tests", "notebooks", "optax", "matplotlib", "orbax"},
    "jrft": {"jwi", "experiments", "tests", "notebooks", "optax", "matplotlib", "orbax", "jraph"},
    "experiments": {"tests", "notebooks", "jraph"},
}


def imported_packages(source: str) -> set[str]:
    """Top-level packages that a module's source imports, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_imported_packages_sees_every_form():
    source = "import a.b, c as d\nfrom e.f import g\nfrom . import h\ndef i():\n    import j\n"
    assert imported_packages(source) == {"a", "c", "e", "j"}


@pytest.mark.parametrize("floor", sorted(FORBIDDEN))
def test_imports_point_down(floor):
    files = sorted((ROOT / floor).rglob("*.py"))
    assert files
    for file in files:
        crossed = imported_packages(file.read_text()) & FORBIDDEN[floor]
        assert not crossed, f"{file.relative_to(ROOT)} imports {sorted(crossed)}"


def test_one_file_imports_jraph():
    importers = {
        str(file.relative_to(ROOT))
        for floor in (*FLOOR_1, "experiments")
        for file in (ROOT / floor).rglob("*.py")
        if "jraph" in imported_packages(file.read_text())
    }
    assert importers == {"jwi/graph/graph.py"}
