"""Graph neural networks as flax.linen modules over a masked graph, one architecture a file."""

from jwi.networks.base import mean_readout, vertex_readout
from jwi.networks.gat import GAT, GATConv
from jwi.networks.gcn import GCN, GCNConv
from jwi.networks.gin import GIN, MLP, GINConv, GINEps, GINEpsConv
from jwi.networks.layer_normalization import LayerNorm
from jwi.networks.linear import Linear
from jwi.networks.log_product import LogProductNetwork, SignedLog
from jwi.networks.modular_product import ModularProductNetwork
from jwi.networks.norms import batch_norm, layer_norm
from jwi.networks.product import ProductNetwork
from jwi.networks.resgcn import GENConv, ResGCN

__all__ = [
    "GAT",
    "GCN",
    "GIN",
    "MLP",
    "GATConv",
    "GCNConv",
    "GENConv",
    "GINConv",
    "GINEps",
    "GINEpsConv",
    "LayerNorm",
    "Linear",
    "LogProductNetwork",
    "ModularProductNetwork",
    "ProductNetwork",
    "ResGCN",
    "SignedLog",
    "batch_norm",
    "layer_norm",
    "mean_readout",
    "vertex_readout",
]
