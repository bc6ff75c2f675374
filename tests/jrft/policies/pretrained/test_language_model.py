"""Random tiny language models obey the contract of a policy, in every setting."""

import dataclasses
import functools

import chex
import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from jrft.policies.pretrained import language_models as module
from jrft.policies.pretrained import products

CONFIGS = {
    "gpt2": jrft.GPT2Config(vocab_size=5, max_positions=16, width=8, depth=2, heads=2),
    "llama": jrft.LlamaConfig(
        vocab_size=5,
        width=8,
        depth=2,
        heads=4,
        key_heads=2,
        channels=6,
        hidden=12,
        tied=False,
        head_norms=True,
    ),
    "t5": jrft.T5Config(
        vocab_size=5, width=8, encoder_depth=2, decoder_depth=2, heads=2, channels=4, hidden=12
    ),
}
PROMPT = jnp.array([-1, 3, 2])
COMPLETION = jnp.array([4, 0, 1])


def make(name, **settings):
    return jrft.language_model(CONFIGS[name], length=3, eos=1, **settings)


@functools.cache
def init(policy):
    # 64-bit mode draws other numbers from a key; bounds are for these.
    with jax.enable_x64(False):
        params = policy.init(jax.random.key(0))
    return jax.tree.map(lambda leaf: leaf.astype(float), params)


@pytest.fixture(params=CONFIGS, scope="module")
def name(request):
    return request.param


@jax.jit
def in_three_ways(policy, params, prompt, completion):
    """Logits by teacher forcing, by steps, and as one path of the prefix tree."""
    forced = policy.completion_logits(params, prompt, completion)
    logits, cache = policy.prefill(params, prompt)
    stepped, tree = [logits], jrft.Policy.tree_logits(policy, params, prompt, 3)
    by_step = jrft.Policy.subtree_logits(policy, params, logits, cache, 3)
    for token in completion[:-1]:
        logits, cache = policy.step(params, cache, token)
        stepped.append(logits)
    return forced, jnp.stack(stepped), tree, by_step


def test_cache_teacher_forcing_and_tree_agree(name):
    policy = make(name)
    params = init(policy)
    forced, stepped, tree, by_step = in_three_ways(policy, params, PROMPT, COMPLETION)
    np.testing.assert_allclose(forced, stepped, atol=1e-5)
    chex.assert_trees_all_close(tree, by_step, atol=1e-5)
    first, second = COMPLETION[0], 5 * COMPLETION[0] + COMPLETION[1]
    path = jnp.stack([tree[0][0], tree[1][first], tree[2][second]])
    np.testing.assert_allclose(path, forced, atol=1e-5)
    unpadded, _, _, _ = in_three_ways(policy, params, PROMPT[1:], COMPLETION)
    np.testing.assert_allclose(unpadded, forced, atol=1e-5)
    other, _, _, _ = in_three_ways(policy, params, jnp.array([-1, 2, 2]), COMPLETION)
    assert np.abs(other - forced).max() > 1e-4


@jax.jit
def value_and_gradient(policy, params):
    def value(params):
        return policy.log_probs(params, PROMPT, COMPLETION).sum()

    return jax.value_and_grad(value)(params)


@functools.cache
def plain_value_and_gradient(name):
    return value_and_gradient(make(name), init(make(name)))


def unstack(stacked, params):
    """Parameters of stacked layers as those of single layers."""

    def pick(path, leaf):
        node, names = stacked, [entry.key for entry in path]
        layer = None
        for key in names:
            if key.isdigit():
                layer, key = int(key), "layers"
            node = node[key]
        return node if layer is None else node[layer]

    return jax.tree_util.tree_map_with_path(pick, params)


def test_scan_and_remat_change_nothing(name):
    plain, scanned = make(name), make(name, scan=True, remat=True)
    stacked = init(scanned)
    params = unstack(stacked, init(plain))
    expected, gradient = value_and_gradient(plain, params)
    found, stacked_gradient = value_and_gradient(scanned, stacked)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    chex.assert_trees_all_close(unstack(stacked_gradient, params), gradient, atol=1e-5)


def test_bfloat16_is_near_float32_and_its_gradient_too(name, monkeypatch):
    monkeypatch.setattr(products, "_has_amx", lambda: True)
    params = init(make(name))
    expected, gradient = plain_value_and_gradient(name)
    found, rounded_gradient = value_and_gradient(make(name, dtype="bfloat16"), params)
    assert found.dtype == jnp.float32
    assert 0 < abs(found - expected) < 0.05
    flat = [ravel_pytree(g)[0] for g in (gradient, rounded_gradient)]
    assert np.linalg.norm(flat[0] - flat[1]) < 0.1 * np.linalg.norm(flat[0])


def test_log_probs_in_blocks_equal_those_at_once(monkeypatch):
    policy = make("gpt2")
    params = init(policy)
    expected, gradient = plain_value_and_gradient("gpt2")
    monkeypatch.setattr(module, "LARGE_VOCABULARY", 1)
    monkeypatch.setattr(module, "BLOCK", 2)
    in_blocks = dataclasses.replace(policy, start=2)  # another policy, so another program
    found, blocks_gradient = value_and_gradient(in_blocks, params)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    chex.assert_trees_all_close(blocks_gradient, gradient, atol=1e-6)


