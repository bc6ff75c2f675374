"""Walk indices, distances and interactions on small graphs."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jwi
import jwi.networks
import jwi.walks
from experiments.output.record import make_record
from experiments.studies.jwi.over_squashing import graphs, study
from experiments.studies.jwi.over_squashing.config import SMOKE
from experiments.studies.jwi.over_squashing.correlations import (
    partial_rank_correlations,
    rank_correlations,
)
from experiments.studies.jwi.over_squashing.networks import Networks, data_of

PATH = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]], bool)


def test_graphs_are_connected_and_halves_are_halves():
    rng = np.random.default_rng(0)
    for adjacency in graphs.connected_graphs(12, 8, seed=0):
        np.testing.assert_array_equal(adjacency, adjacency.T)
        assert not adjacency.diagonal().any()
        reached = np.linalg.matrix_power(adjacency + np.eye(8), 8)
        assert (reached > 0).all()
        halves = graphs.halves(adjacency, 4, rng)
        assert (halves.sum(axis=1) == 4).all()
        for half in halves[1::2]:
            within = adjacency[np.ix_(half, half)] + np.eye(4)
            assert (np.linalg.matrix_power(within, 4) > 0).all()


def test_walk_index_of_a_pair_counts_walks_between_its_vertices():
    for adjacency in graphs.connected_graphs(6, 8, seed=1):
        walks = np.linalg.matrix_power(adjacency + np.eye(8), 3)
        found = graphs.of_pairs(adjacency, depth=3)
        np.testing.assert_array_equal(found.walk_index, graphs.off_diagonal(walks))
        np.testing.assert_array_equal(found.cut, graphs.off_diagonal(adjacency))


def test_commute_time_is_the_sum_of_two_hitting_times():
    for adjacency in graphs.connected_graphs(6, 8, seed=2):
        step = adjacency / adjacency.sum(axis=1, keepdims=True)
        hitting = np.zeros((8, 8))
        for goal in range(8):
            others = np.arange(8) != goal
            left = np.eye(7) - step[np.ix_(others, others)]
            hitting[others, goal] = np.linalg.solve(left, np.ones(7))
        found = graphs.of_pairs(adjacency, depth=3)
        expected = graphs.off_diagonal(hitting + hitting.T)
        np.testing.assert_allclose(found.commute_time, expected, rtol=1e-9)


def test_properties_of_a_partition_of_a_path():
    inside = np.array([[True, True, False, False], [True, False, True, False]])
    found = graphs.of_partitions(PATH, inside, depth=2)
    # On a tree the resistance is the distance: 2, 3, 1, 2 and 1, 3, 1, 1.
    np.testing.assert_allclose(found.distance, [2, 1.5])
    np.testing.assert_allclose(found.resistance, [2, 1.5])
    np.testing.assert_array_equal(found.cut, [1, 3])
    # Walks of one step from the boundary, stays included: from 1 and 2, and from all.
    np.testing.assert_array_equal(found.walk_index, [6, 10])


def test_weighted_walks_are_the_gcn_s_without_its_nonlinearities():
    [adjacency] = graphs.connected_graphs(1, 8, seed=3)
    graph = jwi.from_edges(*np.nonzero(np.triu(adjacency)), 8)
    layer = jwi.networks.GCNConv(features=8)
    weights = {"params": {"linear": {"kernel": jnp.eye(8)}, "bias": jnp.zeros(8)}}
    powers = [jnp.eye(8)]
    for _ in range(3):
        powers.append(layer.apply(weights, graph, jnp.asarray(powers[-1])))
    found = graphs.of_pairs(adjacency, depth=3).weighted_walk_index
    np.testing.assert_allclose(
        found, graphs.off_diagonal(np.asarray(powers[3])), rtol=1e-5, atol=1e-7
    )
    half = np.arange(8) < 4
    boundary = jwi.walks.boundary(graph, half)
    [found] = graphs.of_partitions(adjacency, half[None], depth=3).weighted_walk_index
    np.testing.assert_allclose(found, powers[2][boundary].sum(), rtol=1e-5)


def test_partial_correlations_are_those_of_the_inverse_of_the_correlation_matrix():
    rng = np.random.default_rng(0)
    properties = rng.normal(size=(3, 50)) + rng.normal(size=50)
    strengths = properties[0] ** 3 - properties[1] + rng.normal(size=50)
    everything = np.vstack([properties, strengths])
    matrix = scipy.stats.spearmanr(everything, axis=1).statistic
    precision = np.linalg.inv(matrix)
    scale = np.sqrt(np.diag(precision))
    np.testing.assert_allclose(
        partial_rank_correlations(properties, strengths),
        -(precision / scale / scale[:, None])[3, :3],
    )
    np.testing.assert_allclose(rank_correlations(properties, strengths), matrix[3, :3])


def test_a_property_that_others_determine_has_no_partial_correlation():
    values = np.arange(6.0)
    found = partial_rank_correlations(np.stack([values, values**2]), values[::-1])
    assert np.isnan(found).all()


@pytest.mark.parametrize("prediction", ["vertex", "graph"])
def test_interactions_are_finite_differences(prediction):
    networks = Networks(replace(SMOKE, num_inputs=2), prediction)
    data = data_of(graphs.connected_graphs(1, SMOKE.num_vertices, seed=0), prediction, seed=0)
    params = networks.initial(data)
    [found] = networks.interactions(params, data)
    own, graph = jax.tree.map(lambda x: x[0], params), data._replace(mask=data.mask[0]).graph
    # Values for predictions of vertices, first derivatives for a prediction over the graph.
    function = partial(networks.outputs, own, graph)
    function = jax.jit(function if prediction == "vertex" else jax.grad(function))
    for v in range(2):
        squares = []
        for nodes in np.asarray(networks.inputs()):
            columns = []
            for i in range(nodes.shape[1]):
                step = np.zeros_like(nodes)
                step[v, i] = 1e-3
                columns.append((function(nodes + step) - function(nodes - step)) / 2e-3)
            # The sum over features of v, and of t where there is such an axis.
            squares.append(np.square(columns).sum(axis=0).reshape(len(nodes), -1).sum(axis=1))
        is_vertex = prediction == "vertex"
        expected = np.sqrt(squares).mean(axis=0) if is_vertex else np.sqrt(np.mean(squares, axis=0))
        np.testing.assert_allclose(found[:, v], expected, rtol=0.02, atol=1e-3)


def test_interactions_across_a_partition():
    strengths = np.arange(9.0).reshape(3, 3)
    inside = np.array([[True, False, False], [True, False, True]])
    assert study.across(inside, strengths).tolist() == [5**0.5, (1 + 7**2) ** 0.5]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = study.run(SMOKE, tmp_path_factory.mktemp("smoke"))
    return make_record("jwi_over_squashing", SMOKE, results, 1.0)


def test_smoke_run(record):
    for subject in study.SUBJECTS:
        for weights in study.WEIGHTS:
            found = record.results[subject][weights]
            within = np.array(found["within"], float)
            assert within.shape == (SMOKE.num_graphs, len(study.LABELS))
            assert (np.abs(within[np.isfinite(within)]) <= 1).all()
            assert list(found["joint"]) == list(graphs.Properties._fields)


def test_what_people_see(record):
    rows = study.table(record)
    assert len(rows) == 1 + 2 * 2 * 2
    assert study.summary(record).count("walk index") == 4
    figure = study.figure(record)
    assert [axis.get_title() for axis in figure.axes] == list(study.SUBJECTS.values())
