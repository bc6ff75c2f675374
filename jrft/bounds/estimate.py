"""Bounds of a prompt's gradient from samples, for policies too large to enumerate.

The squared norm of a sampled gradient is too large on average, by the variance of the sample. Here
independent groups each give an unbiased gradient g_b, and the mean of ⟨g_b, g_c⟩ over pairs b ≠ c
is unbiased for ‖∇V‖². The Fisher information is a mean over sampled completions y, too:

    F = E_y[Σ_t J_tᵀ (diag p_t − p_t p_tᵀ) J_t],

with the probabilities p_t of the t-th token and the Jacobian J_t of its logits. Only the prefixes
are sampled, so a policy of one token has no error here. No matrix is formed.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_completions, check_prompt, check_rewards
from jrft._numerics import norm
from jrft.advantages import rloo_advantages
from jrft.completions import after_end, log_softmax
from jrft.policies.devices import own_copies
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, map_reward
from jrft.sampled.sampling import Samples, sample
from jrft.sampled.scores import accumulators, log_prob


class Estimate(NamedTuple):
    """A number that was estimated from samples.

    Attributes:
        value: Float[].
        error: Float[], its standard error, by the jackknife.
    """

    value: Float[Array, ""]
    error: Float[Array, ""]


class EstimatedBounds(NamedTuple):
    """What `gradient_bounds` computes, from samples.

    Attributes:
        value: V(x; θ), the expected reward.
        reward_std: STD(x; θ), with ddof 1. Where all rewards are equal it is 0 with error 0: then
            the samples tell nothing, and the std may still be above 0.
        squared_gradient_norm: ‖∇V‖², without bias. It may be negative.
        gradient_norm: Its root, or 0. One error above is the root of the square plus its error.
        fisher_eigenvalue: λ_max(F) of the sampled F, which is too large on average, but for the
            steps that are missing.
        fisher: √λ_max(F) · STD, see `fisher_certificate`.
    """

    value: Estimate
    reward_std: Estimate
    squared_gradient_norm: Estimate
    gradient_norm: Estimate
    fisher_eigenvalue: Estimate
    fisher: Estimate


def estimate_bounds(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int = 64,
    num_groups: int = 8,
    num_steps: int = 16,
) -> EstimatedBounds:
    """Reward std, gradient norm and a bound on it for one prompt, by samples.

    It never enumerates, and so runs on language models. `jrft.gradient_bounds` is exact where all
    completions can be enumerated.

    Args:
        key: A JAX random key, for the samples and for the start of the power iteration.
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float.
        num_samples: The number of completions to draw, a multiple of `num_groups`.
        num_groups: The number of independent gradients, at least 3. One group at a time is in
            memory, with all its logits.
        num_steps: Products with F of the power iteration for λ_max(F). Too few give a value below
            the eigenvalue.

    Returns:
        `EstimatedBounds`.

    Raises:
        ValueError: If the prompt is malformed, or a number does not fit.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> found = jrft.estimate_bounds(
        ...     jax.random.key(0), policy, jnp.log(jnp.array([[3.0, 1.0]])), [], lambda _, y: y[0],
        ...     num_samples=4000,
        ... )
        >>> found.fisher_eigenvalue.value.round(4).item()  # no prefix is sampled: no error
        0.375
        >>> round(found.gradient_norm.value.item(), 1)  # 0.2652 is exact
        0.3
    """
    check_at_least(1, num_samples=num_samples)
    prompt = check_prompt(policy, prompt)
    sample_key, key = jax.random.split(key)
    samples = sample(sample_key, policy, params, prompt, num_samples)
    rewards = map_reward(reward, prompt, samples.completions)
    return estimate_bounds_from(
        key, policy, params, prompt, samples, rewards, num_groups=num_groups, num_steps=num_steps
    )


def estimate_bounds_from(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    num_groups: int = 8,
    num_steps: int = 16,
) -> EstimatedBounds:
    """As `estimate_bounds`, from completions and their rewards, such as the host's.

    Args:
        key: A JAX random key, for the start of the power iteration.
        policy: The model.
        params: Its parameters θ, which must be the ones that drew the samples.
        prompt: Int[P], the prompt that was sampled from.
        samples: As `jrft.sample` returns them, n in number, a multiple of `num_groups`.
        rewards: Float[n], one for each completion.
        num_groups: As in `estimate_bounds`.
        num_steps: As in `estimate_bounds`.

    Returns:
        `EstimatedBounds`. Under a caller's `jax.jit` a NaN reward gives NaN.

    Raises:
        ValueError: If an argument is malformed, or a known reward is NaN.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 16)
        >>> found = jrft.estimate_bounds_from(
        ...     jax.random.key(1), policy, params, [], samples, jnp.ones(16)
        ... )
        >>> found.reward_std.value.item(), found.gradient_norm.value.item()
        (0.0, 0.0)
    """
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    values = check_rewards(rewards, len(completions))
    check_at_least(3, num_groups=num_groups)
    check_at_least(1, num_steps=num_steps)
    if len(completions) % num_groups or len(completions) < 2 * num_groups:
        raise ValueError(
            f"{len(completions)} samples do not make {num_groups} equal groups of 2 at least: pass "
            f"a multiple of num_groups, {2 * num_groups} or more"
        )
    return _estimates(key, policy, params, prompt, completions, values, num_groups, num_steps)


@functools.partial(jax.jit, static_argnames=("num_groups", "num_steps"))
def _estimates(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    completions: Int[Array, "n length"],
    rewards: Float[Array, " n"],
    num_groups: int,
    num_steps: int,
) -> EstimatedBounds:
    params = own_copies(params, key, prompt, completions, rewards)
    groups = completions.reshape(num_groups, -1, completions.shape[1])
    squares = _squared_norms(policy, params, prompt, groups, rewards.reshape(num_groups, -1))
    forms = _top_forms(key, policy, params, prompt, groups, num_steps)
    num = rewards.size
    eigenvalue = forms.mean()
    without = (num * eigenvalue - forms) / (num - 1)
    # Equal rewards then have a std of 0 exactly, whatever the rounding of their mean.
    shifted = rewards - rewards[0]
    std, std_without = shifted.std(ddof=1), _stds_without_one(shifted)
    square, error = _jackknife(*squares)
    root = jnp.sqrt(jnp.maximum(square, 0))
    return EstimatedBounds(
        value=Estimate(rewards[0] + shifted.mean(), std / num**0.5),
        reward_std=_jackknife(std, std_without),
        squared_gradient_norm=Estimate(square, error),
        gradient_norm=Estimate(root, jnp.sqrt(root**2 + error) - root),
        fisher_eigenvalue=_jackknife(eigenvalue, without),
        # λ can fall below 0 without one sample by rounding alone.
        fisher=_jackknife(
            jnp.sqrt(eigenvalue) * std, jnp.sqrt(jnp.maximum(without, 0)) * std_without
        ),
    )


def _squared_norms(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    groups: Int[Array, "groups rows length"],
    rewards: Float[Array, "groups rows"],
) -> tuple[Float[Array, ""], Float[Array, " groups"]]:
    """The estimate of ‖∇V‖² from all groups, and without each of them."""

    def surrogate(
        params: Params, rows: Int[Array, "rows length"], factors: Float[Array, " rows"]
    ) -> Float[Array, ""]:
        """A function whose gradient is that of RLOO on a group."""
        log_probs = jax.vmap(lambda row: log_prob(policy, prompt, params, row))(rows)
        return jnp.mean(factors * log_probs)

    def add(total: Params, group: tuple[Array, Array]) -> tuple[Params, Array]:
        gradient = jax.grad(surrogate)(params, *group)
        return jax.tree.map(jnp.add, total, gradient), norm(gradient) ** 2

    def along_total(group: tuple[Array, Array]) -> Array:
        return jax.jvp(lambda p: surrogate(p, *group), (params,), (direction,))[1]

    factors = jax.vmap(rloo_advantages)(rewards)
    total, own = jax.lax.scan(add, accumulators(params), (groups, factors))
    direction = _as(params, total)
    product = jax.lax.map(along_total, (groups, factors))
    num = len(groups)
    pairs = norm(total) ** 2 - own.sum()
    # Pairs with group b are left out: ⟨g_b, total − g_b⟩, twice.
    pairs_without = pairs - 2 * (product - own)
    return pairs / (num * (num - 1)), pairs_without / ((num - 1) * (num - 2))


def _top_forms(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    groups: Int[Array, "groups rows length"],
    num_steps: int,
) -> Float[Array, " n"]:
    """vᵀ F_y v of every completion y, for the top eigenvector v of the mean of F_y."""

    def logits_fn(rows: Int[Array, "rows length"]) -> functools.partial[Array]:
        by_row = jax.vmap(policy.completion_logits, (None, None, 0))
        return functools.partial(lambda rows, params: by_row(params, prompt, rows), rows)

    def weighted(rows: Array, vector: Params) -> tuple[Array, Array]:
        """(diag p − p pᵀ) J v by row and token, and its form with J v."""
        logits, image = jax.jvp(logits_fn(rows), (params,), (vector,))
        probs = jnp.exp(log_softmax(logits)) * ~after_end(rows, policy.eos)[..., None]
        centered = probs * (image - jnp.sum(probs * image, -1, keepdims=True))
        return centered, jnp.sum(centered * image, (1, 2))

    def step(vector: Params, _: None) -> tuple[Params, None]:
        def add(total: Params, rows: Array) -> tuple[Params, None]:
            centered, _ = weighted(rows, vector)
            logits, pull = jax.vjp(logits_fn(rows), params)
            return jax.tree.map(jnp.add, total, pull(centered.astype(logits.dtype))[0]), None

        image, _ = jax.lax.scan(add, accumulators(params), groups)
        return _as(params, _unit(image)), None

    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    start = [jax.random.normal(k, x.shape, x.dtype) for k, x in zip(keys, leaves, strict=True)]
    first = _as(params, _unit(jax.tree.unflatten(structure, start)))
    vector, _ = jax.lax.scan(step, first, length=num_steps)
    return jax.lax.map(lambda rows: weighted(rows, vector)[1], groups).reshape(-1)


def _unit(tree: Params) -> Params:
    size = norm(tree)
    return jax.tree.map(lambda leaf: leaf / jnp.where(size > 0, size, 1), tree)


def _as(params: Params, tree: Params) -> Params:
    """The tree in the types of the parameters."""
    return jax.tree.map(lambda leaf, like: leaf.astype(like.dtype), tree, params)


def _stds_without_one(rewards: Float[Array, " n"]) -> Float[Array, " n"]:
    """The std of all rewards but one, ddof 1, for each of them."""
    num = rewards.size
    deviations = rewards - rewards.mean()
    # Leaving x out takes n/(n − 1) · (x − mean)² from the sum of squares.
    left = jnp.sum(deviations**2) - deviations**2 * num / (num - 1)
    return jnp.sqrt(jnp.maximum(left, 0) / (num - 2))


def _jackknife(value: Float[Array, ""], without: Float[Array, " n"]) -> Estimate:
    num = without.size
    return Estimate(value, jnp.sqrt((num - 1) * jnp.mean((without - without.mean()) ** 2)))
