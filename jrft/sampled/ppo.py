"""PPO's clipped surrogate, from completions of one prompt that earlier parameters drew."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jrft._checks import (
    check_completions,
    check_not_negative,
    check_prompt,
    check_rewards,
    checked_block_size,
)
from jrft.completions import after_end
from jrft.policies.policy import Params, Policy, Prompt
from jrft.sampled.sampling import Samples
from jrft.sampled.scores import GradientInfo, gradient_info, mean_gradient


class PPOInfo(NamedTuple):
    """Statistics of the samples behind PPO's gradient.

    Attributes:
        gradient: `GradientInfo`; its samples hold the log-probabilities when drawn.
        clipped_share: Float[], the share of ratios where clipping was active and gave no gradient.
        mean_ratio: Float[], the mean ratio; 1 at the parameters that drew the samples.
    """

    gradient: GradientInfo
    clipped_share: Float[Array, ""]
    mean_ratio: Float[Array, ""]


class _Drawn(NamedTuple):
    """Samples with their rewards and advantages."""

    samples: Samples
    rewards: Float[Array, " n"]
    advantages: Float[Array, " n"]


_Ratios = Callable[
    [Float[Array, " T"], Bool[Array, " T"]], tuple[Float[Array, " R"], Bool[Array, " R"]]
]
"""(log-ratios of tokens, which tokens exist) → (log-ratios, which exist) of the surrogate."""


def ppo_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    advantages: ArrayLike,
    *,
    clip: float | Float[Array, ""] = 0.2,
    block_size: int | None = None,
) -> tuple[Params, PPOInfo]:
    """Gradient of PPO's clipped surrogate with ratios of tokens, to be ascended.

    The surrogate is the mean over completions of Σ_t min(ρ_t A, clip(ρ_t, 1 − c, 1 + c) A), where
    ρ_t is the probability of token t under θ, divided by its probability when drawn. It is not
    divided by lengths, and has no value function, KL penalty or entropy bonus. At the parameters
    that drew the samples the gradient is the mean of A ∇ log p.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], the prompt that was sampled from.
        samples: As `jrft.sample` returns them, with the log-probabilities under the parameters that
            drew them.
        rewards: Float[n], used for the statistics only.
        advantages: Float[n], the A of each completion, such as rewards minus a value, or the result
            of `jrft.grpo_advantages`.
        clip: The number c, at least 0.
        block_size: The number of samples to differentiate at a time; None for all.

    Returns:
        The gradient, a pytree like `params`, and `PPOInfo`. Under a caller's `jax.jit` a NaN
        advantage gives NaN.

    Raises:
        ValueError: If an argument is malformed, a known reward or advantage is NaN, or `clip` is
            negative.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> old, new = jnp.zeros((1, 2)), jnp.array([[0.0, 2.0]])
        >>> samples = jrft.sample(jax.random.key(0), policy, old, [], 100)
        >>> rewards = samples.completions[:, 0].astype(float)
        >>> _, info = jrft.ppo_gradient_from(policy, new, [], samples, rewards, rewards - 0.5)
        >>> float(info.clipped_share)
        1.0

    References:
        Schulman et al., Proximal policy optimization algorithms, 2017.
    """
    drawn = _checked(policy, samples, rewards, advantages)
    check_not_negative(clip=clip)
    size = checked_block_size(block_size, len(drawn.rewards))
    return _ppo(policy, params, check_prompt(policy, prompt), drawn, clip, _of_tokens, size)


def ppo_sequence_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    advantages: ArrayLike,
    *,
    clip: float | Float[Array, ""] = 0.2,
    block_size: int | None = None,
) -> tuple[Params, PPOInfo]:
    """Gradient of PPO's clipped surrogate with ratios of whole completions, ρ = Π_t ρ_t.

    The surrogate is the mean over completions of min(ρ A, clip(ρ, 1 − c, 1 + c) A); see
    `ppo_gradient_from`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> old, new = jnp.zeros((3, 2)), jnp.full((3, 2), jnp.array([0.0, 0.3]))
        >>> samples = jrft.Samples(jnp.array([[1, 1]]), jnp.log(jnp.full((1, 2), 0.5)))
        >>> problem = policy, new, [], samples, jnp.ones(1), jnp.ones(1)
        >>> float(jrft.ppo_gradient_from(*problem)[1].clipped_share)
        0.0
        >>> float(jrft.ppo_sequence_gradient_from(*problem)[1].clipped_share)
        1.0
    """
    drawn = _checked(policy, samples, rewards, advantages)
    check_not_negative(clip=clip)
    size = checked_block_size(block_size, len(drawn.rewards))
    return _ppo(policy, params, check_prompt(policy, prompt), drawn, clip, _of_completions, size)


def surrogate(
    ratios: Float[Array, " n"],
    advantages: Float[Array, ""] | Float[Array, " n"],
    clip: float | Float[Array, ""],
) -> Float[Array, " n"]:
    """PPO's clipped surrogate, min(ρ A, clip(ρ, 1 − c, 1 + c) A), of each ratio ρ."""
    return jnp.minimum(ratios * advantages, jnp.clip(ratios, 1 - clip, 1 + clip) * advantages)


