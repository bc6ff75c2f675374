from dataclasses import replace

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jwi
from experiments import jwi_sparsification as study
from experiments.data.vertex_classification import Split
from experiments.loop import fit, from_loss
from experiments.record import make_record


@pytest.fixture
def graph():
    nodes = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    senders, receivers = np.triu_indices(8, 1)
    return jwi.from_edges(senders[::2], receivers[::2], 8, nodes=nodes)


def test_masks_keep_the_share_asked_for(graph):
    config = replace(study.SMOKE, removed=(0.0, 0.25, 0.5, 1.0), num_seeds=3)
    masks = np.asarray(study.sweep_masks(config, graph))
    num_edges = len(jwi.edge_list(graph))
    assert masks.shape == (2, 3, 4, num_edges)
    kept = masks.sum(axis=-1)
    np.testing.assert_array_equal(kept, np.broadcast_to(kept[0, 0], kept.shape))
    np.testing.assert_allclose(kept[0, 0], num_edges * np.array([1, 0.75, 0.5, 0]), atol=0.5)
    # A prefix of one order: what is gone stays gone.
    assert (masks[:, :, 1:] <= masks[:, :, :-1]).all()
    random, walk_index = masks
    assert not (random[0] == random[1]).all()
    assert (walk_index[0] == walk_index[1]).all()


def test_loss_and_accuracy_see_their_vertices_alone(graph):
    model = jwi.GCN(width=4, depth=2, num_outputs=3)
    params = model.init(jax.random.key(0), graph)
    keep = jnp.arange(len(jwi.edge_list(graph))) % 3 > 0
    labels = jnp.arange(8) % 3
    parts = ([0, 1, 2], [3, 4], [5, 6, 7])
    split = Split(*(np.isin(np.arange(8), part) for part in parts))
    data = jax.tree.map(jnp.asarray, study.Data(graph, labels, split, keep))
    smaller = jwi.compact(jwi.with_edge_mask(graph, keep))
    logits = np.asarray(model.apply(params, smaller), np.float64)
    shifted = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.mean([shifted[v, int(labels[v])] for v in (0, 1, 2)])
    loss, _ = study._loss(model, None, params, None, data)
    assert float(loss) == pytest.approx(expected, rel=1e-4)
    correct = logits.argmax(axis=1) == np.asarray(labels)
    metrics = study.evaluate(model, params, None, data)
    assert metrics["validation_accuracy"] == pytest.approx(correct[[3, 4]].mean())
    assert metrics["test_accuracy"] == pytest.approx(correct[[5, 6, 7]].mean())


def test_a_sweep_over_sparsities_is_one_trace(graph):
    model = jwi.GCN(width=4, depth=2, num_outputs=3)

    def loss(key, params, model_state, data):
        return study._loss(model, key, params, model_state, data)

    loss = chex.assert_max_traces(loss, 2)  # for the shapes of what it logs, and to run
    labels, split = jnp.arange(8) % 3, Split(*[jnp.ones(8, bool)] * 3)
    num_edges = len(jwi.edge_list(graph))
    keep = jnp.tri(num_edges, dtype=bool)
    keys = jax.vmap(jax.random.key)(jnp.arange(num_edges))
    params = jax.vmap(model.init, in_axes=(0, None))(keys, graph)
    gradient_fn, optimizer = from_loss(loss), optax.adam(1e-2)
    for masks in (keep, ~keep):
        data = study.Data(graph, labels, split, masks)
        fit(
            keys, params, gradient_fn, optimizer, data,
            num_steps=20, log_every=5, run_axes=study.RUN_AXES,
        )  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_smoke_run(results):
    grid = (study.SMOKE.num_seeds, len(study.SMOKE.removed))
    assert results["num_vertices"] == 1797
    assert results["num_edges"] == 7518
    for method in study.METHODS:
        assert results["test_accuracy"][method].shape == grid
    # With nothing removed, the methods are the same network on the same graph.
    np.testing.assert_array_equal(
        results["test_accuracy"]["random"][:, 0], results["test_accuracy"]["one-walk-index"][:, 0]
    )
    # It learns: ten classes by chance are 0.1; and edges matter.
    assert results["test_accuracy"]["random"][:, 0].min() > 0.5
    assert (results["test_accuracy"]["random"][:, -1] < 0.9).all()


def test_what_people_see(results):
    record = make_record("jwi_sparsification", study.SMOKE, results, 1.0)
    rows = study.table(record)
    assert [row[0] for row in rows] == ["edges removed", "0 %", "50 %", "90 %"]
    assert "seeds" in study.summary(record)
    assert len(study.figure(record).axes) == 1


def test_summary_tells_where_the_walk_index_is_ahead():
    config = replace(study.SMOKE, removed=(0.0, 0.5), num_seeds=3)
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
