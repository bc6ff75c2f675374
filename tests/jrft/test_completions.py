import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft import completions
from tests.cases import policies as cases
from tests.oracles import policies as oracles


@pytest.mark.parametrize("eos", [None, 0, 2])
@pytest.mark.parametrize(("vocab_size", "length"), [(3, 4), (4, 1), (1, 2)])
def test_all_completions_are_those_counted_one_by_one(vocab_size, length, eos):
    eos = None if eos is None else min(eos, vocab_size - 1)
    table = np.asarray(jrft.all_completions(vocab_size, length, eos))
    expected = oracles.distinct_completions(vocab_size, length, eos)
    assert table.shape == (vocab_size**length, length)
    assert table.dtype == np.int32
    assert list(dict.fromkeys(map(tuple, table.tolist()))) == sorted(
        expected, key=lambda y: [max(token, 0) for token in y]
    )


def test_completions_without_end_are_base_k_numbers():
    table = np.asarray(jrft.all_completions(5, 3))
    np.testing.assert_array_equal(table @ [25, 5, 1], np.arange(125))


@pytest.mark.parametrize("name", [name for name in cases.POLICIES if "end" in name])
def test_first_of_the_repeats_carries_the_probability(name):
    policy = cases.POLICIES[name]
    probs = np.exp(jrft.exact_log_probs(policy, cases.init(policy), cases.PROMPT))
    carriers = [cases.leaf_of(policy, y) for y in cases.distinct(policy)]
    assert (probs[carriers] > 0).all()
    assert (np.delete(probs, carriers) == 0).all()


def test_positions_after_the_first_end_only():
    tokens = jnp.array([[0, 1, 2, 1], [1, -1, -1, -1], [0, 0, 0, 1], [0, 2, 0, 2]])
    expected = [[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(completions.after_end(tokens, 1), np.array(expected, bool))
    np.testing.assert_array_equal(completions.after_end(tokens, None), False)


def test_below_an_ended_root_everything_has_ended():
    levels = (jnp.array([[0.5, -1.0]]), jnp.array([[1.0, 2.0], [3.0, 4.0]]))
    for log_probs in completions.tree_log_probs(levels, eos=1, ended=jnp.bool_(True)):
        np.testing.assert_array_equal(log_probs[:, 0], 0)
        np.testing.assert_array_equal(log_probs[:, 1], -np.inf)


def test_too_many_completions():
    with pytest.raises(ValueError, match=r"vocab_size 10 and length 10 make 1e\+10.*estimator"):
        jrft.all_completions(10, 10)
