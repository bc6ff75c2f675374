"""Product aggregation, in its three arithmetics, against the definition in Python's integers."""

import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jwi.graph.graph import compact, from_edges, with_edge_mask
from jwi.networks import LogProductNetwork, ModularProductNetwork, ProductNetwork
from jwi.networks.product import check_factors
from jwi.walks import count_walks
from tests.cases.messages import (
    LIST,
    TABLE,
    assert_gradient_is_the_slope,
    kept_arcs,
    pad_arcs,
    random_graph,
    random_variables,
    relabel,
    to_float64,
)

PRIME = 65521
DEPTH = 2
VERTICES, GRAPH = "__call__", "graph_prediction"


def integer_case(seed, n=TABLE, high=4, undirected=True):
    """A graph with small integer features, and small integer weights."""
    rng = np.random.default_rng(seed)
    graph = random_graph(seed, n=n, undirected=undirected)
    x = rng.integers(-high, high + 1, size=(n, 2))
    weights = [rng.integers(-high, high + 1, size=shape) for shape in [(2, 3), (3, 3), (3, 1)]]
    return graph, x.astype(object), [w.astype(object) for w in weights]


def by_definition(graph, x, weights, method):
    """Equations of the paper, with self-loops, in whatever numbers are given: [n or nothing, 1]."""
    hidden = x
    for kernel in weights[:-1]:
        mapped = hidden @ kernel
        hidden = mapped.copy()
        for _, j, i in kept_arcs(graph):
            hidden[i] *= mapped[j]
    if method == GRAPH:
        hidden = np.multiply.reduce(hidden, axis=0)
    return hidden @ weights[-1]


def predict(network, params, graph, method):
    return jax.jit(network.apply, static_argnames="method")(params, graph, method=method)


def variables(network, weights):
    """The network's parameters, from int[d_in, d_out] a layer."""
    *layers, head = [jnp.asarray(w.astype(np.int64), jnp.float32) for w in weights]
    nested = isinstance(network, LogProductNetwork)
    if isinstance(network, ModularProductNetwork):
        *layers, head = [jnp.asarray((w % network.prime).astype(np.uint32)) for w in weights]

    def params(kernel):
        return {"dense": {"kernel": kernel}} if nested else {"kernel": kernel}

    named = {f"layers_{layer}": params(kernel) for layer, kernel in enumerate(layers)}
    return {"params": {**named, "head": params(head)}}


def with_features(graph, x, dtype=np.float32):
    return graph._replace(nodes=jnp.asarray(x.astype(dtype)))


CASES = [(0, TABLE, True), (1, TABLE, False), (2, LIST, True), (3, LIST, False)]


@pytest.mark.parametrize("method", [VERTICES, GRAPH])
@pytest.mark.parametrize(("seed", "n", "undirected"), CASES)
def test_modular_network_is_the_definition_modulo_the_prime(seed, n, undirected, method):
    graph, x, weights = integer_case(seed, n, high=10**6, undirected=undirected)
    network = ModularProductNetwork(3, DEPTH)
    params = variables(network, weights)
    actual = predict(network, params, with_features(graph, x, np.int32), method)
    assert actual.dtype == jnp.uint32
    assert actual.tolist() == (by_definition(graph, x, weights, method) % PRIME).tolist()


@pytest.mark.parametrize("method", [VERTICES, GRAPH])
@pytest.mark.parametrize(("seed", "n", "undirected"), CASES)
def test_float_network_is_the_definition(seed, n, undirected, method):
    graph = random_graph(seed, n=n, num_features=2, undirected=undirected)
    network = ProductNetwork(3, DEPTH)
    params = random_variables(network, graph)
    p = to_float64(params)["params"]
    weights = [p[name]["kernel"] for name in ("layers_0", "layers_1", "head")]
    exact = by_definition(graph, np.float64(graph.nodes), weights, method)
    actual = predict(network, params, graph, method)
    # Relative to the largest: the sums of a linear map cancel. The prediction is a polynomial of
    # the features, of a degree that counts the factors: one rounding each.
    counts = count_walks(graph, DEPTH)
    degree = counts.sum() if method == GRAPH else counts.max()
    largest = np.abs(exact).max()
    atol = np.finfo(np.float32).eps * degree
    np.testing.assert_allclose(np.float64(actual) / largest, exact / largest, rtol=0, atol=atol)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_log_network_has_the_sign_and_logarithm_where_floats_overflow(n):
    graph, x, weights = integer_case(5, n, high=10**6)
    graph = with_features(graph, x)
    network, floats = LogProductNetwork(3, DEPTH), ProductNetwork(3, DEPTH)
    for method in (VERTICES, GRAPH):
        exact = by_definition(graph, x, weights, method).ravel().tolist()
        sign, log = predict(network, variables(network, weights), graph, method)
        assert sign.ravel().tolist() == [(value > 0) - (value < 0) for value in exact]
        # Python's logarithm takes integers of any size.
        logs = [math.log(abs(value)) for value in exact]
        np.testing.assert_allclose(log.ravel(), logs, rtol=1e-5)
    overflowed = predict(floats, variables(floats, weights), graph, GRAPH)
    assert not np.isfinite(overflowed).all()


