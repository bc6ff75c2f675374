import numpy as np
import pytest

from experiments.output.record import make_record
from experiments.studies.jwi import pruned_training_cost as experiment


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return experiment.run(experiment.SMOKE, tmp_path_factory.mktemp("cost"))


def test_smoke_run(results):
    shape = (experiment.SMOKE.num_seeds, len(experiment.SMOKE.removed))
    for method in experiment.METHODS:
        assert results["test_accuracy"][method].shape == shape
        assert min(results["seconds"][method]) > 0
        # A tenth of the edges: their arrays alone are most of what is saved.
        whole, tenth = results["bytes"][method]
        assert tenth < whole
    whole = [results["test_accuracy"][method][:, 0] for method in experiment.METHODS]
    np.testing.assert_allclose(*whole, atol=0.02)
    assert whole[0].min() > 0.2


def test_what_people_see(results):
    record = make_record("jwi_pruned_training_cost", experiment.SMOKE, results, 1.0)
    assert [row[0] for row in experiment.table(record)] == ["edges kept", "100 %", "10 %"]
    results = {
        "test_accuracy": {"one-walk-index": [[0.8, 0.7], [0.9, 0.8]]},
        "seconds": {"one-walk-index": [0.2, 0.05]},
        "bytes": {"one-walk-index": [2**21, 2**20]},
    }
    measured = make_record("x", experiment.SMOKE, results, 1.0)
    assert experiment.summary(measured) == (
        "With 90 % of the edges of digits removed by 1-WIS, a step takes 0.25 of the time and 0.50 "
        "of the memory that it takes with 0 % removed, at 75.0 % test accuracy instead of 85.0 %."
    )
    assert len(experiment.figure(record).axes) == 3
