from functools import partial

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jrft
from jrft.policies import attention, decoder
from tests.cases import policies as cases
from tests.oracles import policies as oracles

SMALL = cases.POLICIES["transformer with end"]


def test_causal_exactly():
    """No logit depends on later tokens: the gradient in their embeddings is exactly zero."""
    policy = jrft.transformer(5, 4, max_prompt=3, width=8, depth=2, heads=2)
    params = policy.init(jax.random.key(0))

    @jax.jit
    @jax.jacobian
    def logits(embedding):
        changed = {"params": {**params["params"], "embed": {"embedding": embedding}}}
        return policy.completion_logits(changed, jnp.array([-1, 3, 1]), jnp.array([0, 2, 4, 0]))

    influence = np.abs(logits(params["params"]["embed"]["embedding"])).max(axis=(1, 3))
    # A row for each token predicted, a column for each of the ids 0 … 4 and the start token. The
    # first reads the start, 3 and 1; then come 0, 2 and 4 in turn; nothing reads the padding.
    reads = [[0, 1, 0, 1, 0, 1], [1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]]
    np.testing.assert_array_equal(influence > 0, np.array(reads, bool))


def test_parameters_are_float32_of_the_named_sizes():
    leaves = jax.tree.leaves(cases.init(SMALL))
    assert {leaf.dtype for leaf in leaves} == {jnp.dtype(jnp.float32)}
    # Embedding and head; attention, MLP and norms of one layer; the last norm.
    assert sum(leaf.size for leaf in leaves) == (4 + 3) * 8 + (4 * 64 + 2 * 256 + 2 * 8) + 8


def test_bfloat16_computes_probabilities_in_float32():
    half = jrft.transformer(3, 3, **cases.SIZES, eos=1, dtype=jnp.bfloat16)
    params, prompt = cases.init(SMALL), jnp.array([2, 0])
    levels = cases.tree_log_probs(half, params, prompt)
    assert {level.dtype for level in levels} == {jnp.dtype(jnp.float32)}
    chex.assert_trees_all_close(levels, cases.tree_log_probs(SMALL, params, prompt), atol=0.1)
    for level in levels:
        np.testing.assert_allclose(np.exp(level).sum(axis=1), 1, rtol=1e-6)


def test_float16_is_finite_at_ten_times_the_weights():
    """Scores are above 65 504, the largest float16, and GELU cubes numbers above 40."""
    sizes = {"max_prompt": 4, "width": 32, "depth": 2, "heads": 2}
    half, whole = (jrft.transformer(4, 2, **sizes, dtype=d) for d in (jnp.float16, jnp.float32))
    params = jax.tree.map(lambda leaf: 10 * leaf, cases.init(whole))
    prompt, completion = jnp.array([1, 2, 3, 0]), jnp.array([2, 1])

    @partial(jax.jit, static_argnums=0)
    def gradient(policy):
        return jax.grad(lambda params: policy.log_probs(params, prompt, completion).sum())(params)

    found, expected = gradient(half), gradient(whole)
    norm = optax.tree.norm(expected)
    assert optax.tree.norm(optax.tree.sub(found, expected)) < 0.1 * norm
    for level in cases.tree_log_probs(half, params, prompt):
        np.testing.assert_allclose(jnp.exp(level).sum(axis=1), 1, rtol=1e-6)


def test_dtype_in_any_spelling_makes_equal_policies():
    spellings = [jnp.bfloat16, "bfloat16", jnp.dtype("bfloat16")]
    assert len({jrft.transformer(3, 3, **cases.SIZES, dtype=dtype) for dtype in spellings}) == 1


def test_precision_follows_the_parameters():
    with jax.enable_x64(True):
        params = cases.init(SMALL, dtype=np.float64)
        assert jrft.exact_value(SMALL, params, [2], cases.reward).dtype == jnp.float64
        assert jrft.exact_value(SMALL, cases.init(SMALL), [2], cases.reward).dtype == jnp.float32


