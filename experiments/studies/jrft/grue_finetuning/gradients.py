"""Gradients that finetune a language model, for the one loop.

Each is `(key, params, model_state, batch) → (gradient, model_state, info)` on a `Texts` of
completions: labels for SFT, samples for RFT, whose rewards a program of the host has computed.
"""

from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from experiments.engine.phases import GradientFn, from_loss
from experiments.studies.jrft.controlled_task.losses import weighted_mean
from experiments.studies.jrft.grue_finetuning.predictions import Predictions, predictions

GAMMA, LAMBDA = 0.99, 0.95
CLIP, VALUE_COEFFICIENT = 0.2, 0.5
KL_STEP, KL_MOST = 0.1, 0.2


class Texts(NamedTuple):
    """Completions of B inputs, N each, and what was known when they were drawn.

    Attributes:
        policy: The policy; an argument of the compiled program, since adapters hold the model.
        prompts: int32[B, P].
        completions: int32[B, N, T], −1 after the end.
        weights: float[B], 0 for an input that only fills the batch.
        rewards: float[B, N], NaN where there is none.
        advantages: float[B, N], of methods that give a completion one advantage.
        log_probs: float[B, N, T], under the policy that drew them; for PPO, like the next two.
        reference: float[B, N, T], under the policy at the start.
        values: float[B, N, T], of the value head.
    """

    policy: Any
    prompts: jax.Array
    completions: jax.Array
    weights: jax.Array
    rewards: jax.Array
    advantages: jax.Array
    log_probs: jax.Array
    reference: jax.Array
    values: jax.Array


class PPOState(NamedTuple):
    """What PPO carries from update to update.

    Attributes:
        step: int32[], updates made.
        kl_coefficient: float[], of the KL penalty.
    """

    step: jax.Array
    kl_coefficient: jax.Array


def sft(key: jax.Array, params: Any, model_state: None, batch: Texts) -> Any:
    """Maximum likelihood of labels, every token counting alike."""

    def loss(key: jax.Array, params: Any, state: None, batch: Texts) -> Any:
        del key
        found = predictions(batch.policy, params, batch.prompts, batch.completions)
        return -_token_mean(found.log_probs, _counted(found, batch)), (state, {})

    return from_loss(loss)(key, params, model_state, batch)


@cache
def policy_gradient(temperature: float, entropy_bonus: float) -> GradientFn:
    """The mean of advantage · ∇ log p(completion), and of an entropy bonus.

    Args:
        temperature: Of the policy.
        entropy_bonus: Coefficient of the mean entropy of a token's distribution.
    """

    def loss(key: jax.Array, params: Any, state: None, batch: Texts) -> Any:
        del key
        found = predictions(batch.policy, params, batch.prompts, batch.completions, temperature)
        terms = jnp.mean(batch.advantages * found.log_probs.sum(axis=-1), axis=1)
        entropy = _token_mean(found.entropies, _counted(found, batch))
        value = -weighted_mean(terms, batch.weights) - entropy_bonus * entropy
        return value, (state, reward_info(batch) | {"entropy": entropy})

    return from_loss(loss)


@cache
def ppo(
    temperature: float, entropy_bonus: float, kl_target: float, updates_per_draw: int
) -> GradientFn:
    """PPO's clipped surrogate with a value head, GAE and an adaptive KL penalty.

    The reward comes with the last token. Every token is penalized by the KL coefficient times the
    difference of its log-probabilities under the policy that drew it and under the one at the
    start. After the last update from a draw, the coefficient is steered to the target.

    Args:
        temperature: Of the policy.
        entropy_bonus: Coefficient of the mean entropy of a token's distribution.
        kl_target: Of the mean difference of a token's log-probabilities.
        updates_per_draw: Updates from the same completions.

    References:
        Schulman et al., Proximal policy optimization algorithms, 2017. Coefficients are those of
        Ramamurthy et al., ICLR 2023.
    """

    def gradient_fn(key: jax.Array, params: Any, state: PPOState, batch: Texts) -> Any:
        present = (batch.completions >= 0) & ~jnp.isnan(batch.rewards)[..., None]
        present &= batch.weights[:, None, None] > 0
        kl = batch.log_probs - batch.reference
        rewards = token_rewards(batch.rewards, present) - state.kl_coefficient * kl * present
        advantages = generalized_advantages(rewards, batch.values, present)
        returns = advantages + batch.values
        centered = advantages - _token_mean(advantages, present)
        whitened = centered / (jnp.sqrt(_token_mean(centered**2, present)) + 1e-8)

        def loss(key: jax.Array, params: Any, state: PPOState, batch: Texts) -> Any:
            del key
            found = predictions(batch.policy, params, batch.prompts, batch.completions, temperature)
            ratios = jnp.exp(found.log_probs - batch.log_probs)
            clipped = jnp.clip(ratios, 1 - CLIP, 1 + CLIP) * whitened
            surrogate = jnp.minimum(ratios * whitened, clipped)
            entropy = _token_mean(found.entropies, present)
            value_loss = _token_mean((found.values - returns) ** 2, present)
            info = {"entropy": entropy, "value_loss": value_loss}
            info["clipped_share"] = _token_mean(1.0 * (surrogate < ratios * whitened), present)
            total = -_token_mean(surrogate, present) + VALUE_COEFFICIENT * value_loss
            return total - entropy_bonus * entropy, (state, info)

        gradient, _, info = from_loss(loss)(key, params, state, batch)
        mean_kl = _token_mean(kl, present)
        error = jnp.clip((mean_kl - kl_target) / kl_target, -KL_MOST, KL_MOST)
        is_last = (state.step + 1) % updates_per_draw == 0
        factor = jnp.where(is_last, 1 + KL_STEP * error, 1.0)
        told = {"kl": mean_kl, "kl_coefficient": state.kl_coefficient}
        after = PPOState(state.step + 1, state.kl_coefficient * factor)
        return gradient, after, {**info, **reward_info(batch), **told}

    return gradient_fn


