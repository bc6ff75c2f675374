"""Exact expectations of the estimators' gradients."""

from jrft.expected.advantages import ExpectedAdvantages, expected_advantages
from jrft.expected.gradients import (
    expected_grpo_gradient,
    expected_policy_gradient,
    expected_reinforce_gradient,
    expected_rloo_gradient,
)
from jrft.expected.ppo import (
    ExpectedPPOInfo,
    expected_ppo_gradient,
    expected_ppo_sequence_gradient,
)

__all__ = [
    "ExpectedAdvantages",
    "ExpectedPPOInfo",
    "expected_advantages",
    "expected_grpo_gradient",
    "expected_policy_gradient",
    "expected_ppo_gradient",
    "expected_ppo_sequence_gradient",
    "expected_reinforce_gradient",
    "expected_rloo_gradient",
]
