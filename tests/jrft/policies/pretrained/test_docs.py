"""The examples of docs/language-models.md run, on a tiny model in the place of SmolLM2."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

import jrft

PAGE = (Path(__file__).parents[4] / "docs" / "language-models.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


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
    config = jrft.GPT2Config(vocab_size=31, max_positions=8, width=8, depth=1, heads=2)
    policy = jrft.language_model(config, length=length, eos=0)
    return jrft.Pretrained(policy, policy.init(jax.random.key(0)), Letters())


@pytest.fixture(scope="module")
def names():
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jrft, "smollm2", tiny, raising=False)
        # A width of 8 has no fifty likeliest tokens of 31.
        for block in BLOCKS:
            exec(compile(block.replace("top_k=50", "top_k=5"), "docs", "exec"), found)
    return found


def test_the_examples_run(names):
    assert len(BLOCKS) == 3
    p = float(names["value"])
    np.testing.assert_allclose(names["std"], np.sqrt(p * (1 - p)), rtol=1e-5)
    assert len(names["texts"]) == 4
    assert jax.tree.structure(names["weights"]) == jax.tree.structure(names["model"].params)
    assert jax.tree.structure(names["gradient"]) == jax.tree.structure(names["adapters"])
