"""The study of rewiring: tasks, training, choice and report."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jwi
from experiments.output.record import make_record
from experiments.studies.jwi.rewiring import study
from experiments.studies.jwi.rewiring.graphs import in_one_shape, rewired, room_for
from experiments.studies.jwi.rewiring.methods import METHODS
from experiments.studies.jwi.rewiring.report import outcome
from experiments.studies.jwi.rewiring.tasks import load
from experiments.studies.jwi.rewiring.training import Data, logits_of, trainer


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cells")
    return directory, study.run(study.SMOKE, directory)


def test_a_run_resumes_to_the_same_numbers(finished):
    directory, results = finished
    cells = sorted(directory.iterdir())
    # Of each of two data sets: three draws without rewiring, and three methods by two shares.
    assert len(cells) == 2 * (3 + 3 * 2)
    kept = {path: path.stat().st_mtime_ns for path in cells}
    for path in cells[:2]:
        path.unlink()
    again = study.run(study.SMOKE, directory)
    assert again == results
    unchanged = [path.stat().st_mtime_ns == kept[path] for path in cells]
    assert unchanged == [False] * 2 + [True] * (len(cells) - 2)


def test_a_run_is_reported(finished):
    record = make_record("jwi_rewiring", study.SMOKE, finished[1], 1.0)
    rows = study.table(record)
    assert {len(row) for row in rows} == {7}
    assert [row[1] for row in rows[1:6]] == [
        "no rewiring", "none, other weights", "random pairs", "1-WIS forward", "DIGL"
    ]  # fmt: skip
    assert "of 6 pairs of a data set and a method" in study.summary(record)
    axes = study.figure(record).axes
    assert [axis.get_title() for axis in axes] == ["communities", "rings"]
    labels = [text.get_text() for text in axes[0].get_yticklabels()]
    assert labels == ["none, other weights", "random pairs", "1-WIS forward", "DIGL"]
    sizes = finished[1]["communities"]["num_edges"]
    [plain, *_] = sizes["none"]
    assert sizes["random"] == [plain + np.ceil(share * plain) for share in study.SMOKE.added]
    assert 0 < finished[1]["communities"]["homophily"]["digl"][0] <= 1
    assert finished[1]["rings"]["homophily"]["digl"][0] is None


def made_record():
    """No rewiring, and a method that is better on the test set where validation says so."""
    config = replace(study.SMOKE, datasets=("made",), methods=("random",), num_splits=3)
    validation = {
        "none": [[0.5, 0.5, 0.5], [0.4, 0.5, 0.6], [0.4, 0.4, 0.4]],
        "random": [[0.6, 0.5, 0.4], [0.7, 0.4, 0.4]],
    }
    test = {
        "none": [[0.5, 0.5, 0.5], [0.1, 0.1, 0.7], [0.9, 0.9, 0.9]],
        "random": [[0.1, 0.1, 0.1], [0.8, 0.9, 0.9]],
    }
    results = {"made": {"validation_accuracy": validation, "test_accuracy": test}}
    return make_record("jwi_rewiring", config, results, 1.0)


def test_validation_alone_chooses():
    found = outcome(made_record(), "made", "random")
    # The second share in the first split, else none: of equal ones the smallest.
    np.testing.assert_allclose(found.chosen, [30, 0, 0], atol=1e-9)
    np.testing.assert_allclose(found.added, [0.5, 0, 0])
    np.testing.assert_allclose(found.sweep, [[-40] * 3, [30, 40, 40]], atol=1e-9)
    assert found.mean == pytest.approx(10)
    assert found.verdict == "no difference"
    control = outcome(made_record(), "made", "none")
    np.testing.assert_allclose(control.chosen, [0, 0, 20], atol=1e-9)


def test_an_interval_without_0_is_a_verdict():
    record = made_record()
    record.results["made"]["validation_accuracy"]["random"][1] = [0.9, 0.9, 0.9]
    for accuracy, verdict in (([0.8, 0.81, 0.79], "helps"), ([0.2, 0.21, 0.19], "harms")):
        record.results["made"]["test_accuracy"]["random"][1] = accuracy
        assert outcome(record, "made", "random").verdict == verdict
        assert f"{verdict}: random pairs on made" in study.summary(record)


def test_graphs_are_rewired_one_by_one():
    task = load("rings")
    [edges] = rewired(task, METHODS["gtr"], (0.3,), seed=0)
    assert (np.diff(task.member[edges]) == 0).all()
    added = np.bincount(task.member[edges[:, 0]]) - np.bincount(task.member[task.edges[:, 0]])
    np.testing.assert_array_equal(added, np.ceil(0.3 * np.bincount(task.member[task.edges[:, 0]])))
    assert len(edges) == room_for(task, (0.1, 0.3))
    last = task._replace(
        edges=task.edges[task.member[task.edges[:, 0]] == 11] - np.argmax(task.member == 11),
        features=task.features[task.member == 11], member=None,
    )  # fmt: skip
    [alone] = rewired(last, METHODS["gtr"], (0.3,), seed=0)
    np.testing.assert_array_equal(
        edges[task.member[edges[:, 0]] == 11] - np.argmax(task.member == 11), alone
    )


def test_logits_of_a_graph_are_those_of_the_mean_readout():
    task = load("rings")
    features = np.random.default_rng(0).normal(size=(task.num_vertices, 3)).astype(np.float32)
    graphs = in_one_shape([task.edges, task.edges[:-1]], task.num_vertices, len(task.edges) + 5)
    graph = jax.tree.map(lambda array: array[0], graphs)._replace(nodes=jnp.asarray(features))
    model = jwi.GCN(4, 2, 2)
    params = model.init(jax.random.key(0), graph)["params"]
    found = logits_of(model, params, Data(graph, task.member, task.labels, None))
    for place in range(len(task.labels)):
        inside = np.flatnonzero(task.member == place)
        own = task.edges[task.member[task.edges[:, 0]] == place] - inside[0]
        alone = jwi.from_edges(own[:, 0], own[:, 1], len(inside), nodes=features[inside])
        expected = jwi.GCN(4, 2, 2, jwi.mean_readout).apply({"params": params}, alone)
        np.testing.assert_allclose(found[place], expected, rtol=1e-4, atol=1e-5)


def test_runs_differ_by_their_own_edges():
    config, task = replace(study.SMOKE, num_splits=2), load("communities")
    train = trainer(config, task)
    both = train([task.edges, task.edges], "as it is", 0)
    other = train([task.edges, task.edges[:5]], "one without most edges", 0)
    assert other["validation_accuracy"][0] == both["validation_accuracy"][0]
    assert other != both
    assert train([task.edges, task.edges], "other weights", 1) != both


def test_unknown_names_and_shares_are_refused():
    with pytest.raises(ValueError, match="datasets has 'cara': pass names among cora, chameleon"):
        study.run(replace(study.SMOKE, datasets=("cara",)), None)
    with pytest.raises(ValueError, match="methods has 'wis': pass names among random, walk-index"):
        study.run(replace(study.SMOKE, methods=("wis",)), None)
    for shares in ((), (0.0, 0.1), (0.2, 0.1)):
        with pytest.raises(ValueError, match="pass positive shares that ascend"):
            study.run(replace(study.SMOKE, added=shares), None)
