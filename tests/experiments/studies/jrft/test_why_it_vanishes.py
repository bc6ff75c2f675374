import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.output.record import make_record
from experiments.studies.jrft import why_it_vanishes as study


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def project_by_bisection(logits):
    """The threshold τ at which Σ max(z − τ, 0) = 1, between max z − 1 and max z."""
    low, high = logits.max() - 1, logits.max()
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if np.maximum(logits - middle, 0).sum() > 1 else (low, middle)
    return np.maximum(logits - low, 0)


def test_sparsemax_is_the_projection_onto_the_simplex():
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 10.0):
        logits = scale * rng.normal(size=6)
        found = np.asarray(study.projection_simplex(jnp.asarray(logits, jnp.float32)))
        np.testing.assert_allclose(found, project_by_bisection(logits), atol=1e-5)


def test_sparsemax_jacobian_by_differences():
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        logits = rng.normal(size=5)
        jacobian = np.asarray(jax.jacobian(study.projection_simplex)(jnp.asarray(logits)))
    for i, step in enumerate(1e-6 * np.eye(5)):
        forth, back = project_by_bisection(logits + step), project_by_bisection(logits - step)
        np.testing.assert_allclose(jacobian[:, i], (forth - back) / 2e-6, atol=1e-6)


def test_gradient_norms_in_closed_form():
    probs = np.array([0.1, 0.2, 0.3, 0.4])
    score = np.eye(4)[0] - probs
    norms = study.gradient_norms(jnp.asarray(probs))
    expected = (2 * 0.1 * np.linalg.norm(score), np.linalg.norm(score), 2 * np.sqrt(1 - 1 / 4))
    np.testing.assert_allclose(list(norms.values()), expected, rtol=1e-5)


def test_drawn_probabilities_have_the_std_asked_for():
    stds = np.array([0.9, 0.01])
    probs = study.draw_probs(study.SMOKE, stds)
    right = probs[..., study.TARGET]
    np.testing.assert_allclose(probs.sum(axis=2), 1)
    expected = np.broadcast_to(stds[:, None], right.shape)
    np.testing.assert_allclose(2 * np.sqrt(right * (1 - right)), expected)


def test_the_smoke_run_shows_what_the_study_shows(results):
    links, found = results["links"], results["distances"]
    slopes = list(links["slopes"].values())
    np.testing.assert_allclose(slopes, [2, 0, 0], atol=0.1)
    assert links["largest_sparsemax_norm_outside_support"] == 0
    assert links["largest_share_of_bound"]["softmax, expected reward"] <= 1
    assert links["largest_share_of_bound"]["sparsemax, expected reward"] > 1
    # Half of the pretraining data as rewarded: std about 1; none of them: about 0.
    assert (found["std"][0] > 0.8).all()
    assert (found["std"][1] < 0.3).all()
    np.testing.assert_allclose(found["total_variation"], [0.5, 1], atol=0.1)


def test_what_people_see(results):
    record = make_record("jrft_why_it_vanishes", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 1 + 3 + 2
    assert "softmax, expected reward 2.0" in study.summary(record)
    assert len(study.figure(record).axes) == 3
