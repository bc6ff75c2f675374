"""A graph network tells classes apart better across a partition of high walk index than of low.

Claim: Razin et al. (NeurIPS 2023), Table 1: whether two images are of the same class depends on
  both, so a network has to model the interaction across the partition of the vertices into those of
  one image and those of the other. On one and the same graph, train and test accuracy are higher
  where that partition has a high walk index, for GCN, GAT and GIN.

Command: python -m experiments jwi_same_class --num-train-pairs 3000 --max-epochs 300 --log-every 25
  (without options: the full protocol, of 10 000 pairs and 10 000 epochs). Beside what the result
  file calls deviations: initial weights are Flax's, exactly half the pairs are of one class, and no
  image is paired with itself.

Cost: about half an hour of the two cores of a CPU: per epoch, and for 3 000 pairs, two partitions
  and five seeds, 0.8 s of one core for GCN, 3.8 s for GAT, 2 s for GIN. The committed run was
  interrupted and resumed; its ``seconds`` are those of the last part.

Expected: accuracy in % of the paper's Table 1, low → high walk index; train: GCN 70.4 → 81.4, GAT
  82.8 → 88.5, GIN 83.2 → 94.2; test: GCN 52.7 → 66.2, GAT 69.6 → 72.1, GIN 53.7 → 64.8.
  In the committed run of 300 epochs all six means are higher with high walk index; for GAT by less
  than two standard errors, since some seeds have learned the low partition by then and some not. In
  the committed run of 1 000 epochs of GAT alone, all have, and nothing of the difference is left.
"""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

import jwi
import jwi.networks
from experiments.data.fashion_mnist import fashion_mnist, fashion_mnist_test_only
from experiments.data.mnist import ImageClassification, mnist_embedded
from experiments.data.pairs_on_cliques import STRIPS, Samples, layout, samples, two_cliques
from experiments.data.sources import DataUnavailableError
from experiments.engine.loop import EarlyStopping, GradientFn, fit, from_loss
from experiments.output.figures import mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std, standard_error

NETWORKS: tuple[Literal["gcn", "gat", "gin"], ...] = ("gcn", "gat", "gin")
PARTITIONS = ("low", "high")
SPLITS = ("train", "test")
# Table 1, accuracy in %: mean and std over five runs.
PAPER = {
    "train": {
        "gcn": {"low": (70.4, 1.7), "high": (81.4, 2.0)},
        "gat": {"low": (82.8, 2.6), "high": (88.5, 1.1)},
        "gin": {"low": (83.2, 0.8), "high": (94.2, 0.8)},
    },
    "test": {
        "gcn": {"low": (52.7, 1.9), "high": (66.2, 1.1)},
        "gat": {"low": (69.6, 0.6), "high": (72.1, 1.2)},
        "gin": {"low": (53.7, 1.8), "high": (64.8, 1.4)},
    },
}
_COLORS = {"low": "#56b4e9", "high": "#000000"}


@dataclass(frozen=True)
class Config:
    """Accuracy of GCN, GAT and GIN on pairs of Fashion-MNIST images, laid out in two ways."""

    networks: tuple[Literal["gcn", "gat", "gin"], ...] = NETWORKS
    source: Literal["train-and-test", "test-only", "digits"] = "train-and-test"
    """Train pairs from the train images and test pairs from the test images; both from the test
    images, from one half and from the other; or both from 5 000 MNIST digits, which are at hand."""
    num_train_pairs: int = 10_000
    num_test_pairs: int = 2_000
    pairs_seed: int = 0
    """Seed of the pairs, which all runs share."""
    width: int = 16
    depth: int = 3
    learning_rate: float = 5e-3
    """Adam's, for GCN and GAT."""
    gin_learning_rate: float = 1e-2
    max_epochs: int = 10_000
    """Epochs are steps: every batch is the whole data."""
    patience: int = 1_000
    """Epochs without better train accuracy after which a run stops."""
    log_every: int = 50
    """Epochs between two looks at the accuracies."""
    chunk_size: int = 50
    """Train pairs whose arrays are in memory at a time, so that they stay in a CPU's cache; it must
    divide ``num_train_pairs``. GIN, whose batch statistics are over all of them, has one chunk."""
    num_seeds: int = 5
    """Seeds 0, 1, … of the initial weights, the same for both partitions."""


