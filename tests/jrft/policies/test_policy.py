"""What every policy owes the rest of the package, in float64."""

import dataclasses

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from tests.cases import policies as cases
from tests.oracles import policies as oracles

NAMES = list(cases.POLICIES)
WITH_ORACLE = [name for name in NAMES if "recurrent" not in name]
WITH_PROMPT = [name for name in NAMES if "tabular" not in name]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@jax.jit
def forced_and_stepped(policy, params, prompt, completion):
    """Logits of every token by teacher forcing, and one step of the cache at a time."""
    logits, cache = policy.prefill(params, prompt)
    rows = [logits]
    for t in range(policy.length - 1):
        logits, cache = policy.step(params, cache, completion[t])
        rows.append(logits)
    return policy.completion_logits(params, prompt, completion), jnp.stack(rows)


@jax.jit
def trees(policy, params, prompt):
    """The tree in three ways, its top two levels in two, and its second-level subtrees."""
    logits, cache = policy.prefill(params, prompt)
    tree = policy.subtree_logits(params, logits, cache, policy.length)
    by_step = jrft.Policy.subtree_logits(policy, params, logits, cache, policy.length)
    from_prompt = policy.tree_logits(params, prompt, policy.length)
    tops = policy.subtree_logits(params, logits, cache, 2), policy.tree_logits(params, prompt, 2)
    subtrees = [
        policy.subtree_logits(params, *policy.step(params, cache, jnp.int32(token)), 2)
        for token in range(policy.vocab_size)
    ]
    return tree, by_step, from_prompt, tops, subtrees


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_log_probs_and_tree_agree_with_numpy(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy, dtype=np.float64)
    completions = np.array(cases.distinct(policy))
    for prompt in (cases.PROMPT, np.array([1, 2, 2]), np.array([-1, -1, -1])):
        logits = cases.next_logits(policy, params, prompt)
        expected = np.array([oracles.completion_log_probs(logits, y) for y in completions])
        forced = cases.forced_log_probs(policy, params, prompt, completions)
        leaves = jrft.exact_log_probs(policy, params, prompt)
        carriers = np.array([cases.leaf_of(policy, y) for y in completions])
        np.testing.assert_allclose(forced, expected, atol=1e-12)
        np.testing.assert_allclose(leaves[carriers], expected.sum(axis=1), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_probabilities_sum_to_one(name):
    policy = cases.POLICIES[name]
    log_probs = jrft.exact_log_probs(policy, cases.init(policy, dtype=np.float64), cases.PROMPT)
    np.testing.assert_allclose(np.exp(log_probs).sum(), 1, rtol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_cache_equals_teacher_forcing(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy, dtype=np.float64)
    for completion in ([0, 1, 2], [2, 2, 2], [1, 0, 0]):
        forced, stepped = forced_and_stepped(policy, params, cases.PROMPT, jnp.array(completion))
        np.testing.assert_allclose(forced, stepped, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_tree_equals_the_tree_built_from_step_and_its_subtrees(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy, dtype=np.float64)
    tree, by_step, from_prompt, tops, subtrees = trees(policy, params, cases.PROMPT)
    assert [level.shape for level in tree] == [(1, 3), (3, 3), (9, 3)]
    chex.assert_trees_all_close(tree, by_step, atol=1e-12)
    chex.assert_trees_all_close(tree, from_prompt, atol=1e-12)
    for top in tops:
        chex.assert_trees_all_close(tree[:2], top, atol=1e-12)
    for token, subtree in enumerate(subtrees):
        part = tree[1][token : token + 1], tree[2][3 * token : 3 * token + 3]
        chex.assert_trees_all_close(subtree, part, atol=1e-12)


@pytest.mark.parametrize("name", WITH_PROMPT)
def test_padding_on_the_left_changes_nothing(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy, dtype=np.float64)
    plain = cases.tree_log_probs(policy, params, cases.PROMPT[1:])
    padded = cases.tree_log_probs(policy, params, cases.PROMPT)
    chex.assert_trees_all_close(padded, plain, atol=1e-12)
    other = cases.tree_log_probs(policy, params, np.array([-1, 0, 2], np.int32))
    assert np.abs(other[0] - padded[0]).max() > 1e-3


def test_a_prompt_of_padding_alone_is_the_empty_prompt():
    policy = cases.POLICIES["transformer with end"]
    params = cases.init(policy, dtype=np.float64)
    empty = cases.tree_log_probs(policy, params, np.zeros(0, np.int32))
    padded = cases.tree_log_probs(policy, params, np.full(3, -1, np.int32))
    chex.assert_trees_all_close(padded, empty, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if "end" in name])
def test_tokens_after_the_end_are_certain_and_without_gradient(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy, dtype=np.float64)

    @jax.jit
    @jax.value_and_grad
    def last(params, completion):
        return policy.log_probs(params, jnp.asarray(cases.PROMPT), completion)[-1]

    value, gradient = last(params, jnp.array([2, policy.eos, -1]))
    assert value == 0
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, params))
    assert last(params, jnp.array([2, 2, policy.eos]))[0] < 0


