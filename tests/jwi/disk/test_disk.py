"""Edges on disk are found, ranked and written as in memory, in blocks of any size."""

import errno
import os
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.disk import arrays, files, later_blocks, ranking, shuffling
from jwi.disk import parquet as parquet_on_disk
from jwi.disk.arrays import GrowingArray, Room, disk_array
from jwi.disk.distinct import distinct_rows
from jwi.disk.files import PairsFile, TextFile
from jwi.disk.parquet import ParquetFile
from jwi.io import parquet as io_parquet
from jwi.io import read_graph
from jwi.io.files import blocks_of, read_file, written
from jwi.io.options import Options
from jwi.order.wis.depth_2 import EdgeRows

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60)


def rows(pairs):
    return np.array(pairs, np.int32).reshape(-1, 2)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.sampled_from([48, 500, 10**6]), st.booleans())
def test_the_first_row_of_an_edge_stands_for_it(pairs, memory, directed):
    with tempfile.TemporaryDirectory() as folder:
        found = distinct_rows(rows(pairs), Room(Path(folder), memory), directed=directed)
        assert not list(Path(folder).iterdir())
    first, repeats = {}, set()
    for row, (u, v) in enumerate(pairs):
        edge = (u, v) if directed else frozenset((u, v))
        if u != v and first.setdefault(edge, row) != row:
            repeats.add((row, first[edge]))
    assert np.flatnonzero(found.is_edge).tolist() == sorted(first.values())
    assert set(map(tuple, found.repeats.tolist())) == repeats
    assert len(found.repeats) == len(repeats)


@pytest.mark.parametrize("method", ranking.METHODS)
@settings(max_examples=20, deadline=None)
@given(PAIRS.filter(lambda pairs: any(u != v for u, v in pairs)), st.floats(0, 1), st.data())
def test_the_first_edges_to_go_are_those_of_the_orders(method, pairs, share, data):
    directed = method in ranking.DIRECTED and data.draw(st.booleans())
    graph = jwi.from_edges(*np.transpose(pairs), num_vertices=10, undirected=not directed)
    ends = jwi.edge_list(graph).astype(np.int32)
    key = jax.random.key(data.draw(st.integers(0, 9)))
    protect = data.draw(st.lists(st.sampled_from(range(len(ends))), unique=True))
    num_removed = int(share * (len(ends) - len(protect)))
    order = jwi.ORDERS[method].rank(graph, jwi.RankingOptions(random_key=key))
    expected = jwi.prune(graph, order, num_removed=num_removed, protect=protect).removed
    # Ids are numbers of rows, which have gaps.
    edges = EdgeRows(3 * np.arange(len(ends), dtype=np.int32), ends)
    degree = np.bincount(ends.ravel(), minlength=10).astype(np.int32)
    held = None
    if protect:
        held = np.zeros(3 * len(ends), bool)
        held[3 * np.array(protect)] = True
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for module in (ranking, shuffling):
            patch.setattr(module, "BLOCK", 7)
        ranked, room = ranking.Ranked(edges, degree.copy(), held), Room(Path(folder), 500)
        found = ranking.first_to_go(method, ranked, num_removed, room, key=key)
        assert not list(Path(folder).iterdir())
    assert np.array_equal(ranked.degree, degree)
    in_turn = method in ("one-walk-index", "log-share", "random")
    in_order = expected if in_turn else np.sort(expected)
    assert found.tolist() == (3 * in_order).tolist()


@pytest.mark.parametrize("num_rows", [0, 1, 2, 1625, 1626, 60_000])
def test_rows_are_shuffled_as_jax_does(tmp_path, monkeypatch, num_rows):
    monkeypatch.setattr(shuffling, "BLOCK", 10_000)
    values, key = np.arange(num_rows, dtype=np.int32)[::-1].copy(), jax.random.key(num_rows)
    found = shuffling.shuffled(key, values, Room(tmp_path, 10**6))
    assert np.array_equal(found, jax.random.permutation(key, values))
    assert not list(tmp_path.iterdir())


def test_equal_random_keys_keep_their_order(tmp_path, monkeypatch):
    monkeypatch.setattr(shuffling, "_random_bits", lambda key, start, count: np.full(count, 7))
    values = np.arange(30, dtype=np.int32)
    sorted_once = shuffling._sorted_once(None, values, Room(tmp_path, 100))
    assert np.array_equal(sorted_once, values)


