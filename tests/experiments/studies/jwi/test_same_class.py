import gzip
import hashlib
from dataclasses import replace
from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jwi
from experiments.data import fashion_mnist
from experiments.data.image_pairs import draw_pairs
from experiments.data.mnist import Images
from experiments.data.pairs_on_cliques import STRIPS, Samples, layout, samples, two_cliques
from experiments.data.sources import DataUnavailableError
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss
from experiments.output.record import make_record
from experiments.studies.jwi.same_class import study
from experiments.studies.jwi.same_class.config import NETWORKS, PARTITIONS
from experiments.studies.jwi.same_class.networks import (
    Data,
    evaluate,
    in_chunks,
    loss,
    make_network,
    predict,
)


def test_walk_indices_are_the_papers():
    graph = two_cliques()
    assert len(jwi.edge_list(graph)) == 2 * 120 + 1
    walk_indices = {
        partition: jwi.walk_index(graph, layout(partition) < STRIPS, length=2)
        for partition in PARTITIONS
    }
    assert walk_indices == {"low": 548, "high": 8258}


def test_layouts_place_every_strip_once():
    low, high = layout("low"), layout("high")
    assert sorted(low) == sorted(high) == list(range(32))
    # Low: an image a clique. High: first halves on one clique, second halves on the other.
    assert (low[:16] < 16).all()
    assert high[:16:2].tolist() == list(range(8))
    assert high[1:16:2].tolist() == list(range(16, 24))
    assert high[16::2].tolist() == list(range(24, 32))
    assert high[17::2].tolist() == list(range(8, 16))


def test_pairs_are_half_of_one_class():
    labels = np.random.default_rng(0).integers(4, size=100)
    pairs = draw_pairs(labels, 6000, seed=0)
    assert pairs.same.sum() == 3000
    np.testing.assert_array_equal(labels[pairs.first] == labels[pairs.second], pairs.same)
    assert (pairs.first != pairs.second).all()
    # Classes are drawn uniformly, however many images they have: 5 standard errors of 1500.
    np.testing.assert_allclose(np.bincount(labels[pairs.first]), 1500, atol=5 * 1500**0.5)
    # Every image turns up on both sides; its share of them is 60 with std 8.
    for side in (pairs.first, pairs.second):
        assert len(np.unique(side)) == 100
    again = draw_pairs(labels, 6000, seed=0)
    np.testing.assert_array_equal(pairs.first, again.first)
    assert (pairs.first != draw_pairs(labels, 6000, seed=1).first).any()


@pytest.mark.parametrize(
    ("labels", "num_pairs", "message"),
    [
        ([0, 0, 1, 1], 3, "num_pairs=3: pass a positive even number"),
        ([0, 0, 1, 1], 0, "num_pairs=0: pass a positive even number"),
        ([0, 0, 1], 2, r"labels have 2 classes of \[2, 1\] images: pass two"),
        ([0, 0, 0], 2, r"labels have 1 classes of \[3\] images: pass two"),
    ],
)
def test_pairs_that_cannot_be_drawn(labels, num_pairs, message):
    with pytest.raises(ValueError, match=message):
        draw_pairs(np.array(labels), num_pairs, seed=0)


def test_vertices_hold_the_strips_of_their_images():
    labels = np.repeat(np.arange(3, dtype=np.int32), 4)
    # Each strip of 49 pixels has a number of its own: 100 × image + strip.
    strips = 100 * np.arange(12)[:, None] + np.arange(16)
    pixels = np.repeat(strips, 49, axis=1).reshape(12, 28, 28).astype(np.float32)
    drawn = samples(Images(pixels, labels), 50, 0, layout("high"))
    assert drawn.features.shape == (50, 32, 49)
    assert drawn.features.dtype == np.float32
    image, strip = np.divmod(np.asarray(drawn.features)[..., 0].astype(int), 100)
    on_second = layout("high") >= 16
    pairs = draw_pairs(labels, 50, 0)
    np.testing.assert_array_equal(
        image, np.where(on_second, pairs.second[:, None], pairs.first[:, None])
    )
    np.testing.assert_array_equal(strip, np.broadcast_to(layout("high") % 16, (50, 32)))
    np.testing.assert_array_equal(drawn.same, pairs.same)


