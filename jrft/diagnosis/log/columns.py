"""Which columns of a rollout log hold prompt, reward, outcome, step and completion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

# The name of the step where file names say it.
FILE_STEP = "(file name)"


@dataclass(frozen=True)
class Columns:
    """Names of the columns to read; those not given are guessed. `a.b` is field b of objects in a.

    Attributes:
        prompt: The prompt, or its id; several columns that name it together.
        reward: Name → weight: the reward is the weighted sum of these columns, and each is a
            component of it. The columns hold a number a row, or a list of numbers, a group a row.
        outcome: 1 where the task is solved, 0 where not.
        step: The training step.
        completion: The sampled text, to find generations that were logged twice.
        number: How many rollouts a row stands for; the reward is then their rate of success.
        text: The prompt's text, if `prompt` is an id: each text must have one id.
        reduce: Makes one reward of a list, where lists hold turns or tokens, not groups.
        group_size: Completions of a prompt follow each other, so many a group.
        clip: Smallest and largest reward: rewards beyond count as these.
        trusted: Whether doubtful columns are used as they are.
        guessed: Which of the names were guessed.
        literals: Columns whose texts write lists or objects.
    """

    prompt: tuple[str, ...] = ()
    reward: Mapping[str, float] = field(default_factory=dict)
    outcome: str | None = None
    step: str | None = None
    completion: str | None = None
    number: str | None = None
    text: str | None = None
    reduce: Callable[[list[float]], float] | None = None
    group_size: int | None = None
    clip: tuple[float, float] | None = None
    trusted: bool = False
    guessed: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()

    def names(self) -> list[str]:
        """All columns that are read."""
        others = (self.outcome, self.step, self.completion, self.number, self.text)
        return [*self.reward, *self.prompt, *(name for name in others if name is not None)]

    def reads(self, name: str) -> bool:
        """Whether a column, or a field of the objects in it, is read."""
        return any(one == name or one.startswith(f"{name}.") for one in self.names())

    def of_same(self, name: str) -> bool:
        """Whether a column and the reward are fields of the same objects, as a.id and a.reward."""
        stem = name.rpartition(".")[0]
        return bool(stem) and all(one.rpartition(".")[0] == stem for one in self.reward)

    def described(self) -> str:
        """One line for people: which column is taken for what."""
        parts = {
            "prompt": " + ".join(self.prompt)
            or (self.group_size and f"{self.group_size} completions each"),
            "reward": " + ".join(
                name if weight == 1 else f"{weight:g} × {name}"
                for name, weight in self.reward.items()
            ),
            "outcome": self.outcome,
            "step": self.step,
        }
        return ", ".join(f"{part}: {name}" for part, name in parts.items() if name)
