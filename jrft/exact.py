"""Exact expectations over all completions of one prompt, by the prefix tree.

Every prefix is evaluated once; then one backward sweep over the levels folds the rewards of the
leaves into the root: V(prefix) = Σ_token p(token | prefix) V(prefix, token). Nothing is sampled.
Everything is differentiable in the parameters, under `jax.jit` and `jax.vmap` too.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft import objectives
from jrft.policy import Params, Policy, Prompt, check_prompt
from jrft.rewards import Reward, all_rewards


def exact_value(
    policy: Policy, params: Params, prompt: Prompt, reward: Reward | ArrayLike
) -> Float[Array, ""]:
    """Expected reward of one prompt, V(x; θ) = E_{y~p_θ(·|x)}[r(x, y)], over all completions.

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length] in the order
            of `jrft.all_completions` (see `jrft.reward_table`).

    Returns:
        float[] in the precision of the policy's log-probabilities. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: if the prompt or the rewards are malformed, a known reward is NaN, or there are
            too many completions to enumerate.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3)
        >>> uniform = jnp.zeros((7, 2))
        >>> float(jrft.exact_value(policy, uniform, [], lambda prompt, y: jnp.sum(y)))
        1.5
    """
    prompt = check_prompt(policy, prompt)
    return _value(params, policy, prompt, all_rewards(policy, prompt, reward))


def exact_reward_std(
    policy: Policy, params: Params, prompt: Prompt, reward: Reward | ArrayLike
) -> Float[Array, ""]:
    """Standard deviation of the reward over the completions of one prompt, STD(x; θ).

    The population's, over the whole distribution, so no ddof. By the law of total variance from the
    leaves to the root, in two passes at every prefix: constant rewards give exactly 0, where the
    gradient is defined as 0.

    Args:
        policy: the model.
        params: its parameters.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].

    Returns:
        float[], in the unit of the rewards. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: as `exact_value`.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=4)
        >>> uniform = jnp.zeros((15, 2))
        >>> float(jrft.exact_reward_std(policy, uniform, [], lambda prompt, y: jnp.sum(y)))
        1.0
    """
    prompt = check_prompt(policy, prompt)
    return _reward_std(params, policy, prompt, all_rewards(policy, prompt, reward))


def exact_policy_gradient(
    policy: Policy, params: Params, prompt: Prompt, reward: Reward | ArrayLike
) -> Params:
    """Gradient of the expected reward of one prompt, ∇_θ V(x; θ), over all completions.

    What REINFORCE, RLOO and their kin estimate from samples (Razin et al., ICLR 2024, Section 2).

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].

    Returns:
        A pytree like `params`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: as `exact_value`.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform = jnp.zeros((1, 2))
        >>> jrft.exact_policy_gradient(policy, uniform, [], jnp.array([0.0, 1.0])).tolist()
        [[-0.25, 0.25]]
    """
    prompt = check_prompt(policy, prompt)
    return _policy_gradient(params, policy, prompt, all_rewards(policy, prompt, reward))


def exact_hessian_vector_product(
    policy: Policy, params: Params, prompt: Prompt, reward: Reward | ArrayLike, vector: Params
) -> Params:
    """Hessian of the expected reward of one prompt times a vector, ∇²_θ V(x; θ) v.

    Forward over reverse: some three times the cost of the gradient, and no matrix in memory. The
    curvature where the gradient vanishes tells a plateau from a saddle.

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].
        vector: v, a pytree like `params`.

    Returns:
        A pytree like `params`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: as `exact_value`.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params, v = jnp.log(jnp.array([[3.0, 1.0]])), jnp.array([[1.0, 0.0]])
        >>> product = jrft.exact_hessian_vector_product(
        ...     policy, params, [], jnp.array([1.0, 0.0]), v
        ... )
        >>> product.round(4).tolist()
        [[-0.09..., 0.09...]]
    """
    prompt = check_prompt(policy, prompt)
    return _hessian_vector(params, vector, policy, prompt, all_rewards(policy, prompt, reward))


class RewardDistribution(NamedTuple):
    """The distribution of the reward of one prompt.

    Attributes:
        rewards: float[K^length], from the smallest to the largest, repeated as completions share
            them.
        probs: float[K^length], the probability of the completion of each; they sum to 1.
    """

    rewards: Float[Array, " completions"]
    probs: Float[Array, " completions"]


def exact_reward_distribution(
    policy: Policy, params: Params, prompt: Prompt, reward: Reward | ArrayLike
) -> RewardDistribution:
    """The distribution of the reward over the completions of one prompt.

    Args:
        policy: the model.
        params: its parameters.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].

    Returns:
        `RewardDistribution`; `jnp.cumsum(probs)` is the distribution function at `rewards`.

    Raises:
        ValueError: as `exact_value`.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform = jnp.zeros((1, 2))
        >>> rewards, probs = jrft.exact_reward_distribution(policy, uniform, [], lambda x, y: -y[0])
        >>> rewards.tolist(), probs.tolist()
        ([-1.0, 0.0], [0.5, 0.5])
    """
    prompt = check_prompt(policy, prompt)
    return _distribution(params, policy, prompt, all_rewards(policy, prompt, reward))


def exact_log_probs(policy: Policy, params: Params, prompt: Prompt) -> Float[Array, " completions"]:
    """Log-probability of every completion of one prompt.

    Args:
        policy: the model.
        params: its parameters.
        prompt: int[P], −1 pads on the left; may be empty.

    Returns:
        float[K^length] in the order of `jrft.all_completions`, −∞ for completions that repeat an
        earlier one because they ended: the probabilities sum to 1.

    Raises:
        ValueError: if the prompt is malformed or there are too many completions to enumerate.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2, eos=0)
        >>> jnp.exp(jrft.exact_log_probs(policy, jnp.zeros((3, 2)), [])).tolist()
        [0.5, 0.0, 0.25, 0.25]
    """
    return _log_probs(params, policy, check_prompt(policy, prompt))


@jax.jit
def _value(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
) -> Float[Array, ""]:
    levels = policy.tree_log_probs(params, prompt)
    values = rewards.astype(levels[0].dtype)
    for log_probs in reversed(levels):
        values = jax.vmap(objectives.mean)(jnp.exp(log_probs), values.reshape(log_probs.shape))
    return values[0]


_policy_gradient = jax.jit(jax.grad(_value))


@jax.jit
def _hessian_vector(
    params: Params,
    vector: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
) -> Params:
    def gradient(params: Params) -> Params:
        return jax.grad(_value)(params, policy, prompt, rewards)

    return jax.jvp(gradient, (params,), (vector,))[1]


@jax.jit
def _distribution(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
) -> RewardDistribution:
    order = jnp.argsort(rewards)
    return RewardDistribution(rewards[order], jnp.exp(_log_probs(params, policy, prompt))[order])


@jax.jit
def _reward_std(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
) -> Float[Array, ""]:
    levels = policy.tree_log_probs(params, prompt)
    means = rewards.astype(levels[0].dtype)
    variances = jnp.zeros_like(means)
    for log_probs in reversed(levels):
        probs, means = jnp.exp(log_probs), means.reshape(log_probs.shape)
        within = jnp.sum(probs * variances.reshape(log_probs.shape), axis=-1)
        variances = within + jax.vmap(objectives.variance)(probs, means)
        means = jax.vmap(objectives.mean)(probs, means)
    return objectives.sqrt(variances[0])


@jax.jit
def _log_probs(
    params: Params, policy: Policy, prompt: Int[Array, " prompt"]
) -> Float[Array, " completions"]:
    levels = policy.tree_log_probs(params, prompt)
    total = jnp.zeros(1, levels[0].dtype)
    for log_probs in levels:
        total = (total[:, None] + log_probs).reshape(-1)
    return total
