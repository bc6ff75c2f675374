"""The mean advantage of a completion over the groups it may be in: exact, by enumeration.

The gradient of a group is (1/G) Σ_i a_i ∇ log p(y_i). All completions of a group have the same
distribution, so its expectation is Σ_y p(y) w(y) ∇ log p(y), where w(y) is the mean advantage of y
in a group with G − 1 others. Advantages depend on nothing but rewards, so it is enough to enumerate
the multisets of rewards that the others may have: G multisets for a binary reward, for any number
of completions.
"""

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from jrft._checks import check_at_least, check_rewards
from jrft._numerics import in_blocks, precise
from jrft.advantages import Advantages, keep_mask

# This many members of groups are evaluated at a time.
_BLOCK = 1 << 20
# At most this many members are enumerated: 256 MB of indices.
MAX_MEMBERS = 1 << 26

Keep: TypeAlias = Callable[[Float[Array, " g"]], ArrayLike]
"""A traceable function of the rewards of one group: whether the group counts, bool[]."""


class ExpectedAdvantages(NamedTuple):
    """Advantages of each completion, averaged over the rest of its group.

    Positive and negative advantages are separate, because clipping treats them differently.

    Attributes:
        positive: Float[n], E[max(a, 0) | y].
        negative: Float[n], E[min(a, 0) | y]; the mean advantage is the sum of the two.
        positive_share: Float[n], P(a > 0 | y).
        negative_share: Float[n], P(a < 0 | y).
        weights: Float[n], P(group counts | y) / P(group counts); 1 if every group counts.
        zero_std_probability: Float[], the probability that all rewards of a group are equal.
    """

    positive: Float[Array, " n"]
    negative: Float[Array, " n"]
    positive_share: Float[Array, " n"]
    negative_share: Float[Array, " n"]
    weights: Float[Array, " n"]
    zero_std_probability: Float[Array, ""]

    @property
    def mean(self) -> Float[Array, " n"]:
        """Float[n], E[a | y]."""
        return self.positive + self.negative


def every_group(rewards: Float[Array, " g"]) -> Bool[Array, ""]:
    """Keeps every group."""
    return jnp.bool_(True)


def expected_advantages(
    probs: ArrayLike,
    rewards: ArrayLike,
    advantages: Advantages,
    *,
    group_size: int,
    keep: Keep = every_group,
) -> ExpectedAdvantages:
    """Advantages of each completion, averaged over groups drawn from a distribution.

    Args:
        probs: Float[n], the probability of each completion; they sum to 1.
        rewards: Float[n]. Equal rewards are enumerated once if they are known; under `jax.jit` they
            are not, and NaN gives NaN.
        advantages: A traceable function of the rewards of one group, such as
            `jrft.grpo_advantages`; static. Use `functools.partial` for settings: equal settings
            share one compiled program.
        group_size: G, at least 2; static.
        keep: Which groups count, such as `jrft.keep_mask`. Other groups are left out of the mean
            (or drawn again): the rest is divided by the probability that a group counts.

    Returns:
        `ExpectedAdvantages`; all 0 if no group counts.

    Raises:
        ValueError: If an argument is malformed, or there are too many multisets to enumerate.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> probs, rewards = jnp.array([0.5, 0.5]), jnp.array([0.0, 1.0])
        >>> found = jrft.expected_advantages(probs, rewards, jrft.rloo_advantages, group_size=2)
        >>> found.mean.tolist(), float(found.zero_std_probability)
        ([-0.5, 0.5], 0.5)
    """
    check_at_least(2, group_size=group_size)
    probs = check_rewards(probs, jnp.size(probs), "probs")
    rewards = check_rewards(rewards, probs.size).astype(probs.dtype)
    values, index = _distinct(rewards)
    num_others = math.comb(len(values) + group_size - 2, group_size - 1)
    if num_others * group_size > MAX_MEMBERS:
        raise ValueError(
            f"group_size is {group_size}: with {len(values)} distinct rewards it makes some "
            f"10^{math.log10(num_others):.0f} groups, of more than {MAX_MEMBERS} members in all; "
            "pass a smaller group or fewer distinct rewards, or average an estimator such as "
            "jrft.grpo_gradient"
        )
    others, coefficients = _multisets(len(values), group_size - 1)
    masses = jax.ops.segment_sum(probs, index, len(values))
    of_rewards, zero_std_probability = _expected(
        masses, values, others, coefficients.astype(probs.dtype),
        _by_value(advantages), _by_value(keep),
    )  # fmt: skip
    positive, negative, positive_share, negative_share, weights = of_rewards[:, index]
    return ExpectedAdvantages(
        positive, negative, positive_share, negative_share, weights, zero_std_probability
    )


