"""`jrft stats`."""

import argparse
import contextlib
import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import Float, Int
from tqdm import tqdm

from jrft.cli import OK
from jrft.cli.stats_files import digest, finished, log_row, read_rows
from jrft.cli.stats_rewards import RewardOfText, reward_of, score
from jrft.completions import PAD
from jrft.policies.pretrained.load import Pretrained, from_pretrained
from jrft.policies.pretrained.smollm import smollm2
from jrft.policies.pretrained.tokenizer import Tokenizer
from jrft.policies.warped import warped_policy
from jrft.sampled.many_prompts import padded_length, sample_many

_BATCHES = 128
"""So many batches of prompts are in memory at a time, sorted by length."""

_SETTINGS = (
    *("model", "dtype", "samples", "reward", "seed", "length", "eos", "temperature"),
    *("top_k", "top_p", "min_length", "stop"),
)
"""The arguments that the log depends on."""


def run(parsed: argparse.Namespace) -> int:
    """Samples completions of every prompt, scores them, and logs the rewards."""
    # All rows are read once before anything is sampled, and kept by their digests alone.
    digests = [digest(row) for _, row in read_rows(Path(parsed.paths[0]))]
    reward = reward_of(parsed.reward)
    settings = {name: getattr(parsed, name) for name in _SETTINGS}
    done = finished(parsed.output, settings, digests)
    if done:
        print(
            f"{parsed.output}: {len(done)} of {len(digests)} prompts are there, going on",
            flush=True,
        )
    with _memory_error(parsed):
        return _log_rewards(parsed, len(digests), reward, settings, done)


def _log_rewards(
    parsed: argparse.Namespace,
    num_prompts: int,
    reward: RewardOfText,
    settings: dict[str, Any],
    done: dict[int, Float[np.ndarray, " n"]],
) -> int:
    """Samples and scores the prompts that are left."""
    model, tokenizer = _load(parsed)
    _check_prompts(parsed, model, tokenizer, done)
    failures: list[str] = []
    bar = tqdm(total=num_prompts, initial=len(done), unit="prompt", disable=None)
    with parsed.output.open("a", encoding="utf-8") as file, bar:
        for rows in _windows(parsed, done):
            prompts = {place: _tokens(tokenizer, row["prompt"]) for place, row in rows.items()}
            for place, completions in _drawn(parsed, model, prompts):
                texts = [_cut(tokenizer.decode(tokens), parsed.stop) for tokens in completions]
                rewards = [score(reward, rows[place], text, failures) for text in texts]
                done[place] = np.array(rewards, float)
                for text, value in zip(texts, rewards, strict=True):
                    row = log_row(place, rows[place], text, value) | {"made_with": settings}
                    file.write(json.dumps(row) + "\n")
                file.flush()
                bar.update()
    missing = sum(int(np.isnan(values).sum()) for values in done.values())
    if missing:
        reason = f": {failures[0]}" if failures else ", by an earlier run"
        print(f"jrft: {missing} rewards are missing, logged as null{reason}", file=sys.stderr)
    if missing == parsed.samples * num_prompts:
        raise ValueError(f"--reward is {parsed.reward}, which gave no number: {failures[0]}")
    print(_summary(done, parsed.output))
    return OK


def _windows(
    parsed: argparse.Namespace, done: dict[int, Any]
) -> Iterator[dict[int, dict[str, Any]]]:
    """The rows of prompts that are left, as many at a time as make batches of like length."""
    size = _BATCHES * parsed.batch
    rows = read_rows(Path(parsed.paths[0]))
    for _, window in itertools.groupby(rows, key=lambda row: row[0] // size):
        left = {place: row for place, row in window if place not in done}
        if left:
            yield left


def _check_prompts(
    parsed: argparse.Namespace, model: Pretrained, tokenizer: Tokenizer, done: dict[int, Any]
) -> None:
    """Refuses a prompt that cannot be sampled from before the first one is."""
    for rows in _windows(parsed, done):
        for place, row in rows.items():
            try:
                tokens = _tokens(tokenizer, row["prompt"])
                model.policy.config.check_size(padded_length(tokens.size), parsed.length)
            except ValueError as error:
                raise ValueError(f"row {place} of {parsed.paths[0]}: {error}") from None


def _drawn(
    parsed: argparse.Namespace, model: Pretrained, prompts: dict[int, np.ndarray]
) -> Iterator[tuple[int, list[list[int]]]]:
    """Completions of each prompt, by its number: tokens without padding and end of sequence."""
    names = ("temperature", "top_k", "top_p", "min_length")
    warping = {name: getattr(parsed, name) for name in names}
    policy = warped_policy(model.policy, **warping)
    key = jax.random.key(parsed.seed)
    counts = {"n": parsed.samples, "batch_size": parsed.batch}
    for place, samples in sample_many(key, policy, model.params, prompts, **counts):
        left_out = (PAD, policy.eos)
        yield place, [[t for t in y.tolist() if t not in left_out] for y in samples.completions]


def _cut(text: str, stops: list[str]) -> str:
    """The text before the first stop. What was drawn after it counts for nothing."""
    return text[: min((text.find(stop) for stop in stops if stop in text), default=len(text))]


@contextlib.contextmanager
def _memory_error(parsed: argparse.Namespace) -> Iterator[None]:
    """Tells what to lower when memory runs out."""
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXH" not in str(error):
            raise
        raise ValueError(
            f"the memory is too small: lower --batch, which is {parsed.batch}, --samples, which is "
            f"{parsed.samples}, or --length, which is {parsed.length}, or pass a smaller model; "
            "the same command goes on where it stopped"
        ) from error


def _load(parsed: argparse.Namespace) -> tuple[Pretrained, Tokenizer]:
    if parsed.model == "smollm2":
        model = smollm2(length=parsed.length, eos=parsed.eos, dtype=parsed.dtype)
    else:
        model = from_pretrained(
            parsed.model, length=parsed.length, eos=parsed.eos, dtype=parsed.dtype
        )
    if model.tokenizer is None:
        raise ValueError(
            f"{parsed.model} has no tokenizer: put its tokenizer.json beside the weights"
        )
    return model, model.tokenizer


def _tokens(tokenizer: Tokenizer, prompt: str | list[Any]) -> Int[np.ndarray, " P"]:
    tokens = tokenizer.encode(prompt) if isinstance(prompt, str) else tokenizer.chat(prompt)
    if not tokens.size:
        raise ValueError("its prompt is empty: leave the row out")
    return tokens


def _summary(done: dict[int, Float[np.ndarray, " n"]], path: Path) -> str:
    rewards = [values[~np.isnan(values)] for values in done.values()]
    # A std needs two rewards.
    groups = [values for values in rewards if len(values) > 1]
    if not groups:
        return f"{path}: no prompt has two rewards"
    means = np.array([group.mean() for group in groups])
    stds = np.array([group.std(ddof=1) for group in groups])
    return (
        f"{path}: {len(groups)} prompts, mean reward {means.mean():.3f}, mean reward std "
        f"{stds.mean():.3f}, {np.mean(stds == 0):.0%} of the groups have equal rewards\n"
        f"jrft diagnose {path} tells which prompts get no gradient, and how sure that is"
    )
