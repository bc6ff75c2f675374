import json
import shutil
from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jwi
from experiments.data.vertex_classification import Split
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss
from experiments.output.record import make_record
from experiments.studies.jwi.sparsification import study
from experiments.studies.jwi.sparsification.cells import masks
from experiments.studies.jwi.sparsification.networks import initialize, make_network
from experiments.studies.jwi.sparsification.orders import LABELS, line_of, untrained_orders
from experiments.studies.jwi.sparsification.settings import settings_of
from experiments.studies.jwi.sparsification.training import (
    RUN_AXES,
    Data,
    cross_entropy,
    evaluate,
    gradient_of_loss,
    make_optimizer,
)
from experiments.studies.jwi.sparsification.ugs import Rounds, ugs_orders


@pytest.fixture
def graph():
    nodes = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    senders, receivers = np.triu_indices(8, 1)
    return jwi.from_edges(senders[::2], receivers[::2], 8, nodes=nodes)


def keys(count):
    return jax.vmap(jax.random.key)(jnp.arange(count))


def data_of(graph, keep):
    parts = ([0, 1, 2], [3, 4], [5, 6, 7])
    split = Split(*(jnp.asarray(np.isin(np.arange(8), part)) for part in parts))
    return Data(graph, jnp.arange(8) % 3, split, jnp.asarray(keep))


UNTRAINED = [method for method in LABELS if method != "ugs"]


@pytest.mark.parametrize("method", UNTRAINED)
def test_orders_are_new_for_each_run_where_they_are_random(graph, method):
    orders = untrained_orders(method, graph, keys(3))
    num_edges = len(jwi.edge_list(graph))
    assert np.sort(orders).tolist() == [list(range(num_edges))] * 3
    is_random = method in jwi.ORDERS and jwi.ORDERS[method].is_random
    assert (orders[0] == orders[1]).all() == (not is_random)
    np.testing.assert_array_equal(orders, untrained_orders(method, graph, keys(3)))


def test_methods_are_told_apart_and_their_names_checked(graph):
    lines = [line_of(method) for method in LABELS]
    assert len({line[1:] for line in lines}) == len({line.label for line in lines}) == len(lines)
    np.testing.assert_array_equal(
        untrained_orders("two-walk-index", graph, keys(1))[0], jwi.walk_index_order(graph, 3)
    )
    with pytest.raises(ValueError, match="methods has 'wis': pass names among ugs, two-walk-index"):
        study.run(replace(study.SMOKE, methods=("wis",)), None)
    with pytest.raises(ValueError, match="'ugs': it has no order without training"):
        untrained_orders("ugs", graph, keys(1))


def test_masks_keep_the_share_asked_for(graph):
    orders = untrained_orders("random", graph, keys(3))
    num_edges = len(jwi.edge_list(graph))
    kept = np.ones((3, num_edges), bool)
    for removed in (0.0, 0.25, 0.5, 1.0):
        fewer = masks(graph, orders, removed)
        np.testing.assert_allclose(fewer.sum(axis=1), num_edges * (1 - removed), atol=0.5)
        # A prefix of one order: a removed edge stays removed.
        assert (fewer <= kept).all()
        kept = fewer


@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_accuracy_see_their_vertices_and_edges_alone(graph, weighted):
    model = jwi.GCN(width=4, depth=2, num_outputs=3)
    params = jax.jit(model.init)(jax.random.key(0), graph)["params"]
    keep = np.arange(len(jwi.edge_list(graph))) % 3 > 0
    data = data_of(graph, keep)
    weight = jnp.linspace(0.5, 2, len(keep)) if weighted else None
    smaller = jwi.compact(jwi.with_edge_mask(graph, keep))
    on_arcs = weight[keep][smaller.edges.id] if weighted else None
    logits = np.asarray(jax.jit(model.apply)({"params": params}, smaller, on_arcs), np.float64)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean([shifted[v, int(data.labels[v])] for v in (0, 1, 2)])
    loss, _ = jax.jit(partial(cross_entropy, model))(jax.random.key(0), params, {}, data, weight)
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    correct = logits.argmax(axis=1) == np.asarray(data.labels)
    metrics = jax.jit(partial(evaluate, model))(params, {}, data, weight)
    assert metrics["validation_accuracy"] == pytest.approx(correct[[3, 4]].mean())
    assert metrics["test_accuracy"] == pytest.approx(correct[[5, 6, 7]].mean())


