"""How strongly graph neural networks can model interactions between vertices."""

from jwi.closed_walks import closed_walks
from jwi.graph import (
    Edges,
    compact,
    edge_list,
    edge_mask,
    from_edges,
    is_undirected,
    with_edge_mask,
)
from jwi.networks import GCN, GCNConv, mean_readout, vertex_readout
from jwi.order import one_walk_index_order, random_order, walk_index_order
from jwi.prune import Pruned, prune
from jwi.walks import (
    boundary,
    count_walks,
    count_walks_with_overflow,
    walk_index,
    walk_index_with_overflow,
)

__all__ = [
    "GCN",
    "Edges",
    "GCNConv",
    "Pruned",
    "boundary",
    "closed_walks",
    "compact",
    "count_walks",
    "count_walks_with_overflow",
    "edge_list",
    "edge_mask",
    "from_edges",
    "is_undirected",
    "mean_readout",
    "one_walk_index_order",
    "prune",
    "random_order",
    "vertex_readout",
    "walk_index",
    "walk_index_order",
    "walk_index_with_overflow",
    "with_edge_mask",
]
