"""What certainty the calls of the diagnosis ask for."""

import numpy as np
import pytest

import jrft
from jrft.diagnosis.classes import required_probability, share_alike


def test_share_alike_against_a_loop():
    rng = np.random.default_rng(0)
    probability, success = rng.random(40), rng.random(40)
    found = share_alike(probability, success)

    def kind(x):
        return int(x >= 1 / 3) + int(x > 2 / 3)

    for i in range(40):
        same = [p for p, x in zip(probability, success, strict=True) if kind(x) == kind(success[i])]
        assert found[i] == pytest.approx(sum(same) / sum(probability))


def test_share_alike_without_prompts_of_low_std():
    assert share_alike(np.zeros(3), np.array([0.1, 0.5, 0.9])).tolist() == [0, 0, 0]


def test_a_rare_kind_needs_more_certainty():
    count = np.full(2, 8)
    common, rare = required_probability(count, np.array([0.95, 0.05]), 0.9)
    assert rare > common > 0.9


def test_a_kind_never_needs_less_than_many_prompts_of_one_kind_do():
    count = np.array([4, 8, 16, 32])
    alone = required_probability(count, np.ones(4), 0.9)
    np.testing.assert_allclose(alone, [0.95, 14 / 15, 0.92, 0.9 + 0.1 / 9])
    assert (required_probability(count, np.full(4, 0.5), 0.9) > alone).all()


def test_a_handful_of_prompts_with_equal_rewards_is_not_called():
    assert set(jrft.diagnose(np.zeros((5, 8)), reward_range=(0, 1)).labels) == {"too few samples"}
    assert set(jrft.diagnose(np.zeros((20, 8)), reward_range=(0, 1)).labels) == {"too hard"}