SMOKE = Config(
    source="digits",
    num_train_pairs=40,
    num_test_pairs=20,
    width=4,
    depth=1,
    gin_learning_rate=5e-2,
    max_epochs=30,
    patience=30,
    log_every=10,
    chunk_size=20,
    num_seeds=2,
)


class Data(NamedTuple):
    """What a run trains on and is tested on; all runs share it."""

    graph: Any
    train: Samples
    test: Samples


# Where the axis of runs is, as in vmap's in_axes: nowhere.
RUN_AXES = Data(graph=None, train=None, test=None)  # type: ignore[arg-type]


class GINWithLoops(jwi.networks.GIN):
    """GIN-0 on a graph whose vertices have self-loops: a vertex is its own neighbor too."""

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution: the vertex itself, and once more as its neighbor."""
        return jwi.networks.GINConv(self.mlp(train=train), eps=1.0)


def load(source: str) -> ImageClassification:
    """The images of that source.

    Raises:
        DataUnavailableError: They are not at hand and cannot be downloaded.
    """
    if source == "digits":
        return mnist_embedded()
    if source == "test-only":
        return fashion_mnist_test_only()
    try:
        return fashion_mnist()
    except DataUnavailableError as error:
        raise DataUnavailableError(
            f"{error}\nOr pass --source test-only, which needs the test images alone, or --source"
            " digits, which needs no download"
        ) from error


def make_network(name: str, config: Config) -> nn.Module:
    """The network of that name, with one logit a graph."""
    settings: dict[str, Any] = {
        "width": config.width,
        "depth": config.depth,
        "num_outputs": 1,
        "readout": jwi.mean_readout,
    }
    match name:
        case "gcn":
            return jwi.networks.GCN(**settings)
        case "gat":
            return jwi.networks.GAT(**settings, heads=4)
        case _:
            norm = partial(jwi.networks.batch_norm, axis_name="pairs")
            return GINWithLoops(**settings, mlp_norm=norm)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains every network on both partitions, all seeds of a cell at a time.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    images = load(config.source)
    graph = two_cliques()
    data, walk_indices = {}, {}
    for partition in PARTITIONS:
        strips = layout(partition)
        walk_indices[partition] = jwi.walk_index(graph, strips < STRIPS, config.depth - 1)
        data[partition] = Data(
            graph,
            samples(images.train, config.num_train_pairs, config.pairs_seed, strips),
            samples(images.test, config.num_test_pairs, config.pairs_seed + 1, strips),
        )
    return {
        "deviations": deviations(config),
        "walk_index": walk_indices,
        "epochs": np.arange(0, config.max_epochs + 1, config.log_every),
        "accuracy": {name: _train(name, config, data, directory) for name in config.networks},
    }


def _train(
    name: str, config: Config, data: dict[str, Data], directory: Path
) -> dict[str, dict[str, np.ndarray]]:
    """Accuracy of a network by partition and split, float32[T, seeds]."""
    network = make_network(name, config)
    is_gin = name == "gin"
    num_chunks = 1 if is_gin else _num_chunks(config)
    rate = config.gin_learning_rate if is_gin else config.learning_rate
    # One program, so that the second partition does not compile it again.
    train = partial(
        fit,
        gradient_fn=in_chunks(from_loss(partial(_loss, network)), num_chunks),
        optimizer=optax.adam(rate),
        num_steps=config.max_epochs,
        log_every=config.log_every,
        evaluate=partial(evaluate, network),
        stopping=EarlyStopping("train_accuracy", config.patience),
        run_axes=RUN_AXES,
    )
    keys = jax.vmap(jax.random.key)(jnp.arange(config.num_seeds))
    example = data["low"].graph._replace(nodes=data["low"].train.features[0])
    variables = jax.jit(jax.vmap(network.init, in_axes=(0, None)))(keys, example)
    accuracy = {}
    for partition, shown in data.items():
        history = train(
            keys,
            variables["params"],
            data=shown,
            model_state={k: v for k, v in variables.items() if k != "params"},
            checkpoints=directory / f"{name}-{partition}",
            description=f"{config.num_seeds} {name.upper()}s, {partition} walk index",
        ).history
        accuracy[partition] = {split: history[f"{split}_accuracy"] for split in SPLITS}
    return accuracy


def predict(
    network: nn.Module,
    params: Any,
    model_state: Any,
    graph: Any,
    features: jax.Array,
    *,
    train: bool,
) -> tuple[jax.Array, Any]:
    """Logits float32[p] and the new model state.

    In training, GIN's batch statistics are over the vertices of all pairs.
    """

    def one(nodes: jax.Array) -> tuple[jax.Array, Any]:
        variables = {"params": params, **model_state}
        logits, updated = network.apply(
            variables, graph._replace(nodes=nodes), train=train, mutable=list(model_state)
        )
        return logits[0], updated

    return jax.vmap(one, axis_name="pairs", out_axes=(0, None))(features)


def evaluate(network: nn.Module, params: Any, model_state: Any, data: Data) -> dict[str, jax.Array]:
    """Train accuracy as seen in training, with batch statistics; test accuracy without."""
    accuracy = {}
    for split, shown in (("train", data.train), ("test", data.test)):
        logits, _ = predict(
            network, params, model_state, data.graph, shown.features, train=split == "train"
        )
        accuracy[f"{split}_accuracy"] = jnp.mean((logits > 0) == shown.same)
    return accuracy


def in_chunks(gradient_fn: GradientFn, num_chunks: int) -> GradientFn:
    """The gradient over all train pairs, as the mean over chunks of equally many pairs.

    Exact where pairs meet in the mean loss alone, that is without batch statistics.
    """

    def chunked(
        key: jax.Array, params: Any, model_state: Any, data: Data
    ) -> tuple[Any, Any, dict[str, jax.Array]]:
        def one(model_state: Any, chunk: Samples) -> tuple[Any, tuple[Any, jax.Array]]:
            gradient, model_state, info = gradient_fn(
                key, params, model_state, data._replace(train=chunk)
            )
            return model_state, (gradient, info["loss"])

        chunks = jax.tree.map(lambda a: a.reshape(num_chunks, -1, *a.shape[1:]), data.train)
        model_state, (gradients, losses) = jax.lax.scan(one, model_state, chunks)
        gradient = jax.tree.map(lambda g: g.mean(axis=0), gradients)
        return gradient, model_state, {"loss": losses.mean()}

    return chunked


def _num_chunks(config: Config) -> int:
    if config.chunk_size < 1 or config.num_train_pairs % config.chunk_size:
        raise ValueError(
            f"chunk_size={config.chunk_size} must divide num_train_pairs={config.num_train_pairs}."
        )
    return config.num_train_pairs // config.chunk_size


def _loss(
    network: nn.Module, key: jax.Array, params: Any, model_state: Any, data: Data
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """Binary cross-entropy over all train pairs."""
    logits, model_state = predict(
        network, params, model_state, data.graph, data.train.features, train=True
    )
    losses = optax.sigmoid_binary_cross_entropy(logits, data.train.same.astype(logits.dtype))
    return losses.mean(), (model_state, {})


def deviations(config: Config) -> list[str]:
    """What a configuration changes in the paper's protocol."""
    # These are no part of the protocol.
    free = {"networks", "pairs_seed", "log_every", "chunk_size"}
    paper = Config()
    return [
        f"{field.name} {getattr(config, field.name)} instead of {getattr(paper, field.name)}"
        for field in fields(Config)
        if field.name not in free and getattr(config, field.name) != getattr(paper, field.name)
    ]


