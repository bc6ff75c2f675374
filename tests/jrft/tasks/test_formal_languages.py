import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft.tasks import formal_languages as languages

LANGUAGES = {
    "copy": languages.copy(3, 2),
    "parity": languages.parity(3),
    "addition": languages.addition(3, 1),
    "dyck": languages.dyck(3, 4),
}


def is_right_by_hand(name, prompt, completion):
    """Plain Python, from what the languages are said to be."""
    prompt, completion = list(prompt), list(completion)
    if name == "copy":
        return completion == prompt
    if name == "parity":
        return completion == [sum(prompt[: t + 1]) % 2 for t in range(len(prompt))]
    if name == "addition":
        total = prompt[0] + prompt[1]
        return completion == [total // 3, total % 3]
    if 2 not in completion:
        return False
    word = "".join("()"[token] for token in prompt + completion[: completion.index(2)])
    while "()" in word:
        word = word.replace("()", "")
    return not word


@pytest.mark.parametrize("name", LANGUAGES)
def test_rewards_and_answers_are_right(name):
    language = LANGUAGES[name]
    completions = jrft.all_completions(language.vocab_size, language.length, language.eos)
    for prompt, answer in zip(language.prompts, language.answers, strict=True):
        rewards = jax.vmap(language.reward, (None, 0))(prompt, completions)
        expected = [is_right_by_hand(name, prompt.tolist(), y.tolist()) for y in completions]
        np.testing.assert_array_equal(rewards, expected)
        assert language.reward(prompt, answer) == 1


def test_prompts_are_all_there_are():
    assert len(LANGUAGES["copy"].prompts) == 9
    assert len(LANGUAGES["parity"].prompts) == 8
    assert len(LANGUAGES["addition"].prompts) == 9
    closable = [
        word
        for word in itertools.product((0, 1), repeat=3)
        if all(word[:t].count(0) >= word[:t].count(1) for t in range(4))
        and word.count(0) - word.count(1) < 4
    ]
    assert LANGUAGES["dyck"].prompts.tolist() == list(map(list, closable))


@pytest.mark.parametrize("name", LANGUAGES)
def test_demonstrations_leave_changed_prompts_without_reward(name, key):
    language = LANGUAGES[name]
    shown = languages.demonstrations(key, language, num_shown=3, share_changed=0.5)
    assert shown.changed.sum() == round(0.5 * len(language.prompts))
    rewards = jax.vmap(jax.vmap(language.reward, (None, 0)))(language.prompts, shown.completions)
    np.testing.assert_array_equal(rewards.sum(axis=1), jnp.where(shown.changed, 0, 1))
    for completions in shown.completions.tolist():
        assert len(set(map(tuple, completions))) == 3


def test_bad_arguments(key):
    with pytest.raises(ValueError, match="length 1 leave no prompt that can be closed"):
        languages.dyck(3, 1)
    with pytest.raises(ValueError, match="prompt_length is 0: pass at least 1"):
        languages.dyck(0, 3)
    with pytest.raises(ValueError, match="num_tokens is 0: pass at least 1"):
        languages.copy(2, 0)
    with pytest.raises(ValueError, match="num_bits is -1: pass at least 1"):
        languages.parity(-1)
    with pytest.raises(ValueError, match="base is 1: pass at least 2"):
        languages.addition(1, 1)
    with pytest.raises(ValueError, match="num_shown is 0: pass at least 1"):
        languages.demonstrations(key, LANGUAGES["copy"], num_shown=0, share_changed=0.1)
    with pytest.raises(ValueError, match=r"share_changed is 1.5: pass a share in \[0, 1\]"):
        languages.demonstrations(key, LANGUAGES["copy"], num_shown=1, share_changed=1.5)
    with pytest.raises(ValueError, match="num_shown is 9, but a prompt has only 8 wrong"):
        languages.demonstrations(key, LANGUAGES["copy"], num_shown=9, share_changed=0.1)
