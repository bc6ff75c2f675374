import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from tests.cases import policies as cases

POLICY = cases.POLICIES["tabular with end"]


def exact_value(reward):
    return jrft.exact_value(POLICY, cases.init(POLICY), cases.PROMPT, reward)


def test_table_calls_once_for_each_distinct_completion():
    seen = []

    def fn(prompt, completion):
        np.testing.assert_array_equal(prompt, cases.PROMPT)
        seen.append(tuple(completion.tolist()))
        return len(seen)

    table = jrft.reward_table(fn, POLICY, cases.PROMPT)
    assert sorted(seen) == sorted(cases.distinct(POLICY))
    rows = map(tuple, np.asarray(jrft.all_completions(3, 3, POLICY.eos)).tolist())
    np.testing.assert_array_equal(table, [1 + seen.index(row) for row in rows])


def test_table_of_plain_python():
    table = jrft.reward_table(lambda prompt, y: "1" in "".join(map(str, y)), POLICY, cases.PROMPT)
    rows = np.asarray(jrft.all_completions(3, 3, POLICY.eos))
    np.testing.assert_array_equal(table, (rows == 1).any(axis=1))


def test_reward_function_sees_padding_of_prompt_and_completion():
    def reward(prompt, completion):
        return (prompt[0] == -1) & jnp.array_equal(completion, jnp.array([1, -1, -1]))

    probs = jnp.exp(jrft.exact_log_probs(POLICY, cases.init(POLICY), cases.PROMPT))
    np.testing.assert_allclose(
        exact_value(reward), probs[cases.leaf_of(POLICY, [1]) * 9], rtol=1e-6
    )


@pytest.mark.parametrize("dtype", [bool, np.int32, np.float32])
def test_numbers_of_any_real_type_are_rewards(dtype):
    table = (np.arange(27) % 2).astype(dtype)
    np.testing.assert_allclose(exact_value(table), exact_value(table.astype(float)), rtol=1e-6)


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (
            np.zeros(26),
            r"rewards have shape \[26\]: pass float\[27\], one for each",
        ),
        (np.zeros((27, 1)), r"rewards have shape \[27, 1\]"),
        (1.0, r"rewards have shape \[\]: pass float\[27\]"),
        (np.zeros(27, complex), r"rewards have dtype complex.*real numbers"),
        (np.where(np.arange(27) == 3, np.nan, 0), r"rewards hold NaN at completion 3 \(1 of 27\)"),
        (lambda _, y: y, r"reward returned shape \[3\] for one completion: pass a function"),
        (lambda _, y: float(y[0]), r"reward needs the values.*jrft\.reward_table"),
        (lambda _, y: np.asarray(y).sum(), r"reward needs the values.*jax\.numpy"),
        (lambda _, y: 1.0 if y[0] == 0 else 0.0, r"reward needs the values"),
        (lambda _, y: [0.0, 1.0, 2.0][y[0]], r"reward needs the values"),
    ],
)
def test_bad_reward(reward, message):
    with pytest.raises(ValueError, match=message):
        exact_value(reward)


@pytest.mark.parametrize(
    ("fn", "message"),
    [
        (
            lambda _, y: "high",
            r"'high' for the completion \[0, 0, 0\]: pass a function",
        ),
        (lambda _, y: None, r"fn returned None"),
        (lambda _, y: np.nan, r"rewards hold NaN at completion 0"),
    ],
)
def test_bad_table_function(fn, message):
    with pytest.raises(ValueError, match=message):
        jrft.reward_table(fn, POLICY, cases.PROMPT)


def test_table_needs_a_known_prompt():
    with pytest.raises(ValueError, match=r"prompt is traced.*outside jax\.jit"):
        jax.jit(lambda prompt: jrft.reward_table(cases.reward, POLICY, prompt))(cases.PROMPT)
