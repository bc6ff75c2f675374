"""`jrft stats`."""

import argparse
import contextlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from jrft._files import write_atomically
from jrft.cli import OK
from jrft.completions import PAD
from jrft.policies.pretrained.load import Pretrained, from_pretrained
from jrft.policies.pretrained.smollm import smollm2
from jrft.policies.pretrained.tokenizer import Tokenizer
from jrft.policies.warped import warped_policy
from jrft.sampled.many_prompts import sample_many

RewardOfText = Callable[[dict[str, Any], str], float]
"""(row of the prompts' file, completion) → reward."""


def run(parsed: argparse.Namespace) -> int:
    """Samples completions of every prompt, scores them, and logs the rewards."""
    rows = _read_rows(Path(parsed.paths[0]))
    reward = _reward(parsed.reward)
    settings = {
        "model": parsed.model,
        "reward": parsed.reward,
        "seed": parsed.seed,
        "length": parsed.length,
        "eos": parsed.eos,
        "temperature": parsed.temperature,
        "top_k": parsed.top_k,
        "top_p": parsed.top_p,
        "min_length": parsed.min_length,
        "stop": parsed.stop,
    }
    done = _finished(parsed.output, parsed.samples, settings, len(rows))
    if done:
        print(
            f"{parsed.output}: {len(done)} of {len(rows)} prompts are there, going on", flush=True
        )
    with _memory_error(parsed):
        return _log_rewards(parsed, rows, reward, settings, done)


def _log_rewards(
    parsed: argparse.Namespace,
    rows: list[dict[str, Any]],
    reward: RewardOfText,
    settings: dict[str, Any],
    done: dict[int, list[float | None]],
) -> int:
    """Samples and scores the prompts that are left."""
    model, tokenizer = _load(parsed)
    prompts = {i: _tokens(tokenizer, row, i) for i, row in enumerate(rows) if i not in done}
    failures: list[str] = []
    with parsed.output.open("a", encoding="utf-8") as file:
        drawn = _drawn(parsed, model, prompts)
        bar = tqdm(drawn, total=len(rows), initial=len(done), unit="prompt", disable=None)
        for place, completions in bar:
            texts = [_cut(tokenizer.decode(tokens), parsed.stop) for tokens in completions]
            rewards = [_score(reward, rows[place], text, failures) for text in texts]
            done[place] = rewards
            for text, value in zip(texts, rewards, strict=True):
                row = {"prompt_id": place, "prompt": rows[place]["prompt"], "completion": text}
                file.write(json.dumps(row | {"reward": value, "made_with": settings}) + "\n")
            file.flush()
    if failures:
        print(
            f"jrft: {len(failures)} rewards are missing, logged as null: {failures[0]}",
            file=sys.stderr,
        )
    print(_summary(done, parsed.output))
    return OK


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


def _read_rows(path: Path) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"{path}:{number}: no JSON ({error}): pass an object a line") from None
        if not isinstance(row, dict) or not isinstance(row.get("prompt"), str | list):
            raise ValueError(
                f'{path}:{number}: no "prompt": pass objects with a text, or a list of messages '
                'with "role" and "content", under "prompt"'
            )
        rows.append(row)
    if not rows:
        raise ValueError(f"{path} holds no prompts: pass a file with an object a line")
    return rows


def _match(row: dict[str, Any], completion: str) -> float:
    return float(completion.strip() in _answers(row))


def _contains(row: dict[str, Any], completion: str) -> float:
    return float(any(answer in completion for answer in _answers(row)))


def _answers(row: dict[str, Any]) -> list[str]:
    if "answer" not in row:
        raise ValueError('this reward needs "answer", a text or a list of texts, in every row')
    answers = row["answer"]
    return [str(answer) for answer in (answers if isinstance(answers, list) else [answers])]


REWARDS: dict[str, RewardOfText] = {"match": _match, "contains": _contains}


def _reward(name: str) -> RewardOfText:
    if name in REWARDS:
        return REWARDS[name]
    module, _, function = name.partition(":")
    if not function:
        raise ValueError(
            f"--reward is {name}: pass {', '.join(REWARDS)}, or module:function, a function of the "
            "prompt's row and the completion"
        )
    # A module beside the data is found as Python itself would find it.
    sys.path.insert(0, "")
    try:
        return getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"--reward is {name}, which cannot be imported: {error}") from None


def _score(
    reward: RewardOfText, row: dict[str, Any], text: str, failures: list[str]
) -> float | None:
    """The reward, or None where there is none: a zero in its place would be a wrong reward."""
    try:
        value = float(reward(row, text))
    except Exception as error:  # a user's function may raise anything
        failures.append(f"{type(error).__name__}: {error}")
        return None
    if math.isnan(value):
        failures.append("the reward is NaN")
        return None
    return value


def _finished(
    path: Path, samples: int, settings: dict[str, Any], num_rows: int
) -> dict[int, list[float | None]]:
    """Rewards of the prompts that an earlier run finished; drops rows of unfinished ones."""
    if not path.exists():
        return {}
    done: dict[int, list[float | None]] = {}
    lines: dict[int, list[str]] = {}
    for line in path.read_text("utf-8").splitlines(keepends=True):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            break  # the row that was being written
        if row.get("made_with") != settings or row["prompt_id"] >= num_rows:
            raise ValueError(
                f"{path} was made with other arguments or prompts: pass another --output, or the "
                f"same arguments, {row.get('made_with')}"
            )
        done.setdefault(row["prompt_id"], []).append(row["reward"])
        lines.setdefault(row["prompt_id"], []).append(line)
    whole = {place: rewards for place, rewards in done.items() if len(rewards) == samples}
    kept = "".join(line for place in whole for line in lines[place])
    write_atomically(path, kept.encode())
    return whole


def _load(parsed: argparse.Namespace) -> tuple[Pretrained, Tokenizer]:
    if parsed.model == "smollm2":
        model = smollm2(length=parsed.length, dtype=parsed.dtype)
    else:
        settings = {"eos": parsed.eos, "dtype": parsed.dtype}
        model = from_pretrained(parsed.model, length=parsed.length, **settings)
    if model.tokenizer is None:
        raise ValueError(
            f"{parsed.model} has no tokenizer: put its tokenizer.json beside the weights"
        )
    return model, model.tokenizer


def _tokens(tokenizer: Tokenizer, row: dict[str, Any], place: int) -> np.ndarray:
    prompt = row["prompt"]
    tokens = tokenizer.encode(prompt) if isinstance(prompt, str) else tokenizer.chat(prompt)
    if not tokens.size:
        raise ValueError(f"prompt {place} is empty: leave its row out")
    return tokens


def _summary(done: dict[int, list[float | None]], path: Path) -> str:
    rewards = [[r for r in values if r is not None] for values in done.values()]
    # A std needs two rewards.
    groups = [np.array(values) for values in rewards if len(values) > 1]
    if not groups:
        return f"{path}: no prompt has two rewards"
    means = np.array([group.mean() for group in groups])
    stds = np.array([group.std(ddof=1) for group in groups])
    return (
        f"{path}: {len(groups)} prompts, mean reward {means.mean():.3f}, mean reward std "
        f"{stds.mean():.3f}, {np.mean(stds == 0):.0%} of the groups have equal rewards\n"
        f"jrft diagnose {path} tells which prompts get no gradient, and how sure that is"
    )
