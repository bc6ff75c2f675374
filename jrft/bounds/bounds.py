"""Bounds on the norm of a prompt's policy gradient by the standard deviation of its reward.

All bounds are per prompt. They do not bound the mean gradient of a batch, which may be large while
the gradient of one of its prompts is 0. The converse is false: a large standard deviation does not
imply a large gradient.

Let V be the expected reward of prompt x, STD the standard deviation of its reward over completions,
L the number of tokens of a completion, γ the largest norm of the logits' Jacobian, and F the Fisher
information. Then

    ‖∇V‖ ≤ √λ_max(F) · STD ≤ √(L/2) · γ · STD ≤ 6 · L · γ · STD^(2/3)

The last bound is Theorem 1 of Razin et al. (ICLR 2024), for rewards within [−1, 1]. The first two
are derived here, for any rewards. The first one is the Cauchy–Schwarz inequality for
∇V = E[(r − V) ∇ log p]. For the second one: the scores of the tokens are martingale differences, so
F is the sum over tokens of E[Jᵀ (diag p − p pᵀ) J]; no eigenvalue of diag p − p pᵀ exceeds 1/2.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_prompt
from jrft._numerics import mean, norm, power_of_two, precise, sqrt, variance
from jrft.bounds.jacobian import largest_jacobian_norm
from jrft.exact.curvature import fisher_interval, linearized_log_probs
from jrft.exact.eigenvalues import EigenvalueInterval
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards

# The probability that the upper end of the interval is below the largest Fisher eigenvalue.
_FAILURE_PROBABILITY = 1e-6


class GradientBounds(NamedTuple):
    """The policy gradient of one prompt, and its bounds.

    Attributes:
        value: Float[], V(x; θ), the expected reward.
        reward_std: Float[], STD(x; θ), over the completions of the prompt; no ddof.
        gradient_norm: Float[], ‖∇V‖, Euclidean, over all parameters.
        jacobian_norm: Float[], γ(x; θ).
        fisher_eigenvalue: `EigenvalueInterval` around λ_max(F).
        theorem: Float[], see `theorem_bound`.
        certificate: Float[], see `gradient_certificate`.
        fisher: Float[], see `fisher_certificate`, with the upper end of `fisher_eigenvalue`.
        ppo: Float[], see `ppo_certificate`: it bounds PPO's gradient, not ∇V.
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
) -> GradientBounds:
    """The norm of the exact policy gradient of one prompt, and all bounds on it.

    The theorem needs rewards within [−1, 1]. Larger rewards are divided by their largest magnitude,
    and `theorem` is the bound for these, times that magnitude. The other bounds need no range.

    Args:
        key: For the random start that bounds λ_max(F); nothing else is random.
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        old_value: The baseline V_old of PPO's advantages r − V_old; V(x; θ) if not given.
        block_size: As in `largest_jacobian_norm`.
        num_steps: As in `largest_fisher_eigenvalue`.

    Returns:
        `GradientBounds`. `fisher` fails to be a bound with a probability of 1e-6; the other bounds
        hold up to rounding. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: If an argument is malformed, a known reward is NaN, or there are too many
            completions to enumerate.

    Example:
        A coin whose reward cannot vary more attains the certificate:

        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> bounds = jrft.gradient_bounds(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], jnp.array([1.0, -1.0])
        ... )
        >>> [round(float(x), 4) for x in (bounds.gradient_norm, bounds.certificate, bounds.theorem)]
        [0.7071, 0.7071, 6.0]
    """
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    check_at_least(1, num_steps=num_steps)
    gamma = largest_jacobian_norm(policy, params, prompt, block_size=block_size)
    value, std, gradient_norm, eigenvalue = _moments(
        key, policy, params, prompt, rewards, num_steps
    )
    gap = 0.0 if old_value is None else value - jnp.asarray(old_value, value.dtype)
    scale = jnp.maximum(1, jnp.max(jnp.abs(rewards)))
    return GradientBounds(
        value=value,
        reward_std=std,
        gradient_norm=gradient_norm,
        jacobian_norm=gamma,
        fisher_eigenvalue=eigenvalue,
        theorem=theorem_bound(policy.length, gamma, std, reward_scale=scale),
        certificate=gradient_certificate(policy.length, gamma, std),
        fisher=fisher_certificate(eigenvalue.upper, std),
        ppo=ppo_certificate(policy.length, gamma, std, gap),
    )