@pytest.mark.parametrize(
    "merged_prefixes",
    [pytest.param(0, marks=pytest.mark.slow), 3, pytest.param(12, marks=pytest.mark.slow), 100],
)
def test_levels_merged_or_not_are_those_built_from_step(merged_prefixes, monkeypatch):
    monkeypatch.setattr(decoder, "MERGED_PREFIXES", merged_prefixes)
    policy = jrft.transformer(3, 4, max_prompt=3, width=8, depth=2, heads=2)

    def value_and_gradient(tree_logits):
        def value(params):
            levels = tree_logits(policy, params, jnp.array([-1, 2, 0]), 4)
            return sum(jnp.sin(3 * level).sum() for level in levels), levels

        # Compiled anew for every limit, which is no argument.
        return jax.jit(jax.value_and_grad(value, has_aux=True))(cases.init(policy, dtype=float))

    def below_the_root(policy, params, prompt, depth):
        return policy.subtree_logits(params, *policy.prefill(params, prompt), depth)

    def by_step(policy, params, prompt, depth):
        root = policy.prefill(params, prompt)
        return jrft.Policy.subtree_logits(policy, params, *root, depth)

    with jax.enable_x64(True):
        expected = value_and_gradient(by_step)
        for tree_logits in (type(policy).tree_logits, below_the_root):
            chex.assert_trees_all_close(value_and_gradient(tree_logits), expected, atol=1e-11)


def test_norms_and_gelus_are_recomputed_rather_than_kept(monkeypatch):
    policy = jrft.transformer(8, 4, max_prompt=3, width=32, depth=2, heads=2)
    params = cases.init(policy)

    def bytes_kept():
        def pullback(params):
            return jax.vjp(lambda p: policy.tree_logits(p, jnp.zeros(3, int), 4), params)[1]

        return sum(
            x.size * x.dtype.itemsize for x in jax.tree.leaves(jax.eval_shape(pullback, params))
        )

    kept = bytes_kept()
    monkeypatch.setattr(decoder, "_gelu", nn.gelu)
    monkeypatch.setattr(decoder, "_RMSNorm", nn.RMSNorm)
    assert kept < 0.75 * bytes_kept()


def test_tree_mask_shows_what_stands_above():
    """Against the definition: keys of the cache, then two places read, then binary prefixes."""
    prefixes = [(), (), (0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1)]
    for visible in ([True, True], [False, True]):
        mask = attention.tree_mask(jnp.array([False, True]), jnp.array(visible), 2, 2)
        expected = [
            [False, True]
            + [
                i == j or (j < i and (visible[j] if j < 2 else key == query[: len(key)]))
                for j, key in enumerate(prefixes)
            ]
            for i, query in enumerate(prefixes)
        ]
        np.testing.assert_array_equal(mask, expected)


def test_deeper_tree_and_cache_agree_with_numpy_in_float32():
    policy = jrft.transformer(2, 4, max_prompt=1, width=12, depth=2, heads=3)
    params, prompt = cases.init(policy), jnp.array([1])
    completions = jrft.all_completions(2, 4)
    logits = cases.next_logits(policy, params, prompt)
    expected = [oracles.completion_log_probs(logits, y) for y in np.asarray(completions)]
    forced = cases.forced_log_probs(policy, params, prompt, completions)
    np.testing.assert_allclose(forced, expected, atol=2e-6)
    stepped = by_step(policy, params, prompt, completions)
    np.testing.assert_allclose(stepped, forced, atol=1e-6)
    leaves = jrft.exact_log_probs(policy, params, prompt)
    np.testing.assert_allclose(leaves, forced.sum(axis=1), atol=4e-6)


@jax.jit
def by_step(policy, params, prompt, completions):
    """As `cases.forced_log_probs`, with the cache."""

    def one(completion):
        logits = jrft.Policy.completion_logits(policy, params, prompt, completion)
        return jnp.take_along_axis(jax.nn.log_softmax(logits), completion[:, None], axis=1)[:, 0]

    return jax.vmap(one)(completions)
