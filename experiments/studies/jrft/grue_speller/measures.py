"""Before finetuning: gradients and their bounds, and the time until a word is learned alone."""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.studies.jrft.grue_speller.config import Config
from experiments.studies.jrft.grue_speller.data import Study
from experiments.studies.jrft.grue_speller.rewards import answer_log_probs, std_of, success
from experiments.studies.jrft.grue_speller.words import Words

# Steps of Lanczos, for the norm of the logits' Jacobian.
_LANCZOS_STEPS = 8
# Nats that the log-probability of the answer gains in a step of the flow.
_GAIN = 0.1
_MAX_STEPS = 400


def gradients_and_bounds(config: Config, study: Study) -> dict[str, dict[str, np.ndarray]]:
    """Exact gradients of many `words`, and the `bounds` on some."""
    measured = _gradient_norms(config, study)
    return {"words": measured, "bounds": _bounds(config, study, measured)}


def _gradient_norms(config: Config, study: Study) -> dict[str, np.ndarray]:
    """Exact std and gradient norm of the first seed's words, float[num_measured] each."""
    words = jax.tree.map(lambda leaf: leaf[0, : config.num_measured], study.splits.train)

    def of_word(word: Words) -> dict[str, jax.Array]:
        one = jax.tree.map(lambda leaf: leaf[None], word)
        value, gradient = jax.value_and_grad(lambda p: success(study.policy, p, one)[0])(
            study.params
        )
        return {"std": std_of(value), "norm": optax.tree.norm(gradient), "value": value}

    return jax.tree.map(np.asarray, jax.jit(lambda words: jax.lax.map(of_word, words))(words))


def _bounds(config: Config, study: Study, measured: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The bounds on the gradient norm of some of the measured words, from small std to large.

    The largest Jacobian norm γ over all prefixes of all completions cannot be had: there are
    74^10 of them. Over the prefixes of one right answer and of one sample it is at most γ, so that
    a gradient below a bound with this norm is below the bound.

    Returns:
        float[num_bounded] each: `std`, `norm`, `jacobian`, and both bounds.
    """
    policy, params = study.policy, study.params
    order = np.argsort(measured["std"], kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, config.num_bounded).round().astype(int)]

    @jax.jit
    def jacobian(key: jax.Array, prompt: jax.Array, answer: jax.Array) -> jax.Array:
        sample_key, first, second = jax.random.split(key, 3)
        drawn = jrft.sample(sample_key, policy, params, prompt, 1).completions[0]
        found = [
            jrft.jacobian_norm_intervals(
                key, policy, params, prompt, completion, num_steps=_LANCZOS_STEPS
            ).lower.max()
            for key, completion in ((first, answer), (second, drawn))
        ]
        return jnp.maximum(*found)

    words = jax.tree.map(lambda leaf: leaf[0][chosen], study.splits.train)
    keys = jax.random.split(jax.random.key(0), len(chosen))
    found = [
        jacobian(key, prompt, answers[0])
        for key, prompt, answers in zip(keys, words.prompts, words.answers, strict=True)
    ]
    std, gamma = measured["std"][chosen], jnp.array(found)
    return {
        "std": std,
        "norm": measured["norm"][chosen],
        "jacobian": np.asarray(gamma),
        "theorem": np.asarray(jrft.theorem_bound(policy.length, gamma, std)),
        "certificate": np.asarray(jrft.gradient_certificate(policy.length, gamma, std)),
    }


def times_alone(config: Config, study: Study) -> dict[str, np.ndarray]:
    """Times that gradient flows take until a word, finetuned alone, is right half the time.

    Words of one right answer that are right less than half the time, spread evenly over the logs of
    their probabilities. See `flow_times`.
    """
    train = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), study.splits.train)
    values = np.asarray(jax.jit(functools.partial(success, study.policy))(study.params, train))
    single = np.flatnonzero((np.asarray(train.exists).sum(axis=1) == 1) & (values < 0.5))
    order = single[np.argsort(values[single], kind="stable")]
    logs = np.log(values[order])
    wanted = np.linspace(logs[0], logs[-1], config.num_alone)
    chosen = np.unique(order[np.abs(logs[:, None] - wanted).argmin(axis=0)])
    flow = jax.jit(
        lambda words: jax.lax.map(functools.partial(flow_times, study.policy, study.params), words)
    )
    sft, rft = flow(jax.tree.map(lambda leaf: leaf[chosen], train))
    return {
        "std": np.asarray(std_of(values[chosen])),
        "sft": np.asarray(sft),
        "rft": np.asarray(rft),
    }


def flow_times(policy: jrft.Policy, params: Any, word: Words) -> tuple[jax.Array, jax.Array]:
    """Times of SFT's and of RFT's gradient flow until the answer has probability 1/2 (derived).

    With one right answer y, V = p(y), and ∇V = p(y) ∇ log p(y): on one word, alone, both flows
    trace one curve, RFT at p(y) times the speed of SFT. So one flow has both times, ∫ dt and
    ∫ dt / p. Steps are of equal gain in log p, in which log p is taken to be linear in time.

    Returns:
        Both times, float[] each; NaN if the probability is not reached.
    """
    one = jax.tree.map(lambda leaf: leaf[None], word)
    slope = jax.value_and_grad(lambda params: answer_log_probs(policy, params, one)[0, 0])
    goal = math.log(0.5)

    def goes_on(state: Any) -> jax.Array:
        _, log_prob, _, _, _, steps = state
        return (log_prob < goal) & (steps < _MAX_STEPS)

    def step(state: Any) -> Any:
        params, log_prob, gradient, sft, rft, steps = state
        size = _GAIN / optax.tree.norm(gradient, squared=True)
        params = jax.tree.map(lambda leaf, move: leaf + size * move, params, gradient)
        after, gradient = slope(params)
        # The last step is cut where it reaches the goal.
        share = jnp.minimum(1, (goal - log_prob) / (after - log_prob))
        end = log_prob + share * (after - log_prob)
        inverse = (jnp.exp(-log_prob) - jnp.exp(-end)) / (end - log_prob)
        return params, after, gradient, sft + share * size, rft + share * size * inverse, steps + 1

    log_prob, gradient = slope(params)
    no_time = jnp.zeros_like(log_prob)
    start = params, log_prob, gradient, no_time, no_time, jnp.int32(0)
    _, log_prob, _, sft, rft, _ = jax.lax.while_loop(goes_on, step, start)
    reached = log_prob >= goal
    return jnp.where(reached, sft, jnp.nan), jnp.where(reached, rft, jnp.nan)
