"""Restricted policies against the enumerated distribution of the model that they restrict."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from tests.cases.policies import PROMPT, Recurrent, init

MODEL = Recurrent(4, 3, eos=0)
ANSWERS = [[1, 2, 0], [3], [2, 1], [1, 1, 3], [2, 2, 0]]


def next_log_probs(model, params, prompt, prefix):
    """Log-probabilities of the model's next token in plain NumPy, one step at a time."""
    logits, cache = model.prefill(params, jnp.asarray(prompt))
    for token in prefix:
        logits, cache = model.step(params, cache, jnp.int32(token))
    logits = np.asarray(logits, np.float64)
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def test_tokens_are_drawn_given_that_they_are_allowed():
    params, tokens = init(MODEL), [3, 0, 2]
    policy = jrft.restricted_policy(MODEL, tokens=tokens)
    assert (policy.vocab_size, policy.length, policy.eos) == (3, 3, 1)
    log_probs = np.asarray(jrft.exact_log_probs(policy, params, PROMPT))
    for i, places in enumerate(itertools.product(range(3), repeat=3)):
        if 1 in places and any(places[places.index(1) + 1 :]):
            continue  # a repeat of an ended completion, which has probability 0
        expected, prefix = 0.0, []
        for place in places:
            rows = next_log_probs(MODEL, params, PROMPT, prefix)[tokens]
            expected += (rows - np.log(np.exp(rows).sum()))[place]
            prefix.append(tokens[place])
            if place == 1:
                break
        np.testing.assert_allclose(log_probs[i], expected, atol=1e-5)


def test_an_answer_has_the_probability_that_a_completion_begins_with_it():
    params = init(MODEL)
    policy = jrft.restricted_policy(MODEL, answers=ANSWERS)
    expected = np.zeros(len(ANSWERS))
    for i, answer in enumerate(ANSWERS):
        for t, token in enumerate(answer):
            expected[i] += next_log_probs(MODEL, params, PROMPT, answer[:t])[token]
    expected -= np.log(np.exp(expected).sum())
    np.testing.assert_allclose(jrft.exact_log_probs(policy, params, PROMPT), expected, atol=1e-5)


@pytest.mark.parametrize("choice", [{"tokens": [3, 0, 2]}, {"answers": ANSWERS}], ids=list)
def test_gradient_is_the_derivative_of_the_expected_reward(choice):
    policy = jrft.restricted_policy(MODEL, **choice)
    with jax.enable_x64(True):
        params = init(MODEL, dtype=np.float64)
        rewards = jnp.sin(jnp.arange(policy.vocab_size**policy.length) * 1.7)
        gradient = jrft.exact_policy_gradient(policy, params, PROMPT, rewards)

        def value(step):
            moved = jax.tree.map(
                lambda x: x + step * jnp.cos(jnp.arange(x.size)).reshape(x.shape), params
            )
            return float(jrft.exact_value(policy, moved, PROMPT, rewards))

        along = sum(
            float((g * jnp.cos(jnp.arange(g.size)).reshape(g.shape)).sum())
            for g in jax.tree.leaves(gradient)
        )
        np.testing.assert_allclose((value(1e-5) - value(-1e-5)) / 2e-5, along, rtol=1e-6)


def test_a_language_model_of_a_large_vocabulary_is_exact_on_a_multiple_choice_prompt():
    config = jrft.GPT2Config(vocab_size=5000, max_positions=16, width=8, depth=1, heads=2)
    model = jrft.language_model(config, length=2, eos=0)
    params = model.init(jax.random.key(0))
    policy = jrft.restricted_policy(model, answers=[[17, 0], [4999, 3], [18]])
    prompt, rewards = [-1, 4000, 7], jnp.array([0.0, 1.0, 0.5])
    probs = np.exp(jrft.exact_log_probs(policy, params, prompt))
    std = jrft.exact_reward_std(policy, params, prompt, rewards)
    np.testing.assert_allclose(std**2, probs @ rewards**2 - (probs @ rewards) ** 2, atol=1e-5)
    letters = jrft.restricted_policy(model, tokens=[17, 4999, 18])
    assert len(jrft.exact_log_probs(letters, params, prompt)) == 9


def test_prompts_hold_tokens_of_the_model():
    policy = jrft.restricted_policy(MODEL, answers=[[1], [2]])
    params = init(MODEL)
    jrft.exact_log_probs(policy, params, [3])
    with pytest.raises(ValueError, match=r"prompt has token 4 .* 0 … 3"):
        jrft.exact_log_probs(policy, params, [4])


@pytest.mark.parametrize("choice", [{"tokens": [3, 0, 2]}, {"answers": ANSWERS}], ids=list)
@pytest.mark.parametrize("setting", [{"top_k": 2}, {"top_p": 0.9}, {"min_length": 1}], ids=list)
def test_a_model_that_may_cut_off_all_is_refused_and_the_remedy_works(choice, setting):
    (name,) = setting
    with pytest.raises(ValueError, match=f"warped by {name}=.*: restrict the model first, and"):
        jrft.restricted_policy(jrft.warped_policy(MODEL, **setting), **choice)
    restricted = jrft.restricted_policy(MODEL, **choice)
    if "min_length" in setting and "answers" in choice:
        return  # an answer is one token, which nothing defers
    found = jrft.exact_log_probs(jrft.warped_policy(restricted, **setting), init(MODEL), PROMPT)
    np.testing.assert_allclose(np.exp(found).sum(), 1, rtol=1e-5)


def test_settings_that_cut_off_nothing_are_kept():
    warped = jrft.warped_policy(MODEL, temperature=0.5, top_k=4, top_p=1.0)
    found = jrft.exact_log_probs(jrft.restricted_policy(warped, tokens=[3, 2]), init(MODEL), PROMPT)
    log_probs = 2 * next_log_probs(MODEL, init(MODEL), PROMPT, [])[[3, 2]]
    expected = log_probs - np.logaddexp(*log_probs)
    first = np.logaddexp.reduce(np.asarray(found).reshape(2, -1), axis=1)
    np.testing.assert_allclose(first, expected, atol=1e-5)


def test_adapters_hide_no_warping():
    params = {"kernel": jnp.zeros((2, 2))}
    adapted = jrft.lora(jrft.warped_policy(MODEL, top_k=1), params, rank=1)
    with pytest.raises(ValueError, match="warped by top_k=1"):
        jrft.restricted_policy(adapted, tokens=[1])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({}, "neither given"),
        ({"tokens": [1], "answers": [[1]]}, "both given"),
        ({"tokens": []}, "tokens is empty"),
        ({"tokens": [1, 4]}, "token 4"),
        ({"tokens": [1, 1]}, "each token once"),
        ({"answers": []}, "answers is empty"),
        ({"answers": [[1], []]}, r"answers\[1\] is empty"),
        ({"answers": [[1, 2, 3, 0]]}, "4 tokens"),
        ({"answers": [[0, 1]]}, "before its end"),
        ({"answers": [[2], [1], [2, 1]]}, r"answers\[2\] begins with answers\[0\]"),
        ({"answers": [[1], [1]]}, "begins with"),
    ],
)
def test_wrong_choices_are_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        jrft.restricted_policy(MODEL, **choice)
