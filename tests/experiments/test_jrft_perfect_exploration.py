from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments import jrft_perfect_exploration as study
from experiments.record import make_record


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


@pytest.mark.parametrize("variant", study.SMOKE.variants)
def test_the_smoke_run_shows_what_the_study_shows(results, variant):
    rft, sft = results[variant]["rft"], results[variant]["sft"]
    # The same checkpoint; large std on unchanged inputs, small on changed ones.
    for name in rft:
        if not name.endswith("/loss_gradient_norm"):
            np.testing.assert_allclose(rft[name][0], sft[name][0], rtol=1e-6)
    start = study.SMOKE.high_reward if variant == "high-reward" else -1
    np.testing.assert_allclose(rft["changed/reward"][0], start, atol=0.02)
    assert (rft["unchanged/reward_std"][0] > 0.6).all()
    assert (rft["changed/reward_std"][0] < 0.1).all()
    assert (rft["unchanged/reward"][-1] > 0.9).all()
    # RFT is behind SFT where the std was small.
    assert (sft["changed/accuracy"][-1] > rft["changed/accuracy"][-1] + 0.3).all()


def test_high_initial_reward_changes_what_is_rewarded_but_not_sft(results):
    plain, high = (results[variant]["sft"] for variant in ("adam", "high-reward"))
    np.testing.assert_array_equal(plain["total/accuracy"], high["total/accuracy"])
    # A wrong label earns 0.5 in place of −1, a right one 1: p → 0.5 + 0.5 p in place of −1 + 2 p.
    expected = 0.5 + 0.25 * (plain["changed/reward"] + 1)
    np.testing.assert_allclose(high["changed/reward"], expected, atol=1e-6)
    np.testing.assert_array_equal(plain["unchanged/reward"], high["unchanged/reward"])


def test_what_people_see(results):
    record = make_record("jrft_perfect_exploration", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 1 + 3 * 2 * 3
    assert "SFT reaches" in study.summary(record)
    assert len(study.figure(record).axes) == 9


def test_a_run_is_a_function_of_its_configuration(results, tmp_path):
    again = study.run(replace(study.SMOKE, variants=("adam",)), tmp_path)
    jax.tree.map(np.testing.assert_array_equal, again["adam"], results["adam"])
