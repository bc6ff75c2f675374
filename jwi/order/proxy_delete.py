"""Proxy deletion: edges go first whose removal raises the spectral gap most, to first order."""

import numpy as np
import scipy.sparse
from jaxtyping import Float64, Int32
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from jwi._checks import checked_integer
from jwi.graph.host import check_undirected
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import checked_num_removed, kept_edges
from jwi.progress import Progress

# Vertices of a component up to which a dense solver is faster.
_DENSE = 64
# Of Lanczos' method, before equations are solved instead, at a place above all eigenvalues.
_RESTARTS, _ABOVE_ONE = 50, 1 + 1e-9
# Eigenvalues that differ by less are one. Digits of a gain, beside the squares that it is made of.
_EQUAL, _DIGITS = 1e-9, 11


def proxy_delete_order(
    graph: Graph,
    *,
    num_removed: int | np.integer | None = None,
    num_refreshes: int | np.integer = 20,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """The edges by what the spectral gap gains if they go, the largest gain first.

    The gap of a component is the second smallest eigenvalue λ of L f = λ D f, for its Laplacian L
    and its degrees D, with fᵀ D f = 1. Without the edge {u, v} it is larger by
    λ (f_u² + f_v²) − (f_u − f_v)², to first order. This ranks a share of the edges; then it is
    computed anew for what is left. Gains are rounded, so that equal ones tie, and ties go by edge
    id. If λ is a multiple eigenvalue, the mean over its eigenvectors counts; in a component of more
    than 64 vertices one of them stands for all, and rounding chooses it.

    Args:
        graph: An undirected graph; on a masked graph only its K kept edges count.
        num_removed: N, how many edges to rank; None for all K.
        num_refreshes: How many shares of equal size the K edges are ranked in.
        progress: Called with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, more edges than there are, or fewer than 1 refresh.

    References:
        Jamadandi, Rubio-Madrigal, Burkholz, 2024, Spectral graph pruning against over-squashing and
        over-smoothing, ProxyDelete (arXiv 2404.04612).

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> proxy_delete_order(triangle_with_tail, num_removed=1).tolist()
        [1]
    """
    check_undirected(graph, "proxy deletion")
    kept, edges = kept_edges(graph)
    count = checked_num_removed(num_removed, len(kept))
    meaning = "how often gaps are computed"
    share = -(-len(kept) // checked_integer("num_refreshes", num_refreshes, meaning, low=1))
    left, ranked = np.arange(len(kept)), list[np.ndarray]()
    for start in range(0, count, max(1, share)):
        if progress is not None:
            progress(start / count)
        gains = gap_gains(edges[left], info_of(graph).num_vertices)
        first = np.argsort(-gains, kind="stable")[:share]
        ranked.append(left[first])
        left = np.delete(left, first)
    return kept[np.concatenate([np.zeros(0, np.int64), *ranked])[:count]]


def gap_gains(edges: np.ndarray, num_vertices: int) -> Float64[np.ndarray, " E"]:
    """What the gap of its component gains without each of the edges int32[E, 2], to first order."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    u, v = edges.T
    scaled = 1 / np.sqrt(degree[u] * degree[v])
    arcs = np.concatenate([u, v]), np.concatenate([v, u])
    # Its eigenvalues are 1 − λ, and its eigenvectors √D f.
    adjacency = scipy.sparse.csr_array((np.tile(scaled, 2), arcs), shape=(num_vertices,) * 2)
    component = connected_components(adjacency, directed=False)[1]
    members, sizes = np.argsort(component, kind="stable"), np.bincount(component)
    starts = np.cumsum(sizes) - sizes
    gap, vector = np.zeros(len(sizes)), np.zeros(num_vertices)
    for which in np.flatnonzero(sizes > _DENSE):
        inside = members[starts[which] :][: sizes[which]]
        gap[which], vector[inside] = _second(adjacency[inside][:, inside])
    # Products of the eigenvector's entries, for each vertex with itself, and for the ends of edges.
    of_vertex, of_edge = vector**2, vector[u] * vector[v]
    row, place = np.empty(len(sizes), np.int64), np.empty(num_vertices, np.int64)
    for size in np.unique(sizes[(sizes > 1) & (sizes <= _DENSE)]):
        # Components of one size are solved together.
        alike = np.flatnonzero(sizes == size)
        vertices = members[starts[alike][:, None] + np.arange(size)]
        row[alike], place[vertices] = np.arange(len(alike)), np.arange(size)
        within = np.flatnonzero(sizes[component[u]] == size)
        at = row[component[u[within]]], place[u[within]], place[v[within]]
        matrices = np.zeros((len(alike), size, size))
        matrices[at] = matrices.transpose(0, 2, 1)[at] = scaled[within]
        values, vectors = np.linalg.eigh(matrices)
        second = values[:, -2:-1]
        equal = np.abs(values - second) < _EQUAL
        shares = equal / equal.sum(axis=1, keepdims=True)
        products = (vectors * shares[:, None]) @ vectors.transpose(0, 2, 1)
        gap[alike], of_edge[within] = 1 - second[:, 0], products[at]
        of_vertex[vertices] = np.diagonal(products, axis1=1, axis2=2)
    squares = of_vertex[u] / degree[u] + of_vertex[v] / degree[v]
    # Where f is 0 at both ends, so is the product.
    share = 2 * of_edge * scaled / np.where(squares > 0, squares, 1)
    return np.round(gap[component[u]] - 1 + share, _DIGITS) * np.float32(squares)


def _second(adjacency: scipy.sparse.csr_array) -> tuple[float, Float64[np.ndarray, " n"]]:
    """The gap of a connected component and its eigenvector, of length 1."""
    # A start of its own, so that the order is the same each time.
    start = np.cos(np.arange(adjacency.shape[0]))
    try:
        values, vectors = eigsh(adjacency, k=2, which="LA", v0=start, ncv=40, maxiter=_RESTARTS)
    except ArpackNoConvergence:
        # Gaps are small where a component is nearly a tree, and solving its equations is cheap.
        values, vectors = eigsh(adjacency, k=2, sigma=_ABOVE_ONE, which="LM", v0=start)
    return 1 - values[0], vectors[:, 0]


ORDER = Order(
    "proxy delete",
    lambda graph, options: proxy_delete_order(
        graph, num_removed=options.num_removed, progress=options.progress
    ),
)
