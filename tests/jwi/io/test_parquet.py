"""Edges in Parquet: the columns of the ends by the rules for text, and back with all columns."""

import numpy as np
import pytest

from jwi.cli import main
from jwi.io import read_graph

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def written(folder, **columns):
    path = folder / "edges.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    return path


def size(file):
    return len(file.content.labels), len(file.edges)


def test_a_pruned_table_keeps_its_columns_and_types(tmp_path):
    path = written(
        tmp_path,
        when=pyarrow.array([3, 1, 2, 9], pyarrow.int16()),
        src=["ann", "bob", "cy", "ann"],
        dst=["bob", "cy", "ann", "dee"],
        weight=[0.5, 2.0, 1.0, 4.0],
    )
    file = read_graph(path, weights=True)
    assert (size(file), file.weights().tolist()) == ((4, 4), file.content.weights.tolist())
    assert file.notes == (
        "header: when, src, dst, weight",
        "ends: columns 'src' and 'dst'; weights: column 'weight'",
    )
    assert main(["prune", str(path), "-o", str(tmp_path / "b.parquet"), "--num-removed", "1"]) == 0
    before, after = parquet.read_table(path), parquet.read_table(tmp_path / "b.parquet")
    assert after.schema == before.schema
    rows = before.to_pylist()
    assert len(after) == 3
    assert all(row in rows for row in after.to_pylist())


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"source": [5, 6, 7], "target": [6, 7, 5]}, (3, 3)),
        ({"__index_level_0__": [0, 1, 2], "from": [5, 6, 7], "to": [6, 7, 5]}, (3, 3)),
        ({"tail": ["p", "q"], "head": ["q", "r"], "relation": ["x", "x"]}, (3, 2)),
        ({"userId": [1, 2, 3], "movieId": [11, 12, 12], "rating": [5.0, 3.0, 4.5]}, (5, 3)),
    ],
)
def test_the_ends_are_found_by_name(tmp_path, columns, expected):
    assert size(read_graph(written(tmp_path, **columns))) == expected


@pytest.mark.parametrize(
    ("columns", "message", "options", "expected"),
    [
        (
            {"k": [4, 9, 12], "l": [1, 2, 3], "m": [2, 3, 1]},
            "--columns 2,3",
            {"columns": (2, 3)},
            (3, 3),
        ),
        ({"Id": [1, 2, 3], "Label": ["a", "b", "c"]}, "table of vertices", None, None),
        (
            {"user": [1, 2, 3], "item": [1, 1, 2]},
            "--bipartite takes",
            {"bipartite": True},
            (5, 3),
        ),
        ({"from": [1, None], "to": [2, 3]}, "1 rows without a value", None, None),
        ({"from": [0.5, 1.5], "to": [2.0, 3.0]}, "not both of integers", None, None),
        ({"from": ["p", "q"], "to": [2, 3]}, "not both of integers", None, None),
        (
            {"from": pyarrow.array([], "int64"), "to": pyarrow.array([], "int64")},
            "no edges",
            None,
            None,
        ),
    ],
)
def test_doubts_stop_and_their_remedies_work(tmp_path, columns, message, options, expected):
    path = written(tmp_path, **columns)
    with pytest.raises(ValueError, match=message):
        read_graph(path)
    if options is not None:
        assert size(read_graph(path, **options)) == expected


def test_parquet_and_text_give_the_same_graph(tmp_path):
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 30, (80, 2))
    np.savetxt(tmp_path / "a.csv", ends, "%d", ",", header="from,to", comments="")
    path = written(tmp_path, **{"from": ends[:, 0], "to": ends[:, 1]})
    table, text = read_graph(path), read_graph(tmp_path / "a.csv")
    assert table.edges.tolist() == text.edges.tolist()
    assert list(table.content.labels) == list(text.content.labels)


def test_a_file_without_its_suffix_is_known_by_how_it_begins(tmp_path):
    path = written(tmp_path, source=[1, 2], target=[2, 3])
    assert read_graph(path.rename(tmp_path / "edges")).format == "parquet"
