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
    """All that is timed on a graph, by its label."""
    n = len(graph.nodes)
    keys = jax.random.split(jax.random.key(0), 3)
    values, cotangent = (jax.random.normal(key, (n, width)) for key in keys[:2])
    weight = jax.random.uniform(keys[2], (len(graph.senders),))
    return _sums(graph, values, weight, cotangent) | _normalizations(values, cotangent)


def _sums(graph: GraphsTuple, values: Any, weight: Any, cotangent: Any) -> dict[str, Quantity]:
    n, num_arcs = values.shape[0], len(graph.senders)
    ends = np.array(graph.receivers), np.array(graph.senders)
    matrix, dense = scipy.sparse.csr_array((np.array(weight), ends), (n, n)), np.array(values)

    def segment_sum(graph: GraphsTuple, values: Any, weight: Any) -> Any:
        messages = values[graph.senders] * weight[:, None]
        return jax.ops.segment_sum(messages, graph.receivers, n)

    by, given = (jwi.neighbor_sum, segment_sum), (graph, values, weight)
    ours, peer = (_compiled(function, *given) for function in by)
    ours_back, peer_back = (_compiled(_gradients(each, cotangent), *given) for each in by)
    return {
        "weighted sum": Quantity(ours, peer, lambda: matrix @ dense, num_arcs),
        "its gradient in values and weights": Quantity(ours_back, peer_back, None, 2 * num_arcs),
    }


def _normalizations(values: Any, cotangent: Any) -> dict[str, Quantity]:
    layers = LayerNorm(), nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)
    given = None, layers[0].init(jax.random.key(0), values), values

    def normalized(layer: nn.Module) -> Callable[..., Any]:
        return lambda _, params, values: layer.apply(params, values)

    by = [normalized(layer) for layer in layers]
    ours, peer = (_compiled(function, *given) for function in by)
    ours_back, peer_back = (_compiled(_gradients(each, cotangent), *given) for each in by)
    return {
        "layer normalization": Quantity(ours, peer, None, len(values)),
        "its gradient in values and parameters": Quantity(
            ours_back, peer_back, None, 2 * len(values)
        ),
    }


def _gradients(function: Callable[..., Any], cotangent: Any) -> Callable[..., Any]:
    """The gradient in all arguments after the first."""
    return lambda graph, *arguments: jax.vjp(
        lambda *arguments: function(graph, *arguments), *arguments
    )[1](cotangent)


def _compiled(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    # As arguments: constants could be computed with by the compiler.
    jitted = jax.jit(function)
    return lambda: jitted(*arguments)


def _check_agreement(label: str, ours: Any, *peers: Any) -> None:
    for peer in peers:
        close = jax.tree.map(
            lambda a, b: np.allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(b).max()), ours, peer
        )
        if not all(jax.tree.leaves(close)):
            raise AssertionError(f"{label}: ours and a peer's differ")
