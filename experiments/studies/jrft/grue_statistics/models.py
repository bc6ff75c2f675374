"""Language models by name, and the prompts they take."""

from typing import Any, NamedTuple

import jax
import numpy as np

import jrft
from experiments.studies.jrft.grue.examples import Example
from experiments.studies.jrft.grue.tasks import Task


class Characters:
    """A tokenizer of the tiny model: a token a character, by its number in ASCII."""

    chat_template = None

    def encode(self, text: str) -> np.ndarray:
        """The tokens of a text; characters beyond ASCII are question marks."""
        return np.frombuffer(text.encode("ascii", "replace"), np.uint8).astype(np.int32)

    def decode(self, tokens: Any) -> str:
        """The text of tokens, without padding and end."""
        return "".join(chr(token) for token in tokens if token > 0)


class Model(NamedTuple):
    """A language model.

    Attributes:
        policy: The policy.
        params: Its parameters.
        tokenizer: As `jrft.from_pretrained` returns it.
    """

    policy: jrft.Policy
    params: Any
    tokenizer: Any


def load(name: str, length: int, **settings: Any) -> Model:
    """The model, whose completions have `length` tokens at the most.

    Args:
        name: A checkpoint, "smollm2" or "tiny".
        length: Tokens.
        **settings: How it is computed: `dtype`, `remat` and `scan` of `jrft.from_pretrained`.

    Raises:
        ValueError: There is no such checkpoint, or it has no tokenizer.
        ImportError: A package that reads the checkpoint is not installed.
    """
    if name == "tiny":
        sizes = jrft.GPT2Config(vocab_size=128, max_positions=128, width=8, depth=1, heads=2)
        policy = jrft.language_model(sizes, length=length, eos=0, **settings)
        return Model(policy, policy.init(jax.random.key(0)), Characters())
    if name == "smollm2":
        return Model(*jrft.smollm2(length=length, **settings))
    found = jrft.from_pretrained(name, length=length, **settings)
    if found.tokenizer is None:
        raise ValueError(f"model is {name!r}, which has no tokenizer: pass a folder that has one")
    return Model(*found)


def prompt_of(model: Model, task: Task, example: Example, max_prompt: int) -> np.ndarray:
    """The tokens of an input, cut to the task's limit or to `max_prompt`.

    A chat model gets an instruction as a message, where the paper's model is T5; it continues the
    text where the paper's model is GPT-2.
    """
    tokenizer, sampling = model.tokenizer, task.sampling
    limit = min(max_prompt, sampling.max_prompt)
    tokens = tokenizer.encode(example.prompt)
    kept = tokens[-limit:] if sampling.keep_end else tokens[:limit]
    if tokenizer.chat_template is None or task.model == "gpt2":
        return kept
    text = example.prompt if len(tokens) <= limit else tokenizer.decode(kept)
    return tokenizer.chat([{"role": "user", "content": text}])


def as_read(model: Model, task: Task, example: Example, prompt: np.ndarray) -> Example:
    """The example that is scored: a reward of prompt and completion reads what the model reads."""
    if task.reward is not None:
        return example
    return example._replace(prompt=model.tokenizer.decode(prompt.tolist()))
