"""Graphs of other libraries: there and back, and which edge is which."""

import builtins

import jax
import jax.numpy as jnp
import jraph
import networkx
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.experimental.sparse import BCOO

import jwi
from jwi.graph import (
    edge_ids,
    from_networkx,
    from_pyg,
    from_scipy,
    to_networkx,
    to_pyg,
    to_scipy,
)
from jwi.graph.padding import pad
from tests.cases.graphs import NUM_VERTICES, PAIRS, from_pairs


def edges_there(graph):
    return set(map(tuple, jwi.edge_list(graph)[jwi.edge_mask(graph)].tolist()))


def masked(graph):
    return jwi.with_edge_mask(graph, np.arange(len(jwi.edge_list(graph))) % 3 != 1)


@settings(deadline=None, max_examples=30)
@given(PAIRS, st.booleans())
def test_edge_ids_are_rows_of_the_edge_list(pairs, undirected):
    graph = from_pairs(pairs, undirected=undirected)
    rows = {tuple(edge): row for row, edge in enumerate(jwi.edge_list(graph).tolist())}
    if undirected:
        rows |= {(v, u): row for (u, v), row in rows.items()}
    ends = np.indices((NUM_VERTICES + 1, NUM_VERTICES + 1)).reshape(2, -1) - 1
    expected = [rows.get(pair, -1) for pair in zip(*ends.tolist(), strict=True)]
    assert edge_ids(graph, *ends).tolist() == expected


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (([0], [1, 2]), r"senders is int64\[1\] and receivers int64\[2\]: pass two vectors"),
        (([0.0], [1.0]), r"senders is float64\[1\] .*: pass two vectors of integers"),
        (([[0]], [[1]]), r"senders is int64\[1, 1\]"),
    ],
)
def test_ends_that_are_no_vertices_are_refused(ends, message):
    with pytest.raises(ValueError, match=message):
        edge_ids(jwi.from_edges([0], [1], 2), *ends)


@settings(deadline=None, max_examples=30)
@given(PAIRS, st.booleans())
def test_scipy_there_and_back(pairs, undirected):
    graph = masked(from_pairs(pairs, undirected=undirected))
    matrix = to_scipy(graph)
    dense = np.zeros((NUM_VERTICES, NUM_VERTICES), int)
    for u, v in edges_there(graph):
        dense[u, v] = 1
        dense[v, u] |= undirected
    np.testing.assert_array_equal(matrix.toarray(), dense)
    back = from_scipy(matrix, undirected=undirected)
    assert edges_there(back) == edges_there(graph)
    assert back.nodes.shape[0] == NUM_VERTICES


@pytest.mark.parametrize(
    "form", ["csr_array", "csc_matrix", "coo_array", "lil_matrix", "dok_array"]
)
def test_every_sparse_form_is_read(form):
    # One side of each edge, an explicit zero, and a loop.
    matrix = scipy.sparse.coo_array(([0.5, -1, 0, 4], ([0, 2, 1, 1], [1, 1, 0, 1])), shape=(4, 4))
    matrix = getattr(scipy.sparse, form)(matrix)
    assert jwi.edge_list(from_scipy(matrix)).tolist() == [[0, 1], [1, 2]]
    directed = from_scipy(matrix, nodes=np.ones((4, 2)), undirected=False)
    assert jwi.edge_list(directed).tolist() == [[0, 1], [2, 1]]
    assert directed.nodes.shape == (4, 2)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), "matrix is a ndarray: pass a scipy.sparse matrix"),
        (scipy.sparse.coo_array((2, 3)), r"matrix has shape \(2, 3\): an adjacency matrix has"),
    ],
)
def test_what_is_no_adjacency_matrix_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        from_scipy(matrix)


@settings(deadline=None, max_examples=30)
@given(PAIRS, st.booleans())
def test_networkx_there_and_back_with_labels(pairs, undirected):
    graph = masked(from_pairs(pairs, undirected=undirected))
    names = [("vertex", i) for i in range(NUM_VERTICES)]
    network = to_networkx(graph, names)
    assert network.is_directed() != jwi.is_undirected(graph)
    assert {(u[1], v[1]) for u, v in network.edges} == edges_there(graph)
    back, labels = from_networkx(network)
    assert labels == names
    assert edges_there(back) == edges_there(graph)


def test_networkx_multigraphs_and_loops():
    network = networkx.MultiGraph([("c", "a"), ("a", "c"), ("c", "c"), ("b", "a")])
    network.add_node("alone")
    graph, labels = from_networkx(network)
    assert labels == ["c", "a", "b", "alone"]
    assert jwi.edge_list(graph).tolist() == [[0, 1], [1, 2]]
    assert list(to_networkx(graph).nodes) == [0, 1, 2, 3]


def test_networkx_graphs_and_labels_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="network has no vertices"):
        from_networkx(networkx.Graph())
    graph = jwi.from_edges([0], [1], 3)
    for labels, message in (("ab", "labels has 2 entries, 2 of"), ("aba", "3 entries, 2 of them")):
        with pytest.raises(ValueError, match=message):
            to_networkx(graph, labels)


def test_padding_does_not_go_out():
    graph = masked(jwi.from_edges([0, 1, 2], [1, 2, 3], 4, nodes=np.ones((4, 2), np.float32)))
    padded = pad(graph, num_vertices=6, num_edges=5)
    np.testing.assert_array_equal(to_scipy(padded).toarray(), to_scipy(graph).toarray())
    assert sorted(to_networkx(padded)) == [0, 1, 2, 3]


