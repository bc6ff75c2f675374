"""Which columns of a rollout log hold prompt, reward, outcome and step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

# Names seen in the logs of trainers, the more specific first. TRL writes step, prompt, completion,
# advantage and a column a reward function; veRL writes input, output, gts, score, step and more.
_PROMPTS = (
    "prompt_id",
    "question_id",
    "problem_id",
    "task_id",
    "uid",
    "prompt",
    "prompts",
    "question",
    "problem",
    "query",
    "instruction",
    "input",
    "inputs",
    "messages",
)
_REWARDS = ("reward", "rewards", "score", "scores", "total_reward", "final_reward", "reward_score")
_OUTCOMES = ("outcome", "correct", "is_correct", "acc", "success", "solved", "passed")
_STEPS = ("step", "global_step", "global_steps", "training_step", "train_step", "iteration")
# What a TRL log holds beside its reward functions.
_TRL = {"mode", "step", "prompt", "completion", "advantage"}


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read; what is not given is guessed.

    Attributes:
        prompt: The prompt, or its id.
        reward: Name → weight: the reward is the weighted sum of these columns, and each is a
            component of it. The columns hold a number a row, or a list of numbers, a group a row.
        outcome: 1 where the task is solved, 0 where not.
        step: The training step.
        guessed: Which of these were guessed.
    """

    prompt: str | None = None
    reward: Mapping[str, float] = field(default_factory=dict)
    outcome: str | None = None
    step: str | None = None
    guessed: frozenset[str] = frozenset()

    def described(self) -> str:
        """One line for people: which column is taken for what."""
        parts = {
            "prompt": self.prompt,
            "reward": " + ".join(
                name if weight == 1 else f"{weight:g} × {name}"
                for name, weight in self.reward.items()
            ),
            "outcome": self.outcome,
            "step": self.step,
        }
        return ", ".join(f"{part}: {name}" for part, name in parts.items() if name)


def complete(columns: Columns, names: Sequence[str], example: Mapping[str, Any]) -> Columns:
    """Guesses what the caller left open.

    Args:
        columns: What the caller says.
        names: The columns there are.
        example: The first row.

    Raises:
        ValueError: A column that was asked for is not there, or no reward is found, or no prompt.
    """
    wanted = [columns.prompt, *columns.reward, columns.outcome, columns.step]
    for name in wanted:
        if name is not None and name not in names:
            raise ValueError(f"there is no column {name!r}: there are {', '.join(names)}")
    found = columns
    if not columns.reward:
        found = replace(found, reward=_guess_reward(names, example))
    # A column cannot be reward and something else at once.
    free = [name for name in names if name not in found.reward]
    if columns.prompt is None:
        found = replace(found, prompt=_first(_PROMPTS, free))
    if columns.outcome is None:
        found = replace(found, outcome=_first(_OUTCOMES, free))
    if columns.step is None:
        found = replace(found, step=_first(_STEPS, free))
    grouped = all(isinstance(example.get(name), Sequence) for name in found.reward)
    if found.prompt is None and not grouped:
        raise ValueError(
            f"no column of {', '.join(names)} looks like the prompt: name it (--prompt NAME)"
        )
    open_ = {"prompt": columns.prompt, "outcome": columns.outcome, "step": columns.step}
    guessed = {part for part, name in open_.items() if name is None}
    return replace(found, guessed=frozenset(guessed if columns.reward else guessed | {"reward"}))


def _first(candidates: Sequence[str], names: Sequence[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(names)}
    return next((lower[name] for name in candidates if name in lower), None)


def _guess_reward(names: Sequence[str], example: Mapping[str, Any]) -> dict[str, float]:
    name = _first(_REWARDS, names)
    if name is not None:
        return {name: 1.0}
    if {"completion", "advantage"} <= set(names):
        terms = [n for n in names if n not in _TRL and isinstance(example.get(n), int | float)]
        if terms:
            return dict.fromkeys(terms, 1.0)
    raise ValueError(
        f"no column of {', '.join(names)} looks like the reward: name it (--reward NAME)"
    )
