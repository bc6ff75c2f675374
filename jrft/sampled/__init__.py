"""Estimates from sampled completions."""

from jrft.sampled.advantages import group_advantages, keep_mask
from jrft.sampled.estimators import (
    grpo_gradient,
    grpo_gradient_from,
    reinforce_gradient,
    reinforce_gradient_from,
    rloo_gradient,
    rloo_gradient_from,
)
from jrft.sampled.ppo import PPOInfo, ppo_gradient_from
from jrft.sampled.rollouts import rollout_budget
from jrft.sampled.sampling import Samples, sample
from jrft.sampled.scores import (
    GradientInfo,
    GradientStatistics,
    gradient_statistics,
    per_sample_gradients,
)

__all__ = [
    "GradientInfo",
    "GradientStatistics",
    "PPOInfo",
    "Samples",
    "gradient_statistics",
    "group_advantages",
    "grpo_gradient",
    "grpo_gradient_from",
    "keep_mask",
    "per_sample_gradients",
    "ppo_gradient_from",
    "reinforce_gradient",
    "reinforce_gradient_from",
    "rloo_gradient",
    "rloo_gradient_from",
    "rollout_budget",
    "sample",
]
