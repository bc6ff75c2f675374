"""Gradient functions that finetune a policy on prompts, for the one loop: SFT, RFT and estimators.

Each is `(key, params, model_state, batch) → (gradient, model_state, info)` as `loop.fit` takes
it. The batch is a `Prompts`, and every prompt counts alike.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import jrft
from experiments.engine.phases import GradientFn, from_loss
from jrft.rewards import Reward, map_reward

PyTree = Any


class Prompts(NamedTuple):
    """Prompts and what supervised finetuning shows of each.

    Attributes:
        prompts: int32[n, P].
        shown: int32[n, m, length], completions, all equally likely.
        changed: bool[n], the prompts whose rewarded completions pretraining did not show.
    """

    prompts: jax.Array
    shown: jax.Array
    changed: jax.Array


class Drawn(NamedTuple):
    """PPO's model state: the samples that it makes several updates from.

    Attributes:
        step: int32[], updates made.
        samples: `jrft.Samples` with leading axes [n, num_samples].
        rewards: float[n, num_samples].
    """

    step: jax.Array
    samples: jrft.Samples
    rewards: jax.Array


Estimator = Callable[..., tuple[PyTree, jrft.GradientInfo]]
ESTIMATORS: dict[str, Estimator] = {
    name: partial(jrft.policy_gradient, advantages=advantages)
    for name, advantages in jrft.ESTIMATORS.items()
}


def sft(policy: jrft.Policy) -> GradientFn:
    """Supervised finetuning: maximum likelihood of the completions shown."""

    def loss(key: jax.Array, params: PyTree, model_state: None, batch: Prompts) -> Any:
        def of_prompt(prompt: jax.Array, shown: jax.Array) -> jax.Array:
            each = jax.vmap(policy.log_probs, (None, None, 0))(params, prompt, shown)
            return -each.sum(axis=1).mean()

        return jax.vmap(of_prompt)(batch.prompts, batch.shown).mean(), (model_state, {})

    return from_loss(loss)


def exact_rft(policy: jrft.Policy, reward: Reward) -> GradientFn:
    """Reinforcement finetuning on the exact expected reward: perfect exploration."""

    def loss(key: jax.Array, params: PyTree, model_state: None, batch: Prompts) -> Any:
        def value(prompt: jax.Array) -> jax.Array:
            return jrft.exact_value(policy, params, prompt, reward)

        return -jax.vmap(value)(batch.prompts).mean(), (model_state, {})

    return from_loss(loss)


def sampled_rft(
    estimator: Estimator, policy: jrft.Policy, reward: Reward, num_samples: int
) -> GradientFn:
    """Reinforcement finetuning on the completions that it draws of every prompt.

    Args:
        estimator: One of `ESTIMATORS`.
        policy: The model.
        reward: Traceable.
        num_samples: Completions of each prompt, at every update.
    """

    def gradient_fn(key: jax.Array, params: PyTree, model_state: None, batch: Prompts) -> Any:
        def of_prompt(key: jax.Array, prompt: jax.Array) -> tuple[PyTree, jrft.GradientInfo]:
            return estimator(key, policy, params, prompt, reward, num_samples=num_samples)

        keys = jax.random.split(key, len(batch.prompts))
        gradients, info = jax.vmap(of_prompt)(keys, batch.prompts)
        return _descent(gradients), model_state, _told(info)

    return gradient_fn


def ppo_rft(policy: jrft.Policy, reward: Reward, updates_per_draw: int, clip: float) -> GradientFn:
    """Reinforcement finetuning by PPO's clipped surrogate; needs `before_ppo` as model state.

    Advantages are rewards minus the mean of the prompt's group.

    Args:
        policy: The model.
        reward: Traceable.
        updates_per_draw: Updates made from the same completions, whose prompts are all of the data.
        clip: How far from 1 a token's ratio may go.
    """

    def gradient_fn(key: jax.Array, params: PyTree, state: Drawn, batch: Prompts) -> Any:
        num_samples = state.rewards.shape[1]

        def draw() -> tuple[jrft.Samples, jax.Array]:
            def of_prompt(key: jax.Array, prompt: jax.Array) -> tuple[jrft.Samples, jax.Array]:
                samples = jrft.sample(key, policy, params, prompt, num_samples)
                return samples, map_reward(reward, prompt, samples.completions)

            return jax.vmap(of_prompt)(jax.random.split(key, len(batch.prompts)), batch.prompts)

        samples, rewards = jax.lax.cond(
            state.step % updates_per_draw == 0, draw, lambda: (state.samples, state.rewards)
        )

        def of_prompt(
            prompt: jax.Array, samples: jrft.Samples, rewards: jax.Array
        ) -> tuple[PyTree, jrft.PPOInfo]:
            return jrft.ppo_gradient_from(
                policy, params, prompt, samples, rewards, rewards - rewards.mean(), clip=clip
            )

        gradients, info = jax.vmap(of_prompt)(batch.prompts, samples, rewards)
        told = _told(info.gradient) | {"clipped_share": info.clipped_share.mean()}
        return _descent(gradients), Drawn(state.step + 1, samples, rewards), told

    return gradient_fn


def before_ppo(policy: jrft.Policy, num_prompts: int, num_samples: int) -> Drawn:
    """The model state before PPO has drawn anything."""
    shape = num_prompts, num_samples
    samples = jrft.Samples(
        jnp.zeros((*shape, policy.length), jnp.int32), jnp.zeros((*shape, policy.length))
    )
    return Drawn(jnp.int32(0), samples, jnp.zeros(shape))


def evaluate(
    policy: jrft.Policy, reward: Reward, params: PyTree, model_state: PyTree, data: Prompts
) -> dict[str, jax.Array]:
    """Exact quantities of every prompt, averaged over changed and over unchanged prompts.

    Named `<split>/<quantity>`: `reward`, `reward_std` (over the completions of one prompt)
    and `gradient_norm` (of one prompt's expected reward).
    """
    del model_state

    def of_prompt(prompt: jax.Array) -> dict[str, jax.Array]:
        value, gradient = jax.value_and_grad(jrft.exact_value, argnums=1)(
            policy, params, prompt, reward
        )
        return {
            "reward": value,
            "reward_std": jrft.exact_reward_std(policy, params, prompt, reward),
            "gradient_norm": optax.tree.norm(gradient),
        }

    per_prompt = jax.vmap(of_prompt)(data.prompts)
    return {
        f"{split}/{name}": jnp.mean(values, where=members)
        for split, members in (("changed", data.changed), ("unchanged", ~data.changed))
        for name, values in per_prompt.items()
    }


def _descent(gradients: PyTree) -> PyTree:
    """The gradient of minus the mean reward, from the gradient of every prompt's reward."""
    return jax.tree.map(lambda leaf: -leaf.mean(axis=0), gradients)


def _told(info: jrft.GradientInfo) -> dict[str, jax.Array]:
    return {
        "sampled_reward": info.reward_mean.mean(),
        "zero_std_share": (info.reward_std == 0).mean(),
    }
