"""Bounds on the norm of a prompt's policy gradient by the standard deviation of its reward.

All are per input: they say what one prompt's gradient can be, and nothing of a batch, whose mean
gradient may be large while that of one of its prompts is 0. The converse of a bound is false: a
large standard deviation does not make a large gradient.

With V the expected reward of prompt x, STD its reward's standard deviation over completions, L the
tokens of a completion, γ the largest norm of the logits' Jacobian, and F the Fisher information:

    ‖∇V‖ ≤ √λ_max(F) · STD ≤ √(L/2) · γ · STD ≤ 6 · L · γ · STD^(2/3)

The last is Theorem 1 of Razin et al. (ICLR 2024), for rewards within [−1, 1]. The first two are
derived here, for any rewards: ∇V = E[(r − V) ∇ log p], so that Cauchy and Schwarz give the first;
F is the sum over tokens of E[Jᵀ (diag p − p pᵀ) J], the scores of the tokens being martingale
differences, and no eigenvalue of diag p − p pᵀ is above 1/2, which gives the second.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_probability, check_prompt
from jrft._numerics import mean, sqrt, variance
from jrft.bounds.jacobian import largest_jacobian_norm
from jrft.exact.curvature import fisher_interval, linearized_log_probs
from jrft.exact.eigenvalues import EigenvalueInterval
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards


class GradientBounds(NamedTuple):
    """The policy gradient of one prompt, and what bounds it.

    Attributes:
        value: float[], V(x; θ), the expected reward.
        reward_std: float[], STD(x; θ), over the completions of the prompt; no ddof.
        gradient_norm: float[], ‖∇V‖, Euclidean, over all parameters.
        jacobian_norm: float[], γ(x; θ).
        fisher_eigenvalue: `EigenvalueInterval`, of λ_max(F).
        theorem: float[], see `theorem_bound`.
        certificate: float[], see `gradient_certificate`.
        fisher: float[], see `fisher_certificate`; of the upper end of `fisher_eigenvalue`.
        ppo: float[], see `ppo_certificate`: it bounds PPO's gradient, not ∇V.
    """

    value: Float[Array, ""]
    reward_std: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    jacobian_norm: Float[Array, ""]
    fisher_eigenvalue: EigenvalueInterval
    theorem: Float[Array, ""]
    certificate: Float[Array, ""]
    fisher: Float[Array, ""]
    ppo: Float[Array, ""]


def gradient_bounds(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    old_value: ArrayLike | None = None,
    block_size: int = 16,
    num_steps: int = 32,
    failure_probability: float = 1e-6,
) -> GradientBounds:
    """The exact policy gradient's norm of one prompt, and all bounds on it.

    Rewards beyond [−1, 1] are outside of the theorem: `theorem` is then that of the rewards divided
    by their largest magnitude, multiplied with it. The other bounds do not ask for a range.

    Args:
        key: of the random start with which λ_max(F) is bounded; nothing else is random.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].
        old_value: the baseline V_old of PPO's advantages r − V_old; V(x; θ) if not given.
        block_size: as in `largest_jacobian_norm`.
        num_steps: as in `largest_fisher_eigenvalue`.
        failure_probability: as in `largest_fisher_eigenvalue`: that `fisher` is no bound. All
            others are exact up to rounding.

    Returns:
        `GradientBounds`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: if an argument is malformed, a known reward is NaN, or there are too many
            completions to enumerate.

    Examples:
        A coin whose reward cannot vary more attains the certificate:

        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> bounds = gradient_bounds(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], jnp.array([1.0, -1.0])
        ... )
        >>> [round(float(x), 4) for x in (bounds.gradient_norm, bounds.certificate, bounds.theorem)]
        [0.7071, 0.7071, 6.0]
    """
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    check_at_least(1, num_steps=num_steps)
    check_probability(failure_probability=failure_probability)
    gamma = largest_jacobian_norm(policy, params, prompt, block_size=block_size)
    value, std, norm, eigenvalue = _moments(
        params, policy, prompt, rewards, key, num_steps, float(failure_probability)
    )
    gap = 0.0 if old_value is None else value - jnp.asarray(old_value, value.dtype)
    scale = jnp.maximum(1, jnp.max(jnp.abs(rewards)))
    return GradientBounds(
        value=value,
        reward_std=std,
        gradient_norm=norm,
        jacobian_norm=gamma,
        fisher_eigenvalue=eigenvalue,
        theorem=theorem_bound(policy.length, gamma, std, reward_scale=scale),
        certificate=gradient_certificate(policy.length, gamma, std),
        fisher=fisher_certificate(eigenvalue.upper, std),
        ppo=ppo_certificate(policy.length, gamma, std, gap),
    )


@functools.partial(jax.jit, static_argnames=("num_steps", "failure_probability"))
def _moments(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    key: PRNGKeyArray,
    num_steps: int,
    failure_probability: float,
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""], EigenvalueInterval]:
    """Value, std, gradient norm and λ_max(F) from one evaluation of the prefix tree."""
    linearized = linearized_log_probs(policy, params, prompt)
    probs = jnp.exp(linearized.log_probs)
    rewards = rewards.astype(probs.dtype)
    value = mean(probs, rewards)
    # The scores have mean 0, so that what is subtracted only makes the sum accurate.
    gradient = linearized.pull(probs * (rewards - value))
    return (
        value,
        sqrt(variance(probs, rewards)),
        sqrt(jnp.sum(ravel_pytree(gradient)[0] ** 2)),
        fisher_interval(
            key, linearized, params, num_steps=num_steps, failure_probability=failure_probability
        ),
    )


def theorem_bound(
    length: int,
    jacobian_norm: ArrayLike,
    reward_std: ArrayLike,
    *,
    reward_scale: ArrayLike = 1.0,
) -> Float[Array, "*batch"]:
    """The paper's bound on ‖∇V‖, 6 · L · γ · STD^(2/3) (Razin et al., ICLR 2024, Theorem 1).

    Args:
        length: L, tokens of a completion.
        jacobian_norm: float[…], γ.
        reward_std: float[…], STD.
        reward_scale: float[…], c with all rewards within [−c, c]; the paper's is 1. The bound of
            r / c, times c, is 6 · L · γ · c^(1/3) · STD^(2/3).

    Returns:
        float[…].

    Raises:
        ValueError: if `length` is below 1, or a known number negative.

    Examples:
        >>> round(float(theorem_bound(2, 1.0, 0.125)), 5)
        3.0
    """
    gamma, std = _checked(length, jacobian_norm=jacobian_norm, reward_std=reward_std)
    (scale,) = _checked(length, reward_scale=reward_scale)
    # The derivative of the power is infinite at 0.
    is_zero = std == 0
    power = jnp.where(is_zero, 0, jnp.where(is_zero, 1, std) ** (2 / 3))
    return 6 * length * gamma * jnp.cbrt(scale) * power


def gradient_certificate(
    length: int, jacobian_norm: ArrayLike, reward_std: ArrayLike
) -> Float[Array, "*batch"]:
    """A sharper bound on ‖∇V‖ than the paper's, √(L/2) · γ · STD, for any rewards (derived here).

    Attained: by one token of two equally likely values, for instance.

    Args:
        length: L, tokens of a completion.
        jacobian_norm: float[…], γ.
        reward_std: float[…], STD.

    Returns:
        float[…].

    Raises:
        ValueError: if `length` is below 1, or a known number negative.

    Examples:
        >>> float(gradient_certificate(8, 1.0, 0.125))
        0.25
    """
    gamma, std = _checked(length, jacobian_norm=jacobian_norm, reward_std=reward_std)
    return np.sqrt(length / 2) * gamma * std


def fisher_certificate(
    fisher_eigenvalue: ArrayLike, reward_std: ArrayLike
) -> Float[Array, "*batch"]:
    """The bound √λ_max(F) · STD on ‖∇V‖, for any rewards (derived here).

    Args:
        fisher_eigenvalue: float[…], λ_max(F), or what is above it.
        reward_std: float[…], STD.

    Returns:
        float[…].

    Raises:
        ValueError: if a known number is negative.

    Examples:
        >>> float(fisher_certificate(0.25, 0.5))
        0.25
    """
    largest, std = _checked(1, fisher_eigenvalue=fisher_eigenvalue, reward_std=reward_std)
    return jnp.sqrt(largest) * std


def ppo_certificate(
    length: int, jacobian_norm: ArrayLike, reward_std: ArrayLike, value_gap: ArrayLike
) -> Float[Array, "*batch"]:
    """A bound on PPO's expected gradient, √(L/2) · γ · √(STD² + (V − V_old)²) (derived here).

    Of the surrogate with ratios of sequences and advantages r − V_old, under samples of any old
    parameters and for any clip: what clipping leaves of it is E_{y~p_θ}[m (r − V_old) ∇ log p_θ],
    m ∈ {0, 1}. γ, STD and V are those at θ, where the gradient is taken. Surrogates with ratios of
    tokens, whose prefixes stay those of the old parameters, are not covered.

    Args:
        length: L, tokens of a completion.
        jacobian_norm: float[…], γ.
        reward_std: float[…], STD.
        value_gap: float[…], V − V_old.

    Returns:
        float[…].

    Raises:
        ValueError: if `length` is below 1, or a known `jacobian_norm` or `reward_std` negative.

    Examples:
        >>> float(ppo_certificate(2, 1.0, 0.3, 0.4))
        0.5
    """
    gamma, std = _checked(length, jacobian_norm=jacobian_norm, reward_std=reward_std)
    return np.sqrt(length / 2) * gamma * jnp.hypot(std, jnp.asarray(value_gap, std.dtype))


def _checked(length: int, **numbers: ArrayLike) -> list[Float[Array, "*batch"]]:
    """The numbers as floats; ValueError if the length or a known number makes no sense."""
    check_at_least(1, length=length)
    arrays = [jnp.asarray(number, jnp.result_type(number, float)) for number in numbers.values()]
    for name, array in zip(numbers, arrays, strict=True):
        if not isinstance(array, jax.core.Tracer) and np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} is {np.min(array)}: a number of at least 0 is needed")
    return arrays
