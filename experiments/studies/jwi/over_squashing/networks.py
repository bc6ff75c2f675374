"""GCNs on many graphs at once: their training, and how strongly vertices interact in them."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jwi
import jwi.networks
from experiments.engine.loop import Host, fit
from experiments.engine.phases import Phase, from_loss
from experiments.studies.jwi.over_squashing.config import Config

PREDICTIONS = ("vertex", "graph")


class Data(NamedTuple):
    """What a run is trained on.

    Attributes:
        complete: The complete directed graph: every graph is a mask of it, so all compile once.
        mask: bool[arcs], the arcs of the run's graph.
        target: float[n, n], whose product with the inputs is learned: see `Networks.targets`.
    """

    complete: Any
    mask: Any
    target: Any

    @property
    def graph(self) -> Any:
        """The run's graph."""
        return jwi.with_edge_mask(self.complete, self.mask)


RUN_AXES = Data(complete=None, mask=0, target=0)


def data_of(adjacency: list[np.ndarray], prediction: str, seed: int) -> Data:
    """The graphs, each with random targets."""
    rng, n = np.random.default_rng(seed), len(adjacency[0])
    different = ~np.eye(n, dtype=bool)
    return Data(
        jwi.from_edges(*np.nonzero(different), n, undirected=False),
        np.stack([one[different] for one in adjacency]),
        np.stack([_target(rng, n, prediction) for _ in adjacency]),
    )


class Networks(NamedTuple):
    """One network's form on one graph after the other.

    Attributes:
        config: The study's.
        prediction: Of every "vertex", or of the "graph".
    """

    config: Config
    prediction: str

    @property
    def module(self) -> jwi.networks.GCN:
        """The GCN, with one output."""
        readout = jwi.vertex_readout if self.prediction == "vertex" else jwi.mean_readout
        return jwi.networks.GCN(self.config.width, self.config.depth, 1, readout)

    def outputs(self, params: Any, graph: Any, nodes: jax.Array) -> jax.Array:
        """float[n] for vertices, float[] for the graph."""
        outputs: Any = self.module.apply({"params": params}, graph._replace(nodes=nodes))
        return outputs[..., 0]

    def targets(self, target: jax.Array, nodes: jax.Array) -> jax.Array:
        """What is learned: sums of others' features, or sums of products of features."""
        if self.prediction == "vertex":
            return target @ nodes.mean(axis=1)
        return jnp.vdot(target, nodes @ nodes.T)

    def initial(self, data: Data) -> Any:
        """Initial parameters, a run a graph."""
        nodes = jnp.zeros((self.config.num_vertices, self.config.input_width))
        initial = jax.vmap(self.module.init, in_axes=(0, None))
        return jax.jit(initial)(self._keys(data), data.complete._replace(nodes=nodes))["params"]

    def trained(self, params: Any, data: Data, directory: Path) -> tuple[Any, np.ndarray]:
        """Parameters after training, and losses float[logged, runs]."""
        config = self.config
        phase = Phase(
            f"{len(data.mask)} GCNs, prediction of the {self.prediction}", from_loss(self._loss),
            optax.adam(config.learning_rate), config.num_steps,
            log_every=max(1, config.num_steps // 10), batch_fn=_keyed,
        )  # fmt: skip
        host = Host(directory / self.prediction)
        done = fit(self._keys(data), params, phase, data, run_axes=RUN_AXES, host=host)
        return done.params, done.history["loss"]

    def _keys(self, data: Data) -> jax.Array:
        runs = jnp.arange(len(data.mask))
        return jax.vmap(partial(jax.random.fold_in, jax.random.key(self.config.seed)))(runs)

    def _loss(
        self, key: jax.Array, params: Any, state: Any, batch: tuple[jax.Array, Data]
    ) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
        """Mean squared error on fresh normal inputs."""
        del key
        step_key, data = batch
        shape = (self.config.batch_size, self.config.num_vertices, self.config.input_width)
        nodes = jax.random.normal(step_key, shape)
        outputs = jax.vmap(partial(self.outputs, params, data.graph))(nodes)
        learned = jax.vmap(partial(self.targets, data.target))(nodes)
        return jnp.mean((outputs - learned) ** 2), (state, {})

    def inputs(self) -> jax.Array:
        """The inputs over which interactions are averaged, float[inputs, n, d]."""
        config = self.config
        shape = (config.num_inputs, config.num_vertices, config.input_width)
        return jax.random.normal(jax.random.key(config.seed + 1), shape)

    def interactions(self, params: Any, data: Data) -> np.ndarray:
        """How strongly vertices interact, float[runs, n, n], averaged over inputs.

        For predictions of vertices, entry (t, v) is the norm of the derivative of t's prediction
        in the features of v. For a prediction over the graph, it is the root of the mean square of
        the second derivatives in the features of t and v.
        """
        nodes = self.inputs()

        def of_one(run: tuple[Any, jax.Array]) -> jax.Array:
            params, mask = run
            outputs = partial(self.outputs, params, data._replace(mask=mask).graph)
            if self.prediction == "vertex":
                jacobians = jax.vmap(jax.jacrev(outputs))(nodes)
                return jnp.linalg.norm(jacobians, axis=-1).mean(axis=0)
            # Message passing has a derivative of its own, which only reverse mode takes twice.
            hessians = jax.vmap(jax.jacrev(jax.jacrev(outputs)))(nodes)
            return jnp.sqrt(jnp.sum(hessians**2, axis=(2, 4)).mean(axis=0))

        # Graphs take turns: the derivatives of all at once would fill the memory.
        return np.asarray(jax.jit(partial(jax.lax.map, of_one))((params, data.mask)))


def _keyed(key: jax.Array, step: jax.Array, data: Data) -> tuple[jax.Array, Data]:
    return jax.random.fold_in(key, step), data


def _target(rng: np.random.Generator, n: int, prediction: str) -> np.ndarray:
    """Weights of the sums that are learned, of variance 1 over normal inputs of one feature."""
    if prediction == "graph":
        first, second = np.divmod(rng.choice(n * n, n, replace=False), n)
    else:
        first = np.repeat(np.arange(n), 4)
        second = np.concatenate([rng.choice(n, 4, replace=False) for _ in range(n)])
    weights = np.zeros((n, n), np.float32)
    weights[first, second] = n**-0.5 if prediction == "graph" else 0.5
    return weights
