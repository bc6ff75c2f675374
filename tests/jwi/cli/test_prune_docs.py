"""The commands of docs/prune.md do what the page says."""

import re
import shlex
from pathlib import Path

import pytest

import jwi
from jwi.cli import main
from jwi.io import FORMATS
from jwi.order import METHODS

PAGE = (Path(__file__).parents[3] / "docs" / "prune.md").read_text("utf-8")
BLOCKS = re.findall(r"```(sh|python|)\n(.*?)```\n", PAGE, re.S)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(command):
    """Prints what a line of the page prints."""
    program, *arguments = shlex.split(command)
    if program == "cat":
        print(Path(*arguments).read_text(), end="")
    else:
        assert program == "jwi"
        assert main(arguments) == 0


def test_commands_print_what_the_page_shows(folder, capsys):
    shown = 0
    for language, block in BLOCKS:
        if block.startswith("cat > friends.csv"):
            Path("friends.csv").write_text("".join(block.splitlines(keepends=True)[1:-1]))
        elif language == "sh":
            commands = block.splitlines()
            for before, command in zip(["", *commands], commands, strict=False):
                # The page shows what a file holds, and not again the report of the command.
                if command.startswith("cat ") and before.startswith("jwi prune"):
                    capsys.readouterr()
                run(command)
        elif language == "":
            assert capsys.readouterr().out.split("\n\nwrote")[0].strip() == block.strip()
            shown += 1
        else:
            exec(compile(block, "docs/prune.md", "exec"), {})
    assert shown == 7
    sizes = [len(Path(f"friends-{keep}.csv").read_text().splitlines()) for keep in (0.8, 0.6, 0.4)]
    assert sizes == [2 + 7, 2 + 5, 2 + 4]


def test_what_the_page_promises_of_the_graph(folder):
    text = BLOCKS[0][1]
    Path("friends.csv").write_text("".join(text.splitlines(keepends=True)[1:-1]))
    run("jwi prune friends.csv --labels --num-removed 3 -o fewer.csv")
    kept = Path("fewer.csv").read_text()
    assert all(row in kept for row in ("dee,eve,2015\n", "eve,fay,2016\n", "fay,gus,2007\n"))
    assert set(kept.splitlines()) < set(text.splitlines())


def test_methods_and_formats_are_all_named():
    for method in METHODS:
        assert f"`{method}" in PAGE
    for entry in FORMATS.values():
        for suffix in entry.suffixes:
            assert f"`{suffix}`" in PAGE
    assert jwi.order.magnitude_order.__name__ in PAGE
