"""PPO's clipped surrogate, from completions of one prompt that earlier parameters drew."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jrft.completions import after_end
from jrft.policies.policy import Params, Policy, Prompt, check_prompt
from jrft.rewards import check_rewards
from jrft.sampled.sampling import Samples
from jrft.sampled.scores import (
    GradientInfo,
    check_completions,
    checked_block_size,
    gradient_info,
    mean_gradient,
)

_RATIOS = ("token", "sequence")


class PPOInfo(NamedTuple):
    """What the samples behind PPO's gradient tell.

    Attributes:
        gradient: `GradientInfo`; the log-probabilities of its samples are those when drawn.
        clipped_share: float[], share of tokens (or completions, with ratios of sequences) where
            clipping was active, that is, which gave no gradient.
        mean_ratio: float[], mean ratio of the same; 1 where the parameters drew the samples.
    """

    gradient: GradientInfo
    clipped_share: Float[Array, ""]
    mean_ratio: Float[Array, ""]


def ppo_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    advantages: ArrayLike,
    *,
    clip: float = 0.2,
    ratio: str = "token",
    block_size: int | None = None,
) -> tuple[Params, PPOInfo]:
    """Gradient of PPO's clipped surrogate (Schulman et al., 2017), to be ascended.

    The mean over completions of Σ_t min(ρ_t A, clip(ρ_t, 1 − c, 1 + c) A), ρ_t the probability of
    token t under θ over that when it was drawn; with ratios of sequences, of the single term of the
    whole completion's ratio ρ = Π_t ρ_t. Not divided by lengths; no value function, no KL penalty,
    no entropy bonus. At the parameters that drew the samples it is the mean of A ∇ log p.

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], the prompt that was sampled from.
        samples: as `jrft.sample` returns them, with the log-probabilities under the parameters that
            drew them.
        rewards: float[n], for the statistics alone.
        advantages: float[n], the A of each completion, such as rewards minus a value, or those of
            `jrft.group_advantages`.
        clip: the number c, at least 0.
        ratio: "token" or "sequence".
        block_size: samples that are differentiated at a time; None for all.

    Returns:
        The gradient, a pytree like `params`, and `PPOInfo`. Under a caller's `jax.jit` a NaN
        advantage gives NaN.

    Raises:
        ValueError: if an argument is malformed, a known reward or advantage NaN, `clip` negative or
            `ratio` unknown.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> old, new = jnp.zeros((1, 2)), jnp.array([[0.0, 2.0]])
        >>> samples = jrft.sample(jax.random.key(0), policy, old, [], 100)
        >>> rewards = samples.completions[:, 0].astype(float)
        >>> _, info = jrft.ppo_gradient_from(policy, new, [], samples, rewards, rewards - 0.5)
        >>> float(info.clipped_share)
        1.0
    """
    check_clipping(clip, ratio)
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    if samples.log_probs.shape != completions.shape:
        raise ValueError(
            f"samples.log_probs has shape {list(samples.log_probs.shape)}: float"
            f"{list(completions.shape)}, one for each token, is needed"
        )
    values = check_rewards(rewards, len(completions))
    weights = check_rewards(advantages, len(completions), "advantages")
    size = checked_block_size(block_size, len(completions))
    samples = samples._replace(completions=completions)
    return _ppo(params, policy, prompt, samples, values, weights, clip, ratio, size)


def check_clipping(clip: float | Float[Array, ""], ratio: str) -> None:
    """ValueError if a known clip is no distance, or the kind of ratio is unknown."""
    if ratio not in _RATIOS:
        raise ValueError(f"ratio is {ratio!r}: pass one of {', '.join(_RATIOS)}")
    if not isinstance(clip, jax.core.Tracer) and not clip >= 0:
        raise ValueError(f"clip is {clip}: a number of at least 0 is needed")


def surrogate(
    ratios: Float[Array, " n"],
    advantages: Float[Array, ""] | Float[Array, " n"],
    clip: float | Float[Array, ""],
) -> Float[Array, " n"]:
    """PPO's clipped surrogate, min(ρ A, clip(ρ, 1 − c, 1 + c) A), of each ratio ρ."""
    return jnp.minimum(ratios * advantages, jnp.clip(ratios, 1 - clip, 1 + clip) * advantages)


@functools.partial(jax.jit, static_argnames=("ratio", "block_size"))
def _ppo(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    samples: Samples,
    rewards: Float[Array, " n"],
    advantages: Float[Array, " n"],
    clip: float | Float[Array, ""],
    ratio: str,
    block_size: int,
) -> tuple[Params, PPOInfo]:
    def terms(
        params: Params, sample: tuple[Samples, Float[Array, ""]]
    ) -> tuple[Float[Array, " T"], Float[Array, " T"], Bool[Array, " T"]]:
        """Surrogate, ratio and whether it is clipped, of each token or of the completion."""
        drawn, advantage = sample
        log_ratios = policy.log_probs(params, prompt, drawn.completions) - drawn.log_probs
        if ratio == "sequence":
            log_ratios = log_ratios.sum(keepdims=True)
        ratios = jnp.exp(log_ratios)
        terms = surrogate(ratios, advantage, clip)
        return terms, ratios, terms < ratios * advantage

    def objective(params: Params, sample: tuple[Samples, Float[Array, ""]]) -> Float[Array, ""]:
        drawn, _ = sample
        counts = _counts(policy, drawn.completions, ratio)
        return jnp.where(counts, terms(params, sample)[0], 0).sum()

    every = samples, advantages
    gradient = mean_gradient(objective, params, every, jnp.ones(len(advantages)), block_size)
    told = jax.lax.map(functools.partial(terms, params), every, batch_size=block_size)
    counts = jax.vmap(functools.partial(_counts, policy, ratio=ratio))(samples.completions)
    _, ratios, clipped = told
    info = PPOInfo(
        gradient_info(gradient, samples, rewards, advantages),
        jnp.mean(clipped.astype(ratios.dtype), where=counts),
        jnp.mean(ratios, where=counts),
    )
    return gradient, info


def _counts(policy: Policy, completion: Int[Array, " length"], ratio: str) -> Bool[Array, " T"]:
    """Which terms of a completion there are: not those after its end."""
    return jnp.ones(1, bool) if ratio == "sequence" else ~after_end(completion, policy.eos)
