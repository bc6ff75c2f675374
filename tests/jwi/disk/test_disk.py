"""Edges on disk are found, ranked and written as in memory, in blocks of any size."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.disk import arrays, files, ranking
from jwi.disk.arrays import GrowingArray, disk_array
from jwi.disk.distinct import distinct_rows
from jwi.disk.files import PairsFile, TextFile
from jwi.io.files import blocks_of, read_file, written
from jwi.io.options import Options
from jwi.order.wis.depth_2 import EdgeRows

PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60)


def rows(pairs):
    return np.array(pairs, np.int32).reshape(-1, 2)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.sampled_from([48, 500, 10**6]))
def test_the_first_row_of_an_edge_stands_for_it(pairs, memory):
    with tempfile.TemporaryDirectory() as folder:
        found = distinct_rows(rows(pairs), memory, Path(folder))
        assert not list(Path(folder).iterdir())
    first, repeats = {}, set()
    for row, (u, v) in enumerate(pairs):
        if u != v and first.setdefault(frozenset((u, v)), row) != row:
            repeats.add((row, first[frozenset((u, v))]))
    assert np.flatnonzero(found.is_edge).tolist() == sorted(first.values())
    assert set(map(tuple, found.repeats.tolist())) == repeats
    assert len(found.repeats) == len(repeats)


@settings(max_examples=30, deadline=None)
@given(PAIRS.filter(lambda pairs: any(u != v for u, v in pairs)), st.floats(0, 1), st.data())
def test_the_first_edges_to_go_are_those_of_the_orders(pairs, share, data):
    method = data.draw(st.sampled_from(ranking.METHODS))
    graph = jwi.from_edges(*np.transpose(pairs), num_vertices=10)
    ends = jwi.edge_list(graph).astype(np.int32)
    expected = jwi.ORDERS[method].rank(graph, jwi.RankingOptions())[: int(share * len(ends))]
    # Ids are numbers of rows, which have gaps.
    edges = EdgeRows(3 * np.arange(len(ends), dtype=np.int32), ends)
    degree = np.bincount(ends.ravel(), minlength=10).astype(np.int32)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "BLOCK", 7)
        found = ranking.first_to_go(method, edges, degree, len(expected), Path(folder))
        assert not list(Path(folder).iterdir())
    in_order = expected if method in ("one-walk-index", "log-share") else np.sort(expected)
    assert found.tolist() == (3 * in_order).tolist()


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
        "3,4",
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


def test_lines_are_counted_from_the_start_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BYTES", 40)
    path = tmp_path / "graph.txt"
    path.write_text("".join(f"{u} {u + 1}\n" for u in range(30)) + "7 x\n")
    before = sum(len(block.splitlines()) for block in list(blocks_of(path, 40))[:-1])
    message = rf"graph.txt after line {before}, line {31 - before}: 'x' is not an integer"
    with pytest.raises(ValueError, match=message):
        list(TextFile(path, Options(), None, told=False).blocks())


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
