"""What a language model says of given completions: log-probabilities, entropies, values."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jrft.completions import PAD
from jrft.policies.low_rank import LowRank


class Predictions(NamedTuple):
    """Of every token of completions, float[B, N, T] each.

    Attributes:
        log_probs: Log-probability of the token; 0 where there is none.
        entropies: Of the distribution that the token is from.
        values: The value head's estimate of the return from here on; 0 without a head.
        present: Whether there is a token.
    """

    log_probs: jax.Array
    entropies: jax.Array
    values: jax.Array
    present: jax.Array


def new_head(policy: Any) -> dict[str, jax.Array]:
    """A value head of the model: an affine function that is 0."""
    return {"weights": jnp.zeros(_model(policy).config.width), "bias": jnp.zeros(())}


def predictions(
    policy: Any, params: Any, prompts: jax.Array, completions: jax.Array, temperature: float = 1.0
) -> Predictions:
    """What a policy says of completions, in one pass over prompts and completions.

    Top-k and a minimal length are no part of it: a token outside of the likeliest k would have the
    log-probability −∞, and no gradient. Other trainers do the same.

    Args:
        policy: A language model or `jrft.lora` of one.
        params: `policy`: its parameters; and `head`, if there is a value head. The head reads the
            model's last values, and its gradient does not reach the model.
        prompts: int32[B, P].
        completions: int32[B, N, T], −1 after the end.
        temperature: The logits are divided by it.
    """
    model, weights = _model(policy), _weights(policy, params["policy"])

    def of_one(prompt: jax.Array, completion: jax.Array) -> tuple[jax.Array, ...]:
        hidden = model.hidden_states(weights, prompt, completion)
        logits = model.logits_of(weights, hidden).astype(jnp.float32) / temperature
        log_probs = jax.nn.log_softmax(logits)
        chosen = jnp.take_along_axis(log_probs, jnp.maximum(completion, 0)[:, None], 1)[:, 0]
        entropies = -jnp.sum(jnp.exp(log_probs) * log_probs, axis=-1)
        values = jnp.zeros(len(completion))
        if "head" in params:
            head = params["head"]
            values = jax.lax.stop_gradient(hidden) @ head["weights"] + head["bias"]
        return chosen, entropies, values

    of_prompt: Callable[..., Any] = jax.vmap(of_one, (None, 0))
    present = completions != PAD
    found = jax.vmap(of_prompt)(prompts, completions)
    log_probs, entropies, values = (jnp.where(present, each, 0) for each in found)
    return Predictions(log_probs, entropies, values, present)


def _model(policy: Any) -> Any:
    return policy.policy if isinstance(policy, LowRank) else policy


def _weights(policy: Any, params: Any) -> Any:
    return policy.merged(params) if isinstance(policy, LowRank) else params
