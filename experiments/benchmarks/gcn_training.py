"""How much faster than in PyTorch Geometric is an epoch of training a graph network?

Full-batch Adam steps of the sparsification study's GCN (3 layers of 64, LayerNorm, masked edges, so
degrees anew each step), on the same CPU: one seed with the features as they come, one with sparse
features, and the share of one seed in a sweep: all seeds vmapped on one device; vmapped on each
device, over which they are spread (each core of a CPU is one); and in turn on each device, as the
training loop has them on a CPU. The peer is eager PyTorch with `GCNConv(cached=True)`, which
computes degrees once; its columns are empty where PyTorch Geometric is not installed.
"""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.experimental.sparse import BCOO

from experiments.benchmarks.timing import compare, ratio
from experiments.engine.runs import Spread
from experiments.studies.jwi.sparsification.networks import initialize
from experiments.studies.jwi.sparsification.prepare import Study, prepare
from experiments.studies.jwi.sparsification.training import (
    RUN_AXES,
    Data,
    gradient_of_loss,
    make_optimizer,
)


@dataclass(frozen=True)
class Config:
    """Graphs, and how many epochs are timed."""

    datasets: tuple[str, ...] = ("cora", "dblp")
    num_epochs: int = 20
    num_seeds: int = 4
    """Of the sweeps."""
    repeats: int = 3


# How the seeds of a sweep share the devices.
Sweep = Literal["vmapped", "vmapped-on-each", "in-turn"]

SMOKE = Config(datasets=("digits",), num_epochs=2, num_seeds=2, repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times ours and the peer's epochs in turn, for each data set."""
    labels = {
        "dense": "dense",
        "sparse": "sparse",
        "vmapped": "vmapped on one device",
        "vmapped-on-each": "vmapped on each",
        "in-turn": "in turn on each",
    }
    rows = [
        [
            "data set",
            *(f"{label} (ms)" for label in labels.values()),
            *(f"PyG / {label}" for label in labels.values()),
        ]
    ]
    for name in config.datasets:
        prepared = prepare(name, "gcn", num_seeds=config.num_seeds)
        data = prepared.data
        nodes = data.graph.nodes
        dense = nodes.todense() if isinstance(nodes, BCOO) else nodes
        on_dense = data._replace(graph=data.graph._replace(nodes=dense))
        on_sparse = data._replace(graph=data.graph._replace(nodes=BCOO.fromdense(dense)))
        functions = {
            "dense": _epochs(config.num_epochs, prepared, on_dense),
            "sparse": _epochs(config.num_epochs, prepared, on_sparse),
            **{
                sweep: _epochs(config.num_epochs, prepared, data, sweep=sweep)
                for sweep in get_args(Sweep)
            },
        }
        if importlib.util.find_spec("torch_geometric"):
            functions["peer"] = _peer_epochs(config.num_epochs, prepared, on_dense)
        timings = compare(functions, repeats=config.repeats)
        ms = {key: 1e3 * timing.median / config.num_epochs for key, timing in timings.items()}
        seeds = dict.fromkeys(get_args(Sweep), config.num_seeds)
        shares = {key: seeds.get(key, 1) for key in labels}
        rows.append(
            [
                name,
                *(f"{ms[key] / share:.2f}" for key, share in shares.items()),
                *(
                    f"{share * ratio(timings['peer'], timings[key]):.1f}"
                    if "peer" in timings
                    else "–"
                    for key, share in shares.items()
                ),
            ]
        )
    return {"table": rows}


def _epochs(
    num_epochs: int,
    prepared: Study,
    data: Data,
    *,
    sweep: Sweep | None = None,
) -> Callable[[], Any]:
    """Trains one seed, or all at once; starts anew with every call."""
    params, model_state = initialize(prepared.model, prepared.keys, data.graph)
    gradient_fn = gradient_of_loss(prepared.model)
    optimizer = make_optimizer(prepared.settings)

    def train(params: Any, model_state: Any, data: Data) -> Any:
        def step(carry: Any, key: jax.Array) -> tuple[Any, None]:
            params, opt_state, model_state = carry
            gradient, model_state, _ = gradient_fn(key, params, model_state, data)
            updates, opt_state = optimizer.update(gradient, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state, model_state), None

        start = params, optimizer.init(params), model_state
        keys = jax.random.split(jax.random.key(0), num_epochs)
        return jax.lax.scan(step, start, keys)[0]

    if sweep is None:
        first = jax.tree.map(lambda leaf: leaf[0], (params, model_state))
        return partial(jax.jit(train), *first, data)
    keep = jnp.broadcast_to(data.keep, (len(prepared.keys), len(data.keep)))
    data = data._replace(keep=keep)
    vmapped = jax.vmap(train, in_axes=(0, 0, RUN_AXES))
    if sweep == "vmapped":
        return partial(jax.jit(vmapped), params, model_state, data)

    def in_turn(params: Any, model_state: Any, data: Data) -> Any:
        def one(run: tuple[Any, Any, jax.Array]) -> Any:
            params, model_state, keep = run
            return train(params, model_state, data._replace(keep=keep))

        return jax.lax.map(one, (params, model_state, data.keep))

    on_a_device = in_turn if sweep == "in-turn" else vmapped
    spread = Spread.over_devices(len(prepared.keys), params, data)
    return partial(
        jax.jit(spread.on_each(on_a_device, RUN_AXES)),
        spread.put_runs(params),
        spread.put_runs(model_state),
        spread.put_data(data, RUN_AXES),
    )


def _peer_epochs(num_epochs: int, prepared: Study, data: Data) -> Callable[[], Any]:
    import torch
    import torch_geometric.nn as pyg

    width, depth = prepared.settings.width, prepared.settings.depth
    x = torch.from_numpy(np.array(data.graph.nodes))
    edge_index = torch.from_numpy(
        np.stack([data.graph.senders, data.graph.receivers]).astype(np.int64)
    )
    labels = torch.from_numpy(np.array(data.labels, np.int64))
    train = torch.from_numpy(np.array(data.split.train))
    widths = [x.shape[1], *[width] * depth]
    convs = [pyg.GCNConv(a, b, cached=True) for a, b in pairwise(widths)]
    norms = [torch.nn.LayerNorm(width) for _ in convs]
    head = torch.nn.Linear(width, int(labels.max()) + 1)
    modules = torch.nn.ModuleList([*convs, *norms, head])
    optimizer = torch.optim.Adam(
        modules.parameters(),
        lr=prepared.settings.learning_rate,
        weight_decay=prepared.settings.weight_decay,
    )

    def epochs() -> None:
        for _ in range(num_epochs):
            hidden = x
            for conv, norm in zip(convs, norms, strict=True):
                hidden = norm(torch.relu(conv(hidden, edge_index)))
            loss = torch.nn.functional.cross_entropy(head(hidden)[train], labels[train])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epochs
