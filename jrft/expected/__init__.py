"""Exact expectations of what the estimators return."""

from jrft.expected.advantages import ExpectedAdvantages
from jrft.expected.gradients import (
    ExpectedPPOInfo,
    expected_grpo_gradient,
    expected_ppo_gradient,
    expected_reinforce_gradient,
    expected_rloo_gradient,
)

__all__ = [
    "ExpectedAdvantages",
    "ExpectedPPOInfo",
    "expected_grpo_gradient",
    "expected_ppo_gradient",
    "expected_reinforce_gradient",
    "expected_rloo_gradient",
]