@functools.partial(jax.jit, static_argnames="num_steps")
@precise
def _moments(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    num_steps: int,
) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""], EigenvalueInterval]:
    """Value, std, gradient norm and λ_max(F), all from one evaluation of the prefix tree."""
    linearized = linearized_log_probs(policy, params, prompt)
    probs = jnp.exp(linearized.log_probs)
    rewards = rewards.astype(probs.dtype)
    value = mean(probs, rewards)
    unit = power_of_two(rewards)
    # The scores have mean 0: subtracting the value changes nothing but makes the sum accurate.
    gradient = linearized.pull(probs * (rewards - value))
    return (
        value,
        unit * sqrt(variance(probs, rewards / unit)),
        norm(jax.tree.map(lambda leaf: leaf / unit, gradient)) * unit,
        fisher_interval(
            key, linearized, params, num_steps=num_steps, failure_probability=_FAILURE_PROBABILITY
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
        jacobian_norm: Float[…], γ.
        reward_std: Float[…], STD.
        reward_scale: Float[…], a number c with all rewards within [−c, c]; 1 in the paper. The
            bound for r / c, times c, is 6 · L · γ · c^(1/3) · STD^(2/3).

    Returns:
        Float[…].

    Raises:
        ValueError: If `length` is below 1, or a known number negative.

    Example:
        >>> import jrft
        >>> round(float(jrft.theorem_bound(2, 1.0, 0.125)), 5)
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

    One token of two equally likely values attains it.

    Args:
        length: L, tokens of a completion.
        jacobian_norm: Float[…], γ.
        reward_std: Float[…], STD.

    Returns:
        Float[…].

    Raises:
        ValueError: If `length` is below 1, or a known number negative.

    Example:
        >>> import jrft
        >>> float(jrft.gradient_certificate(8, 1.0, 0.125))
        0.25
    """
    gamma, std = _checked(length, jacobian_norm=jacobian_norm, reward_std=reward_std)
    return np.sqrt(length / 2) * gamma * std


def fisher_certificate(
    fisher_eigenvalue: ArrayLike, reward_std: ArrayLike
) -> Float[Array, "*batch"]:
    """The bound √λ_max(F) · STD on ‖∇V‖, for any rewards (derived here).

    Args:
        fisher_eigenvalue: Float[…], λ_max(F), or an upper bound on it.
        reward_std: Float[…], STD.

    Returns:
        Float[…].

    Raises:
        ValueError: If a known number is negative.

    Example:
        >>> import jrft
        >>> float(jrft.fisher_certificate(0.25, 0.5))
        0.25
    """
    largest, std = _checked(1, fisher_eigenvalue=fisher_eigenvalue, reward_std=reward_std)
    return jnp.sqrt(largest) * std


def ppo_certificate(
    length: int, jacobian_norm: ArrayLike, reward_std: ArrayLike, value_gap: ArrayLike
) -> Float[Array, "*batch"]:
    """A bound on PPO's expected gradient, √(L/2) · γ · √(STD² + (V − V_old)²) (derived here).

    It holds for ratios of sequences and advantages r − V_old, for samples of any old parameters and
    for any clip: the gradient after clipping is E_{y~p_θ}[m (r − V_old) ∇ log p_θ], m ∈ {0, 1}.
    Pass γ, STD and V at the parameters θ of the gradient. The bound does not hold for ratios of
    tokens, since the old parameters draw their prefixes.

    Args:
        length: L, tokens of a completion.
        jacobian_norm: Float[…], γ.
        reward_std: Float[…], STD.
        value_gap: Float[…], V − V_old.

    Returns:
        Float[…].

    Raises:
        ValueError: If `length` is below 1, or a known `jacobian_norm` or `reward_std` negative.

    Example:
        >>> import jrft
        >>> float(jrft.ppo_certificate(2, 1.0, 0.3, 0.4))
        0.5
    """
    gamma, std = _checked(length, jacobian_norm=jacobian_norm, reward_std=reward_std)
    return np.sqrt(length / 2) * gamma * jnp.hypot(std, jnp.asarray(value_gap, std.dtype))


def _checked(length: int, **numbers: ArrayLike) -> list[Float[Array, "*batch"]]:
    """The numbers as floats; refuses a length below 1 and known numbers below 0."""
    check_at_least(1, length=length)
    arrays = [jnp.asarray(number, jnp.result_type(number, float)) for number in numbers.values()]
    for name, array in zip(numbers, arrays, strict=True):
        if not isinstance(array, jax.core.Tracer) and np.any(np.asarray(array) < 0):
            raise ValueError(f"{name} is {np.min(array)}: pass a number of at least 0")
    return arrays
