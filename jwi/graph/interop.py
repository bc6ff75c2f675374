"""Graphs of SciPy, networkx, PyTorch Geometric and jraph, in and out.

All of them come in through `jwi.from_edges`, which merges duplicate edges and drops self-loops;
what goes out are the edges that the mask keeps, without padding. Attributes of edges stay behind:
`edge_ids` finds the edge of each entry, row or column, and so carries a pruning over to them.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
import scipy.sparse
from jax.experimental.sparse import BCOO
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple, compact, from_edges
from jwi.graph.host import host_graph
from jwi.graph.lookup import edge_ids as edge_ids

if TYPE_CHECKING:
    import networkx
    from torch_geometric.data import Data


def from_scipy(
    matrix: Any, *, nodes: ArrayLike | None = None, undirected: bool = True
) -> GraphsTuple:
    """A graph from its adjacency matrix.

    Args:
        matrix: scipy.sparse matrix or array (n, n); an entry (i, j) that is not zero is an edge
            from i to j.
        nodes: features with leading axis n; None for no features.
        undirected: whether an edge can be walked both ways, from whichever entry it comes.

    Returns:
        A graph of n vertices. Edges are numbered by row, those of one row by column.

    Raises:
        ValueError: if `matrix` is not a sparse matrix, or not square.

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
        graph: a graph, masked or not.

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


def from_networkx(network: "networkx.Graph") -> tuple[GraphsTuple, list]:
    """A graph from one of networkx, directed if that is.

    Args:
        network: a networkx graph with at least one vertex, of any class.

    Returns:
        The graph, and its labels: vertex i is `labels[i]`, in the order of `network.nodes`. Edges
        are numbered in the order of `network.edges`.

    Raises:
        ValueError: for a graph without vertices.

    Example:
        >>> import jwi, networkx
        >>> graph, labels = from_networkx(networkx.Graph([("b", "a"), ("a", "c")]))
        >>> labels, jwi.edge_list(graph).tolist()
        (['b', 'a', 'c'], [[0, 1], [1, 2]])
    """
    labels = list(network.nodes)
    if not labels:
        raise ValueError("network has no vertices: pass a graph of at least one vertex")
    number = {label: vertex for vertex, label in enumerate(labels)}
    # A networkx graph is made of dicts: there is no faster way in than through Python.
    ends = np.array([(number[u], number[v]) for u, v in network.edges()], np.int64).reshape(-1, 2)
    graph = from_edges(ends[:, 0], ends[:, 1], len(labels), undirected=not network.is_directed())
    return graph, labels


def to_networkx(graph: GraphsTuple, labels: Sequence | None = None) -> "networkx.Graph":
    """The edges that are there as a graph of networkx.

    Args:
        graph: a graph, masked or not.
        labels: a label for each vertex, as `from_networkx` gives them; None for 0, …, n − 1.

    Returns:
        networkx.Graph, or networkx.DiGraph if directed, of all vertices.

    Raises:
        ModuleNotFoundError: if networkx is not installed.
        ValueError: if `labels` are not n different ones; if `graph` is not of the form that
            `jwi.from_edges` builds.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> to_networkx(jwi.with_edge_mask(graph, [False, True]), "abc").edges
        EdgeView([('b', 'c')])
    """
    import networkx

    n, read = int(graph.n_node[0]), host_graph(graph)
    names = list(range(n) if labels is None else labels)
    if len(names) != n or len(set(names)) != n:
        raise ValueError(
            f"labels has {len(names)} entries, {len(set(names))} of them different: pass one for"
            f" each of the {n} vertices"
        )
    network = networkx.Graph() if read.undirected else networkx.DiGraph()
    network.add_nodes_from(names)
    kept = read.edges[read.mask].tolist()
    network.add_edges_from((names[u], names[v]) for u, v in kept)
    return network


def from_pyg(data: "Data", *, undirected: bool = True) -> GraphsTuple:
    """A graph from a PyTorch Geometric `Data`: `edge_index`, and `x` as features.

    Args:
        data: the graph; its tensors may be on any device.
        undirected: whether an edge can be walked both ways; PyTorch Geometric lists both arcs of an
            undirected edge, and here they become one edge.

    Returns:
        A graph of `data.num_nodes` vertices. To prune `data` itself and keep its self-loops:
        `ids = edge_ids(graph, *data.edge_index)`, then
        `data.edge_subgraph(torch.from_numpy((ids < 0) | jwi.edge_mask(pruned.graph)[ids]))`.

    Raises:
        ValueError: if `data` has no `edge_index`, or no vertices.
    """
    if data.edge_index is None:
        raise ValueError(
            "data has no edge_index: pass a torch_geometric.data.Data with edges as edge_index"
            " (sparse adj_t can be turned with torch_geometric.utils.to_edge_index)"
        )
    senders, receivers = data.edge_index.cpu().numpy()
    nodes = None if data.x is None else data.x.detach().cpu().numpy()
    return from_edges(senders, receivers, data.num_nodes, nodes=nodes, undirected=undirected)


def to_pyg(graph: GraphsTuple) -> "Data":
    """The edges that are there as a PyTorch Geometric `Data`.

    Args:
        graph: a graph, masked or not.

    Returns:
        `Data` of `edge_index` int64 (2, A), both arcs of an undirected edge; `x` where the graph
        has features; `num_nodes`.

    Raises:
        ModuleNotFoundError: if PyTorch Geometric is not installed, with what to install.
    """
    try:
        import torch
        from torch_geometric.data import Data
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"to_pyg needs {error.name}: install torch and torch_geometric", name=error.name
        ) from error
    data = Data(edge_index=torch.from_numpy(np.stack(host_graph(graph).arcs()).astype(np.int64)))
    data.num_nodes = int(graph.n_node[0])
    if graph.nodes.size:
        nodes = graph.nodes.todense() if isinstance(graph.nodes, BCOO) else graph.nodes
        data.x = torch.from_numpy(np.array(nodes[: data.num_nodes]))
    return data


def from_jraph(graph: GraphsTuple, *, undirected: bool = True) -> GraphsTuple:
    """A graph from a plain `jraph.GraphsTuple`: its arcs, and `nodes` as features.

    Args:
        graph: One graph; its features of arcs and its globals stay behind.
        undirected: Whether an edge can be walked both ways. jraph lists both arcs of an undirected
            edge, and here they become one edge.

    Returns:
        A graph of as many vertices, those of all of `graph.n_node`.

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
