"""What all estimators share: sums of completions' scores, weighted, and what is told of them."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PyTree

from jrft.completions import after_end
from jrft.exact.objectives import mean, sqrt, variance
from jrft.policies.policy import Params, Policy, Prompt, check_at_least, check_prompt
from jrft.rewards import check_rewards
from jrft.sampled.sampling import Samples


class GradientInfo(NamedTuple):
    """What the samples behind a gradient tell. All statistics are over completions of one prompt.

    Attributes:
        reward_mean: float[], mean of the n rewards.
        reward_std: float[], their standard deviation with ddof 0, that is, divided by n; exactly 0
            if all are equal.
        gradient_norm: float[], Euclidean norm of the gradient over all parameters.
        rewards: float[n].
        advantages: float[n], what each completion's score was multiplied with; all 0 where RLOO's
            or GRPO's group has no two rewards that differ.
        samples: the n completions and their log-probabilities when drawn.
    """

    reward_mean: Float[Array, ""]
    reward_std: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    rewards: Float[Array, " n"]
    advantages: Float[Array, " n"]
    samples: Samples


class GradientStatistics(NamedTuple):
    """How sure an estimated gradient is, from the spread of its samples.

    Attributes:
        gradient: the mean over samples of advantage · score, a pytree like the parameters, in
            float32 at least.
        standard_error: a pytree like it, the std of one sample's (ddof 1) over √n.
        signal_to_noise: float[], ‖gradient‖ over the root of the summed squared standard errors;
            about 1 where nothing but noise was seen.
    """

    gradient: Params
    standard_error: Params
    signal_to_noise: Float[Array, ""]


def gradient_statistics(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    advantages: ArrayLike,
    *,
    block_size: int | None = None,
) -> GradientStatistics:
    """Standard errors and signal-to-noise ratio of an estimated gradient, parameter by parameter.

    The samples are taken to be independent. With RLOO's or GRPO's advantages they are so but for
    the group's mean and std, which matters the less the larger the group.

    Args:
        policy: the model.
        params: its parameters.
        prompt: int[P], the prompt that was sampled from.
        samples: n ≥ 2 completions.
        advantages: float[n], what each completion's score is multiplied with, such as
            `GradientInfo.advantages`.
        block_size: samples whose gradients are in memory at a time; None for all.

    Returns:
        `GradientStatistics`.

    Raises:
        ValueError: if an argument is malformed or there are fewer than 2 samples.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> params = jnp.zeros((3, 2))
        >>> _, info = jrft.reinforce_gradient(
        ...     jax.random.key(0), policy, params, [], lambda prompt, y: y[0], num_samples=100
        ... )
        >>> told = gradient_statistics(policy, params, [], info.samples, info.advantages)
        >>> told.standard_error.shape, float(told.signal_to_noise) > 3
        ((3, 2), True)
    """
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    check_at_least(2, **{"number of samples": len(completions)})
    weights = check_rewards(advantages, len(completions), "advantages")
    size = checked_block_size(block_size, len(completions))
    return _statistics(params, policy, prompt, completions, weights, size)


def per_sample_gradients(
    policy: Policy, params: Params, prompt: Prompt, samples: Samples, advantages: ArrayLike
) -> Params:
    """What each completion adds to an estimated gradient: advantage · ∇_θ log p_θ(y | x).

    Their mean is the gradient of the estimator whose advantages they are. With advantages of 1 they
    are the scores. All n are in memory; `gradient_statistics` goes in blocks.

    Args:
        policy: the model.
        params: its parameters.
        prompt: int[P], the prompt that was sampled from.
        samples: n completions.
        advantages: float[n], such as `GradientInfo.advantages`.

    Returns:
        A pytree like `params`, with a leading axis n on every leaf.

    Raises:
        ValueError: if an argument is malformed.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> params = jnp.zeros((3, 2))
        >>> gradient, info = jrft.rloo_gradient(
        ...     jax.random.key(0), policy, params, [], lambda prompt, y: y[0], num_samples=8
        ... )
        >>> each = per_sample_gradients(policy, params, [], info.samples, info.advantages)
        >>> each.shape, bool(jnp.allclose(each.mean(axis=0), gradient, atol=1e-6))
        ((8, 3, 2), True)
    """
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    weights = check_rewards(advantages, len(completions), "advantages")
    return _per_sample(params, policy, prompt, completions, weights)


def check_completions(policy: Policy, completions: ArrayLike) -> Int[Array, "n length"]:
    """Sampled completions as an int32 array; ValueError if they are none.

    Token values are checked only when they are known, that is, outside `jax.jit` and `jax.vmap`.
    """
    tokens = jnp.asarray(completions)
    if tokens.ndim != 2 or tokens.shape[0] < 1 or tokens.shape[1] != policy.length:
        raise ValueError(
            f"samples.completions has shape {list(tokens.shape)}: int[n, {policy.length}] of one "
            "prompt is needed, n at least 1"
        )
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(
            f"samples.completions has dtype {tokens.dtype}: integer token ids are needed"
        )
    if not isinstance(tokens, jax.core.Tracer):
        low = np.where(after_end(tokens, policy.eos), -1, 0)
        values = np.asarray(tokens)
        wrong = np.argwhere((values < low) | (values >= policy.vocab_size))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                f"samples.completions has token {values[row, column]} at [{row}, {column}]: tokens "
                f"are 0 … {policy.vocab_size - 1}, and −1 pads after the end of sequence"
            )
    return tokens.astype(jnp.int32)


def gradient_norm(gradient: Params) -> Float[Array, ""]:
    """Euclidean norm over all leaves of a pytree."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)))


