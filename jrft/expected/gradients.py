"""What the estimators of the policy gradient expect, exactly: over all groups there are.

REINFORCE, RLOO and GRPO expect Σ_y p(y) w(y) ∇ log p(y), w(y) the mean advantage of completion y
(see `jrft.expected.advantages`), which is the exact policy gradient with w as the reward. PPO's
clipped surrogate is linear in the positive and in the negative advantages, so that its expectation
is a sum over the prefix tree; with the advantages of groups it is GRPO's after its first update.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jrft.completions import all_completions, num_completions
from jrft.exact.expectations import exact_log_probs, exact_policy_gradient
from jrft.expected.advantages import ExpectedAdvantages, expected_advantages
from jrft.policies.policy import Params, Policy, Prompt, check_prompt
from jrft.rewards import Reward, all_rewards, check_rewards
from jrft.sampled.ppo import check_clipping, surrogate

_KINDS = {"none": "none", "mean": "mean", "leave-one-out": "rloo"}


class ExpectedPPOInfo(NamedTuple):
    """What PPO's samples tell on average.

    Attributes:
        clipped_share: float[], expected number of tokens (or completions, with ratios of sequences)
            where clipping is active, over the expected number of all.
        mean_ratio: float[], the expected sum of their ratios over the same number.
    """

    clipped_share: Float[Array, ""]
    mean_ratio: Float[Array, ""]


def expected_reinforce_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    baseline: str = "none",
    zero_std_groups: str = "kept",
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.reinforce_gradient` over all groups of G completions of one prompt.

    With groups of equal rewards kept it is ∇V without a baseline and with "leave-one-out", and
    (1 − 1/G) ∇V with "mean".

    Args:
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].
        group_size: G, at least 2; static under `jax.jit`.
        baseline: "none", "mean" or "leave-one-out", as in `jrft.reinforce_gradient`.
        zero_std_groups: "kept", or "masked", left out of the mean over groups.

    Returns:
        The expected gradient, a pytree like `params`, and `ExpectedAdvantages` in the order of
        `jrft.all_completions`.

    Raises:
        ValueError: if an argument is malformed, a known reward is NaN, or there are too many
            completions or groups to enumerate.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, _ = expected_reinforce_gradient(
        ...     policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0]), group_size=5, baseline="mean"
        ... )
        >>> [round(float(x), 4) for x in gradient[0]]
        [-0.2, 0.2]
    """
    if baseline not in _KINDS:
        raise ValueError(f"baseline is {baseline!r}: pass one of {', '.join(_KINDS)}")
    advantages = functools.partial(
        expected_advantages,
        group_size=group_size, kind=_KINDS[baseline], zero_std_groups=zero_std_groups,
    )  # fmt: skip
    return _expectation(policy, params, prompt, reward, advantages)


