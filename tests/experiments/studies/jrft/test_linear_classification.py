from dataclasses import replace

import jax
import numpy as np
import pytest

from experiments.output.record import make_record
from experiments.studies.jrft.linear_classification import study
from experiments.studies.jrft.linear_classification.flows import draw_starts


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_the_smoke_run_shows_what_the_study_shows(results):
    found = results["K=3"]
    assert found["rft_slope"] == pytest.approx(-2, abs=0.1)
    assert found["sft_slope"] == pytest.approx(4 / 3, abs=0.15)
    assert found["largest_error_of_solver"] < 1e-5
    assert found["bounds_hold"]
    assert results["curve"]["largest_distance_of_logits"] < 1e-5
    for errors in results["descent"]["largest_relative_error"].values():
        # Half the step size, half the error.
        assert errors[1] == pytest.approx(errors[0] / 2, rel=0.1)
        assert errors[1] < 0.03


def test_what_people_see(results):
    record = make_record("jrft_linear_classification", study.SMOKE, results, 1.0)
    assert study.table(record)[1][0] == "3"
    assert "trace one curve" in study.summary(record)
    assert len(study.figure(record).axes) == 3


def test_starts_have_the_std_asked_for():
    with jax.enable_x64(True):
        stds = np.array([0.9, 0.01])
        logits = np.asarray(draw_starts(study.SMOKE, 4, stds))
    p = np.exp(logits[..., 0]) / np.exp(logits).sum(axis=2)
    expected = np.broadcast_to(stds[:, None], p.shape)
    np.testing.assert_allclose(2 * np.sqrt(p * (1 - p)), expected, rtol=1e-9)


def test_too_few_stds_to_fit_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"fit_below=0\.01 leaves 0 of the stds"):
        study.run(replace(study.SMOKE, fit_below=0.01), tmp_path)
