"""Rows gathered into the flat columns of a `RewardLog`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int32, Int64

from jrft.diagnosis.log.batches import Batch, Skip
from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.log import RewardLog
from jrft.diagnosis.log.values import (
    ABSENT,
    flat_numbers,
    is_missing,
    is_parallel,
    number,
    reduced,
    step_numbers,
)


class Collector:
    """Gathers batches. Of a row it keeps a few numbers, of a prompt its text, once."""

    def __init__(self, columns: Columns, skip: Skip):
        self.columns = columns
        self.skip = skip
        self.num_rows = 0
        self.num_metrics = 0
        self._num_completions = 0
        self._codes: dict[Any, int] = {}
        self._names: list[Any] = []
        self._codes_of_texts: dict[int, int] = {}
        self._parts: dict[str, list[np.ndarray]] = {}
        self._file = 0

    def add(self, batch: Batch, file: int = 0) -> None:
        """Takes in a batch of a file, which has a number.

        Raises:
            BadRowError: A row cannot be read, and bad rows are not skipped.
        """
        self._file = file
        needed = {name: batch.column(name) for name in self.columns.names()}
        kept = self._completions(batch._replace(columns=needed))
        if kept.lines:
            self._add_good_rows(kept)

    def _completions(self, batch: Batch) -> Batch:
        """The batch without rows that hold no completion, as metrics between completions."""
        alone = of_no_completion(batch.columns, self.columns)
        if alone is None:
            return batch
        self.num_metrics += sum(alone)
        kept = [i for i, none in enumerate(alone) if not none]
        columns = {name: [cells[i] for i in kept] for name, cells in batch.columns.items()}
        return Batch(batch.source, [batch.lines[i] for i in kept], columns)

    def _add_good_rows(self, batch: Batch) -> None:
        """Takes in a batch; one that holds a bad row is halved until that row is alone."""
        try:
            self._add(batch)
        except (TypeError, ValueError, OverflowError) as error:
            size = len(batch.lines)
            if size == 1:
                self.skip(batch.source, batch.lines[0], str(error))
                return
            self._add_good_rows(batch.part(0, size // 2))
            self._add_good_rows(batch.part(size // 2, size))

    def log(
        self,
    ) -> tuple[RewardLog, Int64[np.ndarray, " m"] | None, Int32[np.ndarray, " m"] | None]:
        """All rows taken in so far, a hash of each completion if completions are known, and the
        file of each if there are several.
        """

        def column(name: str) -> Any:
            parts = self._parts.pop(name, None)
            return None if parts is None else np.concatenate(parts)

        components = {name: column(f"component {name}") for name in self.columns.reward}
        rewards = column("rewards")
        log = RewardLog(
            rewards=np.empty(0) if rewards is None else rewards,
            prompts=column("prompts") if rewards is not None else np.empty(0, np.int32),
            prompt_ids=self._names,
            outcomes=column("outcomes"),
            components=components if len(components) > 1 else {},
            steps=column("steps"),
        )
        return log, column("completions"), column("files") if self._file else None

    def _add(self, batch: Batch) -> None:
        columns, names = batch.columns, self.columns
        terms, sizes = self._terms(columns)
        rewards = _sum(list(terms.values()))
        part: dict[str, np.ndarray] = {"rewards": rewards}
        if np.isinf(rewards).any() and names.clip is None:
            raise ValueError(f"{' + '.join(names.reward)} is infinite (--clip LOW HIGH bounds it)")
        if names.clip is not None:
            part["rewards"] = np.clip(rewards, *names.clip)
        if len(terms) > 1:
            part |= {f"component {name}": values for name, values in terms.items()}
        if names.outcome is not None:
            known = [None if value is ABSENT else value for value in columns[names.outcome]]
            outcomes, each = flat_numbers(known, names.outcome)
            part["outcomes"] = _fitted(outcomes, each, sizes, names.outcome)
        if names.step is not None:
            steps, each = step_numbers(columns[names.step], names.step)
            part["steps"] = _fitted(steps, each, sizes, names.step)
        if names.completion is not None:
            part["completions"] = _hashes(columns[names.completion], sizes)
        # Prompts last: a bad row must not leave a name behind.
        part["prompts"] = self._prompt_codes(columns, sizes)
        part["files"] = np.full(len(rewards), self._file, np.int32)
        self.num_rows += len(batch.lines)
        for name, values in part.items():
            self._parts.setdefault(name, []).append(values)

    def _terms(
        self, columns: Mapping[str, Sequence[Any]]
    ) -> tuple[dict[str, Float64[np.ndarray, " m"]], Int64[np.ndarray, " r"]]:
        """The weighted terms of the reward, and how many completions each row holds."""
        terms: dict[str, np.ndarray] = {}
        sizes: Any = None
        for name, weight in self.columns.reward.items():
            values = columns[name]
            if self.columns.reduce is not None:
                values = [reduced(value, self.columns.reduce) for value in values]
            if self.columns.number is not None:
                values = _expanded(values, columns[self.columns.number], name)
            numbers, each = flat_numbers(values, name)
            if sizes is not None and not np.array_equal(sizes, each):
                raise ValueError(f"{name} holds another number of values than the other rewards")
            terms[name], sizes = weight * numbers, each
        return terms, sizes

    def _prompt_codes(
        self, columns: Mapping[str, Sequence[Any]], sizes: Int64[np.ndarray, " r"]
    ) -> np.ndarray:
        names = self.columns.prompt
        if not names:
            first, num_rows = len(self._names), len(sizes)
            if self.columns.group_size is not None:
                # Groups stand in order: a new one begins after so many completions.
                places = self._num_completions + np.arange(int(sizes.sum()))
                self._num_completions += len(places)
                groups = (places // self.columns.group_size).astype(np.int32)
                self._names.extend(range(first, int(groups.max(initial=-1)) + 1))
                return groups
            self._names.extend(range(first, first + num_rows))
            return np.arange(first, first + num_rows, dtype=np.int32).repeat(sizes)
        values: Sequence[Any] = columns[names[0]]
        if len(names) > 1:
            values = [list(row) for row in zip(*(columns[name] for name in names), strict=True)]
        lists = (
            [
                is_parallel(value, int(n), of_same=self.columns.of_same(names[0]))
                for value, n in zip(values, sizes, strict=True)
            ]
            if (list in set(map(type, values)))
            else []
        )
        if any(lists):
            flat = [
                each
                for value, n, parallel in zip(values, sizes, lists, strict=True)
                for each in (value if parallel else [value] * int(n))
            ]
            return np.array(self._number(flat, names[0]), np.int32)
        codes = np.array(self._number(values, names[0]), np.int32)
        if self.columns.text is not None:
            self._check_texts(codes, columns[self.columns.text])
        return codes.repeat(sizes)

    def _check_texts(self, codes: np.ndarray, texts: Sequence[Any]) -> None:
        """Ids were chosen over texts because each text had one id: that must stay so."""
        for code, text in zip(codes.tolist(), texts, strict=True):
            key = (
                hash(text)
                if isinstance(text, str)
                else hash(json.dumps(text, sort_keys=True, default=str))
            )
            if self._codes_of_texts.setdefault(key, code) != code:
                raise AmbiguousPromptError(self.columns.prompt[0], str(self.columns.text))

    def _number(self, prompts: Sequence[Any], name: str) -> list[int]:
        """Numbers prompts; new ones get the next number."""
        try:
            codes = list(map(self._codes.get, prompts))
        except TypeError:  # a list or an object, as chats are
            codes = [None] * len(prompts)
        return [
            self._code(prompt, name) if code is None else code
            for prompt, code in zip(prompts, codes, strict=True)
        ]

    def _code(self, prompt: Any, name: str) -> int:
        if is_missing(prompt):
            raise ValueError(f"there is no {name!r}")
        if isinstance(prompt, float) and abs(prompt) >= 2**63:
            raise ValueError(f"{name} is {prompt:g}, beyond 64 bits: write it as text")
        key = prompt
        if not isinstance(prompt, str | int | float):
            key = json.dumps(prompt, sort_keys=True, default=str)
        code = self._codes.setdefault(key, len(self._names))
        if code == len(self._names):
            self._names.append(prompt)
        return code


def of_no_completion(table: Mapping[str, Sequence[Any]], columns: Columns) -> list[bool] | None:
    """Which rows hold neither a reward nor a prompt; None if all hold one.

    Where no column names prompts, rows must lack the column of the reward: one that is empty is a
    completion without a score.
    """
    rewards = [table[name] for name in columns.reward]
    if not any(gap in rewards[0] for gap in (ABSENT, None, "")):
        return None
    if not columns.prompt:
        alone = [all(cell is ABSENT for cell in cells) for cells in zip(*rewards, strict=True)]
    else:
        prompts = [table[name] for name in columns.prompt]
        alone = [all(map(is_missing, cells)) for cells in zip(*rewards, *prompts, strict=True)]
    return alone if any(alone) else None


class AmbiguousPromptError(Exception):
    """One prompt has several ids."""

    def __init__(self, ids: str, text: str):
        super().__init__(
            f"a {text} has several {ids}, so {ids} may name completions or visits: pass "
            f"--prompt {text}, or --prompt {ids} if it names prompts"
        )


def _expanded(rates: Sequence[Any], numbers: Sequence[Any], name: str) -> list[list[float]]:
    """Rates of success in n rollouts as n outcomes."""
    rows = []
    for rate, count in zip(rates, numbers, strict=True):
        right = number(rate, name) * int(count)
        if abs(right - round(right)) > 1e-3 * max(1.0, right) or not 0 <= right <= int(count):
            raise ValueError(f"{name} is {rate!r}, which is no share of {count} rollouts")
        rows.append([1.0] * round(right) + [0.0] * (int(count) - round(right)))
    return rows


def _fitted(values: np.ndarray, each: np.ndarray, sizes: np.ndarray, name: str) -> np.ndarray:
    """One value a completion, of one a completion or one a row."""
    if np.array_equal(each, sizes):
        return values
    if np.all(each == 1):
        return values.repeat(sizes)
    raise ValueError(f"{name} holds another number of values than the reward")


def _hashes(values: Sequence[Any], sizes: np.ndarray) -> Int64[np.ndarray, " m"]:
    if set(map(type, values)) == {str} and len(values) == sizes.sum():
        return np.fromiter(map(hash, values), np.int64, len(values))
    hashes: list[int] = []
    for value, size in zip(values, sizes.tolist(), strict=True):
        each = value if isinstance(value, list) and len(value) == size > 1 else [value] * size
        hashes += [hash(one) if isinstance(one, str) else hash(str(one)) for one in each]
    return np.array(hashes, np.int64)


def _sum(terms: Sequence[Float64[np.ndarray, " m"]]) -> Float64[np.ndarray, " m"]:
    """The reward: the sum of the terms that are there, NaN where none is."""
    if len(terms) == 1:
        return terms[0]
    stacked = np.stack(terms)
    return np.where(np.isnan(stacked).all(axis=0), np.nan, np.nansum(stacked, axis=0))
