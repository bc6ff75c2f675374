"""Starting takes no time: what a command or an import does not need is not imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import jrft
import jwi

ROOT = Path(__file__).parents[1]
HEAVY = ("jax", "numpy", "numba", "scipy", "pyarrow")


def loaded(code, *, code_expected=0, printed=False):
    """The top-level modules of a process that has run some code; or the JSON that it printed."""
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
    *lines, modules = done.stdout.splitlines()
    return [json.loads(line) for line in lines if line] if printed else set(json.loads(modules))


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
def test_help_loads_nothing_heavy(package, arguments, code):
    command = {"jwi": "info", "jrft": "diagnose"}[package]
    words = [command if word == "COMMAND" else word for word in arguments]
    run = f"from {package}.cli import main; sys.exit(main({words!r}))"
    assert not loaded(run, code_expected=code) & set(HEAVY)


PRUNE, WALKS = ["prune", "there.csv", "-o", "new.csv"], ["walk-index", "there.csv"]
MISTAKES = {
    "jwi": [
        (["info", "."], ". is a folder: pass a file"),
        (["info", "there.csv", "--format", "xls"], "--format is 'xls': pass one of edge-list,"),
        (["info", "there.csv", "--encoding", "x"], "--encoding is 'x': pass a name that Python"),
        (PRUNE, "no amount is given"),
        ([*PRUNE, "--keep", "2"], "--keep is 2.0: pass the share of edges that stays"),
        ([*PRUNE, "--keep-edges", "-1"], "--keep-edges is -1: pass how many edges stay"),
        ([*PRUNE, "--num-removed", "-1"], "--num-removed is -1: pass how many edges go"),
        ([*PRUNE, "--max-degree", "2", "--min-degree", "3"], "pass a larger --max-degree"),
        ([*PRUNE, "--keep", "1", "--depth", "0"], "--depth is 0: pass how many layers"),
        ([*PRUNE, "--keep", "1", "-o", "there.csv"], "there.csv exists: add --force"),
        ([*PRUNE, "--keep", "1", "-o", "no/new.csv"], "there is no folder no: make it first"),
        ([*PRUNE, "--keep", "1", "--mask", "m.mtx"], "m.mtx, which would be mtx by its name"),
        ([*PRUNE, "--keep", "1", "--protect", "none.csv"], "none.csv: there is no such file"),
        ([*WALKS, "--length", "-1"], "--length is -1: pass the number of steps"),
        ([*WALKS, "--depth", "2", "--own", "--target", "1"], "leave out --target"),
    ],
    "jrft": [
        (["diagnose", "there.csv", "--threshold", "7"], "--threshold is 7.0: pass a share"),
        (["diagnose", "there.csv", "--level", "2"], "--level is 2.0: pass a probability"),
        (["diagnose", "there.csv", "--fail-if-dead", "50"], "--fail-if-dead is 50.0: pass"),
        (["diagnose", "there.csv", "--last-steps", "0"], "--last-steps is 0: pass 1 or more"),
        (["diagnose", "there.csv", "--group-size", "-4"], "--group-size is -4: pass 1 or more"),
        (["diagnose", "there.csv", "--report", "no/x.html"], "there is no folder no, make it"),
        (["conformance", "kit.csv"], "kit.csv does not end in .npz: name the file so"),
        (["conformance", "there.npz"], "there.npz exists: add --force to overwrite it"),
        (
            ["stats", "smollm2", "there.csv", "--reward", "match", "-o", "no/log.jsonl"],
            "there is no folder no, make it first",
        ),
    ],
}


@pytest.mark.parametrize("package", MISTAKES)
def test_mistakes_are_told_before_anything_heavy_is_loaded(package, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("there.csv", "there.npz"):
        (tmp_path / name).write_text("0,1\n")
    # One process makes all mistakes: none of them may load what the next would not show.
    calls = [words for words, _ in MISTAKES[package]]
    run = f"""
sys.path.insert(0, {str(ROOT)!r})
import contextlib, io
from {package}.cli import main
for words in {calls!r}:
    with contextlib.redirect_stderr(io.StringIO()) as told:
        code = main(words)
    print(json.dumps([code, told.getvalue(), sorted(set({HEAVY!r}) & set(sys.modules))]))
"""
    answers = loaded(run, printed=True)
    for (words, message), (code, told, heavy) in zip(MISTAKES[package], answers, strict=True):
        assert (code, heavy) == (2, []), words
        assert message in told
        assert told.count("\n") == 1


@pytest.mark.parametrize("command", [["info"], ["prune", "--keep", "0.5", "-o", "out.txt"]])
def test_commands_on_small_files_load_no_jax(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graph.txt").write_text("0 1\n1 2\n2 0\n2 3\n")
    words = [command[0], "graph.txt", *command[1:]]
    modules = loaded(
        f"sys.path.insert(0, {str(ROOT)!r})\nfrom jwi.cli import main; main({words!r})"
    )
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
