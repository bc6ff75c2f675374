"""Orders by nested subgraphs, against their definitions in Python: forests, spanners, samples."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order.rank_degree import rank_degree_order, select
from jwi.order.spanning_forest import forest_numbers, spanning_forest_order
from jwi.order.t_spanner import spanner_levels, t_spanner_order
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs

MANY = settings(deadline=None, max_examples=50)


def random_graph(seed, num_vertices=40, num_pairs=250):
    ends = (num_vertices * np.random.default_rng(seed).random((2, num_pairs)) ** 2).astype(int)
    return jwi.from_edges(*ends, num_vertices)


def distance(edges, u, v):
    """How many of the edges lead from u to v; infinite if they do not."""
    reached, steps = {u}, 0
    while v not in reached:
        wider = reached | {t for edge in edges if reached & set(edge) for t in edge}
        if wider == reached:
            return np.inf
        reached, steps = wider, steps + 1
    return steps


def defined_forests(edges):
    """The number of each edge's forest: the first one in which its ends are not connected."""
    forests, numbers = [], []
    for u, v in edges:
        apart = [distance(forest, u, v) == np.inf for forest in forests]
        number = apart.index(True) if True in apart else len(forests)
        if number == len(forests):
            forests.append([])
        forests[number].append((u, v))
        numbers.append(number + 1)
    return numbers


@MANY
@given(PAIRS)
def test_forests_are_those_of_kruskal(pairs):
    edges = jwi.edge_list(from_pairs(pairs))
    assert forest_numbers(edges, NUM_VERTICES).tolist() == defined_forests(edges.tolist())


def test_forests_with_hubs_and_their_promise():
    graph = random_graph(0, 20, 120)
    edges = jwi.edge_list(graph)
    numbers = forest_numbers(edges, 20)
    assert numbers.tolist() == defined_forests(edges.tolist())
    assert numbers.max() > 4
    order = spanning_forest_order(graph)
    assert order.tolist() == sorted(range(len(edges)), key=lambda edge: (-numbers[edge], edge))
    # The first k forests keep of every cut all edges, or k at least.
    for number in range(50):
        side = np.random.default_rng(number).random(20) < 0.5
        cut = side[edges[:, 0]] != side[edges[:, 1]]
        for k in (1, 2, 3):
            assert np.sum(cut & (numbers <= k)) >= min(k, np.sum(cut))


def defined_levels(edges):
    levels, spanner, forest = [], [], []
    for u, v in edges:
        far = distance(spanner, u, v)
        levels.append(2 if far == np.inf else int(far > 3))
        if far > 3:
            spanner.append((u, v))
        if far == np.inf:
            forest.append((u, v))
    return levels


@MANY
@given(PAIRS)
def test_spanners_are_greedy_on_small_graphs(pairs):
    edges = jwi.edge_list(from_pairs(pairs))
    assert spanner_levels(edges, NUM_VERTICES).tolist() == defined_levels(edges.tolist())


@pytest.mark.parametrize("num_pairs", [45, 250])
def test_spanners_stretch_no_distance_by_more_than_three(num_pairs):
    graph = random_graph(1, 40, num_pairs)
    edges = jwi.edge_list(graph)
    levels = spanner_levels(edges, 40)
    assert levels.tolist() == defined_levels(edges.tolist())
    assert set(levels) == {0, 1, 2}
    spanner = edges[levels > 0].tolist()
    assert all(distance(spanner, u, v) <= 3 for u, v in edges.tolist())
    expected = sorted(range(len(edges)), key=lambda edge: (levels[edge], edge))
    assert t_spanner_order(graph).tolist() == expected


def defined_selection(edges, listed, num_seeds):
    """Rank degree sampling, round by round."""
    left, selected, seeds, place = dict(enumerate(edges)), [], [], 0

    def degree(t):
        return sum(t in ends for ends in left.values())

    while left:
        while not seeds:
            while place < len(listed) and len(seeds) < num_seeds:
                seeds += [listed[place]] if degree(listed[place]) else []
                place += 1
            place %= len(listed)
        chosen, reached = [], []
        for seed in seeds:
            to = {edge: sum(ends) - seed for edge, ends in left.items() if seed in ends}
            if to:
                edge = min(to, key=lambda edge: (-degree(to[edge]), edge))
                chosen.append(edge)
                reached.append(to[edge])
        chosen, seeds = list(dict.fromkeys(chosen)), list(dict.fromkeys(reached))
        selected += chosen
        for edge in chosen:
            del left[edge]
    return selected


@MANY
@given(PAIRS, st.permutations(range(NUM_VERTICES)), st.integers(1, 4))
def test_rank_degree_selects_as_defined_on_small_graphs(pairs, listed, num_seeds):
    edges = jwi.edge_list(from_pairs(pairs))
    found = select(edges, NUM_VERTICES, np.array(listed), num_seeds)
    assert found.tolist() == defined_selection(edges.tolist(), listed, num_seeds)


@pytest.mark.parametrize("num_seeds", [1, 5, 40])
def test_rank_degree_selects_as_defined_with_hubs(num_seeds):
    edges = jwi.edge_list(random_graph(2))
    listed = np.random.default_rng(0).permutation(40)
    expected = defined_selection(edges.tolist(), listed.tolist(), num_seeds)
    assert select(edges, 40, listed, num_seeds).tolist() == expected


def test_rank_degree_removes_first_what_it_selected_last():
    graph, key = random_graph(3), jax.random.key(0)
    edges = jwi.edge_list(graph)
    listed = np.array(jax.random.permutation(key, np.unique(edges)), np.int64)
    expected = select(edges, 40, listed, 7)[::-1]
    np.testing.assert_array_equal(rank_degree_order(key, graph, num_seeds=7), expected)
    with pytest.raises(ValueError, match="num_seeds is 0: pass how many vertices start at a time"):
        rank_degree_order(key, graph, num_seeds=0)
