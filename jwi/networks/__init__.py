"""Graph neural networks as flax.linen modules over a masked graph, one architecture a file."""

from jwi.networks.conv_network import mean_readout, vertex_readout
from jwi.networks.gcn import GCN, GCNConv

__all__ = ["GCN", "GCNConv", "mean_readout", "vertex_readout"]
