"""Graphs in: numbering, masks, compaction, and what is refused."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from tests.cases.graphs import PAIRS, from_pairs, padded

PATH = ([0, 1, 2], [1, 2, 3], 4)


def test_an_undirected_edge_is_two_arcs_with_one_id():
    graph = jwi.from_edges([3, 1, 0, 3], [1, 0, 1, 1], num_vertices=4)
    assert jwi.edge_list(graph).tolist() == [[1, 3], [0, 1]]
    arcs = list(
        zip(graph.senders.tolist(), graph.receivers.tolist(), graph.edges.id.tolist(), strict=True)
    )
    assert arcs == [(1, 0, 1), (0, 1, 1), (3, 1, 0), (1, 3, 0)]
    assert graph.edges.mask.tolist() == [True] * 4
    assert graph.nodes.shape == (4, 0)
    assert (graph.n_node.tolist(), graph.n_edge.tolist()) == ([4], [4])
    assert jwi.is_undirected(graph)


def test_a_directed_edge_is_one_arc():
    graph = jwi.from_edges([3, 1, 0, 3], [1, 0, 1, 1], num_vertices=4, undirected=False)
    assert jwi.edge_list(graph).tolist() == [[3, 1], [1, 0], [0, 1]]
    assert graph.edges.id.tolist() == [1, 2, 0]
    assert not jwi.is_undirected(graph)


@settings(deadline=None, max_examples=40)
@given(PAIRS, st.booleans())
def test_edges_are_the_distinct_pairs_in_order_of_first_appearance(pairs, undirected):
    graph = from_pairs(pairs, undirected=undirected)
    expected = [tuple(sorted(p)) if undirected else p for p in pairs if p[0] != p[1]]
    expected = list(dict.fromkeys(expected))
    assert list(map(tuple, jwi.edge_list(graph).tolist())) == expected
    arcs = list(zip(graph.receivers.tolist(), graph.senders.tolist(), strict=True))
    assert arcs == sorted(arcs)
    assert len(arcs) == len(expected) * (2 if undirected else 1)


@pytest.mark.parametrize("undirected", [True, False])
def test_a_graph_without_edges_works(undirected):
    graph = jwi.from_edges([], [], num_vertices=3, undirected=undirected)
    assert jwi.edge_list(graph).shape == (0, 2)
    assert jwi.edge_mask(graph).shape == (0,)
    assert jwi.is_undirected(graph) == undirected
    assert jwi.compact(graph).senders.shape == (0,)
    assert jwi.with_edge_mask(graph, np.zeros(0, bool)).edges.mask.shape == (0,)


def test_dtypes_and_nodes():
    features = np.arange(8.0, dtype=np.float32).reshape(4, 2)
    ends = np.array([0, 1], np.uint8), jnp.array([1, 2])
    graph = jwi.from_edges(*ends, np.int64(4), nodes=features)
    for array in (graph.senders, graph.receivers, graph.edges.id, jwi.edge_list(graph)):
        assert array.dtype == np.int32
    assert graph.edges.mask.dtype == bool
    np.testing.assert_array_equal(graph.nodes, features)


def test_the_mask_is_replaced_and_read_back():
    graph = jwi.from_edges(*PATH)
    masked = jwi.with_edge_mask(graph, [True, False, False])
    assert jwi.edge_mask(masked).tolist() == [True, False, False]
    assert jwi.edge_mask(jwi.with_edge_mask(masked, np.array([False, True, True]))).tolist() == [
        False,
        True,
        True,
    ]
    assert jwi.edge_list(masked).tolist() == jwi.edge_list(graph).tolist()


def test_padding_stays_off():
    graph = padded(jwi.from_edges(*PATH), 3)
    everything = jwi.with_edge_mask(graph, np.ones(3, bool))
    assert everything.edges.mask.tolist() == [True] * 6 + [False] * 3
    assert jwi.edge_list(everything).tolist() == [[0, 1], [1, 2], [2, 3]]
    assert jwi.compact(everything).edges.id.shape == (6,)


def test_masks_vmap_in_one_trace():
    graph = jwi.from_edges(*PATH)
    keeps = np.array([[True, False, True], [False, False, True]])
    masks = jax.vmap(jwi.with_edge_mask, (None, 0))(graph, keeps).edges.mask
    expected = [jwi.with_edge_mask(graph, keep).edges.mask for keep in keeps]
    np.testing.assert_array_equal(masks, np.stack(expected))

    num_arcs = jax.jit(
        chex.assert_max_traces(lambda g, keep: jwi.with_edge_mask(g, keep).edges.mask.sum(), n=1)
    )
    assert [int(num_arcs(graph, keep)) for keep in keeps] == [4, 2]


@pytest.mark.parametrize("undirected", [True, False])
def test_compact_keeps_the_kept_edges_and_renumbers_them(undirected):
    graph = jwi.from_edges(
        [4, 0, 1, 2], [0, 1, 2, 3], 5, nodes=np.arange(5.0), undirected=undirected
    )
    weight = jnp.arange(len(graph.senders))
    graph = graph._replace(edges=graph.edges._replace(features={"weight": weight}))
    keep = np.array([True, False, True, True])
    smaller = jwi.compact(jwi.with_edge_mask(graph, keep))
    np.testing.assert_array_equal(jwi.edge_list(smaller), jwi.edge_list(graph)[keep])
    np.testing.assert_array_equal(smaller.nodes, graph.nodes)
    np.testing.assert_array_equal(
        smaller.edges.features["weight"], weight[keep[np.asarray(graph.edges.id)]]
    )
    assert jwi.edge_mask(smaller).all()
    assert jwi.is_undirected(smaller) == undirected
    assert smaller.n_edge.tolist() == [len(smaller.senders)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 4], [1, 2], 4), r"senders\[1\] is 4: vertices are 0 to num_vertices − 1 = 3"),
        (([0, 1], [1, -1], 4), r"receivers\[1\] is -1: vertices are 0 to num_vertices − 1 = 3"),
        (([0.0, 1.0], [1, 2], 4), "senders is float64: vertices are integers from 0 to 3"),
        (([0, 1], [True, False], 4), "receivers is bool: vertices are integers from 0 to 3"),
        (([[0, 1]], [1, 2], 4), r"senders has shape \[1, 2\]: pass a vector"),
        (([0, 1, 2], [1, 2], 4), "senders has 3 entries and receivers has 2: pass both ends"),
        (([], [], 0), "num_vertices is 0: pass how many vertices, an integer from 1 to 2147483647"),
        (([0], [1], -2), "num_vertices is -2: pass how many vertices"),
        (([0], [1], True), "num_vertices is True: pass how many vertices"),
        (([0], [1], 2**31), "num_vertices is 2147483648: pass how many vertices"),
    ],
)
def test_bad_edges_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        jwi.from_edges(*arguments)


@pytest.mark.parametrize("nodes", [np.zeros((3, 2)), np.float32(1)])
def test_bad_nodes_are_refused(nodes):
    with pytest.raises(
        ValueError, match=r"nodes has shape .*: its leading axis is num_vertices = 4"
    ):
        jwi.from_edges(*PATH, nodes=nodes)


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([1, 0, 1], r"keep is int\d+\[3\]: pass one boolean an edge"),
        ([0.5, 1.0, 1.0], r"keep is float\d+\[3\]: pass one boolean an edge"),
        ([[True, False, True]], r"keep is bool\[1, 3\]: pass one boolean an edge"),
        ([True] * 6, "keep has 6 entries and the graph has 3 edges: pass one boolean an edge"),
        ([True], "keep has 1 entries and the graph has 3 edges"),
    ],
)
def test_bad_masks_are_refused(keep, message):
    with pytest.raises(ValueError, match=message):
        jwi.with_edge_mask(jwi.from_edges(*PATH), keep)


def test_under_jit_a_mask_that_is_no_mask_is_refused_when_traced():
    with pytest.raises(ValueError, match="pass one boolean an edge"):
        jax.jit(jwi.with_edge_mask)(jwi.from_edges(*PATH), jnp.ones(3))


def test_graphs_that_are_put_together_wrongly_are_refused():
    graph = jwi.from_edges(*PATH)
    ids = graph.edges.id
    three_arcs = graph._replace(edges=graph.edges._replace(id=jnp.where(ids == 2, 1, ids)))
    gap = graph._replace(edges=graph.edges._replace(id=ids * 2))
    swapped = graph._replace(senders=graph.senders.at[0].set(2))
    for wrong in (three_arcs, gap, swapped):
        with pytest.raises(ValueError, match=r"graph\.edges\.id does not number edges"):
            jwi.edge_list(wrong)
    half = graph._replace(edges=graph.edges._replace(mask=jnp.arange(6) > 0))
    with pytest.raises(ValueError, match="one arc of edge 0 on and the other off"):
        jwi.edge_mask(half)
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), graph)
    with pytest.raises(ValueError, match="host functions take one graph at a time"):
        jwi.edge_list(batch)


HOST_FUNCTIONS = {
    "edge_mask": jwi.edge_mask,
    "edge_list": jwi.edge_list,
    "compact": jwi.compact,
    "to_scipy": jwi.to_scipy,
    "count_walks": lambda graph: jwi.count_walks(graph, 2),
    "closed_walks": lambda graph: jwi.closed_walks(graph, 5),
    "walk_index": lambda graph: jwi.walk_index(graph, [True, False, False, False], 2),
    "one_walk_index_order": jwi.one_walk_index_order,
    "walk_index_order": lambda graph: jwi.walk_index_order(graph, 3),
    "spectral_order": lambda graph: jwi.spectral_order(jax.random.key(0), graph),
    "random_order": lambda graph: jwi.random_order(jax.random.key(0), graph),
}


def with_edges(graph, **changes):
    return graph._replace(edges=graph.edges._replace(**changes))


WRONG_GRAPHS = {
    "few rows of features": (
        lambda graph: graph._replace(nodes=jnp.zeros((2, 0))),
        r"graph.nodes has shape \[2, 0\]: pass one row a vertex, of which graph.globals counts 4",
    ),
    "no such vertex": (
        lambda graph: graph._replace(receivers=graph.receivers.at[0].set(4)),
        r"graph.receivers\[0\] is 4: vertices are 0 to 3",
    ),
    "negative vertex": (
        lambda graph: graph._replace(senders=graph.senders.at[0].set(-3)),
        r"graph.senders\[0\] is -3: vertices are 0 to 3",
    ),
    "few senders": (
        lambda graph: graph._replace(senders=graph.senders[:-1]),
        r"graph.senders is int32\[5\]: pass one integer an arc, of which graph.edges.id has 6",
    ),
    "short mask": (
        lambda graph: with_edges(graph, mask=graph.edges.mask[:-1]),
        r"graph.edges.mask is bool\[5\]: pass one boolean an arc",
    ),
    "mask of integers": (
        lambda graph: with_edges(graph, mask=graph.edges.mask.astype(int)),
        r"graph.edges.mask is int32\[6\]: pass one boolean an arc",
    ),
    "ends that are no integers": (
        lambda graph: graph._replace(senders=graph.senders.astype(float)),
        r"graph.senders is float32\[6\]: pass one integer an arc",
    ),
    "id below -1": (
        lambda graph: with_edges(graph, id=graph.edges.id.at[2].set(-7)),
        r"graph.edges.id\[2\] is -7: ids are 0, 1, …, or −1 for padding",
    ),
    "padding that is there": (
        lambda graph: with_edges(graph, id=graph.edges.id.at[2].set(-1)),
        r"graph.edges.mask\[2\] is True and the arc is padding: make it False",
    ),
    "a self-loop": (
        lambda graph: graph._replace(senders=graph.receivers),
        "graph has an arc from vertex 0 to itself: self-loops are always there and no edges",
    ),
    "a batch": (
        lambda graph: jax.tree.map(lambda x: jnp.stack([x, x]), graph),
        "host functions take one graph at a time, index the batch first",
    ),
    "fewer edges": (
        lambda graph: graph._replace(n_edge=graph.n_edge - 2),
        r"graph\.edges\.id does not number edges",
    ),
    "more edges than arcs": (
        lambda graph: graph._replace(n_edge=graph.n_edge + 2**30),
        r"graph\.edges\.id does not number edges",
    ),
    "a negative number of edges": (
        lambda graph: graph._replace(n_edge=-graph.n_edge),
        r"graph\.edges\.id does not number edges",
    ),
    "no edges": (
        lambda graph: graph._replace(edges=None),
        "graph is a GraphsTuple without edges.id: build graphs with jwi.from_edges",
    ),
}


@pytest.mark.parametrize("function", HOST_FUNCTIONS)
@pytest.mark.parametrize("wrong", WRONG_GRAPHS)
def test_compiled_code_never_sees_graphs_that_are_wrong(function, wrong):
    change, message = WRONG_GRAPHS[wrong]
    if jax.config.jax_enable_x64:
        message = message.replace("int32", "int(32|64)").replace("float32", "float64")
    with pytest.raises(ValueError, match=message):
        HOST_FUNCTIONS[function](change(jwi.from_edges(*PATH)))


@pytest.mark.parametrize("function", ["edge_list", "count_walks", "one_walk_index_order"])
def test_host_functions_say_that_they_are_for_the_host(function):
    with pytest.raises(ValueError, match=r"graph is traced by jax.jit or"):
        jax.jit(HOST_FUNCTIONS[function])(jwi.from_edges(*PATH))


def test_a_graph_without_edges_takes_an_empty_mask():
    graph = jwi.from_edges([], [], 2)
    assert jwi.with_edge_mask(graph, []).edges.mask.shape == (0,)


@pytest.mark.parametrize("undirected", [True, False])
def test_a_graph_knows_what_it_is(undirected):
    graph = jwi.from_edges([0, 1], [1, 2], num_vertices=5, undirected=undirected)
    assert graph.globals == jwi.GraphInfo(5, 2, undirected)
    # It is static, so that shapes may depend on it, and it has no leaves.
    assert jax.jit(lambda g: jnp.zeros(g.globals.num_edges))(graph).shape == (2,)
    assert not jax.tree.leaves(graph.globals)
    masked = jwi.with_edge_mask(graph, [False, True])
    assert masked.globals == graph.globals
    assert jwi.compact(masked).globals == jwi.GraphInfo(5, 1, undirected)
    assert jwi.pad(graph, num_vertices=7, num_edges=4).globals == jwi.GraphInfo(7, 4, undirected)


@pytest.mark.parametrize("length", [2, 4])
def test_under_jit_a_mask_of_another_length_is_refused_when_traced(length):
    with pytest.raises(ValueError, match=f"keep has {length} entries and the graph has 3 edges"):
        jax.jit(jwi.with_edge_mask)(jwi.from_edges(*PATH), jnp.ones(length, bool))


def test_masks_of_padded_graphs_may_leave_padding_out():
    padded_graph = jwi.pad(jwi.from_edges(*PATH), num_edges=5)
    for length in (3, 5):
        keep = jnp.arange(length) < 2
        for mask in (jwi.with_edge_mask, jax.jit(jwi.with_edge_mask)):
            assert jwi.edge_mask(mask(padded_graph, keep)).tolist() == [True, True, False]
    for mask, length in ((jwi.with_edge_mask, 4), (jax.jit(jwi.with_edge_mask), 6)):
        with pytest.raises(ValueError, match=f"keep has {length} entries"):
            mask(padded_graph, jnp.ones(length, bool))


@pytest.mark.parametrize("function", HOST_FUNCTIONS)
def test_graphs_of_others_are_refused(function):
    plain = jwi.to_jraph(jwi.from_edges(*PATH))
    with pytest.raises(ValueError, match=r"without a jwi.GraphInfo .* jwi.from_jraph"):
        HOST_FUNCTIONS[function](plain)
