"""Graphs of networkx, in and out, and pruned in place."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple, edge_list, from_edges
from jwi.graph.host import host_graph
from jwi.graph.lookup import edge_ids
from jwi.graph.pruning import prune

if TYPE_CHECKING:
    import networkx


def from_networkx(network: "networkx.Graph") -> tuple[GraphsTuple, list]:
    """Builds a graph from a networkx graph, directed if the network is directed.

    Args:
        network: A networkx graph with at least one vertex, of any class.

    Returns:
        The graph, and its labels: vertex i is `labels[i]`, in the order of `network.nodes`. Edges
        are numbered in the order of `network.edges`, without self-loops, and parallel edges once.
        `prune_networkx` prunes the network itself.

    Raises:
        ValueError: For a graph without vertices.

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
        graph: A graph, masked or not.
        labels: A label for each vertex, as `from_networkx` gives them; None for 0, …, n − 1.

    Returns:
        networkx.Graph, or networkx.DiGraph if directed, of all vertices.

    Raises:
        ModuleNotFoundError: If networkx is not installed.
        ValueError: If `labels` are not n different ones; if `graph` is not of the form that
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


def prune_networkx(
    network: "networkx.Graph",
    rank: Callable[[GraphsTuple], ArrayLike],
    *,
    protect: Sequence[tuple] = (),
    **amount: Any,
) -> list[tuple]:
    """Removes edges from a networkx graph in place.

    Vertices, self-loops and all attributes stay. Parallel edges go together.

    Args:
        network: A networkx graph of at least one vertex, of any class. It loses edges.
        rank: Ranks the edges, first removed first, for instance `jwi.one_walk_index_order`, or
            `functools.partial(jwi.walk_index_order, depth=3)`.
        protect: Edges that stay, each a pair of labels.
        amount: The other arguments of `jwi.prune`, for instance `keep=0.5`.

    Returns:
        The removed edges as pairs of labels, first removed first.

    Raises:
        ValueError: For a graph without vertices; for a pair in `protect` that is no edge; as
            `jwi.prune` raises.

    Example:
        >>> import jwi, networkx
        >>> network = networkx.Graph([("x", "y"), ("y", "z"), ("z", "x")])
        >>> network.edges["y", "z"]["weight"] = 2.0
        >>> prune_networkx(network, jwi.one_walk_index_order, num_removed=1, protect=[("y", "x")])
        [('x', 'z')]
        >>> network.edges(data=True)
        EdgeDataView([('x', 'y', {}), ('y', 'z', {'weight': 2.0})])
    """
    graph, labels = from_networkx(network)
    number = {label: vertex for vertex, label in enumerate(labels)}
    pairs = [(number.get(u, -1), number.get(v, -1)) for u, v in protect]
    held = edge_ids(graph, *np.array(pairs, np.int64).reshape(-1, 2).T)
    for pair, edge in zip(protect, held, strict=True):
        if edge < 0:
            raise ValueError(f"protect has {pair}, which is no edge of network: name its edges")
    removed = prune(graph, rank(graph), protect=np.unique(held), **amount).removed
    pruned = [(labels[u], labels[v]) for u, v in edge_list(graph)[removed].tolist()]
    for u, v in pruned:
        # Of parallel edges, networkx would remove the last one alone.
        network.remove_edges_from([(u, v)] * network.number_of_edges(u, v))
    return pruned
