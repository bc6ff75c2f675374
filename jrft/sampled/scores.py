"""Scores of completions: weighted sums of them, single ones, and their statistics."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PyTree

from jrft._checks import check_completions, check_prompt, check_rewards, checked_block_size
from jrft._numerics import in_blocks, mean, norm, sqrt, variance
from jrft.policies.devices import over_samples, own_copies
from jrft.policies.policy import Params, Policy, Prompt
from jrft.sampled.sampling import Samples


class GradientInfo(NamedTuple):
    """Statistics of the samples behind a gradient, over completions of one prompt.

    Attributes:
        reward_mean: Float[], mean of the n rewards.
        reward_std: Float[], their standard deviation with ddof 0; exactly 0 if all are equal.
        gradient_norm: Float[], Euclidean norm of the gradient over all parameters.
        rewards: Float[n].
        advantages: Float[n], the factor of each completion's score; all 0 for RLOO and GRPO if all
            rewards are equal.
        samples: The n completions and their log-probabilities when drawn.
    """

    reward_mean: Float[Array, ""]
    reward_std: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    rewards: Float[Array, " n"]
    advantages: Float[Array, " n"]
    samples: Samples


class GradientStatistics(NamedTuple):
    """Standard errors of an estimated gradient.

    Attributes:
        gradient: The mean over samples of advantage · score, a pytree like the parameters, in
            float32 at least.
        standard_error: A pytree like the gradient, the std of a sample's contribution (ddof 1)
            divided by √n.
        signal_to_noise: Float[], ‖gradient‖ over the root of the summed squared standard errors;
            about 1 if the samples show nothing but noise.
    """

    gradient: Params
    standard_error: Params
    signal_to_noise: Float[Array, ""]


class _Moments(NamedTuple):
    """Number of samples so far, and for each parameter their mean and squared deviations."""

    num_samples: Float[Array, ""]
    means: Params
    squares: Params


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

    Assumes independent samples. RLOO's and GRPO's advantages share the group's mean and std, an
    error that shrinks as the group grows.

    Args:
        policy: The model.
        params: Its parameters.
        prompt: Int[P], the prompt that was sampled from.
        samples: At least 2 completions.
        advantages: Float[n], the factor of each completion's score, such as
            `GradientInfo.advantages`.
        block_size: The number of samples whose gradients are in memory at a time; None for all.

    Returns:
        `GradientStatistics`.

    Raises:
        ValueError: If an argument is malformed or there are fewer than 2 samples.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> params = jnp.zeros((3, 2))
        >>> _, info = jrft.reinforce_gradient(
        ...     jax.random.key(0), policy, params, [], lambda prompt, y: y[0], num_samples=100
        ... )
        >>> statistics = gradient_statistics(policy, params, [], info.samples, info.advantages)
        >>> statistics.standard_error.shape, float(statistics.signal_to_noise) > 3
        ((3, 2), True)
    """
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    if len(completions) < 2:
        raise ValueError("samples.completions holds 1 completion: pass at least 2")
    weights = check_rewards(advantages, len(completions), "advantages")
    size = checked_block_size(block_size, len(completions))
    return _statistics(policy, params, prompt, completions, weights, size)


def per_sample_gradients(
    policy: Policy, params: Params, prompt: Prompt, samples: Samples, advantages: ArrayLike
) -> Params:
    """The contribution of each completion to an estimated gradient: advantage · ∇_θ log p_θ(y | x).

    Their mean is the estimated gradient. With advantages of 1 they are the scores. All n are in
    memory at once; `gradient_statistics` works in blocks.

    Args:
        policy: The model.
        params: Its parameters.
        prompt: Int[P], the prompt that was sampled from.
        samples: The n completions.
        advantages: Float[n], such as `GradientInfo.advantages`.

    Returns:
        A pytree like `params`, with a leading axis n on every leaf.

    Raises:
        ValueError: If an argument is malformed.

    Example:
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
    return _per_sample(policy, params, prompt, completions, weights)


def gradient_info(
    gradient: Params,
    samples: Samples,
    rewards: Float[Array, " n"],
    advantages: Float[Array, " n"],
) -> GradientInfo:
    """Collects the statistics of the samples behind a gradient."""
    uniform = jnp.full_like(rewards, 1 / rewards.size)
    return GradientInfo(
        reward_mean=mean(uniform, rewards),
        reward_std=sqrt(variance(uniform, rewards)),
        gradient_norm=norm(gradient),
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
        objective: A function of the parameters and one sample → float[].
        params: The parameters.
        samples: Arrays of leading axis n.
        weights: Float[n].
        block_size: The number of samples to vmap at a time. Samples of weight 0 fill the last
            block, so that all blocks run one program.
    """

    def total(params: Params, block: tuple[PyTree, Float[Array, " _"]]) -> Float[Array, ""]:
        samples, weights = over_samples(block)
        values = jax.vmap(objective, in_axes=(None, 0))(params, samples)
        return jnp.sum(weights.astype(values.dtype) * values) / num_samples

    num_samples = len(weights)
    params = own_copies(params, samples, weights)
    blocks = in_blocks((samples, weights), block_size)
    if num_samples <= block_size:
        return jax.grad(total)(params, jax.tree.map(lambda leaf: leaf[0], blocks))

    # One block after the other, so that the activations of a single block are in memory.
    def add(so_far: Params, block: tuple[PyTree, Float[Array, " _"]]) -> tuple[Params, None]:
        return jax.tree.map(jnp.add, so_far, jax.grad(total)(params, block)), None

    gradient = jax.lax.scan(add, accumulators(params), blocks)[0]
    return jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), gradient, params)


