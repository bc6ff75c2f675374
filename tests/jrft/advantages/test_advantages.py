"""Advantages in a group: against loops, the field's traps, gradients, and jit."""

import functools
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft import keep_mask
from jrft.sampled.rollouts import rollout_budget

# One compilation a shape is quicker than one an operation.
_jitted = jax.jit(jrft.group_advantages, static_argnames="advantages")
# REINFORCE does not center its rewards.
KINDS = [kind for kind in jrft.ESTIMATORS if kind != "reinforce"]


@functools.cache
def method(kind, **settings):
    return functools.partial(jrft.ESTIMATORS[kind], **settings)


def group_advantages(rewards, kind="grpo", outcomes=None, **settings):
    return _jitted(rewards, method(kind, **settings), outcomes=outcomes)


def oracle(group, kind, ddof=0):
    """One group of floats and Nones in plain Python; None where nothing is defined."""
    scored = [r for r in group if r is not None]
    if len(scored) < 2 or max(scored) == min(scored):
        return [0.0] * len(group), [0.0] * len(group)
    mean = math.fsum(scored) / len(scored)
    variance = math.fsum((r - mean) ** 2 for r in scored) / (len(scored) - ddof)

    def advantage(r):
        if kind == "grpo":
            return (r - mean) / math.sqrt(variance)
        if kind == "rloo":
            others = (math.fsum(scored) - r) / (len(scored) - 1)
            return r - others
        return r - mean

    return (
        [0.0 if r is None else advantage(r) for r in group],
        [0.0 if r is None else 1.0 for r in group],
    )


GROUPS = [
    [0.0, 1.0, 0.0, 0.0],
    [0.25, 0.5, 0.75, 1.0],
    [1.0, None, 0.0, 0.5],
    [None, None, None, 0.5],
    [None, None, None, None],
    [0.35, 0.35, 0.35, 0.35],
    [-1.0, -1.0, 1.0, None],
]


def as_array(groups):
    return jnp.array([[jnp.nan if r is None else r for r in group] for group in groups])


@pytest.mark.parametrize(("kind", "ddof"), [("grpo", 0), ("grpo", 1), ("rloo", 0), ("mean", 0)])
def test_against_the_oracle(kind, ddof):
    settings = {"ddof": ddof} if kind == "grpo" else {}
    found = group_advantages(as_array(GROUPS), kind=kind, **settings)
    for i, group in enumerate(GROUPS):
        advantages, weights = oracle(group, kind, ddof)
        np.testing.assert_allclose(found.advantages[i], advantages, atol=1e-6)
        np.testing.assert_array_equal(found.weights[i], weights)


@pytest.mark.parametrize("kind", KINDS)
def test_any_leading_axes_and_one_group_alone(kind):
    rewards = as_array(GROUPS)
    whole = jrft.group_advantages(rewards, method(kind))
    stacked = group_advantages(rewards[:6].reshape(2, 3, 4), kind=kind)
    single = group_advantages(rewards[1], kind=kind)
    np.testing.assert_allclose(stacked.advantages.reshape(6, 4), whole.advantages[:6], rtol=1e-6)
    np.testing.assert_allclose(single.advantages, whole.advantages[1], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [7, 8])
def test_equal_rewards_have_no_residue_to_divide_by(kind, size):
    values = jnp.array([[0.35], [0.4], [0.3], [123.456]], jnp.float32)
    advantages, weights = group_advantages(jnp.repeat(values, size, axis=1), kind=kind)
    assert not np.any(advantages)
    assert not np.any(weights)


def test_one_that_differs_from_seven_equal_ones_is_not_blown_up():
    # A leave-one-out std of √(E[r²] − E[r]²) gave advantages in the thousands here.
    rewards = jnp.array([0.35] + [0.95] * 7, jnp.float32)
    for kind in KINDS:
        assert np.all(
            np.abs(group_advantages(rewards, kind=kind).advantages) <= math.sqrt(7) + 1e-5
        )


