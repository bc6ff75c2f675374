import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft

LOGITS = np.array([0.3, -1.2, 2.0, 0.0])
REWARDS = np.array([1.0, -1.0, 0.25, -0.5])


def distribution(logits):
    p = np.exp(logits - logits.max())
    return p / p.sum()


def numpy_value(logits, rewards):
    return float(distribution(logits) @ rewards)


def numpy_std(logits, rewards):
    p = distribution(logits)
    return float(np.sqrt(p @ (rewards - p @ rewards) ** 2))


def numpy_nll(logits, target):
    return float(np.log(np.exp(logits).sum()) - logits[target])


def finite_differences(f, x, step=1e-6):
    rows = np.eye(len(x)) * step
    return np.array([(f(x + row) - f(x - row)) / (2 * step) for row in rows])


CASES = {
    "expected_reward": (jrft.expected_reward, numpy_value, REWARDS),
    "reward_std": (jrft.reward_std, numpy_std, REWARDS),
    "sft_loss": (jrft.sft_loss, numpy_nll, 2),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_value_and_gradient_agree_with_float64_numpy(name, wrap):
    function, oracle, argument = CASES[name]
    with jax.enable_x64(True):
        value = wrap(function)(jnp.asarray(LOGITS), argument)
        gradient = wrap(jax.grad(function))(jnp.asarray(LOGITS), argument)
        np.testing.assert_allclose(value, oracle(LOGITS, argument), rtol=1e-12)
    expected = finite_differences(lambda x: oracle(x, argument), LOGITS)
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_gradient_of_expected_reward_is_p_times_advantage():
    p, value = distribution(LOGITS), numpy_value(LOGITS, REWARDS)
    gradient = jax.grad(jrft.expected_reward)(jnp.asarray(LOGITS), jnp.asarray(REWARDS))
    np.testing.assert_allclose(gradient, p * (REWARDS - value), rtol=2e-5)


def test_gradient_with_respect_to_rewards_is_the_distribution():
    gradient = jax.grad(jrft.expected_reward, argnums=1)(jnp.asarray(LOGITS), jnp.asarray(REWARDS))
    np.testing.assert_allclose(gradient, distribution(LOGITS), rtol=1e-5)


@pytest.mark.parametrize("constant", [0.1, -1.0, 1e6])
def test_constant_rewards_have_exactly_zero_std_and_gradient(constant):
    logits, rewards = jnp.asarray(LOGITS), jnp.full(4, constant)
    value, value_gradient = jax.value_and_grad(jrft.expected_reward)(logits, rewards)
    std, std_gradient = jax.value_and_grad(jrft.reward_std)(logits, rewards)
    assert value == rewards[0]
    assert std == 0
    np.testing.assert_array_equal(value_gradient, 0)
    np.testing.assert_array_equal(std_gradient, 0)


@pytest.mark.parametrize("logit", [-12.0, -40.0, -80.0])
def test_tiny_std_is_accurate_in_float32(logit):
    logits = np.array([0.0, logit], np.float32)
    rewards = np.array([-1.0, 1.0], np.float32)
    p = 1 / (1 + np.exp(-np.float64(logit)))
    std = jrft.reward_std(jnp.asarray(logits), jnp.asarray(rewards))
    np.testing.assert_allclose(std, 2 * np.sqrt(p * (1 - p)), rtol=1e-4)


def test_probability_one_in_float32_has_finite_loss_and_gradient():
    logits = jnp.array([0.0, 200.0], jnp.float32)
    loss, gradient = jax.value_and_grad(jrft.sft_loss)(logits, 0)
    assert loss == 200
    np.testing.assert_allclose(gradient, [-1, 1])


def test_vmaps_over_inputs_in_one_trace():
    chex.clear_trace_counter()
    batched = jax.jit(jax.vmap(chex.assert_max_traces(jrft.expected_reward, n=1)))
    logits = np.stack([LOGITS, -LOGITS])
    rewards = np.stack([REWARDS, REWARDS**2])
    for scale in (1.0, 0.5):
        values = batched(jnp.asarray(scale * logits), jnp.asarray(rewards))
        expected = [numpy_value(scale * x, r) for x, r in zip(logits, rewards, strict=True)]
        np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("target", [-1, 4])
def test_target_out_of_range_is_nan(target):
    assert jnp.isnan(jax.jit(jrft.sft_loss)(jnp.asarray(LOGITS), target))


def test_nan_reward_is_nan_even_at_probability_zero():
    logits, rewards = jnp.array([0.0, -jnp.inf]), jnp.array([1.0, jnp.nan])
    assert jnp.isnan(jrft.expected_reward(logits, rewards))
    assert jnp.isnan(jrft.reward_std(logits, rewards))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: jrft.expected_reward(jnp.zeros((2, 3)), jnp.zeros(3)),
            r"logits has shape \[2, 3\]",
        ),
        (
            lambda: jrft.expected_reward(jnp.zeros(3), jnp.zeros(2)),
            r"rewards has shape \[2\].*float\[3\]",
        ),
        (lambda: jrft.reward_std(jnp.zeros(3), jnp.zeros((3, 3))), r"rewards has shape \[3, 3\]"),
        (lambda: jrft.sft_loss(jnp.zeros((2, 3)), 0), r"logits has shape \[2, 3\].*jax\.vmap"),
        (lambda: jrft.sft_loss(jnp.zeros(3), jnp.array(1.0)), r"target is float.*one integer"),
        (lambda: jrft.sft_loss(jnp.zeros(3), jnp.array([1])), r"target is int32\[1\]|int64\[1\]"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
