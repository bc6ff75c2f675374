"""Exact expectations over all completions of one prompt, by the prefix tree.

Every prefix is evaluated once. Then one backward sweep over the levels reduces the rewards of the
leaves to the root: V(prefix) = Σ_token p(token | prefix) V(prefix, token). Nothing is sampled.
Every function is differentiable in the parameters, and works under `jax.jit` and `jax.vmap`.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PyTree

from jrft._checks import check_prompt
from jrft._numerics import mean, power_of_two, precise, sqrt, variance
from jrft.exact.fold import MEMORY_BUDGET, LogProbs, fold, leaf_log_probs
from jrft.policies.devices import own_copies
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards


def exact_value(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Float[Array, ""]:
    """Expected reward of one prompt, V(x; θ) = E_{y~p_θ(·|x)}[r(x, y)], over all completions.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length] in the order
            of `jrft.all_completions` (see `jrft.reward_table`).
        memory_budget: Bytes to take at most, in addition to rewards and parameters; static under
            `jax.jit`. A larger tree is evaluated in parts, and for the gradient a second time. The
            budget is for one prompt: `jax.vmap` over n prompts takes n times as much.

    Returns:
        Float[] in the precision of the policy's log-probabilities. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: If the prompt or the rewards are malformed, a known reward is NaN, or there are
            too many completions to enumerate, or the memory budget is too small for one prefix.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3)
        >>> uniform = jnp.zeros((7, 2))
        >>> float(jrft.exact_value(policy, uniform, [], lambda prompt, y: jnp.sum(y)))
        1.5
    """
    prompt = check_prompt(policy, prompt)
    return value_of_table(
        policy, params, prompt, all_rewards(policy, prompt, reward), memory_budget
    )


def exact_reward_std(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Float[Array, ""]:
    """Standard deviation of the reward over the completions of one prompt, STD(x; θ).

    It is the std of the whole distribution, so there is no ddof. The law of total variance reduces
    the tree from the leaves to the root, in two passes at every prefix. Constant rewards give
    exactly 0, and the gradient there is defined as 0.

    Args:
        policy: The model.
        params: Its parameters.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        memory_budget: As in `exact_value`.

    Returns:
        Float[], in the unit of the rewards. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: As `exact_value`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=4)
        >>> uniform = jnp.zeros((15, 2))
        >>> float(jrft.exact_reward_std(policy, uniform, [], lambda prompt, y: jnp.sum(y)))
        1.0
    """
    prompt = check_prompt(policy, prompt)
    return _reward_std(policy, params, prompt, all_rewards(policy, prompt, reward), memory_budget)


def exact_policy_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Params:
    """Gradient of the expected reward of one prompt, ∇_θ V(x; θ), over all completions.

    REINFORCE and RLOO estimate it from samples (Razin et al., ICLR 2024, Section 2).

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        memory_budget: As in `exact_value`.

    Returns:
        A pytree like `params`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: As `exact_value`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform = jnp.zeros((1, 2))
        >>> jrft.exact_policy_gradient(policy, uniform, [], jnp.array([0.0, 1.0])).tolist()
        [[-0.25, 0.25]]
    """
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    params = own_copies(params, prompt, rewards)
    return _policy_gradient(policy, params, prompt, rewards, memory_budget)


class RewardDistribution(NamedTuple):
    """The distribution of the reward of one prompt.

    Attributes:
        rewards: Float[K^length], from the smallest to the largest; a reward of several
            completions repeats.
        probs: Float[K^length], the probability of the completion of each; they sum to 1.
    """

    rewards: Float[Array, " completions"]
    probs: Float[Array, " completions"]


def exact_reward_distribution(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> RewardDistribution:
    """The distribution of the reward over the completions of one prompt.

    Args:
        policy: The model.
        params: Its parameters.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        memory_budget: As in `exact_value`.

    Returns:
        `RewardDistribution`; `jnp.cumsum(probs)` is the distribution function at `rewards`.

    Raises:
        ValueError: As `exact_value`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform = jnp.zeros((1, 2))
        >>> rewards, probs = jrft.exact_reward_distribution(policy, uniform, [], lambda x, y: -y[0])
        >>> rewards.tolist(), probs.tolist()
        ([-1.0, 0.0], [0.5, 0.5])
    """
    prompt = check_prompt(policy, prompt)
    return _distribution(policy, params, prompt, all_rewards(policy, prompt, reward), memory_budget)


def exact_log_probs(
    policy: Policy, params: Params, prompt: Prompt, *, memory_budget: int = MEMORY_BUDGET
) -> Float[Array, " completions"]:
    """Log-probability of every completion of one prompt.

    Args:
        policy: The model.
        params: Its parameters.
        prompt: Int[P], −1 pads on the left; may be empty.
        memory_budget: As in `exact_value`.

    Returns:
        Float[K^length] in the order of `jrft.all_completions`, −∞ for completions that repeat an
        earlier one because they ended: the probabilities sum to 1.

    Raises:
        ValueError: If the prompt is malformed or there are too many completions to enumerate.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2, eos=0)
        >>> jnp.exp(jrft.exact_log_probs(policy, jnp.zeros((3, 2)), [])).tolist()
        [0.5, 0.0, 0.25, 0.25]
    """
    return _log_probs(policy, params, check_prompt(policy, prompt), memory_budget)


def _compiled(function: Callable[..., PyTree]) -> Callable[..., PyTree]:
    return jax.jit(precise(function), static_argnames="memory_budget")


@_compiled
def value_of_table(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    memory_budget: int,
) -> Float[Array, ""]:
    """`exact_value` of checked arguments."""
    return fold(_combine_means, policy, (params,), prompt, rewards, memory_budget)


_policy_gradient = _compiled(jax.grad(value_of_table, argnums=1))
_log_probs = _compiled(leaf_log_probs)


@_compiled
def _distribution(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    memory_budget: int,
) -> RewardDistribution:
    order = jnp.argsort(rewards)
    log_probs = leaf_log_probs(policy, params, prompt, memory_budget)
    return RewardDistribution(rewards[order], jnp.exp(log_probs)[order])


@_compiled
def _reward_std(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    memory_budget: int,
) -> Float[Array, ""]:
    unit = power_of_two(rewards)
    scaled = rewards / unit
    # The mean reward of a single completion is its reward, and its variance is 0.
    leaves = scaled, jnp.zeros_like(scaled)
    moments = fold(_combine_moments, policy, (params,), prompt, leaves, memory_budget)
    return unit * sqrt(moments[1])


def _combine_means(log_probs: LogProbs, means: Float[Array, "n K"]) -> Float[Array, " n"]:
    probs = jnp.exp(log_probs[0])
    return jax.vmap(mean)(probs, means.astype(probs.dtype))


def _combine_moments(
    log_probs: LogProbs, moments: tuple[Float[Array, "n K"], Float[Array, "n K"]]
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Means and variances: the law of total variance."""
    probs = jnp.exp(log_probs[0])
    means, variances = (moment.astype(probs.dtype) for moment in moments)
    within = jnp.sum(probs * variances, axis=-1)
    return (
        jax.vmap(mean)(probs, means),
        within + jax.vmap(variance)(probs, means),
    )