class _Partial(NamedTuple):
    """A partial function that equals another one with equal settings, as `jax.jit` needs it."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]

    def __call__(self, rewards: Float[Array, " g"]) -> Any:
        return self.function(*self.arguments, rewards, **dict(self.keywords))


def _by_value(function: Callable[..., Any]) -> Any:
    if isinstance(function, functools.partial):
        return _Partial(function.func, function.args, tuple(sorted(function.keywords.items())))
    return function


def _distinct(rewards: Float[Array, " n"]) -> tuple[Float[Array, " D"], Int[Array, " n"]]:
    """Distinct rewards, and the index of each reward among them; traced ones count as distinct."""
    if isinstance(rewards, jax.core.Tracer):
        return rewards, jnp.arange(rewards.size)
    values, index = np.unique(np.asarray(rewards), return_inverse=True)
    return jnp.asarray(values), jnp.asarray(index.reshape(-1))


def _multisets(
    num_values: int, size: int
) -> tuple[Int[np.ndarray, "groups size"], Float[np.ndarray, " groups"]]:
    """All multisets of `size` values, and the logarithm of the number of orders of each."""
    rows = itertools.combinations_with_replacement(range(num_values), size)
    members = np.fromiter(itertools.chain.from_iterable(rows), np.int32).reshape(-1, size)
    # Rows are sorted: a run of k equal values makes k! of the orders the same.
    run, log_same = np.ones(len(members)), np.zeros(len(members))
    for before, after in itertools.pairwise(members.T):
        run = np.where(before == after, run + 1, 1)
        log_same += np.log(run)
    return members, math.lgamma(size + 1) - log_same


@functools.partial(jax.jit, static_argnames=("advantages", "keep"))
@precise
def _expected(
    masses: Float[Array, " D"],
    values: Float[Array, " D"],
    others: Int[Array, "groups size"],
    log_coefficients: Float[Array, " groups"],
    advantages: Advantages,
    keep: Keep,
) -> tuple[Float[Array, "5 D"], Float[Array, ""]]:
    """The first five of `ExpectedAdvantages` for each reward, and P(zero std)."""
    log_masses = jnp.log(masses)
    all_advantages = jnp.vectorize(advantages, signature="(g)->(g)")
    all_keep = jnp.vectorize(lambda group: jnp.asarray(keep(group), bool), signature="(g)->()")

    def add(
        so_far: tuple[Array, Array], block: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array], None]:
        members, log_coefficients, present = block
        # The multinomial probability of the others; rows that only fill the block have none.
        chances = jnp.exp(log_coefficients + log_masses[members].sum(axis=1)) * present
        rest = jnp.broadcast_to(values[members][None], (values.size, *members.shape))
        own = jnp.broadcast_to(values[:, None, None], (values.size, len(members), 1))
        groups = jnp.concatenate([own, rest], axis=-1)
        counts = all_keep(groups)
        # The completion whose advantage is averaged is the first of its group.
        found = jnp.where(counts, all_advantages(groups)[..., 0], 0)
        # Advantage functions take NaN for a completion without a score. Here each has one.
        found = jnp.where(jnp.isnan(groups).any(axis=-1), jnp.nan, found)
        parts = [jnp.maximum(found, 0), jnp.minimum(found, 0), found > 0, found < 0, counts]
        of_values = jnp.stack([part @ chances for part in parts])
        return (so_far[0] + of_values, so_far[1] + masses @ (~keep_mask(groups) @ chances)), None

    size = max(1, min(len(others), _BLOCK // (values.size * (others.shape[1] + 1))))
    present = jnp.ones(len(others), masses.dtype)
    blocks = in_blocks((others, log_coefficients, present), size)
    start = jnp.zeros((5, values.size), masses.dtype), jnp.zeros((), masses.dtype)
    (of_values, dead), _ = jax.lax.scan(add, start, blocks)
    if keep is every_group:
        return of_values, dead
    # 0 where no group counts.
    counting = masses @ of_values[-1]
    return of_values / jnp.where(counting > 0, counting, 1), dead
