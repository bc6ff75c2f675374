"""Simple interaction format of Cytoscape: a node, a relation, and one or more nodes a line.

References:
    Cytoscape user manual, *Supported network file formats*.
"""

from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.encoding import decoded
from jwi.io.refusals import printable


def read(source: Source) -> Content:
    """Reads an edge from the first node of a line to each node after the relation.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: For a line of two words, or a file without any.
    """
    path = source.path
    source.options.only(path, source.format, "encoding", "weights")
    text = decoded(path, source.content, source.options.encoding)
    # Where a file has tabs, names may hold blanks.
    mark = b"\t" if b"\t" in text.content else None
    lines = [
        [word.strip() for word in line.split(mark)] if line.strip() else []
        for line in text.content.splitlines()
    ]
    number_of: dict[str, int] = {}
    pairs = []
    for place, line in enumerate(lines):
        if len(line) == 2:
            row = printable(b" ".join(line))
            raise ValueError(
                f"{path}, line {place + 1}: {row!r} has two columns: pass NODE RELATION NODE, or"
                " read it by --format edge-list --labels"
            )
        names = [word.decode("utf-8", "surrogateescape") for word in line[:1] + line[2:]]
        numbers = [number_of.setdefault(name, len(number_of)) for name in names]
        pairs += [(numbers[0], target) for target in numbers[1:]]
    if not pairs and any(set(b",;|") & set(line[0]) for line in lines if line):
        raise ValueError(
            f"{path} has one column, and those of SIF are separated by tabs or blanks: read it by"
            " --format edge-list --labels --columns 1,3"
        )
    if not number_of:
        raise ValueError(f"{path} has no edges: pass a line of NODE RELATION NODE for each edge")
    ends = np.array(pairs, np.int64).reshape(-1, 2)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept, lost, entry = [], dict[bytes, None](), 0
        for line in lines:
            count = max(0, len(line) - 2)
            targets = [line[2 + i] for i in range(count) if keep[entry + i]]
            lost.update(dict.fromkeys(word for word in line[2:] if word not in targets))
            entry += count
            # A node that has lost all its edges stays, alone in its line.
            words = [*line[:2], *targets] if targets else line[:1]
            kept.append((mark or b" ").join(words))
        there = {word for line in kept for word in line.split(mark)}
        kept += [word for word in lost if word not in there]
        file.write(text.encode(b"\n".join([*kept, b""])))

    return Content(ends[:, 0], ends[:, 1], list(number_of), None, rewrite, text.notes)