def checked_block_size(block_size: int | None, num_samples: int) -> int:
    """The number of samples a block; ValueError if it is none."""
    if block_size is None:
        return num_samples
    check_at_least(1, block_size=block_size)
    return min(block_size, num_samples)


def gradient_info(
    gradient: Params,
    samples: Samples,
    rewards: Float[Array, " n"],
    advantages: Float[Array, " n"],
) -> GradientInfo:
    """What the samples behind a gradient tell."""
    uniform = jnp.full_like(rewards, 1 / rewards.size)
    return GradientInfo(
        reward_mean=mean(uniform, rewards),
        reward_std=sqrt(variance(uniform, rewards)),
        gradient_norm=gradient_norm(gradient),
        rewards=rewards,
        advantages=advantages,
        samples=samples,
    )


def mean_gradient(
    objective: Callable[[Params, PyTree], Float[Array, ""]],
    params: Params,
    samples: PyTree,
    weights: Float[Array, " n"],
    block_size: int,
) -> Params:
    """Gradient of the mean over n samples of weight · objective, in blocks.

    Args:
        objective: of the parameters and one sample, float[].
        params: the parameters.
        samples: arrays of leading axis n.
        weights: float[n].
        block_size: samples that are vmapped at a time. The last block is filled with samples of
            weight 0, so that all are one program.
    """

    def total(params: Params, block: tuple[PyTree, Float[Array, " _"]]) -> Float[Array, ""]:
        samples, weights = block
        values = jax.vmap(objective, in_axes=(None, 0))(params, samples)
        return jnp.sum(weights.astype(values.dtype) * values) / num_samples

    num_samples = len(weights)
    blocks = _cut((samples, weights), block_size)
    if num_samples <= block_size:
        return jax.grad(total)(params, jax.tree.map(lambda leaf: leaf[0], blocks))

    def add(so_far: Params, block: tuple[PyTree, Float[Array, " _"]]) -> tuple[Params, None]:
        return jax.tree.map(jnp.add, so_far, jax.grad(total)(params, block)), None

    gradient = jax.lax.scan(add, _accumulators(params), blocks)[0]
    return jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), gradient, params)


def log_prob(
    policy: Policy, prompt: Int[Array, " prompt"], params: Params, completion: Int[Array, " length"]
) -> Float[Array, ""]:
    """Log-probability of one completion, log p_θ(y | x)."""
    return policy.log_probs(params, prompt, completion).sum()


def _accumulators(params: Params) -> Params:
    """Zeros to add many small terms to: in bfloat16 they would be lost."""
    return jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, jnp.promote_types(leaf.dtype, jnp.float32)), params
    )


def _cut(samples: PyTree, size: int) -> PyTree:
    """Leaves [n, …] as blocks [⌈n / size⌉, size, …], filled with zeros."""

    def cut(leaf: Array) -> Array:
        filling = [(0, -len(leaf) % size)] + [(0, 0)] * (leaf.ndim - 1)
        return jnp.pad(leaf, filling).reshape(-1, size, *leaf.shape[1:])

    return jax.tree.map(cut, samples)


@jax.jit
def _per_sample(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    completions: Int[Array, "n length"],
    weights: Float[Array, " n"],
) -> Params:
    def one(completion: Int[Array, " length"], weight: Float[Array, ""]) -> Params:
        score = jax.grad(functools.partial(log_prob, policy, prompt))(params, completion)
        return jax.tree.map(lambda leaf: weight.astype(leaf.dtype) * leaf, score)

    return jax.vmap(one)(completions, weights)


@functools.partial(jax.jit, static_argnames="block_size")
def _statistics(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    completions: Int[Array, "n length"],
    weights: Float[Array, " n"],
    block_size: int,
) -> GradientStatistics:
    score = jax.grad(functools.partial(log_prob, policy, prompt))
    num_samples = len(weights)

    def add(
        moments: tuple[Float[Array, ""], Params, Params],
        block: tuple[Int[Array, "_ length"], Float[Array, " _"], Float[Array, " _"]],
    ) -> tuple[tuple[Float[Array, ""], Params, Params], None]:
        """Adds a block's count, mean and squared deviations (Chan, Golub and LeVeque, 1979)."""
        completions, weights, present = block
        count, means, squares = moments
        scores = jax.vmap(score, in_axes=(None, 0))(params, completions)
        scores = jax.tree.map(lambda leaf, mean: leaf.astype(mean.dtype), scores, means)
        new_count = present.sum()

        def merge(mean: Array, square: Array, scores: Array) -> tuple[Array, Array]:
            shape = (-1,) + (1,) * mean.ndim
            terms = scores * weights.astype(scores.dtype).reshape(shape)
            kept = present.astype(scores.dtype).reshape(shape)
            own_mean = (kept * terms).sum(axis=0) / new_count
            own_square = (kept * (terms - own_mean[None]) ** 2).sum(axis=0)
            step = own_mean - mean
            total = count + new_count
            return (
                mean + step * new_count / total,
                square + own_square + step**2 * count * new_count / total,
            )

        merged = jax.tree.map(merge, means, squares, scores)
        means, squares = jax.tree.transpose(
            jax.tree.structure(means), jax.tree.structure((0, 0)), merged
        )
        return (count + new_count, means, squares), None

    zeros = _accumulators(params)
    dtype = jnp.result_type(*jax.tree.leaves(zeros))
    start = jnp.zeros((), dtype), zeros, zeros
    blocks = _cut((completions, weights, jnp.ones(num_samples, dtype)), block_size)
    (_, means, squares), _ = jax.lax.scan(add, start, blocks)
    standard_error = jax.tree.map(
        lambda square: jnp.sqrt(square / (num_samples - 1) / num_samples), squares
    )
    noise = gradient_norm(standard_error)
    return GradientStatistics(means, standard_error, gradient_norm(means) / noise)