@pytest.fixture(scope="module")
def data():
    """Ten pairs of noise, six pixels a strip: small networks see them in the tests below."""
    rng = np.random.default_rng(0)

    def noise(num_pairs):
        features = rng.normal(size=(num_pairs, 32, 6)).astype(np.float32)
        return Samples(jnp.asarray(features), jnp.arange(num_pairs) % 2 == 0)

    return Data(two_cliques(), noise(10), noise(4))


@pytest.fixture(scope="module")
def gcn(data):
    return initialize("gcn", data)


def initialize(name, data):
    """A network, its parameters and its state."""
    network = make_network(name, study.SMOKE)
    graph = data.graph._replace(nodes=data.train.features[0])
    variables = jax.jit(network.init)(jax.random.key(0), graph)
    return network, variables["params"], {k: v for k, v in variables.items() if k != "params"}


def test_gin_normalizes_over_the_vertices_of_all_pairs(data):
    network, params, model_state = initialize("gin", data)
    features = data.train.features
    of_network = jax.jit(partial(predict, network, train=True))
    logits, updated = of_network(params, model_state, data.graph, features)
    # The same network on the disjoint union of the ten graphs, in float64.
    adjacency = np.eye(32)
    adjacency[np.ix_(range(16), range(16))] = adjacency[np.ix_(range(16, 32), range(16, 32))] = 1
    adjacency[0, 16] = adjacency[16, 0] = 1
    # Self-loops make a vertex its own neighbor, beside the term of its own.
    hidden = (adjacency + np.eye(32)) @ np.asarray(features, np.float64)
    weights = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    mlp, head = weights["GINConv_0"]["mlp"], weights["head"]
    first = None
    for i in range(2):
        hidden = hidden @ mlp[f"Linear_{i}"]["kernel"] + mlp[f"Linear_{i}"]["bias"]
        mean, variance = hidden.mean(axis=(0, 1)), hidden.var(axis=(0, 1))
        first = mean if first is None else first
        hidden = np.maximum((hidden - mean) / np.sqrt(variance + 1e-5), 0)
    hidden -= hidden.mean(axis=-1, keepdims=True)
    hidden /= np.sqrt((hidden**2).mean(axis=-1, keepdims=True) + 1e-5)
    expected = hidden.mean(axis=1) @ head["kernel"] + head["bias"]
    np.testing.assert_allclose(logits, expected[:, 0], atol=1e-4)
    running = updated["batch_stats"]["GINConv_0"]["mlp"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(running, 0.1 * first, atol=1e-5)


def test_loss_and_accuracy_are_means_over_their_pairs(data, gcn):
    network, params, model_state = gcn
    apply = jax.jit(network.apply)
    expected = {}
    for split, shown in (("train", data.train), ("test", data.test)):
        graphs = [data.graph._replace(nodes=features) for features in shown.features]
        logits = np.array([apply({"params": params}, graph)[0] for graph in graphs])
        same = np.asarray(shown.same)
        expected[f"{split}_accuracy"] = np.mean((logits > 0) == same)
        if split == "train":
            mean_loss = -np.mean(np.log(1 / (1 + np.exp(np.where(same, -logits, logits)))))
    accuracy = jax.jit(partial(evaluate, network))(params, model_state, data)
    assert {k: float(v) for k, v in accuracy.items()} == pytest.approx(expected)
    found, _ = jax.jit(partial(loss, network, None))(params, model_state, data)
    assert float(found) == pytest.approx(mean_loss, 1e-4)


def test_chunks_have_the_gradient_of_the_whole(data, gcn):
    network, *state = gcn
    gradient_fn = from_loss(partial(loss, network))
    whole, _, info = jax.jit(gradient_fn)(None, *state, data)
    chunked, _, chunked_info = jax.jit(in_chunks(gradient_fn, 5))(None, *state, data)
    chex.assert_trees_all_close(chunked, whole, atol=1e-6)
    assert float(chunked_info["loss"]) == pytest.approx(float(info["loss"]), 1e-5)
    for size in (3, 0):
        with pytest.raises(
            ValueError, match=f"chunk_size={size}: pass a divisor of num_train_pairs=10"
        ):
            study._num_chunks(replace(study.SMOKE, num_train_pairs=10, chunk_size=size))


def test_both_partitions_are_one_trace(data, gcn):
    network, params, model_state = gcn
    of_network = partial(loss, network)
    # One trace for the shapes of its log, and one to run.
    counted = chex.assert_max_traces(lambda *a: of_network(*a), 2)
    phase = Phase("both", from_loss(counted), optax.adam(1e-2), num_steps=4, log_every=2)
    for shown in (data, data._replace(train=data.train._replace(features=-data.train.features))):
        fit(jax.random.key(0), params, phase, shown, model_state=model_state)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_smoke_run(results):
    # Of depth 1: the vertices on the boundary.
    assert results["walk_index"] == {"low": 2, "high": 32}
    assert results["epochs"].tolist() == [0, 10, 20, 30]
    for network in NETWORKS:
        for partition in PARTITIONS:
            accuracy = results["accuracy"][network][partition]
            assert accuracy["train"].shape == (4, 2)
            # Shares of 20 test pairs.
            assert np.isin(np.round(20 * accuracy["test"], 3) % 1, 0).all()
    for accuracy in results["accuracy"]["gin"].values():
        assert accuracy["train"][-1].mean() > accuracy["train"][0].mean() + 0.15


def test_what_people_see(results):
    record = make_record("jwi_same_class", study.SMOKE, results, 1.0)
    rows = study.table(record)
    assert [row[:2] for row in rows[1:4]] == [
        ["GCN", "low, 2"], ["GCN", "high, 32"], ["GCN", "high − low"],
    ]  # fmt: skip
    assert len(study.figure(record).axes) == 6
    shown = study.summary(record)
    assert "num_train_pairs 40 instead of 10000" in shown
    assert "log_every" not in shown


def test_summary_tells_where_high_is_ahead():
    # Three seeds, two looks; the third seed stopped after the first look.
    low = [[0.5, 0.52, 0.51], [0.6, 0.62, None]]
    high = [[0.5, 0.5, 0.71], [0.8, 0.82, None]]
    same = {"low": {"train": low, "test": low}, "high": {"train": high, "test": low}}
    results = {
        "deviations": [],
        "walk_index": {"low": 548, "high": 8258},
        "epochs": [0, 10],
        "accuracy": dict.fromkeys(NETWORKS, same),
    }
    record = make_record("x", replace(study.Config(), num_seeds=3), results, 1.0)
    shown = study.summary(record)
    assert "is above two standard errors: GCN train +20.0 ± 0.0, GAT train" in shown
    assert "is not: GCN test +0.0 ± 0.0, GAT test" in shown
    assert "Other than in the paper" not in shown
    # 60, 62 and, where the run stopped, 51.
    assert study.table(record)[1][2] == "57.7 ± 5.9"
    record = make_record(
        "x", study.Config(networks=("gat",)), {**results, "accuracy": {"gat": same}}, 1
    )
    assert [row[0] for row in study.table(record)] == ["network", "GAT", "GAT", "GAT"]
    assert [axis.get_title() for axis in study.figure(record).axes] == ["GAT, train", "GAT, test"]


@pytest.fixture
def no_copies(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPERIMENTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DATA_DIR", raising=False)
    monkeypatch.setattr(fashion_mnist, "_PACKAGE_FOLDER", tmp_path / "package")
    monkeypatch.setattr(fashion_mnist, "_URLS", ("http://127.0.0.1:9/",))
    return tmp_path


def test_missing_images_say_what_to_do(no_copies):
    with pytest.raises(DataUnavailableError, match="installing the package dataset-fashion-mnist"):
        fashion_mnist.fashion_mnist_test_only()
    with pytest.raises(DataUnavailableError, match="--source test-only, which needs the test im"):
        study.load("train-and-test")


def test_files_of_the_package_are_verified_by_their_content(no_copies, monkeypatch):
    content = b"the labels"
    package = no_copies / "package"
    package.mkdir()
    name = "t10k-labels-idx1-ubyte.gz"
    (package / name).write_bytes(gzip.compress(content, mtime=1))
    with pytest.raises(DataUnavailableError, match="install the package dataset-fashion-mnist ag"):
        fashion_mnist._find(name)
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(fashion_mnist._SHA256, name, ("of the public file", digest))
    assert fashion_mnist._find(name) == package / name


@pytest.mark.public_data
def test_test_images_are_fashion_mnists():
    data = fashion_mnist.fashion_mnist_test_only()
    assert data.train.pixels.shape == data.test.pixels.shape == (5000, 28, 28)
    assert data.train.labels[:3].tolist() == [9, 1, 6]
    assert data.test.labels[:3].tolist() == [2, 1, 1]
    assert (
        np.bincount(np.concatenate([data.train.labels, data.test.labels])).tolist() == [1000] * 10
    )
    assert data.train.pixels.max() == 1