WRAPPED = {
    "model": lambda policy, params: policy,
    "warped": lambda policy, params: jrft.warped_policy(policy, temperature=0.5, top_p=0.99),
    "restricted": lambda policy, params: jrft.restricted_policy(policy, tokens=[4, 0, 1, 2, 3]),
    "adapted": lambda policy, params: jrft.warped_policy(
        jrft.lora(policy, params, rank=1), top_k=4
    ),
}


def shapes_in(jaxpr):
    """The shapes of all results in a traced function, those in loops included."""
    for equation in jaxpr.eqns:
        yield from (result.aval.shape for result in equation.outvars)
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from shapes_in(inner)


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_no_wrapper_holds_all_logits(wrapper, monkeypatch):
    model = make("gpt2")
    policy = WRAPPED[wrapper](model, init(model))
    params = jax.eval_shape(policy.init, jax.random.key(0))

    def sum_of(params):
        return policy.log_probs(params, PROMPT, jnp.array([2, 3, 2])).sum()

    def all_logits():
        traced = jax.make_jaxpr(jax.grad(sum_of))(params)
        return [shape for shape in shapes_in(traced.jaxpr) if shape in ((3, 5), (2, 2, 5))]

    assert all_logits()
    monkeypatch.setattr(module, "LARGE_VOCABULARY", 1)
    monkeypatch.setattr(module, "BLOCK", 2)
    assert not all_logits()


def test_warped_log_probs_in_blocks_equal_those_at_once(monkeypatch):
    model = make("gpt2")
    inner = jrft.restricted_policy(model, tokens=[4, 0, 1, 2, 3])
    policy = jrft.warped_policy(inner, temperature=0.5, top_k=5)
    expected, gradient = value_and_gradient(policy, init(model))
    assert np.isfinite(expected)
    monkeypatch.setattr(module, "LARGE_VOCABULARY", 1)
    monkeypatch.setattr(module, "BLOCK", 2)
    value_and_gradient.clear_cache()  # the policy is the same, and its program is another
    found, blocks_gradient = value_and_gradient(policy, init(model))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    chex.assert_trees_all_close(blocks_gradient, gradient, atol=1e-6)


def test_exact_engine_and_samples_agree():
    # The engine sees a policy alone, whatever its network is.
    policy = make("llama")
    params = init(policy)
    value = jrft.exact_value(policy, params, PROMPT, lambda _, y: jnp.float32(y[0] == 3))
    drawn = jrft.sample(jax.random.key(0), policy, params, PROMPT, 4000)
    share = (drawn.completions[:, 0] == 3).mean()
    assert abs(share - value) < 5 * np.sqrt(value * (1 - value) / 4000)
    ended = np.array(drawn.completions) == 1
    assert (np.array(drawn.completions)[:, 1:][ended[:, :-1]] == -1).all()
    again = jax.vmap(policy.log_probs, (None, None, 0))(params, PROMPT, drawn.completions[:50])
    np.testing.assert_allclose(again, drawn.log_probs[:50], atol=1e-5)


def test_samples_share_the_prompt_in_the_cache(name):
    policy = make(name)
    params = init(policy)

    _, cache = policy.prefill(params, PROMPT)

    def shared_after(token):
        return policy.step(params, cache, token)[1].shared

    # The axis of the samples in the prompt's part would raise here.
    by_sample = jax.vmap(shared_after, out_axes=None)
    shared = jax.eval_shape(by_sample, jnp.zeros(4, jnp.int32))
    chex.assert_trees_all_equal_shapes(shared, cache.shared)


def test_an_empty_prompt_is_the_start_token(name):
    policy = jrft.language_model(CONFIGS[name], length=3, eos=1, start=2)
    params = init(policy)
    expected, _ = jax.jit(policy.prefill)(params, jnp.array([2]))
    for prompt in ([], [-1, -1]):
        found, _ = jax.jit(policy.prefill)(params, jnp.array(prompt, jnp.int32))
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: make("gpt2", dtype="int8"), r"dtype is 'int8': pass 'float32', 'bfloat16' or"),
        (lambda: make("gpt2", start=5), r"start is 5: pass a token of 0 … 4"),
        (
            lambda: jrft.language_model(CONFIGS["gpt2"], length=3, eos=5),
            r"eos is 5: pass a token of 0 … 4, or None",
        ),
        (
            lambda: jrft.GPT2Config(vocab_size=5, max_positions=9, width=8, depth=1, heads=3),
            r"heads is 3: pass a divisor of the width, which is 8",
        ),
        (
            lambda: dataclasses.replace(CONFIGS["llama"], key_heads=3),
            r"key_heads is 3: pass a divisor of heads, which is 4",
        ),
        (lambda: dataclasses.replace(CONFIGS["llama"], channels=3), r"channels is 3: pass an even"),
        (
            lambda: make("gpt2").prefill(init(make("gpt2")), jnp.zeros(15, jnp.int32)),
            r"prompt has 15 tokens, padding counted: pass at most 14, as the model has 16",
        ),
    ],
)
def test_bad_settings(call, message):
    with pytest.raises(ValueError, match=message):
        call()