def curves(record: Record, network: str, partition: str, split: str) -> np.ndarray:
    """Accuracy in %, float[T, seeds]; a run that has stopped keeps its last."""
    rows = 100 * np.array(record.results["accuracy"][network][partition][split], float)
    last = np.isfinite(rows).sum(axis=0) - 1
    reached = np.minimum(np.arange(len(rows))[:, None], last)
    return np.take_along_axis(rows, reached, axis=0)


def figure(record: Record) -> Figure:
    """Accuracy over epochs, train above test, with the paper's result as a line."""
    networks = _networks(record)
    figure, axes = plt.subplots(
        2,
        len(networks),
        figsize=(0.9 + 3.2 * len(networks), 5.6),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for row, split in zip(axes, SPLITS, strict=True):
        for axis, network in zip(row, networks, strict=True):
            for partition in PARTITIONS:
                runs = curves(record, network, partition, split)
                label = f"{partition}: {record.results['walk_index'][partition]}"
                color = _COLORS[partition]
                mean_and_band(axis, record.results["epochs"][: len(runs)], runs.T, label, color)
                axis.axhline(PAPER[split][network][partition][0], color=color, linestyle=":")
            axis.set_title(f"{network.upper()}, {split}", fontsize="medium")
        row[0].set_ylabel(f"{split} accuracy (%)")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    axes[0, 0].legend(title="walk index (dotted: paper)", fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Accuracy in % at the last epoch, mean ± sample std over seeds, beside the paper's."""
    rows = [["network", "walk index", *(f"{s}{of}" for s in SPLITS for of in ("", ", paper"))]]
    for network in _networks(record):
        for partition in PARTITIONS:
            cells = []
            for split in SPLITS:
                mean, std = PAPER[split][network][partition]
                last = curves(record, network, partition, split)[-1]
                cells += [mean_and_std(last, 1), f"{mean:.1f} ± {std:.1f}"]
            walk_index = record.results["walk_index"][partition]
            rows.append([network.upper(), f"{partition}, {walk_index}", *cells])
        cells = []
        for split in SPLITS:
            low, high = (PAPER[split][network][partition][0] for partition in PARTITIONS)
            differences = _differences(record, network, split)
            cells += [mean_and_std(differences, 1), f"{high - low:.1f}"]
        rows.append([network.upper(), "high − low", *cells])
    return rows


def summary(record: Record) -> str:
    """Where high walk index is ahead of low and where not, from the record's numbers."""
    ahead: list[str] = []
    other: list[str] = []
    for network in _networks(record):
        for split in SPLITS:
            differences = _differences(record, network, split)
            mean, error = differences.mean(), standard_error(differences)
            group = ahead if mean > 2 * error else other
            group.append(f"{network.upper()} {split} {mean:+z.1f} ± {error:.1f}")
    text = (
        "Accuracy with high walk index minus accuracy with low, mean ± standard error over "
        f"{record.config['num_seeds']} seeds, is above two standard errors: "
        f"{', '.join(ahead) or 'nowhere'}; is not: {', '.join(other) or 'nowhere'}."
    )
    changed = record.results["deviations"]
    return f"{text} Other than in the paper: {', '.join(changed)}." if changed else text


def _networks(record: Record) -> list[str]:
    """The networks of a record, in the paper's order."""
    return [network for network in NETWORKS if network in record.results["accuracy"]]


def _differences(record: Record, network: str, split: str) -> np.ndarray:
    """High minus low at the last epoch, float[seeds]: a pair has the same initial weights."""
    low, high = (curves(record, network, partition, split)[-1] for partition in PARTITIONS)
    return high - low