def test_log_network_represents_zero():
    graph, x, weights = integer_case(0)
    network = LogProductNetwork(3, DEPTH)
    sign, log = network.apply(variables(network, weights), with_features(graph, 0 * x))
    assert (sign == 0).all()
    assert (log == -np.inf).all()


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_gradient_is_exact_where_factors_are_zero(n):
    graph, x, weights = integer_case(2, n, high=1)
    network = ProductNetwork(3, DEPTH)
    params = variables(network, weights)
    assert (x @ weights[0] == 0).any()

    def loss(x, params):
        # Sines of a polynomial: a loss all of whose partial derivatives matter.
        return jnp.sin(network.apply(params, graph._replace(nodes=x))).sum()

    assert_gradient_is_the_slope(loss, with_features(graph, x).nodes, params)


def test_log_network_has_the_gradient_of_the_logarithm():
    graph, x, _ = integer_case(3)
    network = LogProductNetwork(3, DEPTH)

    def loss(x, params):
        _, log = network.apply(params, graph._replace(nodes=x), method=GRAPH)
        return log.sum()

    # Away from zeros, where the logarithm has no gradient.
    params = random_variables(network, with_features(graph, x))
    assert_gradient_is_the_slope(loss, graph.nodes[:, :2], params)


@pytest.mark.parametrize("n", [TABLE, LIST])
def test_masked_padded_compacted_and_relabeled_graphs_agree(n):
    graph, x, weights = integer_case(4, n)
    graph = with_features(graph, x, np.int32)
    network = ModularProductNetwork(3, DEPTH)
    params, apply = variables(network, weights), jax.jit(network.apply)
    expected = apply(params, graph)
    chex.assert_trees_all_equal(apply(params, compact(graph)), expected)
    chex.assert_trees_all_equal(apply(params, pad_arcs(graph, 3, vertex=0)), expected)
    chex.assert_trees_all_equal(apply(params, pad_arcs(graph, 3, vertex=n - 2)), expected)
    new_label = np.random.default_rng(0).permutation(n)
    relabeled, _ = relabel(graph, new_label)
    chex.assert_trees_all_equal(apply(params, relabeled)[new_label], expected)
    everything = with_edge_mask(graph, np.ones(16, bool))
    assert (apply(params, everything) != expected).any()


@pytest.mark.parametrize("network", [ModularProductNetwork(3, DEPTH), ProductNetwork(3, DEPTH)])
def test_vmap_over_features_and_masks_is_a_loop_in_one_trace(network):
    graph, _, weights = integer_case(4, LIST)
    params = variables(network, weights)
    dtype = np.int32 if isinstance(network, ModularProductNetwork) else np.float32
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.integers(-2, 3, size=(3, LIST, 2)).astype(dtype))
    keep = jnp.asarray(rng.random((3, 16)) < 0.5)

    def sweep(graph, x, keep):
        graph = with_edge_mask(graph, keep)._replace(nodes=x)
        return network.apply(params, graph, method=GRAPH)

    chex.clear_trace_counter()
    swept = jax.jit(jax.vmap(chex.assert_max_traces(sweep, n=1), in_axes=(None, 0, 0)))
    swept(graph, x, ~keep)
    predictions, alone = swept(graph, x, keep), jax.jit(sweep)
    for k in range(3):
        np.testing.assert_allclose(predictions[k], alone(graph, x[k], keep[k]), rtol=1e-5)


def test_initial_modular_weights_are_residues(key):
    graph, x, _ = integer_case(0)
    params = ModularProductNetwork(30, 1).init(key, with_features(graph, x, np.int32))
    kernel = params["params"]["layers_0"]["kernel"]
    assert kernel.dtype == jnp.uint32
    assert int(kernel.max()) < PRIME
    # Uniform: 60 of them reach beyond 9/10 of the range, but for a chance of 0.002.
    assert int(kernel.max()) > 0.9 * PRIME


@pytest.mark.parametrize("network", [ProductNetwork(2, 1), LogProductNetwork(2, 1)])
def test_float32_refuses_more_factors_than_it_carries(network, key):
    graph = from_edges([0], [1], 104_858, nodes=np.ones((104_858, 1), np.float32))
    message = "graph.nodes has 104858 vertices and a product in float32 has two correct digits"
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(network.init, key, graph)


def test_float64_takes_them():
    check_factors(10**9, jnp.float64)


@pytest.mark.parametrize(
    ("network", "nodes", "message"),
    [
        (ModularProductNetwork(2, 1), np.ones((2, 1), np.float32), "graph.nodes is float32: pass"),
        (ModularProductNetwork(2, 1, prime=65537), np.ones((2, 1), int), "prime is 65537: pass a"),
        (ModularProductNetwork(2, 1, prime=91), np.ones((2, 1), int), "prime is 91: pass a prime"),
        (ModularProductNetwork(2, 1), np.ones((2, 65552), int), "values have 65552 features and"),
    ],
)
def test_modular_network_refuses(network, nodes, message, key):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(network.init, key, from_edges([0], [1], 2, nodes=nodes))