def test_a_sweep_over_sparsities_is_one_trace(graph):
    model = jwi.GCN(width=4, depth=2, num_outputs=3)

    def loss(key, params, model_state, data):
        value, model_state = cross_entropy(model, key, params, model_state, data)
        return value, (model_state, {})

    loss = chex.assert_max_traces(loss, 2)  # for the shapes of what it logs, and to run
    num_edges = len(jwi.edge_list(graph))
    keep = np.tri(num_edges, dtype=bool)
    params, model_state = initialize(model, keys(num_edges), graph)
    phase = Phase("sweep", from_loss(loss), optax.adam(1e-2), num_steps=20, log_every=5)
    for kept in (keep, ~keep):
        fit(
            keys(num_edges), params, phase, data_of(graph, kept),
            model_state=model_state, run_axes=RUN_AXES,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["gcn", "gin", "resgcn"])
def test_every_network_learns_its_training_vertices(graph, name):
    settings = settings_of("cora", name, width=8, depth=2, learning_rate=3e-2)
    model = make_network(name, settings, 3)
    params, model_state = initialize(model, keys(2), graph)
    keep = np.ones((2, len(jwi.edge_list(graph))), bool)
    gradient_fn, optimizer = gradient_of_loss(model), make_optimizer(settings)
    fitted = fit(
        keys(2), params, Phase(name, gradient_fn, optimizer, 100), data_of(graph, keep),
        model_state=model_state, run_axes=RUN_AXES,
    )  # fmt: skip
    # Of three classes; dropout, where there is any, leaves some noise.
    assert fitted.history["loss"][-1].max() < 0.6 < fitted.history["loss"][0].min()


def test_settings_are_the_papers_unless_others_are_asked_for():
    assert settings_of("dblp", "resgcn") == (128, 10, 5e-4, 1e-4, 1e-4)
    assert settings_of("cora", "gcn", width=8, depth=None) == (8, 3, 5e-4, 1e-3, 1e-2)