def _checked(policy: Policy, samples: Samples, rewards: ArrayLike, advantages: ArrayLike) -> _Drawn:
    completions = check_completions(policy, samples.completions)
    if samples.log_probs.shape != completions.shape:
        raise ValueError(
            f"samples.log_probs has shape {list(samples.log_probs.shape)}: pass float"
            f"{list(completions.shape)}, one for each token"
        )
    return _Drawn(
        samples._replace(completions=completions),
        check_rewards(rewards, len(completions)),
        check_rewards(advantages, len(completions), "advantages"),
    )


def _of_tokens(
    log_ratios: Float[Array, " T"], present: Bool[Array, " T"]
) -> tuple[Float[Array, " T"], Bool[Array, " T"]]:
    return log_ratios, present


def _of_completions(
    log_ratios: Float[Array, " T"], present: Bool[Array, " T"]
) -> tuple[Float[Array, " 1"], Bool[Array, " 1"]]:
    return log_ratios.sum(keepdims=True), jnp.ones(1, bool)


@functools.partial(jax.jit, static_argnames=("ratios", "block_size"))
def _ppo(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    drawn: _Drawn,
    clip: float | Float[Array, ""],
    ratios: _Ratios,
    block_size: int,
) -> tuple[Params, PPOInfo]:
    def terms(
        params: Params, sample: tuple[Samples, Float[Array, ""]]
    ) -> tuple[Float[Array, " R"], Float[Array, " R"], Bool[Array, " R"], Bool[Array, " R"]]:
        """Surrogate, ratio, whether it is clipped, and whether it exists."""
        one, advantage = sample
        log_ratios = policy.log_probs(params, prompt, one.completions) - one.log_probs
        log_ratios, present = ratios(log_ratios, ~after_end(one.completions, policy.eos))
        values = jnp.exp(log_ratios)
        terms = surrogate(values, advantage, clip)
        # Clipping is active where the minimum is not the unclipped term.
        return terms, values, terms < values * advantage, present

    def objective(params: Params, sample: tuple[Samples, Float[Array, ""]]) -> Float[Array, ""]:
        surrogates, _, _, present = terms(params, sample)
        return jnp.where(present, surrogates, 0).sum()

    every = drawn.samples, drawn.advantages
    equal_weights = jnp.ones(len(drawn.advantages))
    gradient = mean_gradient(objective, params, every, equal_weights, block_size)
    of_sample = functools.partial(terms, params)
    _, values, clipped, present = jax.lax.map(of_sample, every, batch_size=block_size)
    info = PPOInfo(
        gradient_info(gradient, *drawn),
        jnp.mean(clipped.astype(values.dtype), where=present),
        jnp.mean(values, where=present),
    )
    return gradient, info
