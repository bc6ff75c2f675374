"""The guides' code runs, and the commands and fields that they name exist."""

import ast
import dataclasses
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import jrft
import jwi
from experiments.benchmarks.__main__ import BENCHMARKS
from experiments.output.record import Record, read
from experiments.studies import STUDIES
from tests.test_house import OTHER_DIALECT

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
    *code, _ = blocks(GRAPHS, "python")
    exec(compile("".join(code), "docs/graphs.md", "exec"), {})


def test_exact_gradients_and_their_bounds():
    page = (ROOT / "docs" / "gradients.md").read_text("utf-8")
    exec(compile("\n".join(blocks(page, "python")), "docs/gradients.md", "exec"), {})


def test_meshes_of_prompts_samples_and_arcs():
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    for code in blocks(page, "python")[:3]:
        exec(compile(code, "docs/scale.md", "exec"), {})


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
    code, _ = blocks(EXPERIMENTS, "python")
    exec(compile(code, "docs/experiments.md", "exec"), {})
    assert capsys.readouterr().out


def test_a_phase_of_training(capsys):
    _, code = blocks(EXPERIMENTS, "python")
    exec(compile(code, "docs/experiments.md", "exec"), {})
    assert capsys.readouterr().out == "True\n"


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
    apart = study.with_name("config.py")
    tree = ast.parse((apart if apart.exists() else study).read_text("utf-8"))
    (config,) = [
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Config"
    ]
    return {node.target.id for node in config.body if isinstance(node, ast.AnnAssign)}


FILES = [path for package in ("jwi", "jrft") for path in (ROOT / package).rglob("*.py")]
PAPERS = (ROOT / "docs" / "papers.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def rows(page):
    """The cells of each row of a page's tables, without the rows of headings."""
    tables = re.findall(r"^\|[-|]+\|\n((?:\|.*\n?)+)", page, re.M)
    return [row.strip("| ").split(" | ") for table in tables for row in table.splitlines()]


@pytest.mark.parametrize("page", [PAPERS, GLOSSARY], ids=["papers", "glossary"])
def test_names_of_functions_and_studies_exist(page):
    names = re.findall(r"`(jwi|jrft)([._])(\w+)`", page)
    assert len(names) > 20
    for package, separator, name in names:
        if separator == "_":
            assert f"{package}_{name}" in STUDIES
        else:
            assert name in {"jwi": jwi, "jrft": jrft}[package].__all__


def test_arguments_in_the_glossary_exist():
    source = "".join(path.read_text("utf-8") for path in FILES)
    for name in re.findall(r"`(\w+)`", GLOSSARY):
        assert re.search(rf"\b{name}: ", source), name


def test_every_item_of_the_papers_has_code_or_a_reason():
    for item, here, *remarks in rows(PAPERS):
        if here == "not here":
            assert len(remarks[0]) > 20, item
        else:
            assert re.match(r"`j(wi|rft)[._]", here), item


def test_every_study_has_a_place_among_the_papers():
    assert not [name for name in STUDIES if f"`{name}`" not in PAPERS]


def test_design_lists_the_rooms():
    design = (ROOT / "docs" / "design.md").read_text("utf-8")
    for package in (jwi, jrft):
        table = design.split(f"| room of `{package.__name__}` |")[1].split("\n\n")[0]
        folders = [path for path in (ROOT / package.__name__).iterdir() if path.is_dir()]
        rooms = {path.name for path in folders if path.name != "__pycache__"}
        assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == rooms


# Sentences with such a subject have to be parsed twice, and so have chains of pronouns.
HARD_TO_PARSE = re.compile(r"\bwhat (is|it|goes|was|are|they)\b|\bthose of\b|\bthat of\b", re.I)
MOST_HARD_TO_PARSE = 5 / 10_000


def prose():
    """README and all pages as plain text, without code."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    texts = [page.read_text("utf-8") for page in pages]
    for notebook in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        texts += ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return re.sub(r"```.*?```|`[^`]*`", "", "\n".join(texts), flags=re.S)


def test_one_dialect_in_all_pages():
    records = [ROOT / "experiments" / "LOG.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
    text = prose() + "".join(path.read_text("utf-8") for path in records)
    assert not OTHER_DIALECT.findall(text)


def test_sentences_have_subjects_with_names():
    text = prose()
    assert len(text.split()) > 8_000
    found = [match.group() for match in HARD_TO_PARSE.finditer(text)]
    assert len(found) <= MOST_HARD_TO_PARSE * len(text.split()), found


def test_hooks_before_a_commit_run_the_linters_of_make():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
    commands = re.findall(r"entry: \.venv/(bin/[\w -]+?)(?:,|$)", hooks, re.M)
    lint = (ROOT / "Makefile").read_text("utf-8").split("\nlint:")[1].split("\n\n")[0]
    assert commands == [line.removesuffix(" .") for line in re.findall(r"\$\(VENV\)/(.+)", lint)]
    # Hooks of other repositories would be downloaded.
    assert re.findall(r"repo: (\w+)", hooks) == ["local"]
