"""Tables for the terminal, by Rich."""

import io
from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), indent: int = 0) -> str:
    """Rows in columns, as plain text that no terminal shortens.

    Args:
        rows: Cells of equally many columns.
        right: Columns whose cells stand at the right.
        indent: Spaces before each row.

    Example:
        >>> print(table([["learnable", "20"], ["too hard", "5"]], right=[1]))
        learnable  20
        too hard    5
    """
    # Rich takes a tenth of a second to load: whoever asks for help need not wait.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for column in range(len(rows[0]) if rows else 0):
        grid.add_column(justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*map(Text, row))
    console = Console(file=io.StringIO(), width=10_000, color_system=None)
    with console.capture() as shown:
        console.print(grid)
    return "\n".join(" " * indent + line.rstrip() for line in shown.get().splitlines())
