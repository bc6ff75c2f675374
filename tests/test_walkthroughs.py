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
# Of each section: the line of the table that the new line stands below, and checks of the result.
SECTIONS = {
    "Add an estimator": (
        "from jrft.advantages.mean import mean_advantages as mean_advantages\n",
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
}


def section(title):
    return re.search(rf"^## {title}\n(.*?)^## ", PAGE, re.S | re.M).group(1)


def steps(title):
    """The new file's path and text, and the table's path and new line, as a section gives them."""
    found = re.findall(r"`([\w/]+\.py)`:\n\n```python\n(.*?)```", section(title), re.S)
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
            ignore=shutil.ignore_patterns("_build", "results", "*.ipynb"),
        )
    assert not (tmp_path / file).exists()
    (tmp_path / file).write_text(text, "utf-8")
    old = (tmp_path / table).read_text("utf-8")
    assert old.count(above) == 1
    (tmp_path / table).write_text(old.replace(above, above + line), "utf-8")

    module, name = file.removesuffix(".py").replace("/", "."), Path(file).stem
    script = f"""
import doctest, importlib, runpy, sys
module = importlib.import_module({module!r})
assert doctest.testmod(module) == (0, doctest.testmod(module).attempted)
assert doctest.testmod(module).attempted >= 2
{checks}
room = importlib.import_module({".".join(module.split(".")[:2])!r})
site = runpy.run_path("docs/conf.py")
assert {name!r} in site["page"](room.__name__, room)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_all_walkthroughs_are_tested():
    assert re.findall(r"^## (Add an? .*)", PAGE, re.M) == list(SECTIONS)


@pytest.mark.parametrize("title", SECTIONS)
def test_new_files_pass_the_linter(title, tmp_path):
    file, text, *_ = steps(title)
    path = tmp_path / Path(file).name
    path.write_text(text, "utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    config = ["--config", ROOT / "pyproject.toml"]
    for command in (["check"], ["format", "--check"]):
        done = subprocess.run(
            [*ruff, *command, *config, path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
