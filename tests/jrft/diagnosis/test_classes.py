"""What certainty the calls of the diagnosis ask for."""

import numpy as np

import jrft
from jrft.diagnosis.verdict.classes import required_probability


def test_fewer_rewards_need_more_certainty():
    found = required_probability(np.array([4, 8, 16, 32]), 0.9)
    np.testing.assert_allclose(found, [0.95, 14 / 15, 0.92, 0.9 + 0.1 / 9])


def test_a_handful_of_prompts_with_equal_rewards_is_not_called():
    assert set(jrft.diagnose(np.zeros((5, 8)), reward_range=(0, 1)).labels) == {"too few samples"}
    assert set(jrft.diagnose(np.zeros((20, 8)), reward_range=(0, 1)).labels) == {"too hard"}
