import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from tests.cases import policies as cases
from tests.oracles import policies as oracles

SETTINGS = {
    "temperature": {"temperature": 0.6},
    "top k": {"top_k": 2},
    "top p": {"top_p": 0.7},
    "min length": {"min_length": 2},
    "all": {"temperature": 1.7, "top_k": 2, "top_p": 0.6, "min_length": 1},
}


def warped_by_numpy(logits, position, eos, *, temperature=1, top_k=None, top_p=None, min_length=0):
    """One row of logits, token by token."""
    logits = np.array(logits, np.float64)
    if eos is not None and position < min_length:
        logits[eos] = -np.inf
    logits /= temperature
    if top_k is not None:
        kept = sorted(range(logits.size), key=lambda token: -logits[token])[:top_k]
        logits[[token for token in range(logits.size) if token not in kept]] = -np.inf
    if top_p is not None:
        probs = np.exp(logits - logits.max())
        probs /= probs.sum()
        total = 0.0
        for token in sorted(range(logits.size), key=lambda token: -logits[token]):
            if total >= top_p:
                logits[token] = -np.inf
            total += probs[token]
    return logits


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", ["tabular with end", "transformer with end"])
def test_exact_probabilities_are_those_of_warped_logits(name, setting):
    policy, settings = cases.POLICIES[name], SETTINGS[setting]
    params = cases.init(policy)
    plain = cases.next_logits(policy, params, cases.PROMPT)

    def logits(prefix):
        return warped_by_numpy(plain(prefix), len(prefix), policy.eos, **settings)

    expected = oracles.probabilities(logits, cases.distinct(policy))
    warped = jrft.warped_policy(policy, **settings)
    actual = np.exp(jrft.exact_log_probs(warped, params, cases.PROMPT))
    leaves = [cases.leaf_of(policy, completion) for completion in cases.distinct(policy)]
    np.testing.assert_allclose(actual[leaves], expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("name", ["tabular with end", "recurrent with end"])
def test_tree_cache_and_teacher_forcing_agree(name, key):
    policy = jrft.warped_policy(cases.POLICIES[name], **SETTINGS["all"])
    params = cases.init(cases.POLICIES[name])
    samples = jrft.sample(key, policy, params, cases.PROMPT, 50)
    forced = cases.forced_log_probs(policy, params, cases.PROMPT, samples.completions)
    np.testing.assert_allclose(samples.log_probs, forced, atol=1e-5)
    leaves = [cases.leaf_of(policy, y) for y in np.asarray(samples.completions)]
    exact = np.asarray(jrft.exact_log_probs(policy, params, cases.PROMPT))[leaves]
    np.testing.assert_allclose(forced.sum(axis=1), exact, atol=1e-5)


def test_gradient_is_finite_and_that_of_the_kept_tokens():
    policy = jrft.tabular_policy(4, 1)
    logits, rewards = jnp.array([[2.0, 1.0, 0.0, -1.0]]), jnp.array([0.0, 1.0, 5.0, 7.0])
    warped = jrft.warped_policy(policy, temperature=0.5, top_k=2)
    gradient = jrft.exact_policy_gradient(warped, logits, [], rewards)

    def value(kept):
        return jax.nn.softmax(kept / 0.5) @ rewards[:2]

    np.testing.assert_allclose(gradient[0, :2], jax.grad(value)(logits[0, :2]), rtol=1e-5)
    np.testing.assert_array_equal(gradient[0, 2:], 0)


def test_ties_with_the_last_of_top_k_stay():
    policy = jrft.warped_policy(jrft.tabular_policy(3, 1), top_k=2)
    log_probs = jrft.exact_log_probs(policy, jnp.array([[1.0, 0.0, 0.0]]), [])
    assert bool(jnp.isfinite(log_probs).all())


def test_equal_settings_share_a_program():
    @jax.jit
    @chex.assert_max_traces(1)
    def value(policy, params):
        return jrft.exact_value(policy, params, [], jnp.arange(9.0))

    for _ in range(2):
        policy = jrft.warped_policy(jrft.tabular_policy(3, 2), temperature=0.5)
        value(policy, jnp.zeros((4, 3)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, "temperature is 0.0: pass a finite number above 0"),
        ({"temperature": float("nan")}, "temperature is nan: pass a finite number above 0"),
        ({"temperature": float("inf")}, "temperature is inf: pass a finite number above 0"),
        ({"top_k": 0}, r"top_k is 0: pass 1 … 3"),
        ({"top_k": 4}, r"top_k is 4: pass 1 … 3"),
        ({"top_p": 0.0}, r"top_p is 0.0: pass a probability above 0"),
        ({"top_p": 1.1}, r"top_p is 1.1: pass a probability above 0"),
        ({"min_length": -1}, "min_length is -1: pass at least 0"),
        ({"min_length": 1}, "min_length is 1: pass 0, or a policy with eos"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        jrft.warped_policy(jrft.tabular_policy(3, 2), **settings)


def test_all_of_the_probability_is_every_token():
    policy, params = jrft.tabular_policy(3, 1), jnp.array([[20.0, 0.0, 0.0]])
    warped = jrft.warped_policy(policy, top_p=1.0)
    log_probs = jrft.exact_log_probs(warped, params, [])
    np.testing.assert_array_equal(log_probs, jrft.exact_log_probs(policy, params, []))


def test_divergence_from_a_policy_that_cannot_draw_all_is_infinite():
    policy = jrft.warped_policy(jrft.tabular_policy(3, 2), top_k=2)
    low, high = (
        jnp.tile(jnp.log(jnp.array([p])), (4, 1)) for p in ([0.6, 0.3, 0.1], [0.1, 0.3, 0.6])
    )
    assert jrft.exact_kl(policy, low, high, []) == jnp.inf
    nearly = jnp.tile(jnp.log(jnp.array([[0.5, 0.4, 0.1]])), (4, 1))
    kept, others = np.array([2, 1]) / 3, np.array([5, 4]) / 9
    expected = 2 * (kept @ np.log(kept / others))
    np.testing.assert_allclose(jrft.exact_kl(policy, low, nearly, []), expected, rtol=1e-5)


def test_expected_ppo_of_tokens_that_cannot_be_drawn_is_finite():
    policy = jrft.warped_policy(jrft.tabular_policy(3, 2), top_k=2)
    old = jnp.tile(jnp.log(jnp.array([[0.6, 0.3, 0.1]])), (4, 1))
    new, advantages = old + 0.1 * jnp.arange(3.0)[None], jnp.arange(9.0) - 4
    gradient, info = jrft.expected_ppo_gradient(policy, new, old, [], advantages)
    assert bool(jnp.isfinite(gradient).all())
    assert bool(jnp.isfinite(info.mean_ratio))
    unclipped, _ = jrft.expected_ppo_gradient(policy, old, old, [], advantages)
    exact = jrft.exact_policy_gradient(policy, old, [], advantages)
    np.testing.assert_allclose(unclipped, exact, atol=1e-6)
