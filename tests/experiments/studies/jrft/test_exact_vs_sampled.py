from dataclasses import replace

import numpy as np
import pytest

from experiments.output.record import make_record
from experiments.studies.jrft.exact_vs_sampled import study


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


METHODS = ("sft", "exact", "rloo-2", "ppo-4")


def test_all_methods_start_from_one_checkpoint_and_rft_learns_where_the_std_is_large(results):
    starts = [results[name]["changed/reward_std"][0] for name in METHODS]
    np.testing.assert_allclose(starts, np.broadcast_to(starts[0], (len(METHODS), 2)), rtol=1e-5)
    assert (starts[0] < 0.05).all()
    assert (results["exact"]["unchanged/reward"][-1] > 0.9).all()
    for name in METHODS[1:]:
        assert results[name]["unchanged/reward"][-1].mean() > 0.7
        sft = results["sft"]["changed/reward"][-1].mean()
        assert results[name]["changed/reward"][-1].mean() < sft - 0.2


def test_what_people_see(results):
    record = make_record("jrft_exact_vs_sampled", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 1 + 1 + len(METHODS)
    assert "where SFT reaches" in study.summary(record)
    assert len(study.figure(record).axes) == 6


def test_unknown_estimators_are_refused_before_anything_is_trained():
    config = replace(study.SMOKE, estimators=("grpo", "actor-critic"))
    with pytest.raises(
        ValueError, match="estimators has 'actor-critic': pass names among ppo, grpo"
    ):
        study.run(config, None)
