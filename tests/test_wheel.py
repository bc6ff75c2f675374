"""A wheel is built, installed into an environment of its own, and used from another folder."""

import email
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import jwi

ROOT = Path(__file__).parents[1]


def run(*command, **options):
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in ("jwi", "jrft"):
        shutil.copytree(
            ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    build = f"from setuptools.build_meta import build_wheel; build_wheel({str(out)!r})"
    run(sys.executable, "-c", build, cwd=source)
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The `bin` folder of an environment that has the wheel, and the libraries of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    libraries = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "libraries.pth").write_text("\n".join(libraries), "utf-8")
    return folder / "bin"


@pytest.fixture
def call(installed, tmp_path):
    # Compiling a wheel's loops anew takes seconds: Python runs them here.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"NUMBA_DISABLE_JIT": "1"}
    return lambda command, *words: run(installed / command, *words, cwd=tmp_path, env=environment)


def test_a_wheel_has_all_files_and_no_others(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    info = f"{wheel.name.rsplit('-', 3)[0]}.dist-info"
    tracked = {
        str(path.relative_to(ROOT))
        for package in ("jwi", "jrft")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"jwi/py.typed", "jrft/py.typed", "jrft/diagnosis/report/page/page.html"} <= tracked
    assert {name for name in names if not name.startswith(info)} == tracked
    metadata = email.message_from_bytes(zipfile.ZipFile(wheel).read(f"{info}/METADATA"))
    assert metadata["License-Expression"] == "Apache-2.0"
    addresses = dict(entry.split(", ") for entry in metadata.get_all("Project-URL"))
    assert all(address.startswith("https://arxiv.org/abs/") for address in addresses.values())


def test_commands_are_installed(call, installed):
    for command in ("jwi", "jrft"):
        assert call(command, "--version") == f"{command} {jwi.__version__}\n"
        where = call("python", "-c", f"import {command}; print({command}.__file__)")
        assert where.startswith(str(installed.parent))


def test_an_installed_command_prunes(call, tmp_path):
    rows = ["a,b", "a,c", "b,c", "c,d", "d,e"]
    (tmp_path / "graph.csv").write_text("\n".join(rows) + "\n", "utf-8")
    call("jwi", "prune", "graph.csv", "--labels", "--num-removed", "1", "-o", "fewer.csv")
    kept = (tmp_path / "fewer.csv").read_text("utf-8").split()
    assert len(kept) == 4
    # The triangle can spare an edge, the chain cannot.
    assert {"c,d", "d,e"} < set(kept) < set(rows)


def test_an_installed_command_diagnoses(call, tmp_path):
    groups = [{"prompt": f"p{i}", "reward": [0, 1, 1, 0]} for i in range(8)]
    log = tmp_path / "log.jsonl"
    log.write_text("".join(json.dumps(group) + "\n" for group in groups), "utf-8")
    assert "8 prompts" in call("jrft", "diagnose", log, "--report", "report.html")
    assert "<script>" in (tmp_path / "report.html").read_text("utf-8")
