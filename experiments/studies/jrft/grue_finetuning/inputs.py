"""The inputs of a task as arrays: prompts, and a label of each for SFT."""

from typing import NamedTuple

import numpy as np

from experiments.studies.jrft.grue.examples import Example
from experiments.studies.jrft.grue.metrics import Reward, scored
from experiments.studies.jrft.grue.samples import SAMPLES
from experiments.studies.jrft.grue.tasks import Task, inputs_and_reward, rows_of, task_of
from experiments.studies.jrft.grue_finetuning.config import Config
from experiments.studies.jrft.grue_statistics.models import Model, as_read, prompt_of
from jrft.completions import PAD
from jrft.policies.pretrained.tokenizer import pad_prompts

_MULTIPLE = 16


class Inputs(NamedTuple):
    """The inputs of a task.

    Attributes:
        examples: Texts, whose prompts are cut to what the model reads where the reward reads them.
        reward: Of an example and a completion.
        prompts: int32[n, P], −1 pads on the left.
        labels: int32[n, length], what SFT imitates, −1 after the end.
    """

    examples: list[Example]
    reward: Reward
    prompts: np.ndarray
    labels: np.ndarray


def load_inputs(config: Config, name: str, model: Model) -> Inputs:
    """Random inputs of a task.

    A label is the first reference. A task without references, IMDB, has the text's own
    continuation, if the reward of it is 0.5 or more: only texts of positive reviews are imitated.

    Raises:
        DataUnavailableError: The data are not to be had.
        ValueError: Too few inputs have a label.
    """
    task = task_of(name)
    rows = SAMPLES[name] if config.data == "made-up" else rows_of(name)
    order = np.random.default_rng(config.seed).permutation(len(task.examples(rows)))
    examples, reward = inputs_and_reward(name, rows, order.tolist(), config.num_inputs)
    prompts = [prompt_of(model, task, example, config.max_prompt) for example in examples]
    texts = [_label(model, task, one, config.max_prompt) for one in examples]
    if task.reward is None:
        examples = [
            as_read(model, task, example, prompt)._replace(references=(text,))
            for example, prompt, text in zip(examples, prompts, texts, strict=True)
        ]
        liked = [scored(reward, one, one.references).values[0] >= 0.5 for one in examples]
        texts = [text if like else "" for text, like in zip(texts, liked, strict=True)]
    labels = np.stack([_encoded(model, text) for text in texts])
    return Inputs(examples, reward, pad_prompts(prompts, _MULTIPLE), labels)


def _label(model: Model, task: Task, example: Example, max_prompt: int) -> str:
    if example.references:
        return example.references[0]
    tokens = model.tokenizer.encode(example.prompt)
    first = min(max_prompt, task.sampling.max_prompt)
    return model.tokenizer.decode(tokens[first : first + model.policy.length])


def _encoded(model: Model, text: str) -> np.ndarray:
    """Tokens and the end, cut to the model's length; all −1 for no text."""
    policy = model.policy
    row = np.full(policy.length, PAD, np.int32)
    tokens = np.asarray(model.tokenizer.encode(text), np.int32)
    if text and policy.eos is not None:
        # Some tokenizers write the end themselves.
        tokens = np.append(tokens[tokens != policy.eos], policy.eos)
    tokens = tokens[: policy.length]
    row[: len(tokens)] = tokens
    return row
