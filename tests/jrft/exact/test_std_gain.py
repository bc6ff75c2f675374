import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft.exact.gain import std_gain

TABULAR = jrft.tabular_policy(3, 2)
TRANSFORMER = jrft.transformer(3, 2, max_prompt=3, width=8, depth=1, heads=2, eos=0)


@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(TABULAR, id="tabular"),
        pytest.param(TRANSFORMER, id="transformer", marks=pytest.mark.slow),
    ],
)
def test_against_finite_differences_in_float64(policy):
    """The std after a small step of SFT, forth and back."""
    with jax.enable_x64(True):
        params = jax.tree.map(lambda x: x.astype(float), policy.init(jax.random.key(0)))
        rewards = jax.random.normal(jax.random.key(1), (9,))
        prompt, other, label = jnp.array([1, 2]), jnp.array([2, 0, 1]), jnp.array([1, 2])
        for labeled in (None, other):
            learned_for = prompt if labeled is None else labeled

            def log_prob(params, learned_for=learned_for):
                return jnp.sum(policy.log_probs(params, learned_for, label))

            score = jax.grad(log_prob)(params)

            def std_after(step, score=score):
                moved = jax.tree.map(lambda p, g: p + step * g, params, score)
                return float(jrft.exact_reward_std(policy, moved, prompt, rewards))

            slope = (std_after(1e-5) - std_after(-1e-5)) / 2e-5
            found = std_gain(policy, params, prompt, rewards, label, labeled_prompt=labeled)
            assert float(found) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
def test_closed_form_of_binary_rewards(p):
    """(1 − 2p) · sqrt(p / (1 − p)) · ‖∇ log p‖², with ∇ log p = e_y − probabilities."""
    policy = jrft.tabular_policy(3, 1)
    probs = np.array([p, 0.7 * (1 - p), 0.3 * (1 - p)])
    score = np.eye(3)[0] - probs
    expected = (1 - 2 * p) * np.sqrt(p / (1 - p)) * (score @ score)
    found = std_gain(policy, jnp.log(probs)[None], [], jnp.array([1.0, -1.0, -1.0]), [0])
    assert float(found) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_constant_rewards_have_no_gain():
    params = TABULAR.init(jax.random.key(0))
    assert float(std_gain(TABULAR, params, [], jnp.full(9, 0.3), [1, 2])) == 0


def test_it_maps_over_labels_in_one_trace():
    params = TABULAR.init(jax.random.key(0))
    rewards = jax.random.normal(jax.random.key(1), (9,))
    labels = jrft.all_completions(3, 2)
    once = chex.assert_max_traces(lambda label: std_gain(TABULAR, params, [], rewards, label), n=1)
    jitted = jax.jit(jax.vmap(once))
    for batch in (labels, labels[::-1]):
        expected = [float(std_gain(TABULAR, params, [], rewards, label)) for label in batch]
        np.testing.assert_allclose(jitted(batch), expected, rtol=1e-5, atol=1e-7)
    # To first order, steps on all labels by their own probability change nothing: E[∇ log p] = 0.
    probs = jnp.exp(jrft.exact_log_probs(TABULAR, params, []))
    assert float(probs @ jitted(labels)) == pytest.approx(0, abs=1e-6)


def test_bad_labels_are_refused():
    params = TABULAR.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"label is int32\[3\]: pass int\[2\], one completion"):
        std_gain(TABULAR, params, [], jnp.zeros(9), jnp.array([0, 1, 2], jnp.int32))
    with pytest.raises(ValueError, match=r"label is float\d+\[2\]: pass int\[2\]"):
        std_gain(TABULAR, params, [], jnp.zeros(9), jnp.zeros(2))
    assert jnp.isnan(std_gain(TABULAR, params, [], jnp.arange(9.0), [0, 7]))
