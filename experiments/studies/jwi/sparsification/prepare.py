"""The start of the experiments on pruned graphs: a data set, its split, a network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

import jwi
from experiments.data.attributed_npz import amazon_computers, dblp
from experiments.data.digits import digits
from experiments.data.heterophilous import chameleon, squirrel, tolokers, without_twins
from experiments.data.ogb import ogbn_arxiv
from experiments.data.planetoid import citeseer, cora
from experiments.data.vertex_classification import VertexClassification, random_split
from experiments.studies.jwi.sparsification.networks import make_network
from experiments.studies.jwi.sparsification.settings import NetworkName, Settings, settings_of
from experiments.studies.jwi.sparsification.training import Data

LOADERS: dict[str, Callable[[], VertexClassification]] = {
    "cora": cora,
    "citeseer": citeseer,
    "dblp": dblp,
    "computers": amazon_computers,
    "chameleon": chameleon,
    "squirrel": squirrel,
    "tolokers": tolokers,
    "ogbn-arxiv": ogbn_arxiv,
    "digits": digits,
    "chameleon-without-twins": lambda: without_twins(chameleon()),
    "squirrel-without-twins": lambda: without_twins(squirrel()),
}
# Above this share of non-zero features a dense product is faster.
_MAX_SPARSE_SHARE = 0.05


def load(dataset: str) -> VertexClassification:
    """The data set of that name.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return LOADERS[dataset]()


class Study(NamedTuple):
    """All that runs share; they differ in the edges that they keep."""

    model: Any
    settings: Settings
    data: Data
    keys: jax.Array


def prepare(
    dataset: str,
    network: NetworkName,
    *,
    num_seeds: int,
    shares: tuple[float, float] = (0.8, 0.1),
    split_seed: int = 0,
    **others: Any,
) -> Study:
    """Loads the data set, splits it and makes the network; `data.keep` is all edges.

    Args:
        dataset: Name of the data set.
        network: Name of the network.
        num_seeds: Runs have the seeds 0, 1, ….
        shares: Of the vertices to train and to validate on; the rest is for testing.
        split_seed: Seed of the split, which all runs share.
        **others: Fields of `Settings` to use instead of the paper's; None leaves those.
    """
    loaded = load(dataset)
    num_vertices = len(loaded.labels)
    features: Any = loaded.features
    if np.count_nonzero(features) < _MAX_SPARSE_SHARE * features.size:
        features = BCOO.fromdense(features)
    graph = jwi.from_edges(loaded.edges[:, 0], loaded.edges[:, 1], num_vertices, nodes=features)
    split = random_split(split_seed, num_vertices, *shares)
    chosen = settings_of(dataset, network, **others)
    data = Data(
        graph,
        jnp.asarray(loaded.labels),
        jax.tree.map(jnp.asarray, split),
        jnp.asarray(jwi.edge_mask(graph)),
    )
    return Study(
        make_network(network, chosen, loaded.num_classes),
        chosen,
        data,
        jax.vmap(jax.random.key)(jnp.arange(num_seeds)),
    )
