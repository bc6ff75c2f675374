"""Graphs of SciPy and jraph, in and out; `networkx_graphs` and `pyg_graphs` have two more kinds.

All of them come in through `jwi.from_edges`, which merges duplicate edges and drops self-loops.
The edges that the mask keeps go out, without padding. Attributes of edges stay behind: `edge_ids`
finds the edge of each entry, row or column, and so carries a pruning over to them.
"""

from typing import Any

import jax
import numpy as np
import scipy.sparse
from jax.experimental.sparse import BCOO
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple, compact, from_edges
from jwi.graph.host import host_graph


def from_scipy(
    matrix: Any, *, nodes: ArrayLike | None = None, undirected: bool = True
) -> GraphsTuple:
    """A graph from its adjacency matrix.

    Args:
        matrix: A scipy.sparse matrix or array (n, n); an entry (i, j) that is not zero is an edge
            from i to j.
        nodes: Features with leading axis n; None for no features.
        undirected: Whether an edge can be walked both ways, from whichever entry it comes.

    Returns:
        A graph of n vertices. Edges are numbered by row, and within a row by column.

    Raises:
        ValueError: If `matrix` is not a sparse matrix, or not square.

    Example:
        >>> import jwi
        >>> path = scipy.sparse.csr_array([[0, 1, 0], [1, 0, 2], [0, 2, 0]])
        >>> jwi.edge_list(from_scipy(path)).tolist()
        [[0, 1], [1, 2]]
    """
    if not scipy.sparse.issparse(matrix):
        raise ValueError(
            f"matrix is a {type(matrix).__name__}: pass a scipy.sparse matrix, for instance"
            " scipy.sparse.coo_array(matrix)"
        )
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            f"matrix has shape {matrix.shape}: an adjacency matrix has a row and a column for each"
            " vertex"
        )
    if matrix.format in ("coo", "csr", "csc", "bsr"):
        # Entries that are there twice may cancel.
        matrix = matrix.copy()
        matrix.sum_duplicates()
    rows, columns = matrix.nonzero()
    by_row = np.lexsort((columns, rows))
    return from_edges(
        rows[by_row], columns[by_row], matrix.shape[0], nodes=nodes, undirected=undirected
    )


def to_scipy(graph: GraphsTuple) -> scipy.sparse.csr_array:
    """The adjacency matrix of the edges that are there, without self-loops.

    Args:
        graph: A graph, masked or not.

    Returns:
        scipy.sparse.csr_array (n, n) of int64: 1 from i to j where there is an edge, and back where
        it is undirected.

    Example:
        >>> import jwi
        >>> to_scipy(jwi.from_edges([0, 1], [1, 2], num_vertices=3)).toarray().tolist()
        [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    """
    senders, receivers = host_graph(graph).arcs()
    n = int(graph.n_node[0])
    ones = np.ones(len(senders), np.int64)
    return scipy.sparse.csr_array((ones, (senders, receivers)), shape=(n, n))


def from_jraph(graph: GraphsTuple, *, undirected: bool = True) -> GraphsTuple:
    """A graph from a plain `jraph.GraphsTuple`: its arcs, and `nodes` as features.

    Args:
        graph: One graph; its features of arcs and its globals stay behind.
        undirected: Whether an edge can be walked both ways. jraph lists both arcs of an undirected
            edge, and here they become one edge.

    Returns:
        A graph of all the vertices that `graph.n_node` counts.

    Raises:
        ValueError: If `nodes` is a tree of several arrays; if the arcs have ends outside.

    Example:
        >>> import jraph, jwi
        >>> plain = jwi.to_jraph(jwi.from_edges([0, 1], [1, 2], num_vertices=3))
        >>> jwi.edge_list(from_jraph(plain)).tolist()
        [[0, 1], [1, 2]]
    """
    if graph.nodes is not None and not isinstance(graph.nodes, np.ndarray | jax.Array | BCOO):
        raise ValueError(
            f"graph.nodes is a {type(graph.nodes).__name__}: pass one array, a row a vertex, and"
            " features of another form to the networks as an argument"
        )
    return from_edges(
        np.asarray(graph.senders),
        np.asarray(graph.receivers),
        int(np.sum(graph.n_node)),
        nodes=graph.nodes,
        undirected=undirected,
    )


def to_jraph(graph: GraphsTuple) -> GraphsTuple:
    """The edges that are there as a plain `jraph.GraphsTuple`, for models that know no mask.

    Args:
        graph: A graph, masked or not.

    Returns:
        A graph without removed edges and padding, with the features of arcs as `edges` and None as
        `globals`: `jraph.batch` and `jraph.pad_with_graphs` take it.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> to_jraph(jwi.with_edge_mask(graph, [False, True])).senders.tolist()
        [2, 1]
    """
    smaller = compact(graph)
    return smaller._replace(edges=smaller.edges.features, globals=None)
