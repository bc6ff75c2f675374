"""Bounds on the norm of the policy gradient."""

from jrft.bounds.bounds import (
    GradientBounds,
    fisher_certificate,
    gradient_bounds,
    gradient_certificate,
    ppo_certificate,
    theorem_bound,
)
from jrft.bounds.jacobian import jacobian_norm_intervals, jacobian_norms, largest_jacobian_norm

__all__ = [
    "GradientBounds",
    "fisher_certificate",
    "gradient_bounds",
    "gradient_certificate",
    "jacobian_norm_intervals",
    "jacobian_norms",
    "largest_jacobian_norm",
    "ppo_certificate",
    "theorem_bound",
]
