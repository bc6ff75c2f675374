"""Writers of logs, cut out of released trainers."""

import ast
import dataclasses
import json
import logging
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.jrft.diagnosis.small_run import STEPS, TRUE

OF_STEP = {step: [one for one in TRUE if one[0] == step] for step in range(1, STEPS + 1)}


class Base:
    """Stands for the class above a trainer: its `log` does nothing."""

    def log(self, *_: Any) -> None:
        """Takes what a trainer hands on."""


def source_of(package: str, file: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    return Path(next(iter(spec.submodule_search_locations))) / file


def cut(package: str, file: str, *names: str, of: str | None = None, **known: Any) -> Any:
    """Functions and classes of a file of a package, compiled without the rest of it.

    Args:
        package: A name that can be imported, if all that it imports is there.
        file: The file in the package.
        names: What is cut out.
        of: The class whose methods these are: then a class with these methods alone is made.
        known: Names that the code uses.
    """
    path = source_of(package, file)
    body = ast.parse(path.read_text()).body
    if of is not None:
        (found,) = [node for node in body if isinstance(node, ast.ClassDef) and node.name == of]
        found.bases, found.keywords, found.decorator_list = [ast.Name("Base", ast.Load())], [], []
        found.body = [node for node in found.body if getattr(node, "name", "") in names]
        chosen: list[ast.stmt] = [found]
    else:
        chosen = [node for node in body if getattr(node, "name", "") in names]
    assert len(chosen) == (1 if of else len(names)), f"{path} has no {names}"
    future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
    tree = ast.fix_missing_locations(ast.Module([future, *chosen], []))
    space = {"Base": Base, "json": json, "os": os, "np": np, "Path": Path, "logging": logging}
    space |= {"logger": logging.getLogger(package), "Any": Any, "dataclass": dataclasses.dataclass}
    space |= known
    exec(compile(tree, str(path), "exec"), space)
    made = [space[name] for name in ([of] if of else names)]
    return made[0] if len(made) == 1 else made


def trainer(made: Any, **attributes: Any) -> Any:
    """An object of a class that was cut out, short of its constructor."""
    one = made.__new__(made)
    for name, value in attributes.items():
        setattr(one, name, value)
    return one


def texts(ones: Sequence[Any]) -> tuple[list[str], list[str], list[float]]:
    """Prompts, answers and rewards of some completions."""
    return (
        [f"What is {p} + 1?" for _, p, _, _ in ones],
        [f"{s}-{p}-{i}" for s, p, i, _ in ones],
        [r for *_, r in ones],
    )
