"""Base class of GCN, GAT and GIN: a stack of convolutions, a readout and a linear head."""

import abc
from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.networks.features import vertex_features, vertex_readout
from jwi.networks.norms import LayerNorm


class ConvNetwork(nn.Module, abc.ABC):
    """(Convolution → ReLU → LayerNorm) × depth, readout, linear head.

    Abstract: a subclass defines its convolution in `conv`. The network takes one graph; vmap it
    over several.

    Attributes:
        width: Width of every layer.
        depth: Number of layers.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`, or any function of Float[n, width].
    """

    width: int
    depth: int
    num_outputs: int
    readout: Callable[[Array], Array] = vertex_readout

    @nn.nowrap
    @abc.abstractmethod
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution: a module called with (graph, x, weight).

        Args:
            train: Whether layers with batch statistics compute them from this call. Convolutions
                without such layers are the same in training and prediction.
        """

    @nn.compact
    def __call__(
        self,
        graph: GraphsTuple,
        weight: Float[Array, " arcs"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "*vertices num_outputs"]:
        """Predict from the features in `graph.nodes`.

        Args:
            graph: Graph of n vertices with `nodes` Float[n, d_in], or a BCOO matrix of that shape
                (see `Linear`), which is cheaper if most features are zero. Arcs whose mask is
                False are treated as absent.
            weight: Multiplies the message of each arc in every layer; 1 if not given.
            train: Whether layers with batch statistics compute them from this call; otherwise
                they use their running averages. Only `GIN` and `GINEps` have such layers.

        Returns:
            Float[n, num_outputs] with `vertex_readout`, Float[num_outputs] with `mean_readout`.

        Raises:
            ValueError: If `graph.nodes` is not a floating-point row for each vertex.
        """
        hidden = self.conv(train=train)(graph, vertex_features(graph), weight)
        for _ in range(self.depth - 1):
            # The floor 0 is the ReLU: both in one pass over memory.
            hidden = LayerNorm(floor=0.0)(hidden)
            hidden = self.conv(train=train)(graph, hidden, weight)
        hidden = LayerNorm(floor=0.0)(hidden)
        return nn.Dense(self.num_outputs, name="head")(self.readout(hidden))
