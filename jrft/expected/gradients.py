"""Exact expectations of the estimators of the policy gradient, over all groups.

The gradient of a group of completions has the expectation Σ_y p(y) w(y) ∇ log p(y), where w(y) is
the mean advantage of completion y (see `jrft.expected.advantages`). This is the exact policy
gradient with w as the reward.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike

from jrft._checks import check_prompt
from jrft.advantages import Advantages, grpo_advantages, reinforce_advantages, rloo_advantages
from jrft.exact.expectations import exact_log_probs, exact_policy_gradient
from jrft.expected.advantages import ExpectedAdvantages, Keep, every_group, expected_advantages
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards


def expected_policy_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    advantages: Advantages,
    group_size: int,
    keep: Keep = every_group,
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.policy_gradient` over all groups of G completions of one prompt.

    Args:
        policy: The model.
        params: Its parameters θ, which draw the groups.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        advantages: A traceable function of the rewards of one group, float[G] → float[G], such as
            `jrft.rloo_advantages`; static.
        group_size: G, at least 2; static under `jax.jit`.
        keep: Which groups count: a traceable function float[G] → bool[]. Every group by default;
            `jrft.keep_mask` leaves groups of equal rewards out of the mean over groups.

    Returns:
        The expected gradient, a pytree like `params`, and `ExpectedAdvantages` in the order of
        `jrft.all_completions`.

    Raises:
        ValueError: If an argument is malformed, a known reward is NaN, or there are too many
            completions or groups to enumerate.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, _ = jrft.expected_policy_gradient(
        ...     policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0]),
        ...     advantages=jrft.mean_advantages, group_size=5,
        ... )
        >>> [round(float(x), 4) for x in gradient[0]]
        [-0.2, 0.2]
    """
    prompt = check_prompt(policy, prompt)
    rewards = all_rewards(policy, prompt, reward)
    probs = jnp.exp(exact_log_probs(policy, params, prompt))
    found = expected_advantages(probs, rewards, advantages, group_size=group_size, keep=keep)
    return exact_policy_gradient(policy, params, prompt, found.mean), found


def expected_reinforce_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    keep: Keep = every_group,
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.reinforce_gradient`; ∇V if every group counts.

    See `expected_policy_gradient`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, _ = jrft.expected_reinforce_gradient(
        ...     policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0]), group_size=2
        ... )
        >>> [round(float(x), 4) for x in gradient[0]]
        [-0.25, 0.25]
    """
    return expected_policy_gradient(
        policy, params, prompt, reward,
        advantages=reinforce_advantages, group_size=group_size, keep=keep,
    )  # fmt: skip


def expected_rloo_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    keep: Keep = every_group,
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.rloo_gradient`.

    It is ∇V if every group counts, and ∇V / P(rewards not all equal) with `jrft.keep_mask`. See
    `expected_policy_gradient`.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> for keep in (lambda rewards: True, jrft.keep_mask):
        ...     gradient, _ = jrft.expected_rloo_gradient(
        ...         policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0]), group_size=2, keep=keep
        ...     )
        ...     print(round(float(gradient[0, 1]), 4))
        0.25
        0.5
    """
    return expected_policy_gradient(
        policy, params, prompt, reward,
        advantages=rloo_advantages, group_size=group_size, keep=keep,
    )  # fmt: skip


def expected_grpo_gradient(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    *,
    group_size: int,
    keep: Keep = every_group,
) -> tuple[Params, ExpectedAdvantages]:
    """Expectation of `jrft.grpo_gradient`; for binary rewards see `jrft.grpo_advantages`.

    See `expected_policy_gradient`, which also takes another ddof or epsilon.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, expected = jrft.expected_grpo_gradient(
        ...     policy, jnp.zeros((1, 2)), [], jnp.array([0.0, 1.0]), group_size=2
        ... )
        >>> round(float(gradient[0, 1]), 4), round(float(expected.zero_std_probability), 4)
        (0.25, 0.5)
    """
    return expected_policy_gradient(
        policy, params, prompt, reward,
        advantages=grpo_advantages, group_size=group_size, keep=keep,
    )  # fmt: skip
