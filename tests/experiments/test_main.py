import itertools
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from experiments import demo as demo_module
from experiments.__main__ import main
from experiments.benchmarks import timing
from experiments.benchmarks.__main__ import main as benchmarks_main
from experiments.data import sources
from experiments.studies import STUDIES

RESULTS = Path(demo_module.__file__).parent / "results"


def test_overview_lists_every_experiment(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    for name in STUDIES:
        assert name in shown


def test_unknown_names_are_refused(capsys):
    assert main(["nonsense"]) == 2
    assert "'nonsense' is no experiment" in capsys.readouterr().err


def test_bad_options_are_refused(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["jrft_perfect_exploration", "--no-such-option", "1"])
    assert stop.value.code == 2
    arguments = ["jrft_perfect_exploration", "--smoke", "--out", str(tmp_path)]
    assert main([*arguments, "--num-train", "7"]) == 2
    assert "num_examples=7: pass a positive multiple" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("study", "option", "value", "minimum"),
    [
        ("jrft_perfect_exploration", "width", "-1", 1),
        ("jrft_perfect_exploration", "num-seeds", "0", 1),
        ("jrft_heuristics", "vocab-size", "0", 1),
        ("jrft_heuristics", "length", "-3", 1),
        ("jwi_separation", "num-cases", "-2", 0),
    ],
)
def test_numbers_that_no_study_takes_are_refused(capsys, tmp_path, study, option, value, minimum):
    assert main([study, "--smoke", "--out", str(tmp_path), f"--{option}", value]) == 2
    assert f"--{option} {value}: pass at least {minimum}" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_termination_ends_as_an_interrupt_does(capsys, monkeypatch):
    def execute(name, experiment, config, out):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(demo_module, "execute", execute)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["demo"]) == 143
    assert "repeat the command, and training continues" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_folders_that_cannot_be_written_are_refused(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert main(["jwi_separation", "--smoke", "--out", str(tmp_path / "file" / "runs")]) == 2
    assert "runs cannot be made (Not a directory): pass another" in capsys.readouterr().err


def test_missing_data_say_what_to_do(capsys, tmp_path, monkeypatch):
    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.setenv("EXPERIMENTS_CACHE", str(tmp_path))

    def refuse(*arguments, **settings):
        raise OSError("no network")

    monkeypatch.setattr(sources.pooch, "retrieve", refuse)
    assert main(["jrft_perfect_exploration", "--out", str(tmp_path)]) == 1
    assert "Download it elsewhere to" in capsys.readouterr().err
    # The demo goes on with what is embedded, and says so.
    ran = []

    def execute(name, experiment, config, out):
        ran.append(config.dataset)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_module, "execute", execute)
    assert main(["demo", "--dataset", "cora"]) == 130
    assert ran == ["digits"]
    shown = capsys.readouterr().err
    assert "The embedded graph of digits takes its place" in shown
    assert "training continues from its last checkpoint" in shown


def test_a_run_writes_its_record_and_figures_are_redrawn_from_it(capsys, tmp_path):
    arguments = ["--smoke", "--out", str(tmp_path), "--tag", "short", "--seed", "1"]
    assert main(["jwi_separation", *arguments]) == 0
    record = json.loads((tmp_path / "jwi_separation-short.json").read_text())
    assert record["config"]["seed"] == 1
    assert record["config"]["num_cases"] == 12  # the trial's, not the study's
    figure = tmp_path / "jwi_separation-short.svg"
    drawn = figure.read_bytes()
    figure.unlink()
    assert main(["figures", str(tmp_path)]) == 0
    assert figure.read_bytes() == drawn
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "jwi_separation-short.json",
        "jwi_separation-short.svg",
    ]
    assert "0 of 12 exact separation ranks violate a bound" in capsys.readouterr().out


def test_committed_figures_are_redrawn_from_committed_results(tmp_path):
    results = {path.stem for path in RESULTS.glob("j*.json")}
    assert results == {path.stem for path in RESULTS.glob("j*.svg")}
    # One of each study: its others differ in numbers alone.
    of_studies = [[path for path in results if path.startswith(name)] for name in STUDIES]
    some = {min(paths) for paths in of_studies if paths}
    assert len(some) > 10
    for stem in some:
        shutil.copy(RESULTS / f"{stem}.json", tmp_path)
    assert main(["figures", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.glob("*.svg")} == some


def test_timings_alternate_and_leave_the_first_out(monkeypatch):
    ticks = itertools.count(step=0.03)

    def clock():
        return next(ticks)

    calls = []
    functions = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}
    timings = timing.compare(functions, repeats=2, clock=clock)
    # Every call takes 0.03 s, so that a turn of 0.1 s has four.
    assert calls == ["a", "b", *2 * (4 * ["a"] + 4 * ["b"])]
    np.testing.assert_allclose(timings["a"].seconds, [0.03, 0.03])
    monkeypatch.setattr(timing, "TURN_SECONDS", 0.02)
    calls.clear()
    timing.compare(functions, repeats=2, clock=clock)
    assert calls == 3 * ["a", "b"]
    half = timing.Timing(9.0, timings["a"].seconds / 2)
    assert timing.ratio(half, timings["a"]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="repeats=0: pass a positive number"):
        timing.compare({}, repeats=0)


def test_unknown_benchmarks_are_refused(capsys):
    assert benchmarks_main(["nonsense"]) == 2
    assert "names has nonsense: pass names among" in capsys.readouterr().err
