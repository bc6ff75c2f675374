"""Other people's models: one written by hand, and tunix's Llama where it is installed."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft._numerics import norm

VOCABULARY, WIDTH, LENGTH = 5, 6, 3
PROMPT = jnp.array([-1, 3, 2])
COMPLETION = jnp.array([4, 0, 2])


def attention(params, tokens, positions, cache, mask):
    """One layer of attention; the cache has keys, values and the slots in use."""
    keys, values, used = cache
    x = params["embed"][tokens[0]] + jnp.sin(positions[0])[:, None]
    keys = jax.lax.dynamic_update_slice(keys, x @ params["key"], (used, 0))
    values = jax.lax.dynamic_update_slice(values, x @ params["value"], (used, 0))
    scores = jnp.where(mask[0], (x @ params["query"]) @ keys.T, -jnp.inf)
    x = x + jax.nn.softmax(scores) @ values
    return (x @ params["embed"].T)[None], (keys, values, used + tokens.shape[1])


def empty_cache(slots):
    return jnp.zeros((slots, WIDTH)), jnp.zeros((slots, WIDTH)), 0


def init(key):
    embed, *others = jax.random.split(key, 4)
    square = {
        name: jax.random.normal(k, (WIDTH, WIDTH)) / 2
        for name, k in zip(("key", "value", "query"), others, strict=True)
    }
    return {"embed": jax.random.normal(embed, (VOCABULARY, WIDTH)), **square}


POLICY = jrft.adapted_policy(
    attention, empty_cache, init, vocab_size=VOCABULARY, length=LENGTH, eos=1
)
PARAMS = init(jax.random.key(0))


def plain_logits(tokens):
    """All tokens at once, without cache, padding and JAX."""
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), PARAMS)
    x = params["embed"][tokens] + np.sin(np.arange(len(tokens)))[:, None]
    scores = (x @ params["query"]) @ (x @ params["key"]).T
    weights = np.tril(np.exp(scores))
    weights /= weights.sum(1, keepdims=True)
    return (x + weights @ (x @ params["value"])) @ params["embed"].T


def by_steps(policy, params, prompt, completion):
    logits, cache = policy.prefill(params, prompt)
    rows = [logits]
    for token in completion[:-1]:
        logits, cache = policy.step(params, cache, token)
        rows.append(logits)
    return jnp.stack(rows)


@functools.partial(jax.jit, static_argnums=0)
def both(policy, params, prompt, completion):
    forced = policy.completion_logits(params, prompt, completion)
    return forced, by_steps(policy, params, prompt, completion)


@pytest.mark.parametrize("prompt", [PROMPT, PROMPT[1:], PROMPT[:0]])
def test_logits_are_those_of_the_model(prompt):
    read = prompt[prompt >= 0] if prompt.size else [0]  # an empty prompt is the start token
    expected = plain_logits([*read, *COMPLETION[:-1]])[-LENGTH:]
    for found in both(POLICY, PARAMS, prompt, COMPLETION):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_exact_engine_and_samples_agree(key):
    drawn = jrft.sample(key, POLICY, PARAMS, PROMPT, 2000)
    exact = np.exp(jrft.exact_log_probs(POLICY, PARAMS, PROMPT))
    np.testing.assert_allclose(exact.sum(), 1, rtol=1e-5)
    share = np.mean(np.asarray(drawn.completions[:, 0]) == 3)
    probability = exact.reshape(VOCABULARY, -1)[3].sum()
    assert abs(share - probability) < 4.5 * np.sqrt(probability * (1 - probability) / 2000)
    forced = jax.vmap(POLICY.log_probs, (None, None, 0))(PARAMS, PROMPT, drawn.completions[:20])
    np.testing.assert_allclose(drawn.log_probs[:20], forced, atol=1e-5)


SIZES = jrft.LlamaConfig(
    vocab_size=11, width=8, depth=2, heads=4, key_heads=2, channels=6, hidden=12, tied=False,
    theta=500_000.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def tunix():
    """Tunix's Llama, and ours with the same weights: ((policy, params), (policy, params))."""
    module = pytest.importorskip("tunix.models.llama3.model")
    from flax import nnx

    config = module.ModelConfig(
        num_layers=2, vocab_size=11, embed_dim=8, hidden_dim=12, num_heads=4, head_dim=6,
        num_kv_heads=2, rope_theta=500_000, norm_eps=1e-6,
    )  # fmt: skip
    graph, state = nnx.split(module.Llama3(config, rngs=nnx.Rngs(0)))
    ours = jrft.language_model(SIZES, length=LENGTH, eos=1)
    params = ours.init(jax.random.key(0))
    weights = params["params"]

    def of_ours(path, leaf):
        names = [str(getattr(entry, "key", getattr(entry, "name", ""))) for entry in path]
        if "embedder" in names:
            return weights["tokens"]
        if "lm_head" in names:
            return weights["head"].T
        if "final_norm" in names:
            return weights["norm"]["scale"]
        layer = weights["layers"][names[names.index("layers") + 1]]
        (name,) = set(names) & set(layer)
        return jax.tree.leaves(layer[name])[0].reshape(leaf.shape)

    def call(params, *arguments):
        return nnx.merge(graph, params)(*arguments)

    def slots(count):
        part = jnp.zeros((1, count, 2, 6))
        layer = {"k": part, "v": part, "end_index": jnp.zeros(1, jnp.int32)}
        return {"layer_0": layer, "layer_1": layer}

    policy = jrft.adapted_policy(call, slots, lambda _: state, vocab_size=11, length=LENGTH, eos=1)
    return (policy, jax.tree_util.tree_map_with_path(of_ours, state)), (ours, params)


@jax.numpy_rank_promotion("allow")  # tunix multiplies arrays of different ranks
def test_tunix_llama_is_ours(tunix, key):
    (policy, params), (ours, our_params) = tunix
    expected = ours.completion_logits(our_params, PROMPT, COMPLETION)
    for found in both(policy, params, PROMPT, COMPLETION):
        np.testing.assert_allclose(found, expected, atol=1e-4)
    reward = jnp.arange(11.0**2)
    with_two = jrft.adapted_policy(
        policy.model, policy.empty_cache, policy.initialize, vocab_size=11, length=2, eos=1
    )
    gradient = jrft.exact_policy_gradient(with_two, params, PROMPT, reward)
    of_ours = jrft.language_model(SIZES, length=2, eos=1)
    our_gradient = jrft.exact_policy_gradient(of_ours, our_params, PROMPT, reward)
    np.testing.assert_allclose(norm(gradient), norm(our_gradient), rtol=1e-4)
    drawn = jrft.sample(key, policy, params, PROMPT, 4)
    assert drawn.completions.shape == (4, LENGTH)
