"""How fast are sums over arcs and layer normalization on a CPU, compiled as loops by this library?

Of rows of 64 features, on one core or two as each function likes. The peers are what one would
write in JAX, `jax.ops.segment_sum` of gathered rows and Flax's LayerNorm, and SciPy's CSR product,
which has no gradient. The limit is a copy of as many rows as are read at the least: one an arc for
a sum over arcs, one a vertex for a layer; a gradient reads them twice more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np
import scipy.sparse

import jwi
from experiments.benchmarks.timing import compare, ratio
from experiments.studies.jwi.sparsification.prepare import load
from jwi.graph.graph import GraphsTuple
from jwi.networks import LayerNorm


@dataclass(frozen=True)
class Config:
    """Graphs, and how often each function is timed."""

    datasets: tuple[str, ...] = ("cora", "dblp", "tolokers")
    width: int = 64
    repeats: int = 5


SMOKE = Config(datasets=("digits",), width=8, repeats=1)


class Quantity(NamedTuple):
    """Computations of ours and of peers, which must agree; the last reads so many rows."""

    ours: Callable[[], Any]
    jax: Callable[[], Any]
    scipy: Callable[[], Any] | None
    num_rows: int


def run(config: Config) -> dict[str, Any]:
    """Times each quantity beside its peers and the limit."""
    rows = [
        ["data set", "arcs", "quantity", "ours (ms)", "JAX / ours", "SciPy / ours", "ours / copy"]
    ]
    for name in config.datasets:
        loaded = load(name)
        graph = jwi.from_edges(loaded.edges[:, 0], loaded.edges[:, 1], len(loaded.labels))
        for label, quantity in _quantities(graph, config.width).items():
            copied = np.ones((quantity.num_rows, config.width), np.float32)
            target = np.empty_like(copied)
            functions: dict[str, Callable[[], Any]] = {
                "ours": quantity.ours,
                "jax": quantity.jax,
                "copy": lambda target=target, copied=copied: np.copyto(target, copied),  # type: ignore[misc]
            }
            if quantity.scipy is not None:
                functions["scipy"] = quantity.scipy
            _check_agreement(label, *(functions[key]() for key in functions if key != "copy"))
            timings = compare(functions, repeats=config.repeats)
            rows.append(
                [
                    name,
                    f"{len(graph.senders):,}",
                    label,
                    f"{1e3 * timings['ours'].median:.2f}",
                    f"{ratio(timings['jax'], timings['ours']):.1f}",
                    f"{ratio(timings['scipy'], timings['ours']):.1f}" if quantity.scipy else "–",
                    f"{ratio(timings['ours'], timings['copy']):.1f}",
                ]
            )
    return {"table": rows}


def _quantities(graph: GraphsTuple, width: int) -> dict[str, Quantity]:
    n, num_arcs = len(graph.nodes), len(graph.senders)
    keys = jax.random.split(jax.random.key(0), 3)
    values, cotangent = (jax.random.normal(key, (n, width)) for key in keys[:2])
    weight = jax.random.uniform(keys[2], (num_arcs,))
    matrix = scipy.sparse.csr_array(
        (np.array(weight), (np.array(graph.receivers), np.array(graph.senders))), shape=(n, n)
    )

    def segment_sum(graph: GraphsTuple, values: Any, weight: Any) -> Any:
        messages = values[graph.senders] * weight[:, None]
        return jax.ops.segment_sum(messages, graph.receivers, n)

    def gradients(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda graph, *arguments: jax.vjp(
            lambda *arguments: function(graph, *arguments), *arguments
        )[1](cotangent)

    def compiled(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        # As arguments: constants could be computed with by the compiler.
        jitted = jax.jit(function)
        return lambda: jitted(*arguments)

    layers = LayerNorm(), nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)
    params = layers[0].init(jax.random.key(0), values)

    def normalized(layer: nn.Module) -> Callable[..., Any]:
        return lambda _, params, values: layer.apply(params, values)

    sums, by_layer = (graph, values, weight), (None, params, values)
    dense = np.array(values)
    return {
        "weighted sum": Quantity(
            compiled(jwi.neighbor_sum, *sums),
            compiled(segment_sum, *sums),
            lambda: matrix @ dense,
            num_arcs,
        ),
        "its gradient in values and weights": Quantity(
            compiled(gradients(jwi.neighbor_sum), *sums),
            compiled(gradients(segment_sum), *sums),
            None,
            2 * num_arcs,
        ),
        "layer normalization": Quantity(
            compiled(normalized(layers[0]), *by_layer),
            compiled(normalized(layers[1]), *by_layer),
            None,
            n,
        ),
        "its gradient in values and parameters": Quantity(
            compiled(gradients(normalized(layers[0])), *by_layer),
            compiled(gradients(normalized(layers[1])), *by_layer),
            None,
            2 * n,
        ),
    }


def _check_agreement(label: str, ours: Any, *peers: Any) -> None:
    for peer in peers:
        close = jax.tree.map(
            lambda a, b: np.allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max()), ours, peer
        )
        if not all(jax.tree.leaves(close)):
            raise AssertionError(f"{label}: ours and a peer's differ")
