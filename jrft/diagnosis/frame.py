"""`diagnose_frame`: rewards in a data frame, counted by the frame's own engine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from jrft.diagnosis.diagnosis import Diagnosis, diagnose_log
from jrft.diagnosis.log.log import reward_log
from jrft.diagnosis.settings import DiagnosisSettings

if TYPE_CHECKING:
    import narwhals as nw

_COUNT = "jrft_count"


def diagnose_frame(
    frame: Any,
    *,
    prompt: str | Sequence[str],
    reward: str,
    step: str | None = None,
    outcome: str | None = None,
    reward_range: tuple[float | int, float | int] | None = None,
    settings: DiagnosisSettings | None = None,
) -> Diagnosis:
    """Diagnoses a data frame of any size: its own engine counts equal rewards of each prompt.

    The engine groups the completions by prompt, step, reward and outcome, and returns one row and
    a count for each combination. So a table of 10^9 pass-or-fail rewards of 10^5 prompts comes
    back as 2·10^5 rows, and the diagnosis is the one of all 10^9. Rewards that all differ come back
    one by one: round them first if they do not fit into memory.

    Args:
        frame: A data frame or a lazy query that narwhals knows: pandas, polars, pyarrow, DuckDB,
            Dask, PySpark, Ibis. A lazy one is executed once, and stays where it is.
        prompt: The column that names a completion's prompt; several if only together they do. Then
            a prompt's id is a tuple.
        reward: The column of rewards; null and NaN are completions without a score.
        step: The column of training steps, whole numbers, if there is one.
        outcome: The column that is 1 where the task is solved and 0 where not, if there is one.
        reward_range: As in `diagnose`.
        settings: As in `diagnose`.

    Returns:
        The diagnosis, prompts in ascending order of their ids.

    Raises:
        ImportError: narwhals is not installed.
        ValueError: A column does not exist, a prompt is null, or what `diagnose` refuses.

    Example:
        >>> import pyarrow
        >>> rows = pyarrow.table({"id": ["a", "a", "b", "b"], "score": [0.0, 1.0, 1.0, 1.0]})
        >>> found = diagnose_frame(rows, prompt="id", reward="score")
        >>> found.prompt_ids, found.observed.count.tolist()
        (['a', 'b'], [2, 2])
    """
    keys = [prompt] if isinstance(prompt, str) else list(prompt)
    others = [name for name in (step, outcome) if name is not None]
    rows = _counted(frame, keys, [*others, reward])
    ids = [rows[key].to_list() for key in keys]
    for key, values in zip(keys, ids, strict=True):
        if None in values:
            raise ValueError(
                f"column {key!r} is null in some rows: drop these rows, or name their prompts"
            )
    log = reward_log(
        _numbers(rows, reward),
        prompt_ids=ids[0] if len(keys) == 1 else list(zip(*ids, strict=True)),
        outcomes=None if outcome is None else _numbers(rows, outcome),
        steps=None if step is None else _numbers(rows, step),
    )
    log = replace(log, counts=rows[_COUNT].to_numpy().astype(np.int64))
    return diagnose_log(log, reward_range=reward_range, settings=settings)


def _counted(frame: Any, keys: Sequence[str], others: Sequence[str]) -> "nw.DataFrame[Any]":
    """The distinct rows of some columns, sorted, and how often each occurs."""
    try:
        import narwhals as nw
    except ImportError as error:
        raise ImportError(
            "diagnose_frame needs narwhals, which is not installed: pip install narwhals"
        ) from error
    lazy = nw.from_native(frame).lazy()
    columns = list(dict.fromkeys([*keys, *others]))
    known = lazy.collect_schema()
    for name in columns:
        if name not in known:
            raise ValueError(f"there is no column {name!r}: the frame has {', '.join(known)}")
        if known[name].is_nested():
            raise ValueError(
                f"column {name!r} holds {known[name]}: pass a column of texts, numbers or ids, such"
                " as the last message of each chat"
            )
    found = lazy.select(columns).group_by(columns).agg(nw.len().alias(_COUNT)).collect()
    # Engines return groups in any order, and the same log must give the same diagnosis.
    return found.sort(columns)


def _numbers(rows: "nw.DataFrame[Any]", name: str) -> Float64[np.ndarray, " m"]:
    """A column as float64, null as NaN."""
    values = rows[name].to_numpy()
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column {name!r} holds {values.dtype}, not numbers: cast it") from error
