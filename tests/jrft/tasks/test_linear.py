import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import jrft
from jrft.tasks import linear

STARTS = [
    np.array([-3.0, 0.0]),
    np.array([-2.0, 0.5, -0.3]),
    np.array([-4.0, 1.0, 0.0, -1.0, 0.2]),
]


def softmax(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def time_until_right(field, start):
    """By scipy's solver in float64; the target is label 0."""

    def lead(_, logits):
        return logits[0] - logits[1:].max()

    lead.terminal = True
    lead.direction = 1
    found = solve_ivp(field, (0, 1e5), start, events=lead, rtol=1e-9, atol=1e-11)
    return found.t_events[0][0]


def sft_field(_, logits):
    return np.eye(len(logits))[0] - softmax(logits)


def rft_field(_, logits):
    p = softmax(logits)
    return 2 * p[0] * (np.eye(len(logits))[0] - p)


@pytest.mark.parametrize("logits", STARTS, ids=len)
def test_flows_are_the_gradients_of_the_objectives(logits):
    logits = jnp.asarray(logits, jnp.float32)
    for target in range(logits.size):
        rewards = jnp.where(jnp.arange(logits.size) == target, 1.0, -1.0)
        by_reward = jax.grad(jrft.expected_reward)(logits, rewards)
        np.testing.assert_allclose(linear.rft_flow(logits, target), by_reward, atol=1e-6)
        by_likelihood = -jax.grad(jrft.sft_loss)(logits, target)
        np.testing.assert_allclose(linear.sft_flow(logits, target), by_likelihood, atol=1e-6)


def test_gradient_flow_of_the_weights_moves_each_input_by_its_own_flow():
    """∇_W of the summed objectives, times the inputs, is the flow of each input's logits."""
    rng = np.random.default_rng(0)
    inputs = jnp.asarray(np.linalg.qr(rng.normal(size=(5, 5)))[0][:3], jnp.float32)
    weights = jnp.asarray(rng.normal(size=(4, 5)), jnp.float32)
    targets = jnp.array([2, 0, 3])
    rewards = jax.nn.one_hot(targets, 4) * 2 - 1

    def value(weights):
        return jnp.sum(jax.vmap(jrft.expected_reward)(inputs @ weights.T, rewards))

    velocities = inputs @ jax.grad(value)(weights).T
    expected = jax.vmap(linear.rft_flow)(inputs @ weights.T, targets)
    np.testing.assert_allclose(velocities, expected, atol=1e-6)


@pytest.mark.parametrize("num_labels", [2, 3, 10])
@pytest.mark.parametrize("lead", [-0.1, -2.0, -6.0])
def test_closed_times_are_those_of_the_flows(num_labels, lead):
    start = np.zeros(num_labels)
    start[0] = lead
    assert float(linear.sft_time(lead, num_labels)) == pytest.approx(
        time_until_right(sft_field, start), rel=1e-5
    )
    assert float(linear.rft_time(lead, num_labels)) == pytest.approx(
        time_until_right(rft_field, start), rel=1e-5
    )


def test_closed_times_of_two_labels():
    u = np.linspace(-20, -1e-3, 50)
    sft, rft = (1 - u - np.exp(u)) / 2, -(u + np.sinh(u)) / 2
    np.testing.assert_allclose(linear.sft_time(u, 2), sft, rtol=1e-4)
    np.testing.assert_allclose(linear.rft_time(u, 2), rft, rtol=1e-4)


@pytest.mark.parametrize("num_labels", [2, 3, 10])
def test_rft_time_times_variance_tends_to_a_constant(num_labels):
    lead = -12.0
    p = 1 / (1 + (num_labels - 1) * np.exp(-lead))
    product = float(linear.rft_time(lead, num_labels)) * 4 * p * (1 - p)
    assert product == pytest.approx(2 * (num_labels - 1) / num_labels, rel=1e-3)


def test_a_right_label_needs_no_time():
    assert linear.sft_time(jnp.array([0.0, 1.0]), 3).tolist() == [0, 0]
    assert linear.rft_time(jnp.array([0.0, 1.0]), 3).tolist() == [0, 0]


@pytest.mark.parametrize("start", STARTS, ids=len)
def test_bounds_hold_for_any_start(start):
    p = softmax(start)[0]
    rft, sft = time_until_right(rft_field, start), time_until_right(sft_field, start)
    lower = float(linear.rft_time_lower_bound(p, len(start)))
    std = 2 * np.sqrt(p * (1 - p))
    assert 0 < lower <= rft
    assert (1 - p) / std**2 - len(start) / 4 <= lower + 1e-5
    upper = float(linear.sft_time_upper_bound(p, len(start)))
    assert sft <= upper
    assert upper <= 8 * (1 - 1 / len(start)) * np.log(np.sqrt(2) / std) + 1e-5


def test_margin():
    assert float(linear.margin(jnp.array([1.0, 3.0, 2.0]), 1)) == 1
    assert float(linear.margin(jnp.array([1.0, 3.0, 2.0]), 0)) == -2


def test_targets_out_of_range_give_nan():
    for target in (-1, 3):
        assert jnp.isnan(linear.sft_flow(jnp.zeros(3), target)).all()
        assert jnp.isnan(linear.rft_flow(jnp.zeros(3), target)).all()
        assert jnp.isnan(linear.margin(jnp.zeros(3), target))


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r"logits has shape \[2, 2\]: pass float\[K\]"):
        linear.sft_flow(jnp.zeros((2, 2)), 0)
    with pytest.raises(ValueError, match=r"logits has shape \[1\]: .* K at least 2"):
        linear.rft_flow(jnp.zeros(1), 0)
    with pytest.raises(ValueError, match=r"target is float.*pass one integer label"):
        linear.margin(jnp.zeros(3), 0.5)
    for function in (
        linear.sft_time,
        linear.rft_time,
        linear.rft_time_lower_bound,
        linear.sft_time_upper_bound,
    ):
        with pytest.raises(ValueError, match="num_labels is 1: pass at least 2"):
            function(0.5, 1)