def test_other_random_numbers_are_refused(tmp_path):
    values = np.arange(9, dtype=np.int32)
    with pytest.raises(ValueError, match="unset JAX_DEFAULT_PRNG_IMPL"):
        shuffling.shuffled(jax.random.key(0, impl="rbg"), values, Room(tmp_path, 1000))
    key = jax.random.key(0)
    with jax.threefry_partitionable(False), pytest.raises(ValueError, match="leave out --memory"):
        shuffling.shuffled(key, values, Room(tmp_path, 1000))


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_text_is_read_and_written_in_blocks(tmp_path, monkeypatch, suffix):
    if suffix == ".zst":
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(files, "_BYTES", 90)
    lines = [
        "# a comment",
        "u,v,w",
        *(f"{u},{u * u % 31},x" for u in range(50)),
        "",
        "# end",
        "3,4,y",
    ]
    text = "\n".join(lines).encode()
    path = tmp_path / f"graph.csv{suffix}"
    with written(path, in_blocks=True) as output:
        output.write(text[:100])
        output.write(text[100:])
    assert read_file(path).content == text
    blocks = list(blocks_of(path, 90))
    assert len(blocks) > 3
    assert all(block.endswith(b"\n") for block in blocks[:-1])
    file = TextFile(path, Options(), None, told=False)
    assert np.concatenate(list(file.blocks())).tolist() == [
        *([u, u * u % 31] for u in range(50)),
        [3, 4],
    ]
    with written(tmp_path / "out.csv", in_blocks=True) as output:
        file.write(output, np.arange(51) % 2 == 0)
    kept = [*lines[:2], *lines[2:52:2], *lines[52:]]
    assert (tmp_path / "out.csv").read_text() == "\n".join(kept)


@pytest.mark.parametrize("transposed", [False, True])
def test_pairs_are_read_and_written_in_blocks(tmp_path, monkeypatch, transposed):
    monkeypatch.setattr(files, "BLOCK", 4)
    pairs = np.arange(22).reshape(11, 2)
    array = pairs.T if transposed else pairs
    np.save(tmp_path / "graph.npy", array)
    file = PairsFile(tmp_path / "graph.npy")
    assert np.array_equal(np.concatenate(list(file.blocks())), pairs)
    keep = np.arange(11) % 3 > 0
    with written(tmp_path / "out.npy", in_blocks=True) as output:
        file.write(output, keep)
    np.save(tmp_path / "whole.npy", array.compress(keep, axis=int(transposed)))
    assert (tmp_path / "out.npy").read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.parametrize("rows_of_group", [3, 1000])
def test_tables_are_read_and_written_in_blocks(tmp_path, monkeypatch, rows_of_group):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(parquet_on_disk, "BLOCK", 4)
    monkeypatch.setattr(io_parquet, "_ROWS_OF_GROUP", 5)
    names = pyarrow.array([f"edge {row}" for row in range(23)])
    columns = {"note": names, "source": np.arange(23), "target": np.arange(23, dtype=np.uint8) // 2}
    table = pyarrow.table(columns | {"kind": names.dictionary_encode()}).replace_schema_metadata(
        {"made by": "a test"}
    )
    parquet.write_table(table, tmp_path / "graph.parquet", row_group_size=rows_of_group)
    file = ParquetFile(tmp_path / "graph.parquet", Options(), None)
    blocks = list(file.blocks())
    assert len(blocks) > 5
    assert np.array_equal(np.concatenate(blocks), np.stack([np.arange(23), np.arange(23) // 2], 1))
    for keep in (np.arange(23) % 3 > 0, np.zeros(23, bool), np.arange(23) < 20):
        with written(tmp_path / "out.parquet", in_blocks=True) as output:
            file.write(output, keep)
        in_memory = read_graph(tmp_path / "graph.parquet").content
        with (tmp_path / "whole.parquet").open("wb") as output:
            in_memory.rewrite(output, keep)
        assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
        assert parquet.read_table(tmp_path / "out.parquet").equals(table.filter(keep))
        groups = parquet.ParquetFile(tmp_path / "out.parquet").metadata
        assert [groups.row_group(i).num_rows for i in range(keep.sum() // 5)] == [5] * (
            keep.sum() // 5
        )


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"u": [0, 1], "v": [1, None]}, "column 'v' has rows without a value"),
        ({"u": [0, 1], "v": ["a", "b"]}, "column 'v' is of string, and not of integers"),
        ({"u": [0, 1], "v": [1, 2**63]}, "column 'v' has a number that is too large"),
        ({"a": [0, 1], "b": [1, 2], "c": [5, 6]}, "pass them, as in --columns 1,2"),
        ({"source": [], "target": []}, "has no edges"),
    ],
)
def test_doubtful_tables_are_refused(tmp_path, columns, message):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    arrays = {
        name: pyarrow.array(values, pyarrow.uint64() if 2**63 in values else None)
        for name, values in columns.items()
    }
    parquet.write_table(pyarrow.table(arrays), tmp_path / "graph.parquet")
    with pytest.raises(ValueError, match=message):
        list(ParquetFile(tmp_path / "graph.parquet", Options(), None).blocks())


def test_a_damaged_table_is_told(tmp_path):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    path = tmp_path / "graph.parquet"
    pairs = np.random.default_rng(0).integers(0, 2**30, (2, 40_000))
    parquet.write_table(pyarrow.table({"u": pairs[0], "v": pairs[1]}), path, compression="gzip")
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 4000] = bytes(4000)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"graph\.parquet is damaged"):
        list(ParquetFile(path, Options(), None).blocks())
    path.write_bytes(content[:100])
    with pytest.raises(ValueError, match=r"cannot be read in blocks: it is no Parquet"):
        ParquetFile(path, Options(), None)


