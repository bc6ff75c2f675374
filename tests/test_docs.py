"""The guides' code runs, and the commands and fields that they name exist."""

import ast
import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.benchmarks.__main__ import BENCHMARKS
from experiments.output.record import Record, read
from experiments.studies import STUDIES

ROOT = Path(__file__).parents[1]
GRAPHS = (ROOT / "docs" / "graphs.md").read_text("utf-8")
EXPERIMENTS = (ROOT / "docs" / "experiments.md").read_text("utf-8")
EVERYWHERE = {"smoke", "out", "tag", "help"}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page, re.S)


def python(code):
    """Runs code in a process of its own: whether loops are compiled is decided once a process."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_masks_and_models_of_other_libraries():
    pruned, other, _ = blocks(GRAPHS, "python")
    exec(compile(pruned + other, "docs/graphs.md", "exec"), {})


def test_programs_are_exported_without_compiled_loops_only():
    *_, export = blocks(GRAPHS, "python")
    done = python(export)
    assert done.returncode == 0, done.stderr
    with_loops = export.replace('["JWI_COMPILED_LOOPS"] = "0"', '["JWI_COMPILED_LOOPS"] = "1"')
    assert with_loops != export
    done = python(with_loops)
    assert "Cannot serialize code with custom calls" in done.stderr


def test_reading_a_result_file(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    (code,) = blocks(EXPERIMENTS, "python")
    exec(compile(code, "docs/experiments.md", "exec"), {})
    assert capsys.readouterr().out


def test_fields_of_result_files_are_all_described():
    for field in dataclasses.fields(Record):
        assert f"| `{field.name}` |" in EXPERIMENTS
    described = EXPERIMENTS.split("| field of `provenance` |")[1].split("\n\n")[0]
    for path in (ROOT / "experiments" / "results").glob("*.json"):
        assert set(re.findall(r"`(\w+)`", described)) >= set(read(path).provenance), path


def commands():
    for block in blocks(EXPERIMENTS, "sh"):
        yield from block.splitlines()


@pytest.mark.parametrize("command", list(commands()))
def test_commands_name_experiments_and_their_options(command):
    words = shlex.split(command)
    assert words[:2] == ["python", "-m"]
    options = {word[2:].replace("-", "_") for word in words if word.startswith("--")}
    names = [word for word in words[3:4] if not word.startswith("--")]
    if words[2] == "experiments.benchmarks":
        assert set(names) <= set(BENCHMARKS)
        assert options <= EVERYWHERE
        return
    assert words[2] == "experiments"
    for name in set(names) - {"figures"}:
        assert options <= EVERYWHERE | fields_of_config(STUDIES[name])


def fields_of_config(study):
    """Names of the fields of a study's `Config`. The file is parsed: importing it takes seconds."""
    tree = ast.parse(study.read_text("utf-8"))
    (config,) = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config"
    ]
    return {node.target.id for node in config.body if isinstance(node, ast.AnnAssign)}
