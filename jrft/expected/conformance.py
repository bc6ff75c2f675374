"""Arrays to test another trainer's policy gradient with: tables, rewards, exact expectations.

What each array is, and how to compare, is in `docs/conformance.md`.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jrft.completions import all_completions
from jrft.exact.expectations import (
    exact_log_probs,
    exact_policy_gradient,
    exact_reward_std,
    exact_value,
)
from jrft.expected.gradients import (
    expected_grpo_gradient,
    expected_ppo_gradient,
    expected_reinforce_gradient,
    expected_rloo_gradient,
)
from jrft.policies.policy import check_at_least
from jrft.policies.tabular import Tabular, tabular_policy

FORMAT = 1
ZERO_STD_GROUPS = ("kept", "masked")
RATIOS = ("token", "sequence")
NO_END = -1


def conformance_arrays(
    *, group_size: int = 3, epsilon: float = 1e-4, clip: float = 0.2, seed: int = 0
) -> dict[str, np.ndarray]:
    """Tabular policies, rewards, and what the estimators' gradients expect, in float64.

    Args:
        group_size: G, completions of one group.
        epsilon: what is added to the std of a group; every array that has it is given with 0, too.
        clip: PPO's.
        seed: of the policies and rewards.

    Returns:
        Arrays by name, as `docs/conformance.md` tells.

    Raises:
        ValueError: if an argument is malformed or there are too many groups to enumerate.

    Examples:
        >>> kit = conformance_arrays(group_size=2)
        >>> kit["binary/logits"].shape, kit["binary/grpo/ddof1/epsilon0/kept"].shape
        ((4, 3), (4, 3))
    """
    check_at_least(2, group_size=group_size)
    check_at_least(0, seed=seed)
    if not 0 < epsilon < math.inf:
        raise ValueError(
            f"epsilon is {epsilon}: a number above 0 is needed; the arrays without it are written "
            "anyway"
        )
    if not 0 <= clip < math.inf:
        raise ValueError(f"clip is {clip}: a number of at least 0 is needed")
    arrays = {
        "format": np.array(FORMAT),
        "group_size": np.array(group_size),
        "epsilon": np.array(float(epsilon)),
        "clip": np.array(float(clip)),
    }
    with jax.enable_x64(True):
        for number, name in enumerate(("binary", "graded", "rare")):
            key = jax.random.fold_in(jax.random.key(seed), number)
            policy, logits, old_logits, rewards = _problem(name, key)
            case = _given(policy, logits, old_logits, rewards)
            case |= _on_policy(policy, logits, rewards, group_size, epsilon)
            case |= _off_policy(policy, logits, old_logits, rewards, group_size, epsilon, clip)
            arrays |= {f"{name}/{entry}": np.asarray(value) for entry, value in case.items()}
    return arrays


def _problem(name: str, key: jax.Array) -> tuple[Tabular, jax.Array, jax.Array, jax.Array]:
    """Policy, logits, those of old, and the rewards of all leaves of the prefix tree."""
    policy_key, step_key, reward_key = jax.random.split(key, 3)
    policy = tabular_policy(3, 2, eos=0 if name == "graded" else None)
    logits = policy.init(policy_key)
    # Far enough that clipping is active for some tokens, near enough that it is not for others.
    old_logits = logits + 0.4 * policy.init(step_key)
    completions = all_completions(3, 2, policy.eos)
    if name == "graded":
        # Fewer rewards than completions: in a group without std completions may differ.
        order = jax.random.permutation(reward_key, 9)
        rewards = jnp.array([0.0, 0.5, 0.5, 1.0, 1.0, -2.0, 0.0, 0.5, 1.0])[order]
        # The leaves that repeat an ended completion repeat its reward.
        first = jnp.where(completions[:, 0] == 0, 0, jnp.arange(9))
        return policy, logits, old_logits, rewards[first]
    if name == "rare":
        # A success of a probability of about 1e-3: nearly all groups are of equal rewards.
        logits, old_logits = (table.at[:, 2].add(-3.0) for table in (logits, old_logits))
        return policy, logits, old_logits, jnp.all(completions == 2, axis=1).astype(float)
    return policy, logits, old_logits, (completions.sum(axis=1) >= 2).astype(float)


def _given(
    policy: Tabular, logits: jax.Array, old_logits: jax.Array, rewards: jax.Array
) -> dict[str, ArrayLike]:
    """What a trainer is given: completions once each, in place of leaves."""
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


def _on_policy(
    policy: Tabular, logits: jax.Array, rewards: jax.Array, group_size: int, epsilon: float
) -> dict[str, jax.Array]:
    """Expectations where `logits` draw the groups."""
    problem = policy, logits, np.zeros(0, np.int32), rewards
    found: dict[str, jax.Array] = {
        "value": exact_value(*problem),
        "reward_std": exact_reward_std(*problem),
        "policy_gradient": exact_policy_gradient(*problem),
    }
    for groups in ZERO_STD_GROUPS:
        found[f"reinforce/none/{groups}"], info = expected_reinforce_gradient(
            *problem, group_size=group_size, zero_std_groups=groups
        )
        found[f"reinforce/mean/{groups}"], _ = expected_reinforce_gradient(
            *problem, group_size=group_size, baseline="mean", zero_std_groups=groups
        )
        found[f"rloo/{groups}"], _ = expected_rloo_gradient(
            *problem, group_size=group_size, zero_std_groups=groups
        )
        found["zero_std_probability"] = info.zero_std_probability
        for name, ddof, added in _grpo_settings(epsilon):
            found[f"grpo/{name}/{groups}"], _ = expected_grpo_gradient(
                *problem, group_size=group_size, ddof=ddof, epsilon=added, zero_std_groups=groups
            )
    return found


def _off_policy(
    policy: Tabular,
    logits: jax.Array,
    old_logits: jax.Array,
    rewards: jax.Array,
    group_size: int,
    epsilon: float,
    clip: float,
) -> dict[str, jax.Array]:
    """Expectations at `logits` where `old_logits` draw the groups, and ratios are clipped."""
    advantages = rewards - exact_value(policy, old_logits, [], rewards)
    found: dict[str, jax.Array] = {}
    for ratio in RATIOS:
        found[f"ppo/{ratio}"], info = expected_ppo_gradient(
            policy, logits, old_logits, [], advantages, clip=clip, ratio=ratio
        )
        found[f"ppo/{ratio}/clipped_share"] = info.clipped_share
        found[f"ppo/{ratio}/mean_ratio"] = info.mean_ratio
    for groups, (name, ddof, added) in itertools.product(ZERO_STD_GROUPS, _grpo_settings(epsilon)):
        _, group_advantages = expected_grpo_gradient(
            policy, old_logits, [], rewards,
            group_size=group_size, ddof=ddof, epsilon=added, zero_std_groups=groups,
        )  # fmt: skip
        found["old_zero_std_probability"] = group_advantages.zero_std_probability
        for ratio in RATIOS:
            entry = f"clipped-grpo/{ratio}/{name}/{groups}"
            found[entry], info = expected_ppo_gradient(
                policy, logits, old_logits, [], group_advantages, clip=clip, ratio=ratio
            )
            found[f"{entry}/clipped_share"] = info.clipped_share
    return found


def _grpo_settings(epsilon: float) -> list[tuple[str, int, float]]:
    """The name of each setting, the ddof, and what is added to the std."""
    return [
        (f"ddof{ddof}/epsilon{'' if added else '0'}", ddof, added)
        for ddof in (0, 1)
        for added in dict.fromkeys((0.0, epsilon))
    ]
