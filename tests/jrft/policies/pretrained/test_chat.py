"""Chat templates: what is refused, and what templates may use."""

import numpy as np
import pytest

import jrft

tokenizers = pytest.importorskip("tokenizers")
pytest.importorskip("jinja2")

WORDS = ["[", "]", "user", "a", "b", "go"]


def tokenizer(template):
    words = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, "[")
    model = tokenizers.Tokenizer(words)
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return jrft.Tokenizer(model, template, {"bos_token": "["})


TEMPLATE = (
    "{{ bos_token }}{% for message in messages %} {{ message['role'] }} {{ message.content }} ]"
    "{% if loop.last %}{% break %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %} go{% endif %}"
)


def test_a_prompt_is_what_the_template_says():
    found = tokenizer(TEMPLATE).chat([{"role": "user", "content": "a b"}])
    assert [WORDS[token] for token in found] == ["[", "user", "a", "b", "]", "go"]
    assert found.dtype == np.int32


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ("a b", r"messages is 'a b': pass a list of messages such as \{\"role\": \"user\", "),
        ([], r"messages is \[\]: pass a list"),
        (["a"], "messages has 'a': pass a list"),
        ([{"role": "user"}], "messages has {'role': 'user'}: pass a list"),
    ],
)
def test_what_is_no_list_of_messages_is_refused(messages, message):
    with pytest.raises(ValueError, match=message):
        tokenizer(TEMPLATE).chat(messages)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "no chat template: pass text to encode instead"),
        ("{% if %}", r"do not fit the chat template \(Expected an expression.*: pass others, or"),
        ("{{ raise_exception('no user') }}", r"do not fit the chat template \(no user\)"),
        ("{{ messages[0].tools.name }}", r"do not fit the chat template \('dict object' has no"),
    ],
)
def test_what_a_template_refuses_is_told(template, message):
    with pytest.raises(ValueError, match=message):
        tokenizer(template).chat([{"role": "user", "content": "a"}])
