"""Exact expectations, by the prefix tree of all completions."""

from jrft.exact.curvature import exact_fisher_vector_product, largest_fisher_eigenvalue
from jrft.exact.eigenvalues import EigenvalueInterval, largest_eigenvalue
from jrft.exact.expectations import (
    RewardDistribution,
    exact_hessian_vector_product,
    exact_log_probs,
    exact_policy_gradient,
    exact_reward_distribution,
    exact_reward_std,
    exact_value,
)
from jrft.exact.gain import std_gain
from jrft.exact.information import exact_entropy, exact_kl
from jrft.exact.objectives import expected_reward, reward_std, sft_loss

__all__ = [
    "EigenvalueInterval",
    "RewardDistribution",
    "exact_entropy",
    "exact_fisher_vector_product",
    "exact_hessian_vector_product",
    "exact_kl",
    "exact_log_probs",
    "exact_policy_gradient",
    "exact_reward_distribution",
    "exact_reward_std",
    "exact_value",
    "expected_reward",
    "largest_eigenvalue",
    "largest_fisher_eigenvalue",
    "reward_std",
    "sft_loss",
    "std_gain",
]
