"""Graphs of PyTorch Geometric, in and out, and a transform that prunes them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.experimental.sparse import BCOO
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple, edge_mask, from_edges
from jwi.graph.host import host_graph
from jwi.graph.lookup import edge_ids
from jwi.graph.pruning import prune

if TYPE_CHECKING:
    from torch_geometric.data import Data


class PruneEdges:
    """A transform that removes edges of a PyTorch Geometric `Data`, for `Compose` and data sets.

    All attributes of the other edges, of vertices and of the graph stay, and so do self-loops. Both
    arcs of an undirected edge go together.

    Args:
        rank: Ranks the edges, first removed first, for instance `jwi.one_walk_index_order`, or
            `functools.partial(jwi.walk_index_order, depth=3)`.
        undirected: Whether an edge can be walked both ways, as for `jwi.from_pyg`.
        amount: The other arguments of `jwi.prune`, for instance `keep=0.5`.
    """

    def __init__(
        self, rank: Callable[[GraphsTuple], ArrayLike], *, undirected: bool = True, **amount: Any
    ) -> None:
        self.rank, self.undirected, self.amount = rank, undirected, amount

    def __call__(self, data: "Data") -> "Data":
        """A `Data` with fewer edges; `data` stays as it is."""
        import torch

        graph = from_pyg(data, undirected=self.undirected)
        pruned = prune(graph, self.rank(graph), **self.amount).graph
        ids = edge_ids(graph, *data.edge_index.cpu().numpy())
        # Self-loops have id −1, the last place.
        keep = torch.from_numpy(np.append(edge_mask(pruned), True)[ids])
        return data.edge_subgraph(keep.to(data.edge_index.device))

    def __repr__(self) -> str:
        amount = ", ".join(f"{name}={value!r}" for name, value in self.amount.items())
        return f"PruneEdges({getattr(self.rank, '__name__', self.rank)}, {amount})"


def from_pyg(data: "Data", *, undirected: bool = True) -> GraphsTuple:
    """A graph from a PyTorch Geometric `Data`: `edge_index`, and `x` as features.

    Args:
        data: The graph; its tensors may be on any device.
        undirected: Whether an edge can be walked both ways; PyTorch Geometric lists both arcs of an
            undirected edge, and here they become one edge.

    Returns:
        A graph of `data.num_nodes` vertices. `PruneEdges` prunes `data` itself.

    Raises:
        ValueError: If `data` has several kinds of vertices, no `edge_index`, or no vertices.
    """
    from torch_geometric.data import HeteroData

    if isinstance(data, HeteroData):
        raise ValueError(
            "data is a HeteroData, whose vertices and edges are of several types: pass"
            " data.to_homogeneous(), or one type of edges as a torch_geometric.data.Data"
        )
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
        graph: A graph, masked or not.

    Returns:
        `Data` of `edge_index` int64 (2, A), both arcs of an undirected edge; `x` where the graph
        has features; `num_nodes`.

    Raises:
        ModuleNotFoundError: If PyTorch Geometric is not installed, with what to install.
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