def expected_rloo_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    zero_std_groups: str = "kept",
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.rloo_gradient`: ∇V, or, without groups of equal rewards, a multiple.

    Of ∇V / P(rewards not all equal). Arguments, results and errors are those of
    `expected_reinforce_gradient` with `baseline="leave-one-out"`.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> problem = policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0])
        >>> round(float(expected_rloo_gradient(*problem, group_size=2)[0][0, 1]), 4)
        0.25
        >>> masked, _ = expected_rloo_gradient(*problem, group_size=2, zero_std_groups="masked")
        >>> round(float(masked[0, 1]), 4)
        0.5
    """
    return expected_reinforce_gradient(
        policy, params, prompt, reward,
        group_size=group_size, baseline="leave-one-out", zero_std_groups=zero_std_groups,
    )  # fmt: skip


def expected_grpo_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    ddof: int = 0,
    epsilon: float = 0.0,
    zero_std_groups: str = "kept",
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.grpo_gradient` over all groups of G completions of one prompt.

    For a binary reward of success probability p, ddof 0, ε 0 and all groups kept it is
    E[s] / (p (1 − p)) ∇p, s the std of a group (derived).

    Args:
        policy: the model.
        params: its parameters θ, those that draw the group: clipping is idle.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float, or float[K^length].
        group_size: G, at least 2; static under `jax.jit`.
        ddof: of the group's std, 0 or 1: its squares are divided by G − ddof.
        epsilon: added to the std.
        zero_std_groups: "kept", or "masked", left out of the mean over groups.

    Returns:
        As `expected_reinforce_gradient`.

    Raises:
        ValueError: as `expected_reinforce_gradient`; or if `ddof` is neither 0 nor 1.

    Examples:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> problem = policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0])
        >>> gradient, expected = expected_grpo_gradient(*problem, group_size=2)
        >>> round(float(gradient[0, 1]), 4), round(float(expected.zero_std_probability), 4)
        (0.25, 0.5)
    """
    advantages = functools.partial(
        expected_advantages,
        group_size=group_size, kind="grpo", ddof=ddof, epsilon=epsilon,
        zero_std_groups=zero_std_groups,
    )  # fmt: skip
    return _expectation(policy, params, prompt, reward, advantages)


def expected_ppo_gradient(
    policy: Policy,
    params: Params,
    old_params: Params,
    prompt: Prompt,
    advantages: ArrayLike | ExpectedAdvantages,
    *,
    clip: float = 0.2,
    ratio: str = "token",
) -> tuple[Params, ExpectedPPOInfo]:
    """Expectation of `jrft.ppo_gradient_from` over the completions that old parameters draw.

    Args:
        policy: the model.
        params: its parameters θ, where the gradient is taken.
        old_params: the parameters that draw the completions.
        prompt: int[P], −1 pads on the left; may be empty.
        advantages: float[K^length], one for each completion in the order of `jrft.all_completions`,
            such as rewards minus a value; or `ExpectedAdvantages` of groups that `old_params` draw,
            such as `expected_grpo_gradient` returns: then this is the expectation of GRPO with
            clipping.
        clip: ratios are clipped to 1 − clip … 1 + clip.
        ratio: "token" or "sequence", as in `jrft.ppo_gradient_from`.

    Returns:
        The expected gradient, a pytree like `params`, to be ascended, and `ExpectedPPOInfo`.

    Raises:
        ValueError: if an argument is malformed, a known advantage NaN, `clip` negative, `ratio`
            unknown, or there are too many completions to enumerate.

    Examples:
        The second value is 1.8 times as likely as when drawn: that it is better changes nothing
        any more, that the first is worse still does.

        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> old, new = jnp.zeros((1, 2)), jnp.log(jnp.array([[0.1, 0.9]]))
        >>> gradient, info = expected_ppo_gradient(policy, new, old, [], jnp.array([0.0, 1.0]))
        >>> gradient.tolist(), round(float(info.clipped_share), 3)
        ([[0.0, 0.0]], 0.5)
    """
    check_clipping(clip, ratio)
    prompt = check_prompt(policy, prompt)
    count = num_completions(policy.vocab_size, policy.length)
    if not isinstance(advantages, ExpectedAdvantages):
        advantages = _certain(check_rewards(advantages, count, "advantages"))
    return _ppo(params, old_params, policy, prompt, advantages, clip, ratio)


def _expectation(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    advantages: Callable[[Float[Array, " n"], Float[Array, " n"]], ExpectedAdvantages],
) -> tuple[Params, ExpectedAdvantages]:
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    found = advantages(jnp.exp(exact_log_probs(policy, params, prompt)), rewards)
    return exact_policy_gradient(policy, params, prompt, found.mean), found


def _certain(advantages: Float[Array, " n"]) -> ExpectedAdvantages:
    """Advantages that do not depend on other completions."""
    return ExpectedAdvantages(
        positive=jnp.maximum(advantages, 0),
        negative=jnp.minimum(advantages, 0),
        positive_share=(advantages > 0).astype(advantages.dtype),
        negative_share=(advantages < 0).astype(advantages.dtype),
        weights=jnp.ones_like(advantages),
        zero_std_probability=jnp.zeros((), advantages.dtype),
    )


@functools.partial(jax.jit, static_argnames="ratio")
def _ppo(
    params: Params,
    old_params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    advantages: ExpectedAdvantages,
    clip: float | Float[Array, ""],
    ratio: str,
) -> tuple[Params, ExpectedPPOInfo]:
    old = _log_probs(policy, old_params, prompt, ratio)
    present = _present(policy, old, ratio)
    # Probability times what each completion has, summed over those below each node.
    chances = jnp.exp(exact_log_probs(policy, old_params, prompt))
    positive, negative, positive_share, negative_share, weights = (
        [jnp.sum((chances * part).reshape(nodes.size, -1), axis=1) for nodes in old]
        for part in advantages[:-1]
    )

    def objective(params: Params) -> tuple[Float[Array, ""], list[Float[Array, " _"]]]:
        new = _log_probs(policy, params, prompt, ratio)
        total, ratios = jnp.zeros((), chances.dtype), []
        levels = zip(new, old, present, positive, negative, strict=True)
        for log_probs, old_log_probs, here, good, bad in levels:
            ratios.append(jnp.exp(jnp.where(here, log_probs - old_log_probs, 0)))
            terms = surrogate(ratios[-1], good, clip) + surrogate(ratios[-1], bad, clip)
            total += jnp.sum(terms, where=here)
        return total, ratios

    gradient, ratios = jax.grad(objective, has_aux=True)(params)
    clipped, ratio_sum, count = jnp.zeros((3,), chances.dtype)
    levels = zip(ratios, present, positive_share, negative_share, weights, strict=True)
    for of_level, here, good, bad, weight in levels:
        clipped += jnp.sum(good * (of_level > 1 + clip) + bad * (of_level < 1 - clip), where=here)
        ratio_sum += jnp.sum(weight * of_level, where=here)
        count += jnp.sum(weight, where=here)
    return gradient, ExpectedPPOInfo(clipped / count, ratio_sum / count)


def _log_probs(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], ratio: str
) -> list[Float[Array, " _"]]:
    """What ratios are made of: log-probabilities of every token, or of whole completions."""
    if ratio == "sequence":
        return [exact_log_probs(policy, params, prompt)]
    return [level.reshape(-1) for level in policy.tree_log_probs(params, prompt)]


def _present(policy: Policy, old: list[Float[Array, " _"]], ratio: str) -> list[Bool[Array, " _"]]:
    """Which ratios there are: of tokens that may come, and after no end, or of completions."""
    if ratio == "sequence":
        return [~jnp.isneginf(log_probs) for log_probs in old]
    tokens = all_completions(policy.vocab_size, policy.length, policy.eos)
    levels = zip(tokens.T, old, strict=True)
    return [
        (of_leaves >= 0).reshape(nodes.size, -1)[:, 0] & ~jnp.isneginf(nodes)
        for of_leaves, nodes in levels
    ]
