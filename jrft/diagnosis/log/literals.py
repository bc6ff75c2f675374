"""Lists and objects that a log writes as text."""

import ast
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from jrft.diagnosis.log.batches import Batch, with_columns
from jrft.diagnosis.log.values import is_number

# What NumPy and PyTorch print: tensor([0., 1.], device='cuda:0').
_PRINTED = re.compile(r"(?:tensor|array)\((\[.*\])(?:,[^\]]*)?\)", re.DOTALL)


def literal_columns(batches: Sequence[Batch]) -> frozenset[str]:
    """Columns of which each text writes a list or an object."""
    names = dict.fromkeys(name for batch in batches for name in batch.columns)
    return frozenset(name for name in names if _are_literals(name, batches))


def _are_literals(name: str, batches: Sequence[Batch]) -> bool:
    """Whether a column has such texts, and its other cells are no text."""
    texts = False
    for batch in batches:
        for cell in batch.column(name):
            if isinstance(cell, str) and cell.strip():
                if isinstance(literal(cell), str):
                    return False
                texts = True
    return texts


def with_literals(batch: Batch, names: Iterable[str]) -> Batch:
    """The batch with lists and objects for texts of these columns."""
    read = {
        name: list(map(literal, batch.columns[name])) for name in names if name in batch.columns
    }
    return with_columns(batch, read) if read else batch


def literal(cell: Any) -> Any:
    """The list or object that a text writes in JSON or Python, or prints; else the cell itself.

    Example:
        >>> [literal(text) for text in ("[0, 1]", "{'score': 1}", "tensor([0., 1.])", "[INST]")]
        [[0, 1], {'score': 1}, [0.0, 1.0], '[INST]']
    """
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if printed := _PRINTED.fullmatch(text):
        text = printed.group(1)
    if (text[:1], text[-1:]) not in (("[", "]"), ("{", "}")):
        return cell
    for read in (json.loads, ast.literal_eval):
        try:
            value = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return value if isinstance(value, list | dict) else cell
    # NumPy puts no commas, and Python writes nan: [0. 1. nan].
    numbers = re.split(r"[\s,]+", text[1:-1].strip())
    return numbers if text[0] == "[" and all(map(is_number, numbers)) else cell