@pytest.mark.parametrize("size", [2, 8])
def test_dividing_by_the_std_gives_at_most_the_root_of_g_minus_1(size):
    rewards = np.arange(size) < np.arange(1, size)[:, None]
    advantages = group_advantages(jnp.asarray(rewards, float), kind="grpo").advantages
    assert np.max(np.abs(advantages)) == pytest.approx(math.sqrt(size - 1), rel=1e-5)
    # The expectation for a rare success p: E[s] / (p (1 − p)) → √(G − 1).
    p = 1e-6
    expected = sum(
        math.comb(size, k) * p**k * (1 - p) ** (size - k) * math.sqrt(k * (size - k)) / size
        for k in range(size + 1)
    ) / (p * (1 - p))
    assert expected == pytest.approx(math.sqrt(size - 1), rel=1e-4)


def test_nan_does_not_poison_the_group():
    advantages, weights = group_advantages(jnp.array([jnp.nan, 0.0, 1.0, 1.0]))
    assert np.all(np.isfinite(advantages))
    assert advantages[0] == weights[0] == 0
    # A single score of a group: its sample std is 0/0.
    lone = group_advantages(jnp.array([jnp.nan, jnp.nan, 1.0]), ddof=1)
    np.testing.assert_array_equal(lone.advantages, 0)
    np.testing.assert_array_equal(lone.weights, 0)


def test_outcome_gate_stops_the_phantom_gradient_of_shaping():
    rewards = jnp.array([[0.05, 0.10, 0.02], [0.05, 1.10, 0.02]])
    outcomes = jnp.array([[0, 0, 0], [0, 1, 0]])
    plain, gated = (group_advantages(rewards, outcomes=o).advantages for o in (None, outcomes))
    assert np.max(np.abs(plain[0])) > 1  # full size, from shaping alone
    np.testing.assert_array_equal(gated[0], 0)
    np.testing.assert_array_equal(gated[1], plain[1])
    booleans = group_advantages(rewards, outcomes=outcomes.astype(bool)).advantages
    np.testing.assert_array_equal(booleans, gated)


def test_unknown_outcomes_are_not_differences():
    rewards = jnp.array([0.1, 0.2, 0.3])
    assert not keep_mask(rewards, outcomes=jnp.array([0.0, jnp.nan, 0.0]))
    assert keep_mask(rewards, outcomes=jnp.array([0.0, jnp.nan, 1.0]))


def test_range_of_the_mean_decides_nothing():
    # Kept: low mean, but a difference. Left out: middling mean, no difference.
    rewards = jnp.array([[0.0, 0.0, 0.001], [0.5, 0.5, 0.5]])
    np.testing.assert_array_equal(keep_mask(rewards), [True, False])


@pytest.mark.parametrize("kind", KINDS)
def test_dead_groups_get_no_gradient_from_a_kl_penalty(kind):
    rewards = jnp.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])

    def loss(log_probs, beta):
        advantages, weights = group_advantages(rewards, kind=kind)
        kl = log_probs**2  # any penalty that is not flat
        losses = -advantages * log_probs + beta * kl
        return jnp.sum(weights * losses) / jnp.sum(weights)

    gradient = jax.jit(jax.grad(loss))(jnp.full((2, 3), -0.5), 0.1)
    np.testing.assert_array_equal(gradient[0], 0)
    assert np.all(gradient[1] != 0)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_with_respect_to_rewards_are_finite(kind):
    rewards = jnp.array([[0.3, 0.3, 0.3, 0.3], [0.1, 0.4, 0.2, 0.9]])

    @jax.jit
    def total(rewards):
        return jnp.sum(group_advantages(rewards, kind=kind).advantages ** 2 * jnp.arange(4.0)[None])

    gradient = jax.jit(jax.grad(total))(rewards)
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(gradient[0], 0)
    step = 1e-2
    for j in range(4):
        bump = jnp.zeros((2, 4)).at[1, j].set(step)
        difference = (total(rewards + bump) - total(rewards - bump)) / (2 * step)
        assert gradient[1, j] == pytest.approx(float(difference), rel=0.05, abs=0.05)