def test_ugs_removes_the_edges_that_hurt_first(tmp_path):
    # Vertices of one class are alike, and edges between the classes blur them.
    labels = jnp.arange(8) % 2
    noise = np.random.default_rng(3).normal(scale=0.3, size=(8, 2))
    nodes = np.asarray(np.eye(2)[np.arange(8) % 2] + noise, np.float32)
    ends = np.array([(u, v) for u in range(8) for v in range(u)])
    graph = jwi.from_edges(ends[:, 0], ends[:, 1], 8, nodes=nodes)
    data = data_of(graph, np.ones(len(ends), bool))
    data = data._replace(labels=labels, split=Split(*[jnp.ones(8, bool)] * 3))
    settings = settings_of("cora", "gcn", width=8, depth=1, learning_rate=3e-2)
    settings = settings._replace(ugs_penalty=1e-4)
    model = make_network("gcn", settings, 2)
    rounds = Rounds(num_rounds=4, max_steps=40, patience=40, log_every=40)
    orders = ugs_orders(model, settings, data, keys(3), rounds=rounds, checkpoints=tmp_path)
    assert np.sort(orders).tolist() == [list(range(len(ends)))] * 3
    across = (ends[:, 0] - ends[:, 1]) % 2 == 1
    # By chance 16 of 28 edges are across.
    assert across[orders[:, : len(ends) // 2]].mean() > 0.8
    # Interrupted and resumed, it is the same: the rounds that are there are not trained again.
    shutil.rmtree(tmp_path / "round-3")
    again = ugs_orders(model, settings, data, keys(3), rounds=rounds, checkpoints=tmp_path)
    np.testing.assert_array_equal(orders, again)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_smoke_run(results):
    grid = (study.SMOKE.num_seeds, len(study.SMOKE.removed))
    assert results["num_vertices"] == 1797
    assert results["num_edges"] == 7522
    accuracy = results["test_accuracy"]
    for method in study.SMOKE.methods:
        assert accuracy[method].shape == grid
        # With nothing removed, the methods are the same network on the same graph.
        np.testing.assert_array_equal(accuracy[method][:, 0], accuracy["random"][:, 0])
    # It learns: ten classes by chance are 0.1; and edges matter.
    assert accuracy["random"][:, 0].min() > 0.5
    assert (accuracy["random"][:, -1] < 0.9).all()


def test_a_study_goes_on_after_its_finished_cells(tmp_path):
    config = replace(study.SMOKE, methods=("random",), removed=(0.0, 0.5), max_steps=10)
    expected = study.run(config, tmp_path)
    files = sorted(path.name for path in tmp_path.glob("*.json"))
    assert files == ["random-0.0.json", "random-0.5.json"]
    # A finished cell is read, whatever it says; another is trained anew, to the same numbers.
    cell = tmp_path / "random-0.0.json"
    told = json.loads(cell.read_text())
    cell.write_text(json.dumps({**told, "test_accuracy": [0.125, 0.25]}))
    (tmp_path / "random-0.5.json").unlink()
    shutil.rmtree(tmp_path / "random-0.5")
    again = study.run(config, tmp_path)
    assert again["test_accuracy"]["random"][:, 0].tolist() == [0.125, 0.25]
    np.testing.assert_array_equal(
        again["test_accuracy"]["random"][:, 1], expected["test_accuracy"]["random"][:, 1]
    )


def test_what_people_see(results):
    record = make_record("jwi_sparsification", study.SMOKE, results, 1.0)
    rows = study.table(record)
    assert [row[0] for row in rows] == ["edges removed", "0 %", "50 %", "90 %"]
    assert rows[0][1:] == ["random", "spectral", "UGS", "2-WIS", "1-WIS", "1-WIS − random"]
    assert "seeds" in study.summary(record)
    assert len(study.figure(record).axes) == 1


def test_the_papers_numbers_stand_beside_ours():
    config = study.Config(methods=("random", "one-walk-index"), removed=(0.0, 0.5), num_seeds=1)
    accuracy = {"random": [[0.9, 0.8]], "one-walk-index": [[0.9, 0.85]]}
    record = make_record("x", config, {"test_accuracy": accuracy}, 1.0)
    assert study.table(record)[2] == ["50 %", "80.0 (80.5)", "85.0 (84.8)", "5.0"]
    assert "crosses" in study.figure(record).axes[0].get_xlabel()
    record = make_record("x", replace(config, network="gin"), {"test_accuracy": accuracy}, 1.0)
    assert study.table(record)[2] == ["50 %", "80.0", "85.0", "5.0"]


def test_summary_tells_where_the_walk_index_is_ahead():
    config = replace(
        study.SMOKE, methods=("random", "one-walk-index"), removed=(0.0, 0.5), num_seeds=3
    )
    accuracy = {
        "random": [[0.9, 0.5], [0.8, 0.52], [0.85, 0.48]],
        "one-walk-index": [[0.9, 0.7], [0.8, 0.72], [0.85, 0.71]],
    }
    record = make_record("x", config, {"test_accuracy": accuracy}, 1.0)
    shown = study.summary(record)
    assert "With 50 % of the edges of digits removed, a GCN keeps 71.0 % test accuracy" in shown
    assert "difference 21.0 ± 1.0, standard error over 3 seeds" in shown
    assert shown.endswith("at 50 % removed, and behind by as much at no share.")
    swapped = {"random": accuracy["one-walk-index"], "one-walk-index": accuracy["random"]}
    record = make_record("x", config, {"test_accuracy": swapped}, 1.0)
    assert study.summary(record).endswith("at no share removed, and behind by as much at 50 %.")
