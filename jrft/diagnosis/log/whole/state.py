"""A log that is read as a whole, and what it was read from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.log import RewardLog, selected


@dataclass(frozen=True)
class Whole:
    """All rows of a log, with what tells copies, runs and parts of runs.

    Attributes:
        log: The rewards.
        columns: What they were read from.
        completions: int64[m], a hash of each completion, or None.
        files: int32[m], the file of each completion, an index into `paths`.
        paths: The files.
        last_run: Of a run that begins anew, keep only the rows after its last beginning.
        notes: What a reader must know; more are added.
    """

    log: RewardLog
    columns: Columns
    completions: Int64[np.ndarray, " m"] | None = None
    files: Int32[np.ndarray, " m"] | None = None
    paths: Sequence[Path] = ()
    last_run: bool = False
    notes: list[str] = field(default_factory=list)

    def only(self, rows: Bool[np.ndarray, " m"]) -> "Whole":
        """Some of the rows."""
        return replace(
            self,
            log=selected(self.log, rows),
            completions=None if self.completions is None else self.completions[rows],
            files=None if self.files is None else self.files[rows],
        )

    def guessed(self, part: str) -> bool:
        """Whether a column was guessed, and may be doubted."""
        return part in self.columns.guessed and not self.columns.trusted

    def visits(self) -> Int64[np.ndarray, " m"]:
        """One number for prompt and step of each row."""
        prompts = self.log.prompts.astype(np.int64)
        if self.log.steps is None:
            return prompts
        distinct, at = np.unique(self.log.steps, return_inverse=True)
        return prompts * len(distinct) + at

    def group_sizes(self) -> Int64[np.ndarray, " g"]:
        """How many completions each group has."""
        return np.unique(self.visits(), return_counts=True)[1]