def read_in_blocks(path, content, *, size=40, directed=None, **options):
    """The ends and the notes of a text that is read in blocks of a few lines."""
    path.write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BYTES", size)
        patch.setattr(later_blocks, "_FEWEST", 5)
        file = TextFile(path, Options(**options), directed, told=False)
        ends = np.concatenate(list(file.blocks()))
    return ends.tolist(), file.notes


EDGES = "".join(f"{u} {u + 1}\n" for u in range(30))
CONSTANT = "".join(f"{u % 7} {u * 5 % 11} 1\n" for u in range(40))
WEIGHTED = "".join(f"{u} {u * u % 31} 0.5\n" for u in range(30))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (EDGES + "7 x\n", "txt, line 31: 'x' is not an integer"),
        ("# note\n" + EDGES + "u v\n", "txt, line 32: 'u' is not an integer"),
        ("u v\n" + EDGES + "u v\n" + EDGES, "txt, line 32: 'u' is not an integer"),
        (EDGES + "7\n", "txt, line 31: '7' has one column"),
        (EDGES + "7,8\n", "txt, line 31: '7,8' is not an integer"),
        (EDGES + "1 2\n7 8 9\n", "txt, line 32: the row has 3 columns, and all before it have 2"),
        (WEIGHTED + "7 8\n", "txt, line 31: the row has 2 columns, and all .*pass --columns 1,2"),
        (
            WEIGHTED + "".join(f"0.5 {u} {u * 7 % 31}\n" for u in range(30)),
            "line 31: '0.5' is not an integer",
        ),
        (
            "".join(f"0.5 {u % 7} {u * 5 % 11}\n" for u in range(40))
            + "".join(f"{u} {u + 1} 1\n" for u in range(40)),
            r"from \d+ on: the ends .* 1 and 2, and in the lines before like 2 and 3: .* 2,3, or",
        ),
        (
            CONSTANT + "".join(f"{u % 7} {u * 5 % 11} {u * 3 % 11}\n" for u in range(40)),
            r"lines from \d+ on.*: pass --columns 1,2",
        ),
        (
            "".join(f"{u} -- {u + 1}\n" for u in range(30)) + "1 -> 2\n",
            r"lines from \d+ on.* has directed and undirected rows|rows say another direction",
        ),
        (EDGES + "# directed graph\n", "comments far below its start say another direction"),
        (EDGES + "# bipartite\n", "--no-bipartite takes"),
    ],
)
def test_later_blocks_that_are_laid_out_otherwise_stop(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_in_blocks(tmp_path / "graph.txt", content)


def test_what_the_user_says_settles_later_blocks(tmp_path):
    path = tmp_path / "graph.txt"
    ends, notes = read_in_blocks(path, WEIGHTED + "7 8\n", columns=("1", "2"))
    assert ends[-1] == [7, 8]
    assert "rows have 2 to 3 columns (for lists of neighbors: --format adjlist)" in notes
    assert notes == read_graph(path, columns=("1", "2")).notes
    arrows = "".join(f"{u} -- {u + 1}\n" for u in range(30)) + "1 -> 2\n"
    ends, _ = read_in_blocks(path, arrows, directed=False)
    assert ends[-1] == [1, 2]
    ends, notes = read_in_blocks(path, EDGES + "# directed graph\n# end\n", directed=True)
    assert "comments skipped: 2 lines that begin with #" in notes
    ends, _ = read_in_blocks(path, EDGES + "# bipartite\n", bipartite=False)
    assert len(ends) == 30


@pytest.mark.parametrize(
    "content",
    [
        "# undirected graph\n" + EDGES,
        "u v\n" + EDGES + "# end\n",
        EDGES.replace(" ", "\t") + "% of movies directed by Kubrick\n",
        "0,1\n" + "".join(f"{u % 3 + 1},{u + 5}\n" for u in range(30)),
        "0,1\n" + "".join(f"{u % 3 + 1},{u + 5}\n" for u in range(30)) + "0,3\n",
        "a,b,w\n" + "".join(f"{u},{u * u % 31},x\n" for u in range(40)),
        "".join(f"{u} {u + 1} {'x ' * (u % 2)}\n" for u in range(30)),
    ],
)
def test_a_file_is_described_as_in_memory(tmp_path, content):
    path = tmp_path / "graph.txt"
    path.write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "_BYTES", 60)
        file = TextFile(path, Options(), None, told=False)
        ends = np.concatenate(list(file.blocks()))
    size = int(ends.max()) + 1
    degrees = np.stack([np.bincount(end, minlength=size) for end in ends.T])
    file.check_sides(degrees, len(ends), int((ends[:, 0] == ends[:, 1]).sum()))
    whole = read_graph(path)
    assert (file.notes, file.directed) == (whole.notes, whole.directed)


def full(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays.os, "posix_fallocate", full)
    with pytest.raises(ValueError, match=r"need 4,000 bytes more .*No space left.*free some space"):
        disk_array(tmp_path, (1000,), np.int32)
    growing = GrowingArray(tmp_path)
    monkeypatch.setattr(growing._file, "flush", full)
    with pytest.raises(ValueError, match="No space left on device"):
        growing.append(np.zeros((2, 2)))
    assert not list(tmp_path.iterdir())
