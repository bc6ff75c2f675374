"""Starting takes no time: what a command or an import does not need is not imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jrft
import jwi

HEAVY = ("jax", "numpy", "numba", "scipy", "pyarrow")


def loaded(code, *, code_expected=0):
    """The top-level modules of a process that has run some code."""
    script = f"""
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps([n for n in sys.modules if "." not in n])))
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        # Tests check shapes by an import hook, which a process of its own has not.
        env={name: value for name, value in os.environ.items() if "JAXTYPING" not in name},
    )
    assert done.returncode == code_expected, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", ["jwi", "jrft"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["COMMAND", "--help"], 0),
        (["nonsense"], 2),
        (["COMMAND", "none.csv"], 2),
    ],
)
def test_help_and_mistakes_load_nothing_heavy(package, arguments, code):
    command = {"jwi": "info", "jrft": "diagnose"}[package]
    words = [command if word == "COMMAND" else word for word in arguments]
    run = f"from {package}.cli import main; sys.exit(main({words!r}))"
    assert not loaded(run, code_expected=code) & set(HEAVY)


@pytest.mark.parametrize("command", [["info"], ["prune", "--keep", "0.5", "-o", "out.txt"]])
def test_commands_on_small_files_load_no_jax(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.txt").write_text("0 1\n1 2\n2 0\n2 3\n")
    words = [command[0], "graph.txt", *command[1:]]
    root = str(Path(__file__).parents[1])
    modules = loaded(f"sys.path.insert(0, {root!r})\nfrom jwi.cli import main; main({words!r})")
    assert not modules & {"jax", "jraph", "flax", "networkx", "tqdm"}


def test_imports_load_nothing_heavy():
    assert not loaded("import jwi, jrft") & set(HEAVY)
    assert "jax" not in loaded("import jrft.diagnosis; jrft.diagnose")


@pytest.mark.parametrize("package", [jwi, jrft], ids=lambda package: package.__name__)
def test_public_names_are_found_when_asked_for(package):
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name) is getattr(package, name)
    for name in ("nonsense", "_nonsense", "__wrapped__"):
        with pytest.raises(AttributeError, match=f"module '{package.__name__}' has no attribute"):
            getattr(package, name)
    assert package.__version__[0].isdigit()


def test_stars_import_the_public_names():
    names = {}
    exec("from jwi import *\nfrom jrft import *", names)
    assert {*jwi.__all__, *jrft.__all__} <= set(names)
