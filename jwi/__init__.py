"""How strongly graph neural networks can model interactions between vertices."""

from jwi.graph import (
    Edges,
    compact,
    edge_list,
    edge_mask,
    from_edges,
    is_undirected,
    with_edge_mask,
)

__all__ = [
    "Edges",
    "compact",
    "edge_list",
    "edge_mask",
    "from_edges",
    "is_undirected",
    "with_edge_mask",
]
