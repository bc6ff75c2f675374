"""`jrft conformance`."""

import argparse
import io

import numpy as np

from jrft._files import write_atomically
from jrft.cli import OK
from jrft.expected.conformance import conformance_arrays


def run(parsed: argparse.Namespace) -> int:
    """Writes the arrays to test a trainer with."""
    arrays = conformance_arrays(
        group_size=parsed.group_size, epsilon=parsed.epsilon, clip=parsed.clip, seed=parsed.seed
    )
    file = io.BytesIO()
    # NumPy 2.1 would save `allow_pickle` as an array.
    np.savez(file, **arrays)  # type: ignore[arg-type]
    write_atomically(parsed.path, file.getvalue())
    print(f"wrote {parsed.path}: {len(arrays)} arrays, explained in docs/conformance.md")
    return OK
