"""The effect of one step of supervised finetuning on a prompt's reward std."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft._checks import check_prompt
from jrft._numerics import precise
from jrft.exact.expectations import exact_reward_std
from jrft.policies.devices import own_copies
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, all_rewards


def std_gain(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward | ArrayLike,
    label: ArrayLike | Sequence[int],
    *,
    labeled_prompt: Prompt | None = None,
) -> Float[Array, ""]:
    """Derivative of a prompt's reward std along one step of supervised finetuning on a label.

    d/dη STD(x; θ + η ∇_θ log p_θ(y′|x′)) at η = 0, the inner product of ∇_θ STD(x) with the
    label's score: one Jacobian-vector product (derived). It is the first-order effect of a step of
    gradient descent on −log p(y′|x′), per unit of learning rate.

    For a right label y of probability p and rewards ±1 it is (1 − 2p)·sqrt(p/(1 − p))·‖∇ log p‖²,
    which vanishes with the std. To compare prompts whose stds differ by orders of magnitude, divide
    by the std: the result is the derivative of ln STD.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], x, the prompt of the std; −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float, or float[K^length].
        label: Int[length], y′, the completion to learn; −1 after the end of sequence.
        labeled_prompt: Int[P′], x′, the prompt of the label; `prompt` if not given.

    Returns:
        Float[], in the unit of the rewards. 0 where the std is exactly 0. A label with a value
        outside 0 … K−1 gives NaN, and so does a NaN reward under a caller's `jax.jit`.

    Raises:
        ValueError: As `jrft.exact_reward_std`, or the label is not int[length].

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.log(jnp.array([[0.9, 0.1]]))
        >>> rewards = jnp.array([-1.0, 1.0])
        >>> gains = [jrft.std_gain(policy, params, [], rewards, [token]) for token in (0, 1)]
        >>> [round(float(gain), 3) for gain in gains]
        [-0.048, 0.432]
    """
    prompt = check_prompt(policy, prompt)
    label_prompt = prompt if labeled_prompt is None else check_prompt(policy, labeled_prompt)
    rewards, label = all_rewards(policy, prompt, reward), _check_label(policy, label)
    params = own_copies(params, prompt, rewards, label_prompt, label)
    return _std_gain(policy, params, prompt, rewards, label_prompt, label)


@jax.jit
@precise
def _std_gain(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    rewards: Float[Array, " completions"],
    label_prompt: Int[Array, " labeled"],
    label: Int[Array, " length"],
) -> Float[Array, ""]:
    def log_prob(params: Params) -> Float[Array, ""]:
        return jnp.sum(policy.log_probs(params, label_prompt, label))

    def std(params: Params) -> Float[Array, ""]:
        return exact_reward_std(policy, params, prompt, rewards)

    value, score = jax.value_and_grad(log_prob)(params)
    gain = jax.jvp(std, (params,), (score,))[1]
    # A label outside the vocabulary has no probability, but a gradient of 0.
    return jnp.where(jnp.isnan(value), jnp.nan, gain)


def _check_label(policy: Policy, label: ArrayLike | Sequence[int]) -> Int[Array, " length"]:
    tokens = jnp.asarray(label)
    if tokens.shape != (policy.length,) or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(
            f"label is {tokens.dtype}{list(tokens.shape)}: pass int[{policy.length}], one "
            "completion; jax.vmap maps over labels"
        )
    return tokens
