"""Tiny random language models in the place of pretrained ones."""

import jax
import numpy as np
import pytest

import jrft


class Letters(jrft.Tokenizer):
    """A token a letter."""

    def __init__(self):
        super().__init__(None)

    def encode(self, text):
        return np.array([ord(letter) % 31 for letter in text], np.int32)[:1]

    def chat(self, messages):
        return self.encode(messages[-1]["content"])

    def decode(self, tokens):
        return " ".join(map(str, tokens))


def tiny(*, length):
    """Takes the place of `jrft.smollm2`."""
    config = jrft.GPT2Config(vocab_size=31, max_positions=8, width=8, depth=1, heads=2)
    policy = jrft.language_model(config, length=length, eos=0)
    return jrft.Pretrained(policy, policy.init(jax.random.key(0)), Letters())


def tiny_checkpoint(kind, path):
    """Writes a folder as of a GPT-2 or a T5, whose tokens are a few words."""
    tokenizers = pytest.importorskip("tokenizers", reason="the extra lm is not installed")
    words = ["</s>", "a", "great", "bad", "film", "so", "acting"]
    model = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="a")
    )
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    sizes = {
        "gpt2": jrft.GPT2Config(vocab_size=7, max_positions=64, width=8, depth=1, heads=2),
        "t5": jrft.T5Config(
            vocab_size=7, width=8, encoder_depth=1, decoder_depth=1, heads=2, channels=4, hidden=8
        ),
    }[kind]
    policy = jrft.language_model(sizes, length=4, eos=0)
    params = policy.init(jax.random.key(0))
    jrft.save_pretrained(path, policy, params, jrft.Tokenizer(model))
