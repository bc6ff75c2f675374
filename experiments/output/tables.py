"""Numbers for people: tables of text."""

import numpy as np


def text_table(rows: list[list[str]]) -> str:
    """A table for the terminal: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def mean_and_std(values: np.ndarray, digits: int) -> str:
    """``mean ± std`` of float[R], the sample std (ddof 1); of a single value the value alone."""
    mean = f"{values.mean():z.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis of float[R, ...]; 0 for a single value."""
    if len(values) == 1:
        return np.zeros(values.shape[1:])
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))
