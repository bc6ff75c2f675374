"""README's Python runs, and its demo does."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import jrft
from experiments.studies import STUDIES
from tests.cases.language_models import tiny

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_readme_is_a_front_door():
    assert len(README.splitlines()) <= 120
    above_the_fold = README.split("## ")[0]
    pictures = re.findall(r"!\[.+\]\((.+)\)", above_the_fold)
    # One of each package, drawn from a result file.
    assert [Path(picture).name[:4] for picture in pictures] == ["jwi_", "jrft"]
    for picture in pictures:
        assert (ROOT / picture).with_suffix(".json").is_file()
        assert (ROOT / picture).stat().st_size < 150_000
    pages = re.findall(r"\]\((docs/.+?)\)", README)
    assert len(set(pages)) >= 6
    for page in pages:
        assert (ROOT / page).is_file(), page


def test_examples_run(monkeypatch):
    monkeypatch.setattr(jrft, "smollm2", tiny, raising=False)
    assert len(BLOCKS) == 3
    names = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)
    # The last is about a tiny model here; its own numbers are tested with those of the guide.
    p = np.exp(jrft.exact_log_probs(names["policy"], names["model"].params, names["prompt"]))
    np.testing.assert_allclose(names["std"], np.sqrt(p[0] * p[1]), rtol=1e-4)
    assert "# 0.449" in README
    assert "of norm 21.9" in README


def test_paths_and_commands_named_exist():
    for path in re.findall(r"`(tests/[\w/]+\.py)`", README):
        assert (ROOT / path).is_file(), path
    claims = (ROOT / "docs" / "claims.md").read_text(encoding="utf-8")
    for name in re.findall(r"python -m experiments (\w+)", README + claims):
        assert name in STUDIES or name in ("demo", "figures"), name
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_demo_writes_a_self_contained_report(tmp_path):
    """The command of `make demo` on its smoke configuration, from another directory."""
    dry_run = subprocess.run(
        ["make", "--dry-run", "demo", "DEMO_ARGS=--smoke"],
        cwd=ROOT,
        # Called from make, this one would print its own words between the commands.
        env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=True,
    )
    command = dry_run.stdout.splitlines()[-1].split()
    assert command[0].endswith("bin/python")
    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # A line for each stage where no terminal shows a bar, and the main numbers at the end.
    assert "pretraining: " in done.stderr
    assert "Adam: SFT: " in done.stderr
    assert re.search(r"1/\d+: random 0 % removed: 60 steps", done.stderr)
    assert "edges removed" in done.stdout
    assert "reward std" in done.stdout
    path = tmp_path / done.stdout.splitlines()[-1]
    page = path.read_text(encoding="utf-8")
    assert path.name == "report.html"
    assert page.count("data:image/svg+xml;base64,") == 2
    assert "1-WIS" in page
    assert "SFT reaches" in page
    # Nothing is loaded from elsewhere.
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    left = {p.name for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {"report.html", "jwi_sparsification.json", "jwi_sparsification.svg",
                    "jrft_perfect_exploration.json", "jrft_perfect_exploration.svg"}  # fmt: skip