def log_prob(
    policy: Policy, prompt: Int[Array, " prompt"], params: Params, completion: Int[Array, " length"]
) -> Float[Array, ""]:
    """Log-probability of one completion, log p_θ(y | x)."""
    return policy.log_probs(params, prompt, completion).sum()


def accumulators(params: Params) -> Params:
    """Zeros in float32 at least: in bfloat16 a sum would lose many small terms."""
    zeros = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, jnp.promote_types(leaf.dtype, jnp.float32)), params
    )
    return own_copies(zeros, params)


@jax.jit
def _per_sample(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    completions: Int[Array, "n length"],
    weights: Float[Array, " n"],
) -> Params:
    params = own_copies(params, prompt, completions, weights)

    def one(completion: Int[Array, " length"], weight: Float[Array, ""]) -> Params:
        score = jax.grad(functools.partial(log_prob, policy, prompt))(params, completion)
        return jax.tree.map(lambda leaf: weight.astype(leaf.dtype) * leaf, score)

    return jax.vmap(one)(*over_samples((completions, weights)))


@functools.partial(jax.jit, static_argnames="block_size")
def _statistics(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    completions: Int[Array, "n length"],
    weights: Float[Array, " n"],
    block_size: int,
) -> GradientStatistics:
    params = own_copies(params, prompt, completions, weights)
    score = jax.grad(functools.partial(log_prob, policy, prompt))
    num_samples = len(weights)

    def add(
        moments: _Moments,
        block: tuple[Int[Array, "_ length"], Float[Array, " _"], Float[Array, " _"]],
    ) -> tuple[_Moments, None]:
        completions, weights, present = over_samples(block)
        scores = jax.vmap(score, in_axes=(None, 0))(params, completions)
        # Widened before the product: in bfloat16 differences of terms would be lost.
        terms = jax.tree.map(
            lambda leaf, mean: jax.vmap(jnp.multiply)(
                leaf.astype(mean.dtype), weights.astype(mean.dtype)
            ),
            scores,
            moments.means,
        )
        return _merged(moments, terms, present), None

    zeros = accumulators(params)
    dtype = jnp.result_type(*jax.tree.leaves(zeros))
    # Samples that only fill the last block are marked as absent.
    blocks = in_blocks((completions, weights, jnp.ones(num_samples, dtype)), block_size)
    start = _Moments(own_copies(jnp.zeros((), dtype), params), zeros, zeros)
    (_, means, squares), _ = jax.lax.scan(add, start, blocks)
    standard_error = jax.tree.map(
        lambda square: jnp.sqrt(square / (num_samples - 1) / num_samples), squares
    )
    return GradientStatistics(means, standard_error, norm(means) / norm(standard_error))


def _merged(moments: _Moments, terms: Params, present: Float[Array, " block"]) -> _Moments:
    """Adds a block of samples, in two passes over the block (Chan, Golub and LeVeque, 1979)."""
    new_count = present.sum()
    total = moments.num_samples + new_count

    def merge(mean: Array, square: Array, terms: Array) -> tuple[Array, Array]:
        kept = present.astype(terms.dtype).reshape((-1,) + (1,) * mean.ndim)
        own_mean = (kept * terms).sum(axis=0) / new_count
        own_square = (kept * (terms - own_mean[None]) ** 2).sum(axis=0)
        step = own_mean - mean
        # The deviations from the common mean: own ones, and the distance of the two means.
        return (
            mean + step * new_count / total,
            square + own_square + step**2 * moments.num_samples * new_count / total,
        )

    merged = jax.tree.map(merge, moments.means, moments.squares, terms)
    outer, inner = jax.tree.structure(moments.means), jax.tree.structure((0, 0))
    return _Moments(total, *jax.tree.transpose(outer, inner, merged))
