"""A tiny random language model in the place of a pretrained one."""

import jax
import numpy as np

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
