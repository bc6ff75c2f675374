import sys
from functools import partial
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
import jwi
from experiments.benchmarks import (
    estimators,
    exact_policy_gradient,
    large_orders,
    one_walk_index_order,
    plain_walk_index_orders,
)
from experiments.benchmarks.__main__ import BENCHMARKS, main
from tests.cases.devices import on_devices


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs_and_makes_a_table(name, tmp_path, capsys):
    assert main([name, "--smoke", "--out", str(tmp_path)]) == 0
    assert (tmp_path / f"benchmark_{name}.json").is_file()
    benchmark = import_module(f"experiments.benchmarks.{name}")
    assert benchmark.__doc__.splitlines()[0] in capsys.readouterr().out


def test_the_peer_of_the_prefix_tree_computes_the_same_gradient():
    policy = jrft.tabular_policy(3, 2)
    params = policy.init(jax.random.key(0))
    prompt, rewards = jnp.array([1, 2]), jax.random.uniform(jax.random.key(1), (9,))
    expected = jrft.exact_policy_gradient(policy, params, prompt, rewards)
    for block in (4, 100):
        peer = exact_policy_gradient._enumerated(policy, block, params, prompt, rewards)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), peer, expected)


def test_the_loop_over_samples_sums_to_the_vmapped_estimate():
    policy = jrft.tabular_policy(3, 2)
    problem = jax.random.key(0), policy, policy.init(jax.random.key(1)), jnp.zeros(1, jnp.int32)
    loop = estimators._loop(*problem, 20)
    np.testing.assert_allclose(loop, estimators._vmapped(problem, 20, 8)(), atol=1e-6)


def test_pytorch_has_the_same_gradient():
    pytest.importorskip("torch")
    from experiments.benchmarks.peers.torch_decoder import TorchDecoder

    policy = jrft.transformer(3, 2, max_prompt=2, width=8, depth=2, heads=2)
    params = policy.init(jax.random.key(0))
    prompt, rewards = np.array([1, 2]), np.random.default_rng(0).uniform(size=9).astype(np.float32)
    expected = jrft.exact_policy_gradient(policy, params, prompt, rewards)
    peer = TorchDecoder(policy, params).policy_gradient(prompt, rewards, 4)
    for mine, other in zip(jax.tree.leaves(expected["params"]), peer, strict=True):
        np.testing.assert_allclose(other, mine, atol=1e-6)


def test_the_benchmarked_graph_has_a_heavy_tail():
    graph = one_walk_index_order.power_law_graph(0, 20_000, 3_000)
    degree = np.bincount(jwi.edge_list(graph).ravel(), minlength=3_000)
    assert len(jwi.edge_list(graph)) > 15_000
    assert degree.max() > 10 * degree.mean()


@pytest.mark.parametrize("num_edges", [3, 12, 25])
def test_the_plain_orders_are_ours_edge_for_edge(num_edges):
    for seed in range(4):
        # Many ties: 8 vertices, and one more without an edge.
        ends = np.random.default_rng(seed).integers(0, 8, (2, num_edges))
        graph = jwi.from_edges(ends[0], ends[1], 9)
        edges = jwi.edge_list(graph)
        np.testing.assert_array_equal(
            plain_walk_index_orders.plain_one_walk_index_order(edges, 9),
            jwi.one_walk_index_order(graph),
        )
        np.testing.assert_array_equal(
            plain_walk_index_orders.plain_two_walk_index_order(edges, 9),
            jwi.walk_index_order(graph, 3),
        )


def test_orders_that_differ_are_not_timed(monkeypatch):
    monkeypatch.setattr(jwi, "one_walk_index_order", lambda graph: jwi.edge_list(graph)[:, 0])
    with pytest.raises(RuntimeError, match="1-WIS and its plain form differ on"):
        plain_walk_index_orders.run(plain_walk_index_orders.SMOKE)


@pytest.mark.slow  # three compilations; test_runs has the same spread on a small problem
def test_a_sweep_spread_over_devices_trains_as_a_vmapped_one_does():
    program = """
import jax, numpy as np
from experiments.benchmarks.gcn_training import _epochs
from experiments.studies.jwi.sparsification.prepare import prepare
study = prepare("digits", "gcn", num_seeds=4)
vmapped = _epochs(3, study, study.data, sweep="vmapped")()
for sweep in ("vmapped-on-each", "in-turn"):
    spread = _epochs(3, study, study.data, sweep=sweep)()
    assert all(len(leaf.sharding.device_set) == 2 for leaf in jax.tree.leaves(spread[0]))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), vmapped[0], spread[0]
    )
"""
    on_devices(2, program)


def test_the_graph_of_cliques_is_rich_in_triangles():
    graph = large_orders.cliques_graph(0, 5_000, 10)
    edges = jwi.edge_list(graph)
    adjacency = np.zeros((len(graph.nodes), len(graph.nodes)), int)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    triangles = np.trace(adjacency @ adjacency @ adjacency) / 6
    assert len(edges) > 4_000
    assert triangles > 2.5 * len(edges)  # a clique of ten has 120 for 45 edges


def test_the_graph_with_a_hub_has_one():
    graph = large_orders.hub_graph(0, 1_100)
    degree = np.bincount(jwi.edge_list(graph).ravel())
    assert degree[0] == len(graph.nodes) - 1 == 1_000
    assert degree[1:].max() < 10
    assert len(jwi.edge_list(graph)) > 1_050


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_that_a_call_takes_is_seen(monkeypatch):
    def sees(num_bytes):
        monkeypatch.setattr(large_orders, "_order", lambda *_: np.ones(num_bytes, np.int8).sum())
        make = partial(one_walk_index_order.power_law_graph, 0, 200_000, 30_000)
        return large_orders.growth(make, 2, 1.0) * jwi.edge_list(make()).nbytes

    assert 0.9e8 < sees(100_000_000) < 1.2e8
