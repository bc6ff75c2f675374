"""Files of several runs, and files of the machines of one run."""

import re
from itertools import pairwise

import numpy as np

from jrft.diagnosis.log.whole.state import Whole

# Folders or files that hold parts of one run, one a machine.
_PARTS = re.compile(
    r"(?:rank|worker|gpu|shard|process|proc|host|node|device|replica|engine|part|actor|server)s?"
    r"[=_.-]?\d+",
    re.IGNORECASE,
)
_RUNS = re.compile(r"(?:run|seed|trial|exp|experiment)[=_.-]?\d+", re.IGNORECASE)


def of_one_run(whole: Whole) -> Whole:
    """Files that hold the same prompts, and no steps, may be of several runs.

    Raises:
        ValueError: They may be, by their names, which differ by more than a number.
    """
    files, log = whole.files, whole.log
    if files is None or log.steps is not None or not whole.columns.prompt:
        return whole
    if whole.columns.trusted or any(map(of_a_part, whole.paths)):
        return whole
    held = {int(i): np.unique(log.prompts[files == i]) for i in np.unique(files)}
    for first, second in pairwise(held):
        common = len(np.intersect1d(held[first], held[second]))
        if 2 * common <= min(len(held[first]), len(held[second])):
            continue
        one, other = (str(whole.paths[i]) for i in (first, second))
        said = f"{one} and {other} hold the same prompts, and no column or name says the step: "
        if _RUNS.search(one) or _bare(one) != _bare(other):
            raise ValueError(
                f"{said}pass one of them if these are several runs, or --trust-columns if they are "
                "parts of one"
            )
        whole.notes.append(
            f"{said}they were read as parts of one run. Read several runs one by one."
        )
        break
    return whole


def _bare(path: str) -> str:
    """A path without its numbers and hashes."""
    return re.sub(r"[0-9a-f]*\d[0-9a-f]*", "#", path)


def of_a_part(path: object) -> bool:
    """Whether a name says that a file is of one machine, and others hold the rest.

    Example:
        >>> of_a_part("run/rank_0/log.jsonl"), of_a_part("run_1/log.jsonl")
        (True, False)
    """
    return bool(_PARTS.search(str(path)))
