"""Tables and numbers for people."""

from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.table import Table


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Prints a table: the first column to the left, the others to the right.

    Args:
        rows: Cells of equally many columns, the headings first.
    """
    (first, *others), *body = rows
    table = Table(first, box=None, pad_edge=False, header_style=None)
    for heading in others:
        table.add_column(heading, justify="right")
    for cells in body:
        table.add_row(*cells)
    # Wide enough for every table: a terminal wraps lines better than Rich shortens cells.
    Console(width=10_000, markup=False, highlight=False).print(table)


def mean_and_std(values: np.ndarray, digits: int) -> str:
    """`mean ± std` of float[R], the sample std (ddof 1); of a single value the value alone."""
    mean = f"{values.mean():z.{digits}f}"
    return f"{mean} ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else mean


def standard_error(values: np.ndarray) -> np.ndarray:
    """Standard error of the mean over the first axis of float[R, ...]; 0 for a single value."""
    if len(values) == 1:
        return np.zeros(values.shape[1:])
    return values.std(axis=0, ddof=1) / np.sqrt(len(values))
