"""Files of other programs, known by how they begin: each is refused with its own remedy."""

import re
from pathlib import Path

_CSV = "export the table of edges as CSV"
# How they begin, what they are, and what to do.
_OTHERS = (
    (rb"\xd0\xcf\x11\xe0", "a workbook of Excel", _CSV),
    (rb"ARROW1|FEA1", "a file of Arrow", _CSV),
    (rb"SQLite format 3", "a database of SQLite", _CSV),
    (rb"\x89HDF", "HDF5", "save the edges as rows of text, or the matrix by scipy.sparse.save_npz"),
    (rb"\x80[\x02-\x05]", "a pickle", "save the graph as GraphML, or its edges as rows of text"),
    (rb"(?s:.{257})ustar", "a tar archive", "unpack it, and pass the file of the graph"),
    (rb"%PDF", "a PDF", _CSV),
    (rb"\s*(?i:<!doctype html|<html)", "a web page", "fetch the file that it links to"),
    (rb"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself, by git lfs pull"),
    (rb"@(?:prefix|base)\b", "Turtle", "write it as N-Triples, in .txt"),
    (rb"LEDA\.GRAPH", "a graph of LEDA", "pass its rows of edges alone"),
    (rb"(?i:dl\b[^\n]*\bn\s*=)", "a file of UCINET", "export it as Pajek, in .net"),
    (rb"(?i:\*node (?:data|properties)\b)", "a file of NetDraw", "save it as Pajek, in .net"),
    (rb"nodedef\s*>", "GDF", "save it from Gephi as GraphML, or pass its rows of edges alone"),
    (rb"(?:c[^\n]*\n)*p aux sp co\b", "a table of places, by DIMACS", "pass its graph, in .gr"),
)


def refuse_foreign(path: Path, content: bytes) -> None:
    """Raises ValueError for files that no reader of graphs knows.

    Args:
        path: The file, for the message.
        content: Its bytes, decompressed.
    """
    for begins, what, remedy in _OTHERS:
        if re.match(begins, content[:4096]):
            raise ValueError(f"{path} is {what}: {remedy}")


def refuse_archive(path: Path, names: list[str]) -> None:
    """Raises ValueError for a zip archive of several files.

    Args:
        path: The file, for the message.
        names: Of the files in it.
    """
    if {"xl/workbook.xml", "content.xml"} & {*names}:
        raise ValueError(f"{path} is a workbook of Excel or LibreOffice: {_CSV}")
    if any(name.endswith("/data.pkl") for name in names):
        raise ValueError(
            f"{path} is a file of PyTorch: save its edge_index by numpy.savez, as edge_index"
        )
    held = ", ".join(names[:5]) or "nothing"
    raise ValueError(f"{path} holds {held}: unzip it, and pass the file of the graph")