def test_pyg_there_and_back():
    torch = pytest.importorskip("torch")
    pyg = pytest.importorskip("torch_geometric.data")
    x = torch.arange(8.0).reshape(4, 2).requires_grad_()
    ends = torch.tensor([[0, 1, 1, 2, 3, 3], [1, 0, 2, 1, 3, 2]])
    data = pyg.Data(x=x, edge_index=ends, edge_attr=torch.arange(6.0))
    graph = from_pyg(data)
    assert jwi.edge_list(graph).tolist() == [[0, 1], [1, 2], [2, 3]]
    np.testing.assert_array_equal(graph.nodes, x.detach().numpy())

    keep = np.array([True, False, True])
    back = to_pyg(pad(jwi.with_edge_mask(graph, keep), num_vertices=7, num_edges=9))
    assert back.edge_index.tolist() == [[1, 0, 3, 2], [0, 1, 2, 3]]
    assert back.is_undirected()
    assert back.num_nodes == 4
    assert torch.equal(back.x, x)
    sparse = graph._replace(nodes=BCOO.fromdense(graph.nodes))
    assert torch.equal(to_pyg(sparse).x, x)

    directed = from_pyg(pyg.Data(edge_index=ends, num_nodes=9), undirected=False)
    assert len(jwi.edge_list(directed)) == 5
    assert directed.nodes.shape == (9, 0)
    assert to_pyg(directed).x is None
    assert to_pyg(directed).num_nodes == 9
    with pytest.raises(ValueError, match="data has no edge_index: pass a"):
        from_pyg(pyg.Data(num_nodes=3))


def test_without_pyg_the_message_says_what_to_install(monkeypatch):
    import_ = builtins.__import__

    def without_torch(name, *arguments, **options):
        if name.split(".")[0] in ("torch", "torch_geometric"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return import_(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_torch)
    with pytest.raises(ModuleNotFoundError, match="to_pyg needs torch: install torch and torch_g"):
        to_pyg(jwi.from_edges([0], [1], 2))


@pytest.mark.parametrize("form", ["coo", "csr", "csc", "bsr"])
def test_entries_that_cancel_are_no_edges(form):
    ends = ([0, 0, 0], [1, 1, 2])
    matrix = scipy.sparse.coo_array(([1, -1, 1], ends), shape=(3, 3))
    if form in ("csr", "bsr"):
        matrix = scipy.sparse.csr_array(([1, -1, 1], [1, 1, 2], [0, 3, 3, 3]), shape=(3, 3))
    if form == "csc":
        matrix = scipy.sparse.csc_array(([1, -1, 1], [0, 0, 0], [0, 0, 2, 3]), shape=(3, 3))
    if form == "bsr":
        blocks = matrix.data.reshape(3, 1, 1), matrix.indices, matrix.indptr
        matrix = scipy.sparse.bsr_array(blocks, shape=(3, 3))
    before = matrix.copy()
    assert matrix.nnz == 3
    assert jwi.edge_list(jwi.from_scipy(matrix)).tolist() == [[0, 2]]
    # The caller's matrix stays as it was.
    assert matrix.nnz == before.nnz


def test_more_vertices_than_rows_of_features_are_refused():
    graph = jwi.from_edges([0], [1], 2)
    wrong = graph._replace(n_node=graph.n_node + 5)
    with pytest.raises(ValueError, match=r"graph.n_node adds up to 7 and graph.globals counts 2"):
        jwi.to_scipy(wrong)


@settings(deadline=None, max_examples=20)
@given(PAIRS, st.booleans())
def test_jraph_and_back(pairs, undirected):
    graph = from_pairs(pairs, undirected=undirected)
    keep = np.arange(len(jwi.edge_list(graph))) % 3 != 1
    plain = jwi.to_jraph(jwi.with_edge_mask(graph, keep))
    assert (plain.edges, plain.globals) == (None, None)
    back = jwi.from_jraph(plain, undirected=undirected)
    expected = jwi.edge_list(graph)[keep]
    assert sorted(jwi.edge_list(back).tolist()) == sorted(expected.tolist())
    assert back.globals.num_vertices == graph.globals.num_vertices


def test_jraph_batches_and_pads_plain_graphs_and_ours_say_what_to_use():
    small = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
    large = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
    batch = jraph.batch([jwi.to_jraph(small), jwi.to_jraph(large)])
    assert batch.n_node.tolist() == [3, 4]
    assert jraph.pad_with_graphs(batch, 10, 20, 4).senders.shape == (20,)
    for wrong in (jraph.batch([small, small]), jraph.pad_with_graphs(small, 6, 10)):
        with pytest.raises(ValueError, match=r"for jraph.pad_with_graphs use jwi.pad"):
            jwi.count_walks(wrong, 2)
    # The remedy: one size, stacked, and one trace for all.
    padded = [jwi.pad(graph, num_vertices=4, num_edges=3) for graph in (small, large)]
    stacked = jax.tree.map(lambda *arrays: jnp.stack(arrays), *padded)
    counts, overflowed = jax.vmap(lambda graph: jwi.count_walks_with_overflow(graph, 2))(stacked)
    assert not overflowed.any()
    assert counts[0, :3].tolist() == jwi.count_walks(small, 2).tolist()
    assert counts[1].tolist() == jwi.count_walks(large, 2).tolist()


def test_trees_of_features_of_jraph_are_refused():
    plain = jwi.to_jraph(jwi.from_edges([0], [1], 2))._replace(nodes={"x": jnp.zeros((2, 1))})
    with pytest.raises(ValueError, match=r"graph.nodes is a dict: pass one array"):
        jwi.from_jraph(plain)
