"""Matrices as text: with sums, names and gaps they are read as they are meant, or refused."""

import io

import numpy as np
import pandas as pd
import pytest

from jwi.cli.arguments import parser
from jwi.cli.terminal import read as read_as_told

PATH = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
WEIGHTED = np.array([[0, 3, 7], [3, 0, 5], [7, 5, 0]])


def read(folder, text, *options, name="graph.csv"):
    """The graph as `jwi info` reads it."""
    path = folder / name
    path.write_text(text)
    return read_as_told(parser().parse_args(["info", str(path), *options]))


def margins(matrix, names, row, column):
    """A data frame of a matrix with a row or a column of sums."""
    frame = pd.DataFrame(matrix, names, names)
    if column is not None:
        frame[column] = frame.sum(axis=1)
    if row is not None:
        frame.loc[row] = frame.sum()
    return frame


@pytest.mark.parametrize("matrix", [PATH, WEIGHTED])
@pytest.mark.parametrize(
    ("row", "column"), [("Total", "Total"), ("sum", None), (None, "All"), ("Grand total", None)]
)
@pytest.mark.parametrize("names", [list("abc"), [0, 1, 2]])
@pytest.mark.parametrize("options", [(), ("--labels",)])
def test_sums_are_no_vertices(tmp_path, matrix, row, column, names, options):
    frame = margins(matrix, names, row, column)
    for text in (
        frame.to_csv(),
        frame.to_csv(index=False),
        frame.to_csv(index=False, header=False),
    ):
        # A row of sums without its name, and a header of numbers, are found by their content.
        with pytest.raises(ValueError, match="leave out sums"):
            read(tmp_path, text, *options)
    assert len(read(tmp_path, pd.DataFrame(matrix, names, names).to_csv(), *options).edges) > 1


def test_sums_come_first_as_well(tmp_path):
    for matrix in (PATH, WEIGHTED):
        frame = margins(matrix, list("abc"), "Total", "Total").iloc[::-1, ::-1]
        with pytest.raises(ValueError, match="leave out sums"):
            read(tmp_path, frame.to_csv())


@pytest.mark.parametrize("gap", ["nan", "NA", "", "-", "inf"])
@pytest.mark.parametrize("labeled", [True, False])
def test_gaps_stop(tmp_path, gap, labeled):
    rows = [["0", "1", gap], ["1", "0", "1"], [gap, "1", "0"]]
    head = [["", "a", "b", "c"]] if labeled else []
    rows = [[name, *row] if labeled else row for name, row in zip("abc", rows, strict=True)]
    text = "".join(",".join(row) + "\n" for row in head + rows)
    for options in ((), ("--labels",)):
        with pytest.raises(ValueError, match="at 2 places, first in row 1, column 3: write 0"):
            read(tmp_path, text, *options)
    filled = text.replace(gap, "0") if gap else text.replace(",,", ",0,")
    if gap:
        assert len(read(tmp_path, filled, "--labels").edges) == 2


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n", list("abc")),
        ("who,a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n", list("abc")),
        ("to,a,b,c\nfrom,,,\na,0,1,0\nb,1,0,1\nc,0,1,0\n", list("abc")),
        (",a,b,c\n0,0,1,0\n1,1,0,1\n2,0,1,0\n", list("abc")),
        ("a,b,c\n0,1,0\n1,0,1\n0,1,0\n", list("abc")),
        ("a,0,1,0\nb,1,0,1\nc,0,1,0\n", list("abc")),
        ("a b c\na 0 1 0\nb 1 0 1\nc 0 1 0\n", list("abc")),
        ("3,4,5\n0,1,0\n1,0,1\n0,1,0\n", list("345")),
        ("3\n0 1 0\n1 0 1\n0 1 0\n", [0, 1, 2]),
        ("0,1,0,\n1,0,1,\n0,1,0,\n", [0, 1, 2]),
        (",a,b,c,\na,0,1,0,\nb,1,0,1,\nc,0,1,0,\n", list("abc")),
    ],
)
@pytest.mark.parametrize("options", [(), ("--labels",)])
def test_names_and_sizes_of_matrices(tmp_path, text, labels, options):
    file = read(tmp_path, text, *options)
    assert (file.format, list(file.content.labels)) == ("dense", labels)
    assert file.edges.tolist() == [[0, 1], [1, 2]]
    assert "3 rows of 3 numbers, a dense matrix" in file.notes
    held = io.BytesIO()
    file.content.rewrite(held, np.array([True, False, True, False]))
    # Entries 0–1, 1–0, 1–2, 2–1: the first and the third stay, all else is as it was.
    assert read(
        tmp_path, held.getvalue().decode(), "--format", "dense"
    ).content.senders.tolist() == [
        0,
        1,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",x,y,z\na,0,1,0\nb,1,0,1\nc,0,1,0\n", "table of vertices"),
        (",x,y,z\na,5,2,1\nb,1,4,1\nc,3,1,2\n", "table of vertices"),
        (",b,a,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n", "in two orders: put both in one order"),
        (",a,b,c\na,0,1,0\nb,1,0,1\n", "the column 'c' has no row: leave it out, or add its row"),
        (",a,b\na,0,1\nb,1,0\nc,0,1\n", "the row 'c' has no column: leave it out, or add"),
        ("1,1,0\n0,1,0\n1,0,1\n0,1,0\n", "an adjacency matrix is square"),
        ("0,1,1,0\n1,0,1,0\n1,1,0,1\n0,0,1,0\n0,1,0,1\n", "an adjacency matrix is square"),
    ],
)
def test_tables_that_are_no_adjacency_matrices_stop(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, text, "--labels")


def test_a_sum_by_chance_is_an_edge(tmp_path):
    # The last row is the sum of the others, and rows are edges with weights.
    file = read(tmp_path, "source,target,weight\n1,2,4\n2,3,1\n4,5,7\n7,10,12\n")
    assert len(file.edges) == 4
    # c leads to all that others lead to, and nothing leads to c.
    file = read(tmp_path, ",a,b,c\na,0,1,0\nb,1,0,0\nc,1,1,0\n", "--labels")
    assert len(file.edges) == 3
