"""Rewards of sampled completions, input by input; an interrupted run goes on with the next."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm.auto import tqdm

import jrft
from experiments.studies.jrft.grue.metrics import scored
from experiments.studies.jrft.grue.samples import SAMPLES
from experiments.studies.jrft.grue.tasks import inputs_and_reward, rows_of, task_of
from experiments.studies.jrft.grue_statistics.config import Config
from experiments.studies.jrft.grue_statistics.models import as_read, load, prompt_of
from jrft.completions import PAD

# Prompts are padded to multiples of it, if they may be that long. Each length compiles a program,
# which takes half a minute, and may leave a batch half full.
_MULTIPLE = 128


def rewards_of(config: Config, name: str, directory: Path) -> dict[str, Any]:
    """Rewards of a task's inputs.

    Args:
        config: The configuration.
        name: Of the task.
        directory: Where finished inputs are kept.

    Returns:
        `rewards`, float[inputs, samples] with NaN where one is missing; `failures`, their
        number and the first message; and an example of input and output.

    Raises:
        DataUnavailableError: The data are not to be had.
        ValueError: A name is unknown.
    """
    task = task_of(name)
    rows = SAMPLES[name] if config.data == "made-up" else rows_of(name)
    order = np.random.default_rng(config.seed).permutation(len(task.examples(rows)))
    examples, reward = inputs_and_reward(name, rows, order.tolist(), config.num_inputs)
    path = directory / f"{name}.jsonl"
    done = _finished(path)
    left = [i for i in range(len(examples)) if i not in done]
    if left:
        length = min(config.length, task.sampling.length)
        model = load(config.model, length)
        policy = jrft.warped_policy(
            model.policy,
            top_k=task.sampling.top_k and min(task.sampling.top_k, model.policy.vocab_size),
            min_length=min(task.sampling.min_length, length),
        )
        prompts = {i: prompt_of(model, task, examples[i], config.max_prompt) for i in left}
        drawn = jrft.sample_many(
            jax.random.key(config.seed), policy, model.params, prompts,
            config.num_samples, batch_size=config.batch_size,
            multiple=min(_MULTIPLE, config.max_prompt),
        )  # fmt: skip
        path.parent.mkdir(parents=True, exist_ok=True)
        bar = tqdm(drawn, f"{task.title}", len(examples), initial=len(done), disable=None)
        with path.open("a", encoding="utf-8") as file:
            for i, samples in bar:
                texts = [_text(model.tokenizer, policy, y) for y in samples.completions]
                read = as_read(model, task, examples[i], prompts[i])
                values, failures = scored(reward, read, texts)
                done[i] = {"input": i, "rewards": values.tolist(), "failures": failures}
                done[i]["completion"] = texts[0]
                file.write(json.dumps(done[i]) + "\n")
                file.flush()
    found = [done[i] for i in range(len(examples))]
    failures = [failure for row in found for failure in row["failures"]]
    return {
        "rewards": np.array([row["rewards"] for row in found], float),
        "failures": len(failures),
        "first_failure": failures[0] if failures else "",
        "example": {"prompt": examples[0].prompt[:400], "completion": found[0]["completion"]},
    }


def _text(tokenizer: Any, policy: jrft.Policy, completion: np.ndarray) -> str:
    left_out = (PAD, policy.eos)
    return tokenizer.decode([token for token in completion.tolist() if token not in left_out])


def _finished(path: Path) -> dict[int, dict[str, Any]]:
    """Finished inputs; what an interrupt cut off is dropped from the file."""
    if not path.exists():
        return {}
    lines = path.read_text("utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        part = path.with_suffix(".part")
        part.write_text("".join(whole), "utf-8")
        part.replace(path)
    return {row["input"]: row for row in map(json.loads, whole)}