def token_rewards(rewards: jax.Array, present: jax.Array) -> jax.Array:
    """The reward of a completion at its last token, 0 at the others; float[..., T]."""
    followed = jnp.concatenate([present[..., 1:], jnp.zeros_like(present[..., :1])], axis=-1)
    return jnp.where(present & ~followed, rewards[..., None], 0)


def generalized_advantages(rewards: jax.Array, values: jax.Array, present: jax.Array) -> jax.Array:
    """Generalized advantage estimates, Σ_k (γλ)^k δ_{t+k} with δ_t = r_t + γ V_{t+1} − V_t.

    Args:
        rewards: float[..., T].
        values: float[..., T], of what comes from each token on.
        present: bool[..., T], the tokens; values after the last are 0.

    Returns:
        Float[..., T], 0 where there is no token.

    References:
        Schulman et al., High-dimensional continuous control using generalized advantage
        estimation, ICLR 2016.
    """
    values = jnp.where(present, values, 0)
    later = jnp.concatenate([values[..., 1:], jnp.zeros_like(values[..., :1])], axis=-1)
    deltas = jnp.where(present, rewards + GAMMA * later - values, 0)

    def earlier(after: jax.Array, delta: jax.Array) -> tuple[jax.Array, jax.Array]:
        advantage = delta + GAMMA * LAMBDA * after
        return advantage, advantage

    start = jnp.zeros_like(deltas[..., 0])
    found = jax.lax.scan(earlier, start, jnp.moveaxis(deltas, -1, 0), reverse=True)[1]
    return jnp.where(present, jnp.moveaxis(found, 0, -1), 0)


def reward_info(batch: Texts) -> dict[str, jax.Array]:
    """Mean reward of a batch, rewards missing, and the share of inputs with equal rewards alone."""
    counted = jnp.broadcast_to((batch.weights > 0)[:, None], batch.rewards.shape)
    known = jnp.isfinite(batch.rewards) & counted
    spread = jnp.nanmax(batch.rewards, axis=1) - jnp.nanmin(batch.rewards, axis=1)
    return {
        "reward": jnp.mean(batch.rewards, where=known),
        "missing": jnp.sum(counted & ~known),
        "zero_std_share": weighted_mean(1.0 * (spread == 0), batch.weights),
    }


def _counted(found: Predictions, batch: Texts) -> jax.Array:
    return found.present & (batch.weights > 0)[:, None, None]


def _token_mean(values: jax.Array, present: jax.Array) -> jax.Array:
    return jnp.sum(jnp.where(present, values, 0)) / jnp.maximum(jnp.sum(present), 1)


@cache
def optimizer(
    rate: float, weight_decay: float, max_norm: float | None, decay_steps: int | None
) -> optax.GradientTransformation:
    """AdamW; one object for equal arguments, so that equal phases share a compiled program.

    Args:
        rate: The learning rate.
        weight_decay: Its coefficient.
        max_norm: Longer gradients are shortened to this norm; None for no limit.
        decay_steps: Steps in which the rate falls to 0 along a cosine; None for a constant rate.
    """
    schedule = rate if decay_steps is None else optax.cosine_decay_schedule(rate, decay_steps)
    adam = optax.adamw(schedule, weight_decay=weight_decay)
    return adam if max_norm is None else optax.chain(optax.clip_by_global_norm(max_norm), adam)
