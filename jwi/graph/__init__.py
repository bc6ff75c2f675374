"""Graphs: built, masked, padded, pruned, and exchanged with other libraries."""

from typing import TYPE_CHECKING

from jwi._lazy import lazy_names

if TYPE_CHECKING:
    from jwi.graph.graph import Edges as Edges
    from jwi.graph.graph import GraphInfo as GraphInfo
    from jwi.graph.graph import compact as compact
    from jwi.graph.graph import edge_list as edge_list
    from jwi.graph.graph import edge_mask as edge_mask
    from jwi.graph.graph import from_edges as from_edges
    from jwi.graph.graph import is_undirected as is_undirected
    from jwi.graph.graph import with_edge_mask as with_edge_mask
    from jwi.graph.info import HostGraph as HostGraph
    from jwi.graph.interop import from_jraph as from_jraph
    from jwi.graph.interop import from_scipy as from_scipy
    from jwi.graph.interop import to_jraph as to_jraph
    from jwi.graph.interop import to_scipy as to_scipy
    from jwi.graph.lookup import edge_ids as edge_ids
    from jwi.graph.networkx_graphs import from_networkx as from_networkx
    from jwi.graph.networkx_graphs import prune_networkx as prune_networkx
    from jwi.graph.networkx_graphs import to_networkx as to_networkx
    from jwi.graph.padding import pad as pad
    from jwi.graph.pruning import Pruned as Pruned
    from jwi.graph.pruning import prune as prune
    from jwi.graph.pyg_graphs import PruneEdges as PruneEdges
    from jwi.graph.pyg_graphs import from_pyg as from_pyg
    from jwi.graph.pyg_graphs import to_pyg as to_pyg
    from jwi.graph.sharding import shard_arcs as shard_arcs

_FILES = {
    "Edges": "graph",
    "GraphInfo": "graph",
    "HostGraph": "info",
    "PruneEdges": "pyg_graphs",
    "Pruned": "pruning",
    "compact": "graph",
    "edge_ids": "lookup",
    "edge_list": "graph",
    "edge_mask": "graph",
    "from_edges": "graph",
    "from_jraph": "interop",
    "from_networkx": "networkx_graphs",
    "from_pyg": "pyg_graphs",
    "from_scipy": "interop",
    "is_undirected": "graph",
    "pad": "padding",
    "prune": "pruning",
    "prune_networkx": "networkx_graphs",
    "shard_arcs": "sharding",
    "to_jraph": "interop",
    "to_networkx": "networkx_graphs",
    "to_pyg": "pyg_graphs",
    "to_scipy": "interop",
    "with_edge_mask": "graph",
}
__all__ = sorted(_FILES)
__getattr__, __dir__ = lazy_names(__name__, _FILES)
