"""Ends among three columns of integers: decided where there is evidence, else the user is asked."""

import itertools
import math

import numpy as np
import pytest

from jwi.io import evidence, read_graph

FILES = 250


def random_edges(rng, repeated):
    """Up to 60 edges of up to 30 vertices in any order, each once or as often as chance has it."""
    n = int(rng.integers(5, 31))
    pairs = np.array([(i, j) for i in range(n) for j in range(i + 1, n)]) + rng.integers(2)
    pairs = rng.permutation(pairs)[: int(rng.integers(8, 61))]
    if rng.random() < 0.5:
        pairs = rng.permuted(pairs, axis=1)
    if repeated:
        pairs = pairs[rng.integers(len(pairs), size=max(8, len(pairs)))]
    return pairs


def weighted(rng):
    pairs = random_edges(rng, repeated=False)
    if rng.random() < 0.5:
        pairs = pairs[np.lexsort(pairs.T[::-1])]
    highest = int(rng.choice([3, 10, 100, 1000]))
    return np.column_stack([pairs, rng.integers(1, highest + 1, len(pairs))])


def contacts(rng):
    pairs = random_edges(rng, repeated=rng.random() < 0.7)
    times = rng.integers(0, int(rng.choice([10, 30, 60, 1000])), len(pairs))
    rows = np.unique(np.column_stack([times, pairs]), axis=0)
    # By time, by pair, or in no order.
    by_pair = rows[np.lexsort((rows[:, 2], rows[:, 1]))]
    return [rows, by_pair, rng.permutation(rows)][rng.integers(3)]


def relations(rng):
    pairs = random_edges(rng, repeated=False)
    return np.insert(pairs, 1, rng.integers(0, int(rng.integers(2, 12)), len(pairs)), axis=1)


def shares(make, seed):
    """How many files are read by the first two columns, as a share."""
    rng = np.random.default_rng(seed)
    found = [evidence.other_ends(make(rng)) for _ in range(FILES)]
    return found.count(None) / FILES


@pytest.mark.parametrize("seed", range(2))
def test_few_files_are_read_wrong_and_few_are_doubted(seed):
    assert shares(contacts, seed) < 0.03
    assert shares(relations, seed) < 0.03
    assert shares(weighted, seed) > 0.9


@pytest.mark.parametrize("make", [contacts, relations])
def test_a_doubted_file_is_read_by_the_columns_that_are_named(tmp_path, make):
    rng, ends = np.random.default_rng(5), {contacts: (2, 3), relations: (1, 3)}[make]
    path = tmp_path / "a.txt"
    for _ in range(5):
        rows = make(rng)
        np.savetxt(path, rows, "%d")
        with pytest.raises(ValueError, match=r"--columns 1,2.* or --columns 2,3"):
            read_graph(path)
        pairs = {
            frozenset(rows[row, [end - 1 for end in ends]].tolist()) for row in range(len(rows))
        }
        assert len(read_graph(path, columns=ends).edges) == len(pairs)


@pytest.mark.parametrize(
    "pairs",
    [
        [(i, i + 1) for i in range(1, 12)],
        [(i, i // 2) for i in range(1, 14)],
        [(i, max(0, i - 1 - i % 3)) for i in range(1, 14)],
    ],
    ids=["path", "binary tree", "tree"],
)
@pytest.mark.parametrize("weights", [[1, 3, 2], [250, 40, 310], [7, 7, 7]])
def test_trees_by_child_with_weights_are_read(tmp_path, pairs, weights):
    rows = [(*pair, weight) for pair, weight in zip(pairs, itertools.cycle(weights), strict=False)]
    np.savetxt(tmp_path / "a.txt", rows, "%d")
    assert len(read_graph(tmp_path / "a.txt", weights=True).edges) == len(pairs)


def test_the_share_of_directed_pairings_is_that_of_all_permutations():
    rng = np.random.default_rng(1)
    for _ in range(30):
        pairs = np.sort(rng.integers(0, 12, (6, 2)), axis=1)
        pairs = pairs[pairs[:, 0] < pairs[:, 1]]
        orders = list(itertools.permutations(pairs[:, 0].tolist()))
        below = sum(all(map(int.__lt__, order, pairs[:, 1].tolist())) for order in orders)
        found = [evidence.of_direction(way) for way in (pairs, pairs[:, ::-1])]
        assert found == pytest.approx([-math.log(below / len(orders))] * 2)


def test_numbers_of_rows_between_the_ends_are_doubted():
    text = "7 11, 11 9, 8 5, 11 1, 8 6, 2 1, 2 6, 0 3, 6 9, 1 4, 0 9, 1 9, 4 11, 6 3"
    ends = [tuple(map(int, pair.split())) for pair in text.split(", ")]
    rows = np.array([(start, row, end) for row, (start, end) in enumerate(ends)])
    assert evidence.other_ends(rows) == (0, 2)


@pytest.mark.parametrize(
    ("rows", "ends"),
    [
        ([(0, 1, 100, 0), (1, 7, 101, 1), (2, 0, 102, 6), (3, 7, 103, 0), (4, 2, 104, 4),
          (5, 5, 105, 9), (6, 9, 106, 8), (7, 6, 107, 10), (8, 0, 108, 10), (9, 7, 109, 9)],
         (1, 3)),
        ([(7, 0, 3, 863), (4, 1, 3, 690), (7, 2, 4, 651), (2, 3, 4, 384), (5, 4, 6, 549),
          (0, 5, 4, 139), (1, 6, 4, 338), (6, 7, 3, 144)], (0, 2)),
        ([(0, 2, 8, 1143), (1, 3, 4, 1356), (2, 6, 1, 1498), (3, 2, 7, 1520)], (1, 2)),
        ([(1, 0, 6), (4, 1, 11), (7, 2, 3), (6, 3, 10)], (0, 2)),
        ([(1, 1990, 4), (3, 1990, 5), (1, 1991, 8), (3, 1991, 7)], (0, 2)),
        ([(1990, 7, 10**9, 8), (1990, 10, 10**9 + 1, 1), (1991, 7, 10**9 + 2, 5),
          (1991, 11, 10**9 + 3, 2)], (1, 3)),
    ],
    ids=["row and edge id", "row between", "few rows", "few rows between", "year", "year first"],
)  # fmt: skip
def test_numbers_of_rows_and_years_are_no_evidence_for_ends(rows, ends):
    assert evidence.other_ends(np.array(rows)) == ends