@pytest.mark.parametrize("name", NAMES)
def test_token_out_of_range_is_nan(name):
    policy = cases.POLICIES[name]
    completions = np.array([[2, token, 2] for token in (-1, 3)])
    log_probs = cases.forced_log_probs(
        policy, cases.init(policy, dtype=np.float64), cases.PROMPT, completions
    )
    np.testing.assert_array_equal(np.isnan(log_probs[:, 0]), False)
    np.testing.assert_array_equal(np.isnan(log_probs[:, 1]), True)


@pytest.mark.parametrize("name", ["tabular with end", "recurrent", "transformer with end"])
def test_vmaps_over_prompts_and_parameters(name):
    policy = cases.POLICIES[name]
    prompts = jnp.array([cases.PROMPT, [-1, 1, 1]])
    params = [cases.init(policy, seed, np.float64) for seed in (0, 1)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *params)
    batched = jax.jit(jax.vmap(policy.tree_log_probs))(stacked, prompts)
    for i in range(2):
        single = cases.tree_log_probs(policy, params[i], prompts[i])
        chex.assert_trees_all_close([level[i] for level in batched], list(single), atol=1e-12)


def test_equal_policies_are_one_static_argument():
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(n=1)
    def leaves(policy, params, prompt):
        return policy.tree_log_probs(params, prompt)[-1]

    sizes = {"max_prompt": 2, "width": 4, "depth": 1, "heads": 1}
    first = jrft.transformer(3, 2, **sizes)
    for seed in range(3):
        policy = jrft.transformer(3, 2, **sizes)
        assert policy == first
        assert hash(policy) == hash(first)
        leaves(policy, cases.init(policy, seed), jnp.array([seed, 1]))
    assert first != jrft.transformer(3, 2, **sizes, eos=0)
    assert jrft.tabular_policy(3, 3) != jrft.tabular_policy(3, 4)


def make_transformer(length=3, **changes):
    return jrft.transformer(3, length, **{**cases.SIZES, **changes})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jrft.tabular_policy(0, 2), r"vocab_size is 0: pass at least 1"),
        (lambda: jrft.tabular_policy(2, 0), r"length is 0: pass at least 1"),
        (lambda: jrft.tabular_policy(3, 2, eos=3), r"eos is 3: pass a token of 0 … 2, or"),
        (lambda: jrft.tabular_policy(3, 2, eos=-1), r"eos is -1"),
        (lambda: jrft.tabular_policy(10, 10), r"too many to enumerate"),
        (lambda: make_transformer(length=0), r"length is 0: pass at least 1"),
        (lambda: make_transformer(max_prompt=-1), r"max_prompt is -1: pass at least 0"),
        (lambda: make_transformer(depth=0), r"depth is 0: pass at least 1"),
        (lambda: make_transformer(heads=3), r"width is 8: pass a multiple of 2 · heads, 6"),
        (lambda: make_transformer(heads=8), r"width is 8: pass a multiple of 2 · heads, 16"),
        (
            lambda: dataclasses.replace(make_transformer(), hidden=0),
            r"hidden is 0: pass at least 1",
        ),
        (lambda: make_transformer(eos=7), r"eos is 7: pass a token of 0 … 2"),
    ],
)
def test_bad_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ([0, 3], r"prompt has token 3 at position 1: pass tokens of 0 … 2"),
        ([-2, 1], r"prompt has token -2 at position 0"),
        ([1, -1], r"prompt has padding \(−1\) at position 1, right of a token: pass prompts that"),
        ([-1, 1, -1, 2], r"prompt has padding \(−1\) at position 2"),
        (np.array([0.5]), r"prompt has dtype float.*integer token ids"),
        (np.array([[0, 1]]), r"prompt has shape \[1, 2\].*jax\.vmap maps over prompts"),
        (np.zeros(5, int), r"prompt has 5 tokens, but max_prompt is 4"),
    ],
)
def test_bad_prompt(prompt, message):
    policy = cases.POLICIES["transformer"]
    params = cases.init(policy)
    with pytest.raises(ValueError, match=message):
        jrft.exact_value(policy, params, prompt, cases.reward)
    with pytest.raises(ValueError, match=message):
        jrft.sample(jax.random.key(0), policy, params, prompt, 2)


@pytest.mark.parametrize("rows", [2, 5])
def test_a_table_of_another_policy_is_refused(rows):
    with pytest.raises(ValueError, match=rf"params have shape \[{rows}, 3\]: .* float\[4, 3\]"):
        jrft.exact_value(jrft.tabular_policy(3, 2), jnp.zeros((rows, 3)), [], jnp.zeros(9))
