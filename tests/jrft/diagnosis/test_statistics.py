"""Observed statistics, against exact arithmetic; the numeric traps of reward statistics."""

import statistics
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from jrft.diagnosis import group_statistics, reward_log
from jrft.diagnosis.log.statistics import visits


def grouped(rows):
    """Unequal groups as flat arrays."""
    sizes = [len(row) for row in rows]
    flat = np.array([np.nan if r is None else r for row in rows for r in row], float)
    return group_statistics(flat, np.repeat(np.arange(len(rows)), sizes), len(rows))


def test_moments_against_exact_fractions():
    rng = np.random.default_rng(0)
    rows = [list(rng.normal(1e3, 1, n)) for n in (2, 3, 8, 50)]
    found = grouped(rows)
    for i, row in enumerate(rows):
        exact = [Fraction(x) for x in row]
        assert found.mean[i] == pytest.approx(float(statistics.mean(exact)), rel=1e-15)
        assert found.std[i] == pytest.approx(float(statistics.pvariance(exact)) ** 0.5, rel=1e-9)
        assert found.sample_std[i] == pytest.approx(
            float(statistics.variance(exact)) ** 0.5, rel=1e-9
        )
        assert (found.low[i], found.high[i]) == (min(row), max(row))


def test_order_and_interleaving_of_rows_do_not_matter():
    rng = np.random.default_rng(1)
    rewards, groups = rng.random(60), np.repeat(np.arange(6), 10)
    shuffle = rng.permutation(60)
    sorted_, shuffled = (
        group_statistics(rewards[order], groups[order], 6) for order in (slice(None), shuffle)
    )
    for name in ("count", "low", "high"):
        np.testing.assert_array_equal(getattr(sorted_, name), getattr(shuffled, name))
    np.testing.assert_allclose(sorted_.std, shuffled.std, rtol=1e-12)


@pytest.mark.parametrize("value", [0.35, 0.4, 0.3, 1e6 + 0.1, -7.77])
@pytest.mark.parametrize("count", [2, 7, 8, 31])
def test_equal_rewards_have_std_exactly_zero(value, count):
    # √(E[r²] − E[r]²) in float32 leaves about 2e-4 here, which passes for a std above 0.
    row = np.full(count, value, np.float32)
    residue = np.sqrt(np.maximum(np.mean(row**2) - np.mean(row) ** 2, 0))
    found = grouped([list(row)])
    assert found.std[0] == 0
    assert found.all_equal[0]
    assert residue >= 0


def test_the_one_pass_formula_leaves_the_residue_this_guards_against():
    row = np.full(7, 0.35, np.float32)
    square, mean = np.float32(0), np.float32(0)
    for r in row:
        square += r * r
        mean += r
    assert abs(square / 7 - (mean / 7) ** 2) > 0
    assert grouped([list(row)]).std[0] == 0


def test_equality_is_relative():
    assert grouped([[1e-9, 2e-9]]).std[0] > 0  # small, but not equal
    assert grouped([[1e6, 1e6 + 0.01]]).std[0] == 0  # float32 could not tell them apart
    assert grouped([[0.1 + 0.2, 0.3]]).std[0] == 0
    assert grouped([[-1.0, 1.0]]).std[0] == 1


def test_missing_scores_do_not_poison_a_group():
    found = grouped([[1.0, None, 0.0], [None, None], [None, 0.5]])
    np.testing.assert_array_equal(found.count, [2, 0, 1])
    np.testing.assert_array_equal(found.missing, [1, 2, 1])
    assert found.std[0] == 0.5
    assert np.isnan(found.mean[1])
    assert np.isnan(found.std[1])
    assert not found.all_equal[1]  # nothing is known of it
    assert not found.all_equal[2]  # one reward is single, not equal
    assert np.isnan(found.sample_std[2])


def test_std_is_of_the_group_not_of_the_batch():
    rewards = np.repeat([0.0, 1.0, 0.0, 1.0], 8)
    found = group_statistics(rewards, np.repeat(np.arange(4), 8), 4)
    np.testing.assert_array_equal(found.std, 0)
    assert rewards.std() == 0.5


@pytest.mark.parametrize("steps", [[3, 3, 5, 3], [10**12, 10**12, 5, 10**12]])
def test_visits_are_the_groups_of_a_prompt_at_a_step(steps):
    found = visits(np.array([1, 0, 1, 1], np.int32), np.array(steps))
    first = [i for i in range(3) if found.prompts[i] == 1 and found.steps[i] == steps[0]]
    assert list(found.prompts) == [0, 1, 1]
    assert found.visit[0] == found.visit[3] == first[0]
    assert len({*found.visit}) == 3
    assert np.all(np.diff(found.steps[1:]) > 0)


def test_every_shape_of_rewards_is_one_log():
    table = np.array([[0.0, 1.0], [1.0, np.nan]])
    flat = reward_log(table.ravel(), prompt_ids=["a", "a", "b", "b"])
    for log in (
        reward_log(table, prompt_ids=["a", "b"]),
        reward_log(jnp.asarray(table), prompt_ids=["a", "b"]),
        reward_log([[0.0, 1.0], [1.0, None]], prompt_ids=["a", "b"]),
        reward_log([np.array([0.0, 1.0]), np.array([1.0, np.nan])], prompt_ids=["a", "b"]),
    ):
        np.testing.assert_array_equal(log.rewards, flat.rewards)
        np.testing.assert_array_equal(log.prompts, flat.prompts)
        assert list(log.prompt_ids) == ["a", "b"]


def test_groups_of_one_name_are_one_prompt():
    log = reward_log([[0.0], [1.0], [0.5]], prompt_ids=["x", "y", "x"], steps=[1, 1, 2])
    np.testing.assert_array_equal(log.prompts, [0, 1, 0])
    np.testing.assert_array_equal(log.steps, [1, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rewards": [0.0, 1.0]}, "prompt_ids is None: pass a prompt id a reward"),
        ({"rewards": [0.0, 1.0], "prompt_ids": ["a"]}, "1 entries for 2 rewards: pass one a rew"),
        ({"rewards": [[0.0], [1.0]], "prompt_ids": ["a"]}, "1 entries for 2 groups"),
        ({"rewards": [[0.0, np.inf]]}, "1 infinite values: clip them"),
        ({"rewards": [["a", "b"]]}, "rewards must be numbers, NaN or None"),
        ({"rewards": np.zeros((2, 2, 2))}, r"shape \(2, 2, 2\): pass one value a completion"),
        ({"rewards": [[0.0, 1.0]], "outcomes": [[1.0]]}, "outcomes has 1 values"),
        ({"rewards": [[0.0, 1.0]], "components": {"f": [1.0]}}, r"components\['f'\] has 1 values"),
        ({"rewards": [[0.0, 1.0]], "steps": [0.5]}, "steps must be whole numbers"),
        ({"rewards": [[0.0, 1.0]], "steps": [1, 2, 3]}, "steps has 3 entries for 2 rewards"),
    ],
)
def test_bad_input_says_what_to_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        reward_log(**arguments)
