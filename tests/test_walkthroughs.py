"""The walkthroughs of docs/contributing.md: one new file and one line are all that a method takes.

A test does in a copy of the repository what a section says, and asks a new process for the method.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "contributing.md").read_text("utf-8")
MOST_LINES = 60
# Of each section: the lines of the table that the new line stands below, and checks of the result.
SECTIONS = {
    "Add an order": (
        r"METHODS = \{\n(?:    .*\n)*",
        """
import contextlib, io, itertools, pathlib
import numpy as np
import jwi
from experiments.studies.jwi.sparsification import orders
from jwi.cli import main
from tests.jwi.order import test_table

order = jwi.ORDERS["structural-similarity"]
assert "structural-similarity" in orders.LABELS
test_table.test_a_line_of_the_table_is_all_that_a_method_needs("structural-similarity")
promises = [each for name, each in vars(test_table).items() if name.startswith("test_")]
promises = [each for each in promises if each.__code__.co_varnames[:1] == ("order",)]
assert len(promises) >= 5
for promise in promises:
    promise(order)
graph = test_table.graph_of(6)
near = [{v} for v in range(30)]
for u, v in jwi.edge_list(graph).tolist():
    near[u].add(v), near[v].add(u)
square = lambda u, v: len(near[u] & near[v]) ** 2 / (len(near[u]) * len(near[v]))
ends = jwi.edge_list(graph).tolist()
expected = sorted(range(len(ends)), key=lambda e: (square(*ends[e]), e))
assert jwi.structural_similarity_order(graph).tolist() == expected
with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
    main(["prune", "--help"])
assert "structural-similarity" in printed.getvalue()
pathlib.Path("graph.csv").write_text("0,1\\n0,2\\n1,2\\n2,3\\n")
arguments = ["--method", "structural-similarity", "--num-removed", "1", "-o", "fewer.csv"]
assert main(["prune", "graph.csv", *arguments]) == 0
assert pathlib.Path("fewer.csv").read_text() == "0,1\\n0,2\\n1,2\\n"
""",
    ),
    "Add an estimator": (
        r"# The table of methods\.\n(?:from .*\n)*",
        """
import itertools
import jax.numpy as jnp, numpy as np
import jrft
from experiments.studies.jrft.exact_vs_sampled import policy_gradients
from jrft.expected.conformance import _unsettled
from tests.jrft.advantages import test_advantages
from tests.jrft.expected import test_gradients

assert jrft.ESTIMATORS["rank"] is jrft.rank_advantages
assert "rank" in _unsettled()
assert "rank" in policy_gradients.ESTIMATORS
assert "rank" in test_advantages.KINDS and "rank" in test_gradients.ESTIMATORS
test_advantages.test_every_method_is_public_and_a_function_of_one_group("rank")
for group in itertools.product([0.0, 0.5, 2.0, None], repeat=3):
    scored = [r for r in group if r is not None]
    wins = [
        0.0 if r is None else sum((r > o) - (r < o) for o in scored) / max(len(scored), 2)
        for r in group
    ]
    rewards = jnp.array([np.nan if r is None else r for r in group])
    np.testing.assert_allclose(jrft.rank_advantages(rewards), wins, atol=1e-6)
""",
    ),
    "Add a log reader": (
        r"READERS = \(\n(?:    .*\n)*",
        """
import contextlib, io, pathlib
import pyarrow, pyarrow.feather
import pytest
from jrft.cli import main
from jrft.diagnosis.log.reading import read_rewards
from tests.jrft.diagnosis import test_logs_of_trainers

with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
    main(["diagnose", "--help"])
assert ".arrow" in printed.getvalue() and ".feather" in printed.getvalue()
assert any(".arrow" in reader.suffixes for reader in test_logs_of_trainers.READERS)
groups = 300
rows = {
    "prompt": [f"p{i}" for i in range(groups) for _ in range(8)],
    "reward": [float(i % 3 == j % 3) for i in range(groups) for j in range(8)],
}
pathlib.Path("logs").mkdir()
pyarrow.feather.write_feather(pyarrow.table(rows), "logs/rollouts.arrow", chunksize=1500)
log = read_rewards(["logs"]).log
assert log.rewards.tolist() == rows["reward"]
assert log.prompts.tolist() == [i for i in range(groups) for _ in range(8)]
with contextlib.redirect_stdout(io.StringIO()) as printed:
    assert main(["diagnose", "logs/rollouts.arrow"]) == 0
assert "300, 300, 2,400" in printed.getvalue()
pathlib.Path("bad.arrow").write_bytes(b"ARROW1")
with pytest.raises(ValueError, match="bad.arrow: the file is damaged"):
    read_rewards(["bad.arrow"])
""",
    ),
}


def section(title):
    return re.search(rf"^## {title}\n(.*?)^## ", PAGE, re.S | re.M).group(1)


def steps(title):
    """The new file's path and text, and the table's path and new line, as a section gives them."""
    found = re.findall(r"`([\w/]+\.py)`:\n\n```(?:python|text)\n(.*?)```", section(title), re.S)
    (file, text), (table, line) = found
    return file, text, table, line


@pytest.mark.parametrize("title", SECTIONS)
def test_a_method_is_one_file_and_one_line(title, tmp_path):
    file, text, table, line = steps(title)
    above, checks = SECTIONS[title]
    assert len(text.splitlines()) <= MOST_LINES
    assert line.count("\n") == 1
    for folder in ("jwi", "jrft", "experiments", "tests", "docs"):
        shutil.copytree(
            ROOT / folder,
            tmp_path / folder,
            ignore=shutil.ignore_patterns("__pycache__", "_build", "api", "results", "*.ipynb"),
        )
    assert not (tmp_path / file).exists()
    (tmp_path / file).write_text(text, "utf-8")
    old = (tmp_path / table).read_text("utf-8")
    (match,) = re.finditer(above, old)
    (tmp_path / table).write_text(old[: match.end()] + line + old[match.end() :], "utf-8")

    module, name = file.removesuffix(".py").replace("/", "."), Path(file).stem
    script = f"""
import doctest, importlib, runpy, sys
module = importlib.import_module({module!r})
assert doctest.testmod(module) == (0, doctest.testmod(module).attempted)
assert doctest.testmod(module).attempted >= 2 * ("Example:" in {text!r})
{checks}
if module.__name__.count(".") == 2:
    # Its function is a public name of its room.
    room = importlib.import_module(module.__name__.rpartition(".")[0])
    site = runpy.run_path("docs/conf.py")
    assert {name!r} in site["page"](room.__name__, room)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        # Python runs the loops of these small graphs: compiling them takes seconds.
        env=os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_all_walkthroughs_are_tested():
    assert re.findall(r"^## (Add an? .*)", PAGE, re.M) == list(SECTIONS)


@pytest.mark.parametrize("title", SECTIONS)
def test_new_files_pass_the_linter(title):
    file, text, *_ = steps(title)
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            # Rules differ by folder.
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", file, "-"],
            cwd=ROOT,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
