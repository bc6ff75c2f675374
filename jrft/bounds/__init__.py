"""Bounds on the norm of the policy gradient."""

from jrft.bounds.bounds import (
    GradientBounds,
    fisher_certificate,
    gradient_bounds,
    gradient_certificate,
    ppo_certificate,
    theorem_bound,
)
from jrft.bounds.estimate import (
    Estimate,
    EstimatedBounds,
    estimate_bounds,
    estimate_bounds_from,
)
from jrft.bounds.jacobian import jacobian_norm_intervals, jacobian_norms, largest_jacobian_norm

__all__ = [
    "Estimate",
    "EstimatedBounds",
    "GradientBounds",
    "estimate_bounds",
    "estimate_bounds_from",
    "fisher_certificate",
    "gradient_bounds",
    "gradient_certificate",
    "jacobian_norm_intervals",
    "jacobian_norms",
    "largest_jacobian_norm",
    "ppo_certificate",
    "theorem_bound",
]
