"""The command line: what it prints and writes, and exit codes that scripts can trust."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jrft.cli import main


@pytest.fixture
def rollouts(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "rollouts.jsonl"
    with path.open("w") as file:
        for i, success in enumerate(np.repeat([0.0, 0.5], 40)):
            for reward in rng.random(32) < success:
                row = {"prompt_id": f"q{i}", "reward": float(reward)}
                file.write(json.dumps(row) + "\n")
    return path


def test_a_table_on_the_terminal(rollouts, capsys):
    assert main(["diagnose", str(rollouts)]) == 0
    out = capsys.readouterr().out
    assert "prompt: prompt_id, reward: reward" in out
    assert "frac_reward_zero_std" in out
    assert "too hard" in out
    assert "SFT first: 40 prompts (50%)" in out
    assert "What does not help" in out
    assert "all 32 rewards are 0" in out


def test_report_and_json(rollouts, tmp_path, capsys):
    page, out = tmp_path / "report.html", tmp_path / "out.json"
    assert main(["diagnose", str(rollouts), "--report", str(page), "--json", str(out)]) == 0
    exported = json.loads(out.read_text())
    assert exported["batch"]["num_prompts"] == 80
    assert exported["prompts"]["id"][:2] == ["q0", "q1"]
    assert exported["prompts"]["class"].count("too hard") == 40
    assert exported["dead_share"] == 0.5
    assert {len(column) for column in exported["prompts"].values()} == {80}
    assert page.read_text().startswith("<!doctype html>")
    assert f"wrote {page}" in capsys.readouterr().out


@pytest.mark.parametrize(("allowed", "code"), [("0.6", 0), ("0.5", 1), ("0.1", 1)])
def test_exit_code_for_dead_prompts(rollouts, capsys, allowed, code):
    assert main(["diagnose", str(rollouts), "--fail-if-dead", allowed]) == code
    assert ("give no useful gradient" in capsys.readouterr().err) == bool(code)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.jsonl"], "missing.jsonl: there is no such file"),
        (["ROLLOUTS", "--reward", "score"], "there is no column 'score'"),
        (["ROLLOUTS", "--fail-if-dead", "50"], "--fail-if-dead is 50.0: pass a share"),
        (["ROLLOUTS", "--threshold", "2"], "--threshold is 2.0"),
        (["ROLLOUTS", "--range", "0", "0.5"], "leave reward_range (0, 0.5)"),
        (["ROLLOUTS", "--report", "/no/such/folder/x.html"], "no folder /no/such/folder,"),
        (["ROLLOUTS", "--json", "/no/such/folder/x.json"], "no folder /no/such/folder,"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(rollouts, capsys, arguments, message):
    given = [str(rollouts) if one == "ROLLOUTS" else one for one in arguments]
    assert main(["diagnose", *given]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.startswith("jrft: ")
    assert error.count("\n") == 1


def test_bad_weights_are_usage_errors(rollouts, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["diagnose", str(rollouts), "--reward", "reward=much"])
    assert exit_.value.code == 2
    assert "the weight of 'reward' is 'much', no number" in capsys.readouterr().err


def test_bad_rows_are_counted_when_skipped(rollouts, capsys):
    with rollouts.open("a") as file:
        file.write("{\n")
    assert main(["diagnose", str(rollouts)]) == 2
    assert "line 2561: this is not JSON" in capsys.readouterr().err
    assert main(["diagnose", str(rollouts), "--skip-bad-rows"]) == 0
    assert "1 bad rows left out" in capsys.readouterr().out


def test_weighted_rewards(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    rows = [{"prompt": "a", "right": i % 2, "form": 1} for i in range(8)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["diagnose", str(path), "--reward", "right=0.8", "--reward", "form=0.2"]) == 0
    out = capsys.readouterr().out
    assert "0.8 × right + 0.2 × form" in out
    assert "share of the variance from right" in out


def test_control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    rows = [{"prompt": f"\x1b[31mred {i % 2}\n", "reward": 0} for i in range(64)]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert main(["diagnose", str(path), "--confidence", "0.5"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_as_a_module_from_another_directory(rollouts, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "jrft", "diagnose", "rollouts.jsonl", "--fail-if-dead", "0.3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "effective share of prompts" in run.stdout


def test_an_interrupted_write_leaves_the_old_file(rollouts, tmp_path, monkeypatch):
    out = tmp_path / "out.json"
    out.write_text("old")

    def interrupt(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    assert main(["diagnose", str(rollouts), "--json", str(out)]) == 130
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json", "rollouts.jsonl"]