def test_one_trace_for_all_rewards_of_a_shape():
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def step(rewards):
        return jrft.group_advantages(rewards, jrft.grpo_advantages).advantages, keep_mask(rewards)

    for group in (GROUPS[0], GROUPS[2], GROUPS[5]):
        advantages, keep = step(as_array([group]))
        np.testing.assert_allclose(advantages[0], oracle(group, "grpo")[0], atol=1e-6)
        assert bool(keep[0]) == any(oracle(group, "grpo")[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: jrft.grpo_advantages(r, ddof=2), "ddof is 2: pass 0"),
        (lambda r: jrft.grpo_advantages(r, epsilon=-1.0), "epsilon is -1.0: pass a number of at"),
        (lambda r: jrft.rloo_advantages(r[:1]), r"rewards have shape \[1\]: pass a group of at l"),
        (lambda r: jrft.mean_advantages(r[None]), r"rewards have shape \[1, 2\]: pass one group"),
    ],
)
def test_bad_arguments_say_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call(jnp.array([0.0, 1.0]))


@pytest.mark.parametrize("kind", jrft.ESTIMATORS)
def test_every_method_is_public_and_a_function_of_one_group(kind):
    name = f"{kind}_advantages"
    assert name in jrft.__all__
    assert getattr(jrft, name) is jrft.ESTIMATORS[kind]
    rewards = jnp.array([1.0, 0.0, 0.25, 0.0])
    order = jnp.array([2, 0, 3, 1])
    found = jrft.ESTIMATORS[kind](rewards)
    assert found.shape == rewards.shape
    # The names of the completions do not matter.
    np.testing.assert_allclose(jrft.ESTIMATORS[kind](rewards[order]), found[order], atol=1e-6)


def expected_mixed(success, sizes):
    return sum(1 - p**g - (1 - p) ** g for p, g in zip(success, sizes, strict=True))


def best_by_enumeration(success, total, minimum, maximum):
    """The largest expected number of mixed groups over all divisions."""

    def divisions(prompts, left):
        if prompts == 0:
            if left == 0:
                yield []
            return
        for size in range(minimum, min(maximum, left) + 1):
            for rest in divisions(prompts - 1, left - size):
                yield [size, *rest]

    return max(expected_mixed(success, sizes) for sizes in divisions(len(success), total))


@pytest.mark.parametrize("total", [6, 11, 17, 24])
def test_budget_is_the_best_division(total):
    success = [0.5, 0.1, 0.97]
    sizes = rollout_budget(jnp.array(success), total, minimum=2, maximum=8)
    assert int(sizes.sum()) == total
    assert int(sizes.min()) >= 2
    assert int(sizes.max()) <= 8
    best = best_by_enumeration(success, total, 2, 8)
    assert expected_mixed(success, [int(g) for g in sizes]) == pytest.approx(best, rel=1e-5)


def test_budget_explores_what_is_uncertain():
    # Same mean; one is known to be hopeless or easy, the other is known.
    draws = jnp.array([[0.05, 0.05], [0.0, 0.1]])
    known, open_ = rollout_budget(draws, 40)
    assert int(known) + int(open_) == 40
    assert int(known) != int(open_)
    averaged = rollout_budget(draws.mean(axis=1), 40)
    assert int(averaged[0]) == int(averaged[1])


def test_budget_under_jit_traces_once():
    chex.clear_trace_counter()
    budget = jax.jit(chex.assert_max_traces(n=1)(lambda p: rollout_budget(p, 20)))
    assert int(budget(jnp.array([0.5, 0.2])).sum()) == 20
    assert int(budget(jnp.array([0.0, 1.0])).sum()) == 20


def test_budget_with_nothing_to_choose():
    np.testing.assert_array_equal(rollout_budget(jnp.array([0.1, 0.9]), 8, minimum=4, maximum=4), 4)
    np.testing.assert_array_equal(rollout_budget(jnp.array([0.1, 0.9]), 4), 2)


