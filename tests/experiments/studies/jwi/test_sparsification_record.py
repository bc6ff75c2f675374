import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import scipy.stats

import jwi
from experiments.data.heterophilous import without_twins
from experiments.data.vertex_classification import VertexClassification
from experiments.output.record import make_record
from experiments.studies.jwi.sparsification_record import study
from experiments.studies.jwi.sparsification_record.compare import (
    correlations,
    interval,
    mean_ranks,
    near_best,
    verdicts,
)
from experiments.studies.jwi.sparsification_record.structure import MEASURES, measure


def test_a_run_resumes_to_the_same_numbers_and_reports_them(tmp_path):
    config = replace(study.SMOKE, learning_rates=(1e-4, 1e-2), num_splits=2)
    results = study.run(config, tmp_path)
    cells = sorted(tmp_path.iterdir())
    # Two ratios of three orders.
    assert len(cells) == 6
    cells[0].unlink()
    again = study.run(config, tmp_path)
    cell = results["digits"]["gcn"]
    for name, by_method in cell.items():
        for method, values in by_method.items():
            np.testing.assert_array_equal(again["digits"]["gcn"][name][method], values)
    assert cell["test_accuracy"]["dspar"].shape == (2, 2)
    # The larger rate wins in so few steps: the smaller one alone is worse.
    slow = study.run(replace(config, learning_rates=(1e-4,), methods=("dspar",)), tmp_path / "b")
    worse = slow["digits"]["gcn"]["validation_accuracy"]["dspar"]
    assert (worse.mean(axis=1) < cell["validation_accuracy"]["dspar"].mean(axis=1)).all()
    record = make_record("jwi_sparsification_record", config, results, 1.0)
    rows = study.table(record)
    assert {len(row) for row in rows} == {6}
    assert [row[0] for row in rows[1:]] == ["digits"] * 2 + ["mean rank"] * 2 + [
        "against 1-WIS"
    ] * 2
    assert "in 2 cells" in study.summary(record)
    (axis,) = study.figure(record).axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["random", "DSpar", "1-WIS"]


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="datasets has 'cara': pass names among cora, citeseer"):
        study.run(replace(study.SMOKE, datasets=("cara",)), None)
    with pytest.raises(ValueError, match="methods has 'wis': pass names among"):
        study.run(replace(study.SMOKE, methods=("wis",)), None)


def test_measures_of_a_pruned_graph_are_their_definitions():
    rng = np.random.default_rng(0)
    graph = jwi.from_edges(*rng.integers(0, 30, (2, 45)), 30)
    edges = jwi.edge_list(graph)
    keep, labels = rng.random(len(edges)) < 0.5, rng.integers(0, 3, 30)
    whole, left = nx.empty_graph(30), nx.empty_graph(30)
    whole.add_edges_from(edges.tolist())
    left.add_edges_from(edges[keep].tolist())
    matrix = np.linalg.matrix_power(nx.to_numpy_array(left, range(30)) + np.eye(30), 3)
    long_walks = [matrix[t, t] if left.degree(t) else 0 for t in range(30)]
    walks = [1 + left.degree(t) if left.degree(t) else 0 for t in range(30)]
    measured = measure(graph, keep, labels)
    assert measured.keys() == MEASURES.keys()
    expected = {
        "isolated": nx.number_of_isolates(left) / 30,
        "paired": sum(len(part) for part in nx.connected_components(left) if len(part) == 2) / 30,
        "whole": np.mean([left.degree(t) == whole.degree(t) for t in range(30)]),
        "walk_index_share": np.mean([w / (1 + whole.degree(t)) for t, w in enumerate(walks)]),
        "log_share": np.mean(
            [math.log1p(8 * left.degree(t) / max(1, whole.degree(t))) for t in range(30)]
        ),
        "log_walk_index": np.log1p(walks).mean(),
        "long_log_walk_index": np.log1p(long_walks).mean(),
        "homophily": np.mean([labels[u] == labels[v] for u, v in left.edges]),
    }
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value), name


def test_intervals_cover_means_of_overlapping_splits():
    # Each split's result: a part that all share through their training sets, and its own.
    differences = np.random.default_rng(0).normal(size=10)
    mean, half = interval(differences, 0.0)
    low, high = scipy.stats.t.interval(0.95, 9, mean, scipy.stats.sem(differences))
    assert (mean - half, mean + half) == pytest.approx((low, high))
    assert interval(differences, 1 / 3)[1] == pytest.approx(half * np.sqrt(1 + 10 / 3))
    assert interval(np.array([1.0]), 0.3) == (1.0, np.inf)


def made_record():
    config = replace(study.SMOKE, datasets=("one", "two"), methods=("random", "one-walk-index"))
    accuracy = {"random": [[0.5, 0.6, 0.55], [0.5, 0.5, 0.5]],
                "one-walk-index": [[0.7, 0.81, 0.76], [0.5, 0.52, 0.48]]}  # fmt: skip
    structure = {"isolated": {"random": [0.3, 0.2], "one-walk-index": [0.1, 0.4]}}
    results = {d: {"gcn": {"test_accuracy": accuracy, **structure}} for d in ("one", "two")}
    return make_record("jwi_sparsification_record", config, results, 1.0)


def test_ranks_and_verdicts_are_over_graphs():
    record = made_record()
    assert mean_ranks(record, "gcn")["one-walk-index"].tolist() == [1, 1.5]
    assert verdicts(record, "gcn", "one-walk-index", "random") == [(2, 0, 0), (0, 2, 0)]
    assert verdicts(record, "gcn", "random", "one-walk-index") == [(0, 0, 2), (0, 2, 0)]
    assert correlations(record, "one", "gcn", 0) == {"isolated": pytest.approx(-1)}


def test_stars_of_figure_and_table_are_the_same():
    record = made_record()
    starred = [[cell.endswith("*") for cell in row[3:]] for row in study.table(record)[1:3]]
    assert starred == [[False, True], [True, True]]
    axis = study.figure(record).axes[0]
    drawn = {
        (round(text.get_position()[0]), round(text.get_position()[1])): text.get_text()
        for text in axis.texts
    }
    assert drawn[0, 0] == "20.7"
    for ratio, row in enumerate(starred):
        for method, star in enumerate(row):
            assert drawn[ratio, method].endswith("*") == star


def test_near_the_best_is_within_a_standard_error():
    runs = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 2.9], [1.9, 1.9, 1.9]])
    # The second is 0.03 behind, its standard error is 0.55.
    assert near_best(runs).tolist() == [True, True, False]


def test_of_twins_the_first_stays():
    # 0 and 3 have the neighbors 1 and 2, which have both; 4 has itself.
    edges = np.array([[0, 1], [2, 0], [1, 3], [3, 2], [3, 1], [4, 4]])
    data = VertexClassification("square", edges, np.eye(5, 2), np.arange(5), 5)
    alone = without_twins(data)
    assert alone.edges.tolist() == [[0, 1], [2, 2]]
    assert alone.labels.tolist() == [0, 1, 4]
    assert alone.name == "square without twins"
