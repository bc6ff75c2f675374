"""Promises that every order of the table keeps."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import jwi
from jwi.order import METHODS, order_of, summaries
from tests.cases.graphs import padded

OPTIONS = jwi.RankingOptions(depth=2, random_key=jax.random.key(0))
each_order = pytest.mark.parametrize("order", jwi.ORDERS.values(), ids=jwi.ORDERS)


def graph_of(seed, *, undirected=True, num_vertices=30, num_pairs=90):
    """A random graph with hubs, isolated vertices and features."""
    rng = np.random.default_rng(seed)
    ends = (num_vertices * rng.random((2, num_pairs)) ** 2).astype(int)
    nodes = rng.normal(size=(num_vertices, 4)).astype(np.float32)
    return jwi.from_edges(*ends, num_vertices, nodes=nodes, undirected=undirected)


def num_edges(graph):
    return len(jwi.edge_list(graph))


@each_order
def test_each_present_edge_is_ranked_once_and_the_rest_is_not_looked_at(order):
    graph = graph_of(0)
    kept = np.arange(num_edges(graph)) % 4 > 0
    masked = jwi.with_edge_mask(graph, kept)
    ranking = order.rank(masked, OPTIONS)
    assert ranking.dtype == np.int32
    assert sorted(ranking.tolist()) == np.flatnonzero(kept).tolist()
    # Neither removed edges nor padding change what is ranked, nor how.
    smaller = order.rank(jwi.compact(masked), OPTIONS)
    np.testing.assert_array_equal(ranking, np.flatnonzero(kept)[smaller])
    np.testing.assert_array_equal(ranking, order.rank(padded(masked, 7), OPTIONS))


@each_order
def test_an_order_is_the_same_each_time(order):
    graph = graph_of(1)
    np.testing.assert_array_equal(order.rank(graph, OPTIONS), order.rank(graph, OPTIONS))


@each_order
def test_random_orders_follow_their_key_and_ask_for_one(order):
    graph = graph_of(2)
    if not order.is_random:
        order.rank(graph, jwi.RankingOptions())
        return
    other = order.rank(graph, jwi.RankingOptions(random_key=jax.random.key(1)))
    assert not np.array_equal(order.rank(graph, OPTIONS), other)
    with pytest.raises(ValueError, match="random_key is None and this order is random: pass"):
        order.rank(graph, jwi.RankingOptions())


@each_order
def test_a_short_order_is_the_start_of_the_long_one(order):
    graph = graph_of(3)
    whole = order.rank(graph, OPTIONS)
    for count in (0, 5, len(whole)):
        options = jwi.RankingOptions(2, count, jax.random.key(0))
        short = order.rank(graph, options)
        assert len(short) >= count
        np.testing.assert_array_equal(short, whole[: len(short)])


@each_order
def test_directed_graphs_are_ranked_or_refused(order):
    graph = graph_of(4, undirected=False)
    if order.directed:
        assert sorted(order.rank(graph, OPTIONS)) == list(range(num_edges(graph)))
        return
    with pytest.raises(ValueError, match=r"graph is directed and .* needs an undirected one: "):
        order.rank(graph, OPTIONS)


@pytest.mark.parametrize("method", [name for name, o in jwi.ORDERS.items() if not o.is_random])
def test_names_of_vertices_do_not_matter(method):
    # Ties go by edge id, so not even they move.
    order, graph = jwi.ORDERS[method], graph_of(5)
    to = np.random.default_rng(0).permutation(30)
    edges = to[jwi.edge_list(graph)]
    moved = jwi.from_edges(*edges.T, 30, nodes=np.asarray(graph.nodes)[np.argsort(to)])
    np.testing.assert_array_equal(order.rank(graph, OPTIONS), order.rank(moved, OPTIONS))


@each_order
def test_graphs_without_edges_have_an_empty_order(order):
    nodes = np.zeros((3, 2), np.float32)
    assert order.rank(jwi.from_edges([], [], 3, nodes=nodes), OPTIONS).shape == (0,)
    graph = jwi.from_edges([0], [1], 3, nodes=nodes)
    assert order.rank(jwi.with_edge_mask(graph, [False]), OPTIONS).shape == (0,)


@pytest.mark.parametrize("method", METHODS)
def test_a_line_of_the_table_is_all_that_a_method_needs(method):
    name = f"{method.replace('-', '_')}_order"
    function = getattr(jwi, name)
    assert name in jwi.__all__
    assert function.__name__ == name
    assert function.__module__ == f"jwi.order.{METHODS[method]}"
    # A summary fits into a line of help.
    assert 20 < len(summaries()[method]) <= 96


def test_labels_tell_methods_apart():
    labels = [order.label for order in jwi.ORDERS.values()]
    assert len(set(labels)) == len(METHODS) == len(labels)


def test_orders_without_chance_load_no_jax():
    plain = [name for name, o in jwi.ORDERS.items() if not o.is_random and not o.needs_features]
    assert "one-walk-index" in plain
    code = f"""
import sys
from jwi.order import order_of
for method in {plain}:
    order_of(method)
print("jax" in sys.modules)
"""
    # Tests check shapes by an import hook, which a process of its own has not.
    environment = {name: value for name, value in os.environ.items() if "JAXTYPING" not in name}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_method_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="method is 'wis': pass one of one-walk-index, walk-index"):
        order_of("wis")
