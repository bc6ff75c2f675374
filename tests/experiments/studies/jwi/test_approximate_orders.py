from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import experiments
import jwi
from experiments.data.vertex_classification import VertexClassification
from experiments.output.record import make_record, read
from experiments.studies.jwi import approximate_orders as study


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))
    return make_record("jwi_approximate_orders", study.SMOKE, results, 1.0)


def test_overlap_is_of_the_sets_removed():
    exact, order = np.arange(10), np.array([1, 0, 5, 6, 2, 3, 4, 7, 8, 9])
    shares = (0.01, 0.2, 0.5, 1.0)
    np.testing.assert_allclose(study.overlap(order, exact, shares), [0.0, 1.0, 3 / 5, 1.0])
    np.testing.assert_allclose(study.overlap(exact, exact, shares), 1.0)


@pytest.mark.slow
def test_methods_are_what_their_names_say():
    graph = jwi.from_edges(*np.random.default_rng(0).integers(0, 15, (2, 40)), 15)
    key = jax.random.key(0)
    found = {name: order(graph) for name, order in study.methods(4, (1, 5), key).items()}
    names = ["depth 2", "depth 3", "chunks of 1", "chunks of 5", "one ranking", "random"]
    assert list(found) == names
    np.testing.assert_array_equal(found["depth 2"], jwi.walk_index_order(graph, 2))
    np.testing.assert_array_equal(found["depth 3"], jwi.walk_index_order(graph, 3))
    np.testing.assert_array_equal(found["chunks of 1"], jwi.walk_index_order(graph, 4))
    assert not np.array_equal(found["chunks of 5"], found["one ranking"])
    np.testing.assert_array_equal(found["random"], jwi.random_order(key, graph))


def test_smoke_run(record):
    config, rows = study.SMOKE, record.results["rows"]
    chunks = [f"chunks of {size}" for size in config.random_chunks]
    assert [row["method"] for row in rows] == ["depth 2", *chunks, "one ranking", "random"]
    for row in rows:
        assert np.shape(row["overlap"]) == (config.num_graphs, len(config.removed))
        assert np.all((np.array(row["overlap"]) >= 0) & (np.array(row["overlap"]) <= 1))
    # A chunk of all edges is one ranking.
    assert rows[3]["overlap"] == rows[4]["overlap"]


def test_random_graphs_are_as_configured():
    config = study.SMOKE
    graphs, _ = study._graphs(config, "random")
    edges = [jwi.edge_list(graph).tolist() for graph in graphs]
    assert [len(of_graph) for of_graph in edges] == [config.num_edges] * config.num_graphs
    assert edges[0] != edges[1]
    again, _ = study._graphs(config, "random")
    assert [jwi.edge_list(graph).tolist() for graph in again] == edges
    other, _ = study._graphs(replace(config, seed=1), "random")
    assert jwi.edge_list(other[0]).tolist() != edges[0]
    with pytest.raises(ValueError, match="cases has a graph 'citeseer': pass random or cora"):
        study._graphs(config, "citeseer")


def test_cora_is_ranked_with_chunks_of_its_own(monkeypatch, tmp_path):
    ends = np.random.default_rng(1).integers(0, 12, (30, 2))
    data = VertexClassification("cora", ends, np.zeros((12, 1)), np.zeros(12, int), 1)
    monkeypatch.setattr(study, "cora", lambda: data)
    config = replace(study.SMOKE, cases=(("cora", 3),), cora_chunks=(7,))
    rows = study.run(config, tmp_path)["rows"]
    assert [row["method"] for row in rows] == ["depth 2", "chunks of 7", "one ranking", "random"]
    graph = jwi.from_edges(*ends.T, 12)
    exact = jwi.walk_index_order(graph, 3)
    expected = study.overlap(jwi.walk_index_order(graph, 2), exact, config.removed)
    np.testing.assert_array_equal(rows[0]["overlap"], [expected])


def test_what_people_see(record):
    rows = study.table(record)
    assert rows[0][2:] == [
        "10% removed",
        "30% removed",
        "50% removed",
        "70% removed",
        "90% removed",
    ]
    assert [row[1] for row in rows[1:]] == [row["method"] for row in record.results["rows"]]
    half = np.mean(record.results["rows"][0]["overlap"], axis=0)[2]
    assert rows[1][4] == f"{half:.2f}"
    assert f"depth 2 {half:.2f}" in study.summary(record)
    axes = study.figure(record).axes
    assert [axis.get_title() for axis in axes] == ["random graphs, depth 3"]
    shown = [text.get_text() for text in axes[0].get_legend().get_texts()]
    # Chance is drawn as what it is, not as the one random order.
    assert sorted(shown) == sorted(["chance", *(row[1] for row in rows[1:-1])])


def test_committed_results_have_small_chunks_nearest_and_chance_farthest():
    results = Path(experiments.__file__).parent / "results"
    committed = read(results / "jwi_approximate_orders.json")
    cases = study.Config().cases
    assert [tuple(case) for case in committed.config["cases"]] == list(cases)
    for name, depth in cases:
        half = {r["method"]: study._mean(r)[2] for r in study._select(committed, name, depth)}
        chance = half.pop("random")
        lower = [overlap for method, overlap in half.items() if method.startswith("depth")]
        assert lower == sorted(lower)
        assert len(lower) == depth - 2
        assert max(half, key=half.get) == f"chunks of {4 if name == 'random' else 10}"
        assert min(half.values()) > chance
    assert (results / "jwi_approximate_orders.svg").exists()
