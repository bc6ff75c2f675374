"""Graph neural networks on masked graphs, as flax.linen modules. Each file has one architecture."""

from jwi.networks.features import mean_readout, vertex_readout
from jwi.networks.gat import GAT, GATConv
from jwi.networks.gcn import GCN, GCNConv, plain_degrees, weighted_degrees
from jwi.networks.gin import GIN, MLP, GINConv, GINEps, GINEpsConv
from jwi.networks.linear import Linear
from jwi.networks.log_product import LogProductNetwork, SignedLog
from jwi.networks.modular_product import ModularProductNetwork
from jwi.networks.norms import LayerNorm, batch_norm
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
    "mean_readout",
    "plain_degrees",
    "vertex_readout",
    "weighted_degrees",
]
