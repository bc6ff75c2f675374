"""What advantage a completion has on average over the groups it may be in: exact, by enumeration.

The gradient of a group is (1/G) Σ_i a_i ∇ log p(y_i), and the completions of a group are drawn
alike: its expectation is Σ_y p(y) w(y) ∇ log p(y), w(y) the mean advantage of y in a group with
G − 1 others. Advantages depend on rewards alone, so that the others are multisets of the distinct
rewards there are: for a binary reward G of them, however many completions.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft.policies.policy import check_at_least
from jrft.rewards import check_rewards
from jrft.sampled.advantages import group_advantages, keep_mask

_ZERO_STD_GROUPS = ("kept", "masked")
# Members of groups that are looked at at a time, and the most there may be: 256 MB of indices.
_BLOCK = 1 << 20
MAX_MEMBERS = 1 << 26


class ExpectedAdvantages(NamedTuple):
    """Advantages of each completion, averaged over the rest of its group.

    Positive and negative advantages are kept apart, because clipping treats them differently.

    Attributes:
        positive: float[n], E[max(a, 0) | y].
        negative: float[n], E[min(a, 0) | y]; the mean advantage is the sum of the two.
        positive_share: float[n], P(a > 0 | y).
        negative_share: float[n], P(a < 0 | y).
        weights: float[n], how often a group that y is in counts: 1, or, if groups of equal rewards
            are masked, P(not equal | y) / P(not equal).
        zero_std_probability: float[], of a group of equal rewards.
    """

    positive: Float[Array, " n"]
    negative: Float[Array, " n"]
    positive_share: Float[Array, " n"]
    negative_share: Float[Array, " n"]
    weights: Float[Array, " n"]
    zero_std_probability: Float[Array, ""]

    @property
    def mean(self) -> Float[Array, " n"]:
        """float[n], E[a | y]."""
        return self.positive + self.negative


def expected_advantages(
    probs: ArrayLike,
    rewards: ArrayLike,
    *,
    group_size: int,
    kind: str = "grpo",
    ddof: int = 0,
    epsilon: float = 0.0,
    zero_std_groups: str = "kept",
) -> ExpectedAdvantages:
    """Advantages of `jrft.group_advantages`, averaged over groups drawn from a distribution.

    Args:
        probs: float[n], the probability of each completion; they sum to 1.
        rewards: float[n]. Known equal ones are taken together; under `jax.jit` they cannot be, and
            NaN gives NaN.
        group_size: G, at least 2; static.
        kind: "grpo", "rloo" or "mean", as in `jrft.group_advantages`; or "none", the reward itself.
        ddof: of the std of "grpo", 0 or 1.
        epsilon: added to the std of "grpo".
        zero_std_groups: "kept", or "masked": left out of the mean over groups (or drawn again), so
            that what is left is divided by the probability of the other groups. Their advantages
            are 0 but for "none".

    Returns:
        `ExpectedAdvantages`; all 0 if every group is masked.

    Raises:
        ValueError: if an argument is malformed, or there are too many multisets to enumerate.

    Examples:
        >>> import jax.numpy as jnp
        >>> probs, rewards = jnp.array([0.5, 0.5]), jnp.array([0.0, 1.0])
        >>> found = expected_advantages(probs, rewards, group_size=2, kind="rloo")
        >>> found.mean.tolist(), float(found.zero_std_probability)
        ([-0.5, 0.5], 0.5)
    """
    check_at_least(2, group_size=group_size)
    if zero_std_groups not in _ZERO_STD_GROUPS:
        raise ValueError(
            f"zero_std_groups is {zero_std_groups!r}: pass one of {', '.join(_ZERO_STD_GROUPS)}"
        )
    probs = check_rewards(probs, jnp.size(probs), "probs")
    rewards = check_rewards(rewards, probs.size).astype(probs.dtype)
    values, index = _distinct(rewards)
    num_others = math.comb(len(values) + group_size - 2, group_size - 1)
    if num_others * group_size > MAX_MEMBERS:
        raise ValueError(
            f"group_size {group_size} and {len(values)} distinct rewards make some "
            f"10^{math.log10(num_others):.0f} groups, of more than {MAX_MEMBERS} members in all: "
            "take a smaller group or fewer distinct rewards, or average an estimator such as "
            "jrft.grpo_gradient"
        )
    others, coefficients = _multisets(len(values), group_size - 1)
    masses = jax.ops.segment_sum(probs, index, len(values))
    of_rewards, zero_std_probability = _expected(
        masses, values, others, coefficients.astype(probs.dtype),
        kind, ddof, float(epsilon), zero_std_groups == "masked",
    )  # fmt: skip
    positive, negative, positive_share, negative_share, weights = of_rewards[:, index]
    return ExpectedAdvantages(
        positive, negative, positive_share, negative_share, weights, zero_std_probability
    )


def _distinct(rewards: Float[Array, " n"]) -> tuple[Float[Array, " D"], Int[Array, " n"]]:
    """Distinct rewards and which of them each is; all are, where they are not known."""
    if isinstance(rewards, jax.core.Tracer):
        return rewards, jnp.arange(rewards.size)
    values, index = np.unique(np.asarray(rewards), return_inverse=True)
    return jnp.asarray(values), jnp.asarray(index.reshape(-1))


def _multisets(
    num_values: int, size: int
) -> tuple[Int[np.ndarray, "groups size"], Float[np.ndarray, " groups"]]:
    """All multisets of `size` of the values, and the logarithm of the orders each may come in."""
    rows = itertools.combinations_with_replacement(range(num_values), size)
    members = np.fromiter(itertools.chain.from_iterable(rows), np.int32).reshape(-1, size)
    # Rows are sorted: a run of k equal values makes k! of the orders the same.
    run, log_same = np.ones(len(members)), np.zeros(len(members))
    for before, after in itertools.pairwise(members.T):
        run = np.where(before == after, run + 1, 1)
        log_same += np.log(run)
    return members, math.lgamma(size + 1) - log_same


@functools.partial(jax.jit, static_argnames=("kind", "ddof", "epsilon", "masked"))
def _expected(
    masses: Float[Array, " D"],
    values: Float[Array, " D"],
    others: Int[Array, "groups size"],
    log_coefficients: Float[Array, " groups"],
    kind: str,
    ddof: int,
    epsilon: float,
    masked: bool,
) -> tuple[Float[Array, "5 D"], Float[Array, ""]]:
    """The first five of `ExpectedAdvantages` for each reward, and P(zero std)."""
    log_masses = jnp.log(masses)

    def add(
        so_far: tuple[Array, Array], block: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array], None]:
        members, log_coefficients, present = block
        chances = jnp.exp(log_coefficients + log_masses[members].sum(axis=1)) * present
        groups = jnp.concatenate(
            [
                jnp.broadcast_to(values[:, None, None], (values.size, len(members), 1)),
                jnp.broadcast_to(values[members][None], (values.size, *members.shape)),
            ],
            axis=-1,
        )
        alive = keep_mask(groups)
        counts = alive if masked else jnp.ones_like(alive)
        own = jnp.where(counts, _own_advantage(groups, kind, ddof, epsilon), 0)
        # There NaN is a completion without a score; here it must not pass for one.
        own = jnp.where(jnp.isnan(groups).any(axis=-1), jnp.nan, own)
        parts = [jnp.maximum(own, 0), jnp.minimum(own, 0), own > 0, own < 0, counts]
        of_values = jnp.stack([part @ chances for part in parts])
        return (so_far[0] + of_values, so_far[1] + masses @ (~alive @ chances)), None

    size = max(1, _BLOCK // (values.size * (others.shape[1] + 1)))
    present = jnp.ones(len(others), masses.dtype)
    blocks = tuple(_cut(array, size) for array in (others, log_coefficients, present))
    start = jnp.zeros((5, values.size), masses.dtype), jnp.zeros((), masses.dtype)
    (of_values, dead), _ = jax.lax.scan(add, start, blocks)
    if masked:
        alive = masses @ of_values[-1]
        of_values = jnp.where(alive > 0, of_values / jnp.where(alive > 0, alive, 1), 0)
    return of_values, dead


def _own_advantage(
    groups: Float[Array, "D groups G"], kind: str, ddof: int, epsilon: float
) -> Float[Array, "D groups"]:
    """The advantage of the first of each group."""
    if kind == "none":
        return groups[..., 0]
    return group_advantages(groups, kind=kind, ddof=ddof, epsilon=epsilon).advantages[..., 0]


def _cut(array: Array, size: int) -> Array:
    """Rows [n, …] as blocks [⌈n / size⌉, size, …], filled with zeros."""
    size = min(size, len(array))
    filling = [(0, -len(array) % size)] + [(0, 0)] * (array.ndim - 1)
    return jnp.pad(array, filling).reshape(-1, size, *array.shape[1:])
