"""Exact expectations, by the prefix tree of all completions."""

from jrft.exact.curvature import (
    exact_fisher_vector_product,
    exact_hessian_vector_product,
    largest_fisher_eigenvalue,
)
from jrft.exact.eigenvalues import EigenvalueInterval, largest_eigenvalue
from jrft.exact.expectations import (
    RewardDistribution,
    exact_log_probs,
    exact_policy_gradient,
    exact_reward_distribution,
    exact_reward_std,
    exact_value,
)
from jrft.exact.gain import std_gain
from jrft.exact.information import exact_entropy, exact_kl

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
    "largest_eigenvalue",
    "largest_fisher_eigenvalue",
    "std_gain",
]
