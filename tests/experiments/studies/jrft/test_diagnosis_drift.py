"""The study of calls in runs that drift: its simulations, and its path from run to figure."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from experiments.output.record import make_record
from experiments.studies.jrft.diagnosis_drift import DRIFTS, SMOKE, figure, run, summary, table


def test_each_drift_moves_prompts_as_it_says():
    logits = {name: drift(np.random.default_rng(0), 400, 6) for name, drift in DRIFTS.items()}
    steps = {name: np.diff(values, axis=0) for name, values in logits.items()}
    assert all(values.shape == (6, 400) for values in logits.values())
    np.testing.assert_array_equal(steps["none"], 0)
    assert steps["random walk"].std() == pytest.approx(0.5, rel=0.05)
    assert (steps["learning"] > 0).all()
    hopeless = logits["learning"][0] < -8
    assert steps["learning"][:, hopeless].max() < 0.01 < steps["learning"].max()
    for name, sign in (("sudden insight", 1), ("sudden forgetting", -1)):
        moved = sign * steps[name]
        assert (moved >= 0).all()
        assert ((moved > 0).sum(axis=0) <= 1).all()
        # A jump comes before a visit with probability 0.08, and then helps or hurts, or does not.
        assert 0.01 < (moved > 0).mean() < 0.08


def test_from_run_to_figure(tmp_path):
    results = run(SMOKE, tmp_path)
    for cell in results.values():
        assert cell["prompts"] == SMOKE.num_prompts * SMOKE.num_repetitions
        assert 0 <= cell["right_low"] <= min(cell["called_low"], cell["low"])
        assert cell["right_learnable"] <= cell["called_learnable"] < cell["prompts"]
        assert 0.3 <= cell["discount"] <= 1
    assert results["none"]["right_learnable"] > 0
    record = make_record("jrft_diagnosis_drift", SMOKE, results, seconds=0.0)
    assert [row[0] for row in table(record)[1:]] == list(DRIFTS)
    assert "(random walk)" in summary(record)
    plt.close(figure(record))
