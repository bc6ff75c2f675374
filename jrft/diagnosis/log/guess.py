"""Guesses columns from many rows, checks what each guess makes, and says it, or stops."""

from dataclasses import replace
from typing import Any

from jrft.diagnosis.log import doubts
from jrft.diagnosis.log.column_names import COMPLETIONS, IDS, OUTCOMES, STEPS, TEXTS
from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.prompt_columns import guess_prompt, names_content
from jrft.diagnosis.log.reward_columns import (
    first_of,
    flat,
    guess_reward,
    numeric,
    outcome_term,
    unused_rewards,
    with_number,
)
from jrft.diagnosis.log.sample import Sample, Table, keys_of
from jrft.diagnosis.log.values import (
    has_comma,
    is_missing,
    is_spelled,
    is_step,
    number,
    step_number,
)


def guess_columns(given: Columns, table: Table) -> tuple[Columns, list[str]]:
    """Completes the columns that a caller gave.

    Args:
        given: What the caller says.
        table: Name → values of sampled rows of all files, fields of objects under `a.b`.

    Returns:
        The columns, and notes for the reader of the report.

    Raises:
        ValueError: A column that was asked for is not there, no reward or prompt is found, or
            what was found is doubtful.
    """
    names = [name for name in table if name != FILE_STEP]
    wanted = [*given.prompt, *given.reward, given.outcome, given.step, given.number]
    for name in wanted:
        if name is not None and name not in names:
            raise ValueError(f"there is no column {name!r}: there are {', '.join(names)}")
    notes: list[str] = []
    found = given if given.reward else replace(given, reward=guess_reward(table, notes))
    found = with_number(found, table, notes)
    free = {name: values for name, values in table.items() if name not in found.reward}
    found = replace(found, completion=first_of(COMPLETIONS, free))
    if found.step is None:
        found = replace(found, step=_guess_step(free, notes))
    sample = Sample(found, table)
    found = guess_prompt(sample, notes)
    rows = zip(*(table[name] for name in found.prompt), strict=True)
    kept = [i for i, cells in enumerate(rows) if not all(map(is_missing, cells))]
    if found.prompt and len(kept) < len(table[found.prompt[0]]):  # rows of metrics, or bad ones
        table = {name: [cells[i] for i in kept] for name, cells in table.items()}
        sample = Sample(found, table)
    if found.completion is None:
        found = replace(found, completion=_inner_completion(found, free))
    if found.outcome is None:
        others = {name: values for name, values in free.items() if name not in found.prompt}
        outcome = first_of(OUTCOMES, {n: v for n, v in others.items() if numeric(v, 0.5)})
        found = replace(found, outcome=outcome or outcome_term(found))
    open_ = {
        "prompt": given.prompt,
        "outcome": given.outcome,
        "step": given.step,
        "reward": given.reward,
    }
    guessed = frozenset(part for part, name in open_.items() if not name)
    found = replace(found, guessed=guessed)
    notes += doubts.ask(sample.with_columns(found))
    notes += _inner_step(found, free)
    notes += unused_rewards(found, table)
    return found, notes + _read_as(found, table)


def _inner_completion(columns: Columns, table: Table) -> str | None:
    """The chat that holds the prompt, or the only field of an object that is named like answers."""
    for name in columns.prompt:
        stem, _, last = name.rpartition(".")
        if stem in table and last in ("prompt", "context"):
            return stem
    inner = [name for name in table if "." in name and name.rpartition(".")[2] in COMPLETIONS]
    return inner[0] if len(inner) == 1 else None


def _read_as(columns: Columns, table: Table) -> list[str]:
    """Notes on cells that are no plain numbers."""
    lists = [name for name in sorted(columns.literals) if columns.reads(name)]
    notes = [
        f"Texts of {name} were read as the lists or objects that they write." for name in lists
    ]
    for name in (*columns.reward, *([columns.outcome] if columns.outcome else [])):
        cells = flat(table[name])
        if any(map(has_comma, cells)):
            notes.append(f"Commas in {name} were read as decimal points.")
        if words := list(dict.fromkeys(cell for cell in cells if is_spelled(cell))):
            shown = ", ".join(f"{word} as {number(word, name):g}" for word in words[:4])
            notes.append(f"Cells of {name} were read as numbers: {shown}.")
    step = columns.step
    for cell in () if step is None else flat(table[step]):
        if isinstance(cell, str) and ("," in cell or "/" in cell) and is_step(cell):
            notes.append(f"Cells of {step} were read as steps: {cell} as {step_number(cell, '')}.")
            break
    return notes


def _guess_step(table: Table, notes: list[str]) -> str | None:
    named = [one for step in STEPS if (one := first_of([step], table))]
    named = [one for one in named if one != "rollout_id" or _holds_prompts(table, one)]
    # A step that never changes is none, if another column tells times; an epoch never is.
    changing = [one for one in named if len(set(keys_of(table[one]))) > 1]
    name = next((one for one in (*changing, *named) if one in changing or one != "epoch"), None)
    file = FILE_STEP if FILE_STEP in table else None
    if name is None:
        return file
    cells = flat(table[name])
    for value in [] if set(map(type, cells)) == {int} else cells:
        try:
            step_number(value, name)
        except OverflowError:
            return name  # the row that holds it is bad
        except ValueError:
            if 2 * sum(map(is_step, cells)) > len(cells):
                return name  # the other cells are errors
            notes.append(
                f"Column {name!r} looked like the step but does not hold whole numbers: it was not "
                "used."
            )
            return file
    return name


def _inner_step(columns: Columns, table: Table) -> list[str]:
    """A note where no step was taken, and a field of an object is named like one."""
    for name in table if columns.step is None else ():
        stem, _, last = name.rpartition(".")
        if stem and last in STEPS and len(set(keys_of(table[name]))) > 1:
            return [f"No step was taken. If {name} is the training step, pass --step {name}."]
    return []


def _holds_prompts(table: Table, name: str) -> bool:
    """Whether each value of a column holds several prompts, as steps do and rollouts do not."""
    prompt = first_of([*TEXTS, *filter(names_content, IDS)], table)
    if prompt is None:
        return False
    prompts: dict[Any, set[Any]] = {}
    for value, one in zip(keys_of(table[name]), keys_of(table[prompt]), strict=True):
        if not is_missing(value):
            prompts.setdefault(value, set()).add(one)
    several = sum(len(one) > 1 for one in prompts.values())
    return several >= 0.9 * len(prompts)