@pytest.mark.parametrize(
    ("total", "limits", "message"),
    [
        (3, {}, "total is 3: pass a number between 4"),
        (200, {}, r"128 \(maximum 64 each\)"),
        (8, {"minimum": 0}, "minimum is 0: pass a number between 1 and maximum, 64"),
    ],
)
def test_impossible_budgets_say_so(total, limits, message):
    with pytest.raises(ValueError, match=message):
        rollout_budget(jnp.array([0.1, 0.9]), total, **limits)


@pytest.mark.parametrize("kind", jrft.ESTIMATORS)
@pytest.mark.parametrize("dtype", [bool, jnp.int8, jnp.int32, jnp.bfloat16, jnp.float16])
def test_any_real_dtype_is_computed_in_float32_at_least(kind, dtype):
    rewards = np.array([[1, 0, 0, 1, 0], [1, 1, 1, 1, 1]])
    found = group_advantages(jnp.asarray(rewards, dtype), kind)
    # Integers and booleans become JAX's default floats, of 64 bits in 64-bit mode.
    floats = jnp.float32 if jnp.issubdtype(dtype, jnp.floating) else jnp.zeros(()).dtype
    expected = group_advantages(jnp.asarray(rewards, floats), kind)
    chex.assert_trees_all_equal(found, expected)
    assert found.advantages.dtype == found.weights.dtype == floats
    alone = jrft.ESTIMATORS[kind](jnp.asarray(rewards[0], dtype))
    np.testing.assert_allclose(alone, expected.advantages[0], rtol=1e-6)


def test_many_integers_and_close_rewards_of_low_precision():
    counts = jnp.array([[1] + [0] * 199], jnp.int8)
    np.testing.assert_allclose(group_advantages(counts, "mean").advantages[0, 0], 0.995, rtol=1e-6)
    close = jnp.array([[0.35, 0.36] * 4], jnp.bfloat16)
    found = group_advantages(close, "grpo", ddof=1).advantages[0]
    np.testing.assert_allclose(found[:2], [-math.sqrt(7 / 8), math.sqrt(7 / 8)], rtol=1e-6)


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e20])
def test_tiny_and_huge_rewards_keep_their_advantages(size):
    found = group_advantages(jnp.array([[0, size, 2 * size]]))
    np.testing.assert_allclose(found.advantages[0], [-math.sqrt(1.5), 0, math.sqrt(1.5)], rtol=1e-6)
    gradient = jax.grad(lambda r: jrft.grpo_advantages(r)[0])(jnp.array([0, size, 2 * size]))
    # Advantages do not change with the unit of the rewards, so the gradient is the one of 0, 1, 2.
    unit = jax.grad(lambda r: jrft.grpo_advantages(r)[0])(jnp.array([0.0, 1, 2]))
    np.testing.assert_allclose(gradient * size, unit, rtol=1e-5, atol=1e-6)


def test_infinite_and_complex_rewards_are_refused():
    with pytest.raises(ValueError, match="rewards hold infinite values: clip them"):
        jrft.group_advantages(jnp.array([[0, jnp.inf]]), jrft.mean_advantages)
    with pytest.raises(ValueError, match="outcomes hold infinite values"):
        keep_mask(jnp.array([[0.0, 1.0]]), outcomes=jnp.array([[0.0, jnp.inf]]))
    numbers = jnp.array([[0, 1j]])
    with pytest.raises(ValueError, match=f"rewards have dtype {numbers.dtype}: pass real numbers"):
        keep_mask(numbers)


def test_infinite_rewards_under_a_callers_jit():
    rewards = jnp.array([[jnp.inf, 0.0, 1.0], [-jnp.inf, 0.0, 0.0], [0.0, 1.0, 1.0]])
    assert jax.jit(keep_mask)(rewards).all()
    advantages = jax.jit(lambda r: jrft.group_advantages(r, jrft.mean_advantages).advantages)(
        rewards
    )
    assert jnp.isnan(advantages[:2]).any(axis=1).all()
    assert jnp.isfinite(advantages[2]).all()
