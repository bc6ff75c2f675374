"""Arrays to test another trainer's policy gradient with: tables, rewards, exact expectations.

`docs/conformance.md` describes each array and the comparison.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jrft._checks import check_at_least, check_not_negative
from jrft.advantages import ESTIMATORS, Advantages, grpo_advantages, keep_mask
from jrft.completions import all_completions
from jrft.exact.expectations import (
    exact_log_probs,
    exact_policy_gradient,
    exact_reward_std,
    exact_value,
)
from jrft.expected.advantages import every_group
from jrft.expected.gradients import expected_policy_gradient
from jrft.expected.ppo import expected_ppo_gradient, expected_ppo_sequence_gradient
from jrft.policies.tabular import Tabular, tabular_policy

FORMAT = 1
KEEP = {"kept": every_group, "masked": keep_mask}
RATIOS = {"token": expected_ppo_gradient, "sequence": expected_ppo_sequence_gradient}
NO_END = -1

# The names of two methods in the kit: REINFORCE and its baseline.
_NAMES = {"reinforce": "reinforce/none", "mean": "reinforce/mean"}


class _Case(NamedTuple):
    """A policy, two tables of its logits, and the reward of every leaf of the prefix tree."""

    policy: Tabular
    logits: jax.Array
    old_logits: jax.Array
    rewards: jax.Array


def conformance_arrays(
    *, group_size: int = 3, epsilon: float = 1e-4, clip: float = 0.2, seed: int = 0
) -> dict[str, np.ndarray]:
    """Tabular policies, rewards, and the expectations of the estimators' gradients, in float64.

    Args:
        group_size: G, completions of one group.
        epsilon: Added to the std of a group; GRPO's arrays come with 0, too.
        clip: The clip of PPO.
        seed: The seed of the policies and rewards.

    Returns:
        Arrays by name, as `docs/conformance.md` describes them.

    Raises:
        ValueError: If an argument is malformed or there are too many groups to enumerate.

    Example:
        >>> kit = conformance_arrays(group_size=2)
        >>> kit["binary/logits"].shape, kit["binary/grpo/ddof1/epsilon0/kept"].shape
        ((4, 3), (4, 3))
    """
    check_at_least(2, group_size=group_size)
    check_at_least(0, seed=seed)
    if not 0 < epsilon < math.inf:
        raise ValueError(
            f"epsilon is {epsilon}: pass a number above 0; the arrays without it are written anyway"
        )
    check_not_negative(clip=clip)
    if math.isinf(clip):
        raise ValueError(f"clip is {clip}: pass a finite number")
    arrays = {
        "format": np.array(FORMAT),
        "group_size": np.array(group_size),
        "epsilon": np.array(float(epsilon)),
        "clip": np.array(float(clip)),
    }
    with jax.enable_x64(True):
        for number, name in enumerate(("binary", "graded", "rare")):
            key = jax.random.fold_in(jax.random.key(seed), number)
            case = _case(name, key)
            found = _given(case) | _on_policy(case, group_size, epsilon)
            found |= _off_policy(case, group_size, epsilon, clip)
            arrays |= {f"{name}/{entry}": np.asarray(value) for entry, value in found.items()}
    return arrays


def _case(name: str, key: jax.Array) -> _Case:
    policy_key, step_key, reward_key = jax.random.split(key, 3)
    policy = tabular_policy(3, 2, eos=0 if name == "graded" else None)
    logits = policy.init(policy_key)
    # At this distance clipping is active for some tokens and not for others.
    old_logits = logits + 0.4 * policy.init(step_key)
    completions = all_completions(3, 2, policy.eos)
    if name == "graded":
        # Fewer rewards than completions: completions of a group without std may differ.
        order = jax.random.permutation(reward_key, 9)
        rewards = jnp.array([0.0, 0.5, 0.5, 1.0, 1.0, -2.0, 0.0, 0.5, 1.0])[order]
        # The leaves that repeat an ended completion repeat its reward.
        first = jnp.where(completions[:, 0] == 0, 0, jnp.arange(9))
        return _Case(policy, logits, old_logits, rewards[first])
    if name == "rare":
        # Success has a probability of about 1e-3: nearly all groups have equal rewards.
        logits, old_logits = (table.at[:, 2].add(-3.0) for table in (logits, old_logits))
        solved = jnp.all(completions == 2, axis=1)
        return _Case(policy, logits, old_logits, solved.astype(float))
    return _Case(policy, logits, old_logits, (completions.sum(axis=1) >= 2).astype(float))


def _given(case: _Case) -> dict[str, ArrayLike]:
    """The problem as a trainer needs it: each completion once, in place of the leaves."""
    policy, logits, old_logits, rewards = case
    completions = np.asarray(all_completions(policy.vocab_size, policy.length, policy.eos))
    distinct, first = np.unique(completions, axis=0, return_index=True)
    old_value = exact_value(policy, old_logits, [], rewards)
    # The leaf that carries the probability of a completion is its first.
    return {
        "eos": NO_END if policy.eos is None else policy.eos,
        "logits": logits,
        "old_logits": old_logits,
        "completions": distinct,
        "probs": jnp.exp(exact_log_probs(policy, logits, []))[first],
        "old_probs": jnp.exp(exact_log_probs(policy, old_logits, []))[first],
        "rewards": rewards[first],
        "ppo/advantages": rewards[first] - old_value,
    }


def _on_policy(case: _Case, group_size: int, epsilon: float) -> dict[str, jax.Array]:
    """Expectations where `logits` draw the groups."""
    problem = case.policy, case.logits, np.zeros(0, np.int32), case.rewards
    found: dict[str, jax.Array] = {
        "value": exact_value(*problem),
        "reward_std": exact_reward_std(*problem),
        "policy_gradient": exact_policy_gradient(*problem),
    }
    settings = itertools.product(KEEP.items(), (_unsettled() | _grpo_settings(epsilon)).items())
    for (groups, keep), (name, advantages) in settings:
        found[f"{name}/{groups}"], info = expected_policy_gradient(
            *problem, advantages=advantages, group_size=group_size, keep=keep
        )
        found["zero_std_probability"] = info.zero_std_probability
    return found


def _off_policy(case: _Case, group_size: int, epsilon: float, clip: float) -> dict[str, jax.Array]:
    """Expectations at `logits` where `old_logits` draw the groups, and ratios are clipped."""
    policy, logits, old_logits, rewards = case
    centered = rewards - exact_value(policy, old_logits, [], rewards)
    found: dict[str, jax.Array] = {}
    for ratio, gradient in RATIOS.items():
        found[f"ppo/{ratio}"], info = gradient(policy, logits, old_logits, [], centered, clip=clip)
        found[f"ppo/{ratio}/clipped_share"] = info.clipped_share
        found[f"ppo/{ratio}/mean_ratio"] = info.mean_ratio
    settings = itertools.product(KEEP.items(), _grpo_settings(epsilon).items())
    for (groups, keep), (name, advantages) in settings:
        _, of_groups = expected_policy_gradient(
            policy, old_logits, [], rewards,
            advantages=advantages, group_size=group_size, keep=keep,
        )  # fmt: skip
        found["old_zero_std_probability"] = of_groups.zero_std_probability
        for ratio, gradient in RATIOS.items():
            entry = f"clipped-{name.replace('/', f'/{ratio}/', 1)}/{groups}"
            found[entry], info = gradient(policy, logits, old_logits, [], of_groups, clip=clip)
            found[f"{entry}/clipped_share"] = info.clipped_share
    return found


def _unsettled() -> dict[str, Advantages]:
    """Advantage functions without settings: all methods except GRPO."""
    methods = {_NAMES.get(name, name): function for name, function in ESTIMATORS.items()}
    del methods["grpo"]
    return methods


def _grpo_settings(epsilon: float) -> dict[str, Advantages]:
    return {
        f"grpo/ddof{ddof}/epsilon{'' if added else '0'}": functools.partial(
            grpo_advantages, ddof=ddof, epsilon=added
        )
        for ddof in (0, 1)
        for added in (0.0, epsilon)
    }
