"""`jrft stats`."""

import argparse
import contextlib
import hashlib
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

_BEGINNING = '{"prompt_id": '


def run(parsed: argparse.Namespace) -> int:
    """Samples completions of every prompt, scores them, and logs the rewards."""
    rows = _read_rows(Path(parsed.paths[0]))
    reward = _reward(parsed.reward)
    if "" in parsed.stop:
        raise ValueError("--stop is empty, which would cut every completion: pass a text")
    settings = {
        "model": parsed.model,
        "dtype": parsed.dtype,
        "samples": parsed.samples,
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
    done = _finished(parsed.output, settings, rows)
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
                made = {"made_with": settings, "row": _digest(rows[place])}
                file.write(json.dumps(row | {"reward": value} | made) + "\n")
            file.flush()
    if failures:
        print(
            f"jrft: {len(failures)} rewards are missing, logged as null: {failures[0]}",
            file=sys.stderr,
        )
    if all(value is None for rewards in done.values() for value in rewards):
        raise ValueError(f"--reward is {parsed.reward}, which gave no number: {failures[0]}")
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
    # Texts may hold other separators of lines.
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), 1):
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
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    if not answers or not all(isinstance(answer, (str, int, float)) for answer in answers):
        raise ValueError(f'"answer" is {row["answer"]!r}: pass a text or a list of texts')
    return [str(answer) for answer in answers]


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
        found = getattr(import_module(module), function)
    except Exception as error:  # a user's module may raise anything
        raise ValueError(
            f"--reward is {name}, which cannot be imported: {type(error).__name__}: {error}"
        ) from None
    if not callable(found):
        raise ValueError(f"--reward is {name}, of type {type(found).__name__}: pass a function")
    return found


def _score(
    reward: RewardOfText, row: dict[str, Any], text: str, failures: list[str]
) -> float | None:
    """The reward, or None where there is none: a zero in its place would be a wrong reward."""
    try:
        value = float(reward(row, text))
    except Exception as error:  # a user's function may raise anything
        failures.append(f"{type(error).__name__}: {error}")
        return None
    if not math.isfinite(value):
        failures.append(f"the reward is {value}")
        return None
    return value


def _finished(
    path: Path, settings: dict[str, Any], rows: list[dict[str, Any]]
) -> dict[int, list[float | None]]:
    """Rewards of the prompts that an earlier run finished; drops rows of unfinished ones.

    A prompt without any reward is sampled again: its reward function may have been mended.
    """
    if not path.exists():
        return {}
    done: dict[int, list[float | None]] = {}
    lines: dict[int, list[str]] = {}
    *whole_lines, rest = path.read_text("utf-8").split("\n")
    for line in whole_lines:
        try:
            row = json.loads(line)
            place, reward, made, digest = (
                row[name] for name in ("prompt_id", "reward", "made_with", "row")
            )
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ValueError(f"{path} is no log of jrft stats: pass another --output") from None
        if made != settings or place >= len(rows) or digest != _digest(rows[place]):
            raise ValueError(
                f"{path} was made with other arguments or prompts: pass another --output, or the "
                f"same prompts and arguments, {made}"
            )
        done.setdefault(place, []).append(reward)
        lines.setdefault(place, []).append(line + "\n")
    # A row that was being written is begun as all rows are.
    if rest and not rest.startswith(_BEGINNING[: len(rest)]):
        raise ValueError(f"{path} is no log of jrft stats: pass another --output")
    finished = {
        place: rewards
        for place, rewards in done.items()
        if len(rewards) == settings["samples"] and any(reward is not None for reward in rewards)
    }
    kept = "".join(line for place in finished for line in lines[place])
    write_atomically(path, kept.encode())
    return finished


def _digest(row: dict[str, Any]) -> str:
    """Tells rows of the prompts' file apart."""
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:16]


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
