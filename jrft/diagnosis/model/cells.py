"""Prompts that are judged as one: those whose rewards are the same, or nearly so."""

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.model.sums import prompt_sums
from jrft.diagnosis.model.tilts import STD_RESOLUTION, TiltedFamily

# Of equal count, with mean and std that agree to this share of the range, well below what is told
# apart.
_CELL = STD_RESOLUTION / 4


def distinct_rows(
    family: TiltedFamily, sums: Float64[np.ndarray, "n c"]
) -> tuple[Float64[np.ndarray, "d c"], Int64[np.ndarray, " n"] | slice, Float64[np.ndarray, " d"]]:
    """Distinct rows, the row of each prompt, and how many prompts share a row.

    On few levels few rows stand for many prompts: 0/1 rewards have group size + 1 of them. On many
    levels looking for equal rows would take longer than it saves.
    """
    alone = sums, slice(None), np.ones(len(sums))
    if not family.saturated:
        return alone
    # Rows are told apart by count, Σx and Σx², of which one number is made: sorting rows is slow.
    keys = sums[:, :3] @ np.array([1.0, np.sqrt(2), np.sqrt(3)])
    _, first, back, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    rows = sums[first]
    if not np.allclose(rows[back], sums, rtol=1e-9, atol=1e-9):
        return alone
    return rows, back, counts.astype(np.float64)


def rows_in_cells(
    sums: Float64[np.ndarray, "d c"],
) -> tuple[Float64[np.ndarray, "e c"], Int64[np.ndarray, " d"]]:
    """Average rows of like ones, and the cell of each row: some 20 000 for groups of one size.

    A mode that most rewards of a row are, and how many they are, must agree, too.
    """
    count = np.maximum(sums[:, 0], 1e-9)
    mean = sums[:, 1] / count
    std = np.sqrt(np.maximum(sums[:, 2] / count - mean**2, 0.0))
    columns = [
        _ranks_of(sums[:, 0], 2),
        *(np.round(x / _CELL).astype(np.int64) for x in (mean, std)),
    ]
    if sums.shape[1] > 5:
        most = 2 * sums[:, 5] > count
        mode = np.where(most, sums[:, 6] / count, 0.0)
        columns += [np.round(mode / (4 * _CELL)).astype(np.int64), _ranks_of(sums[:, 5] * most, 0)]
    keys = np.zeros(len(sums), np.int64)
    for column in columns:
        keys = keys * (1 + int(column.max())) + column
    _, back, members = np.unique(keys, return_inverse=True, return_counts=True)
    return prompt_sums(sums, back, len(members)) / members[:, None], back


def _ranks_of(values: Float64[np.ndarray, " d"], decimals: int) -> Int64[np.ndarray, " d"]:
    return np.unique(np.round(values, decimals), return_inverse=True)[1]
