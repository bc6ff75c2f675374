"""Graphs: built, masked, padded, pruned, and exchanged with other libraries."""

from jwi.graph.graph import (
    Edges,
    compact,
    edge_list,
    edge_mask,
    from_edges,
    is_undirected,
    with_edge_mask,
)
from jwi.graph.info import GraphInfo
from jwi.graph.interop import (
    edge_ids,
    from_jraph,
    from_networkx,
    from_pyg,
    from_scipy,
    to_jraph,
    to_networkx,
    to_pyg,
    to_scipy,
)
from jwi.graph.padding import pad
from jwi.graph.pruning import Pruned, prune

__all__ = [
    "Edges",
    "GraphInfo",
    "Pruned",
    "compact",
    "edge_ids",
    "edge_list",
    "edge_mask",
    "from_edges",
    "from_jraph",
    "from_networkx",
    "from_pyg",
    "from_scipy",
    "is_undirected",
    "pad",
    "prune",
    "to_jraph",
    "to_networkx",
    "to_pyg",
    "to_scipy",
    "with_edge_mask",
]
