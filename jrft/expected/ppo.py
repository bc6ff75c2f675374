"""The exact expectation of PPO's gradient, over all completions that old parameters draw.

The clipped surrogate is linear in the positive advantages and in the negative ones, so its
expectation is a sum over the prefix tree. The expected advantages of groups give the expectation of
GRPO's gradient after its first update.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jrft._checks import check_not_negative, check_prompt, check_rewards
from jrft._numerics import precise
from jrft.completions import all_completions, num_completions
from jrft.exact.expectations import exact_log_probs
from jrft.expected.advantages import ExpectedAdvantages
from jrft.policies.devices import own_copies, whole
from jrft.policies.policy import Params, Policy, Prompt
from jrft.sampled.ppo import surrogate


class ExpectedPPOInfo(NamedTuple):
    """Expected statistics of PPO's samples.

    Attributes:
        clipped_share: Float[], the expected number of ratios where clipping is active, over the
            expected number of ratios.
        mean_ratio: Float[], the expected sum of ratios over the same number.
    """

    clipped_share: Float[Array, ""]
    mean_ratio: Float[Array, ""]


class _Nodes(NamedTuple):
    """Nodes of one level that have a ratio each.

    Attributes:
        log_probs: Float[n], log-probabilities: new minus old is the logarithm of the ratio.
        present: Bool[n], False for nodes that no completion reaches: impossible ones, and nodes
            after the end of sequence.
    """

    log_probs: Float[Array, " n"]
    present: Bool[Array, " n"]


_Ratios = Callable[[Policy, Params, Int[Array, " prompt"]], list[_Nodes]]


def expected_ppo_gradient(
    policy: Policy,
    params: Params,
    old_params: Params,
    prompt: Prompt,
    advantages: ArrayLike | ExpectedAdvantages,
    *,
    clip: float | Float[Array, ""] = 0.2,
) -> tuple[Params, ExpectedPPOInfo]:
    """Expectation of `jrft.ppo_gradient_from` over the completions that old parameters draw.

    Args:
        policy: The model.
        params: Its parameters θ, where the gradient is taken.
        old_params: The parameters that draw the completions.
        prompt: Int[P], −1 pads on the left; may be empty.
        advantages: Float[K^length], one for each completion in the order of `jrft.all_completions`,
            such as rewards minus a value. Or the `ExpectedAdvantages` of groups that `old_params`
            draw, such as `jrft.expected_grpo_gradient` returns: the result then is the expectation
            of GRPO with clipping.
        clip: Ratios are clipped to 1 − clip … 1 + clip.

    Returns:
        The expected gradient, a pytree like `params`, to be ascended, and `ExpectedPPOInfo`.

    Raises:
        ValueError: If an argument is malformed, a known advantage NaN, `clip` negative, or there
            are too many completions to enumerate.

    Example:
        The second value is 1.8 times as likely as when drawn. Its positive advantage is clipped;
        a negative advantage of the first value would still count.

        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> old, new = jnp.zeros((1, 2)), jnp.log(jnp.array([[0.1, 0.9]]))
        >>> gradient, info = jrft.expected_ppo_gradient(policy, new, old, [], jnp.array([0.0, 1.0]))
        >>> gradient.tolist(), round(float(info.clipped_share), 3)
        ([[0.0, 0.0]], 0.5)
    """
    check_not_negative(clip=clip)
    found = _of_each(policy, advantages)
    return _ppo(policy, params, old_params, check_prompt(policy, prompt), found, clip, _tokens)


def expected_ppo_sequence_gradient(
    policy: Policy,
    params: Params,
    old_params: Params,
    prompt: Prompt,
    advantages: ArrayLike | ExpectedAdvantages,
    *,
    clip: float | Float[Array, ""] = 0.2,
) -> tuple[Params, ExpectedPPOInfo]:
    """Expectation of `jrft.ppo_sequence_gradient_from`; see `expected_ppo_gradient`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> table, rewards = jnp.zeros((3, 2)), jnp.array([0.0, 0.0, 0.0, 1.0])
        >>> gradient, _ = jrft.expected_ppo_sequence_gradient(policy, table, table, [], rewards)
        >>> expected = jrft.exact_policy_gradient(policy, table, [], rewards)
        >>> bool(jnp.allclose(gradient, expected))
        True
    """
    check_not_negative(clip=clip)
    found = _of_each(policy, advantages)
    return _ppo(policy, params, old_params, check_prompt(policy, prompt), found, clip, _sequences)


def _of_each(policy: Policy, advantages: ArrayLike | ExpectedAdvantages) -> ExpectedAdvantages:
    count = num_completions(policy.vocab_size, policy.length)
    if isinstance(advantages, ExpectedAdvantages):
        return advantages
    # These advantages do not depend on other completions, so they equal their expectations.
    values = check_rewards(advantages, count, "advantages")
    return ExpectedAdvantages(
        positive=jnp.maximum(values, 0),
        negative=jnp.minimum(values, 0),
        positive_share=(values > 0).astype(values.dtype),
        negative_share=(values < 0).astype(values.dtype),
        weights=jnp.ones_like(values),
        zero_std_probability=jnp.zeros((), values.dtype),
    )


def _sequences(policy: Policy, params: Params, prompt: Int[Array, " prompt"]) -> list[_Nodes]:
    """One ratio per completion."""
    log_probs = exact_log_probs(policy, params, prompt)
    return [_Nodes(log_probs, ~jnp.isneginf(log_probs))]


def _tokens(policy: Policy, params: Params, prompt: Int[Array, " prompt"]) -> list[_Nodes]:
    """One ratio per token: the nodes of every level of the prefix tree."""
    tokens = all_completions(policy.vocab_size, policy.length, policy.eos)
    nodes = []
    for of_leaves, level in zip(tokens.T, policy.tree_log_probs(params, prompt), strict=True):
        log_probs = level.reshape(-1)
        # All leaves below a node show its token, −1 after the end.
        before_end = (of_leaves >= 0).reshape(log_probs.size, -1)[:, 0]
        nodes.append(_Nodes(log_probs, before_end & ~jnp.isneginf(log_probs)))
    return nodes


@functools.partial(jax.jit, static_argnames="ratios")
@precise
def _ppo(
    policy: Policy,
    params: Params,
    old_params: Params,
    prompt: Int[Array, " prompt"],
    advantages: ExpectedAdvantages,
    clip: float | Float[Array, ""],
    ratios: _Ratios,
) -> tuple[Params, ExpectedPPOInfo]:
    advantages = whole(advantages)
    old = ratios(policy, old_params, prompt)
    # The old probability of each completion times its part, summed over the leaves of each node.
    chances = jnp.exp(exact_log_probs(policy, old_params, prompt))
    positive, negative, positive_share, negative_share, weights = (
        [jnp.sum((chances * part).reshape(nodes.present.size, -1), axis=1) for nodes in old]
        for part in advantages[:-1]
    )

    def objective(params: Params) -> tuple[Float[Array, ""], list[Float[Array, " _"]]]:
        new = ratios(policy, params, prompt)
        total, found = jnp.zeros((), chances.dtype), []
        for now, then, good, bad in zip(new, old, positive, negative, strict=True):
            # The inner `where` keeps −∞ − −∞ out of the derivative.
            log_ratios = jnp.where(then.present, now.log_probs - then.log_probs, 0)
            found.append(jnp.exp(log_ratios))
            terms = surrogate(found[-1], good, clip) + surrogate(found[-1], bad, clip)
            total += jnp.sum(terms, where=then.present)
        return total, found

    gradient, found = jax.grad(objective, has_aux=True)(own_copies(params, prompt, advantages))
    clipped, ratio_sum, count = jnp.zeros((3,), chances.dtype)
    levels = zip(found, old, positive_share, negative_share, weights, strict=True)
    for values, (_, present), good, bad, weight in levels:
        over = good * (values > 1 + clip) + bad * (values < 1 - clip)
        clipped += jnp.sum(over, where=present)
        ratio_sum += jnp.sum(weight * values, where=present)
        count += jnp.sum(weight, where=present)
    return gradient, ExpectedPPOInfo(clipped / count, ratio_sum / count)
