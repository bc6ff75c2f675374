"""Estimates from sampled completions."""

from jrft.sampled.estimators import (
    grpo_gradient,
    grpo_gradient_from,
    policy_gradient,
    policy_gradient_from,
    reinforce_gradient,
    reinforce_gradient_from,
    rloo_gradient,
    rloo_gradient_from,
)
from jrft.sampled.many_prompts import sample_many
from jrft.sampled.ppo import PPOInfo, ppo_gradient_from, ppo_sequence_gradient_from
from jrft.sampled.rollouts import rollout_budget
from jrft.sampled.sampling import (
    Samples,
    antithetic_tokens,
    independent_tokens,
    sample,
    stratified_tokens,
)
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
    "antithetic_tokens",
    "gradient_statistics",
    "grpo_gradient",
    "grpo_gradient_from",
    "independent_tokens",
    "per_sample_gradients",
    "policy_gradient",
    "policy_gradient_from",
    "ppo_gradient_from",
    "ppo_sequence_gradient_from",
    "reinforce_gradient",
    "reinforce_gradient_from",
    "rloo_gradient",
    "rloo_gradient_from",
    "rollout_budget",
    "sample",
    "sample_many",
    "stratified_tokens",
]
