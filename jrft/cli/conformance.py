"""`jrft conformance`."""

import argparse
import io

import numpy as np

from jrft.cli import OK
from jrft.cli.files import write_atomically


def run(parsed: argparse.Namespace) -> int:
    """Writes the arrays to test a trainer with."""
    path = parsed.path
    if path.suffix != ".npz":
        raise ValueError(f"{path} does not end in .npz: name the file so")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}, make it first")
    if path.exists() and not parsed.force:
        raise ValueError(f"{path} exists: add --force to overwrite it")
    # It loads JAX, which a refusal needs not wait for.
    from jrft.expected.conformance import conformance_arrays

    arrays = conformance_arrays(
        group_size=parsed.group_size, epsilon=parsed.epsilon, clip=parsed.clip, seed=parsed.seed
    )
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    write_atomically(path, file.getvalue())
    print(f"wrote {path}: {len(arrays)} arrays, explained in docs/conformance.md")
    return OK
