"""Expectations over groups, by loops over all ordered groups in float64 NumPy."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from jrft import keep_mask
from jrft.expected.advantages import every_group
from tests.cases import policies as cases
from tests.oracles import policies as oracles

GROUP = 3
POLICIES = {"plain": jrft.tabular_policy(2, 2), "with end": jrft.tabular_policy(3, 2, eos=1)}
KEEP = {"kept": every_group, "masked": keep_mask}


def reward(prompt, completion):
    """Some completions share a reward."""
    jax_or_numpy = jnp if isinstance(completion, jax.Array) else np
    return jax_or_numpy.sin(2.0 * ((completion[0] + completion[1]) % 3))


def advantages(name, rewards):
    """Of one group, one after the other."""
    size, mean = len(rewards), np.mean(rewards)
    if name == "reinforce":
        return rewards
    if name == "mean":
        return rewards - mean
    if name == "rloo":
        return np.array([r - (rewards.sum() - r) / (size - 1) for r in rewards])
    ddof, epsilon = (0, 0.0) if name == "grpo" else (1, 0.1)
    if np.ptp(rewards) == 0:
        return np.zeros(size)
    return (rewards - mean) / (np.std(rewards, ddof=ddof) + epsilon)


@functools.cache
def table(name, seed=0):
    """Parameters; of each distinct completion tokens, their log-probabilities and scores."""
    policy = POLICIES[name]
    params = cases.init(policy, seed, np.float64)
    prefixes = [
        p
        for t in range(policy.length)
        for p in itertools.product(range(policy.vocab_size), repeat=t)
    ]
    found = []
    for completion in cases.distinct(policy):
        log_probs, scores = [], []
        for t, token in enumerate(completion):
            if token >= 0:
                row = prefixes.index(completion[:t])
                rows = oracles.log_softmax(np.asarray(params)[row])
                score = np.zeros(params.shape)
                score[row] = (np.arange(policy.vocab_size) == token) - np.exp(rows)
                log_probs.append(rows[token])
                scores.append(score)
        found.append((completion, np.array(log_probs), np.array(scores)))
    return params, found


def chances_of(rows):
    return np.array([np.exp(log_probs.sum()) for _, log_probs, _ in rows])


def rewards_of(rows):
    return np.array([reward(None, np.array(completion)) for completion, *_ in rows])


def mean_over_groups(name, rows, gradient_of, masked, probs):
    """Σ over ordered groups of probability · mean of the members' gradients."""
    rewards = rewards_of(rows)
    total, alive, dead = 0.0, 0.0, 0.0
    for group in itertools.product(range(len(rows)), repeat=GROUP):
        chance = probs[list(group)].prod()
        equal = np.ptp(rewards[list(group)]) == 0
        dead += chance * equal
        if masked and equal:
            continue
        alive += chance
        found = advantages(name, rewards[list(group)])
        total += chance * sum(map(gradient_of, group, found)) / GROUP
    return total / alive, dead
