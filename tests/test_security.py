"""Files of strangers run no code: pickles are refused before they are loaded."""

import pickle
from pathlib import Path

import numpy as np
import pytest

import jrft
import jrft.cli
import jwi.cli
from experiments.data.planetoid import load_pickle


class Evil:
    """An object whose unpickling creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """An array of such an object, in a folder of its own; no file may have been created."""
    monkeypatch.chdir(tmp_path)
    trace = tmp_path / "trace"
    yield Evil(trace)
    assert not trace.exists()


def test_such_objects_would_run(tmp_path):
    pickle.loads(pickle.dumps(Evil(tmp_path / "trace")))
    assert (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["edges", "edge_index", "data", "rewards"])
def test_archives_of_objects_are_refused(evil, capsys, name):
    np.savez("file.npz", **{name: np.array([evil], object)})
    assert jwi.cli.main(["info", "file.npz"]) == 2
    assert jrft.cli.main(["diagnose", "file.npz"]) == 2
    assert capsys.readouterr().err.count("file.npz") >= 2


def test_arrays_of_objects_are_refused(evil):
    np.save("file.npy", np.array([evil], object))
    assert jwi.cli.main(["info", "file.npy"]) == 2
    assert jrft.cli.main(["diagnose", "file.npy"]) == 2


@pytest.mark.parametrize("name", ["file.npz", "file.csv", "file.pt", "file.pkl", "file.jsonl"])
def test_pickles_by_any_name_are_refused(evil, name):
    Path(name).write_bytes(pickle.dumps(evil))
    assert jwi.cli.main(["info", name]) == 2
    assert jrft.cli.main(["diagnose", name]) == 2


def test_pickled_weights_are_refused(evil):
    Path("config.json").write_text('{"model_type": "gpt2"}')
    Path("pytorch_model.bin").write_bytes(pickle.dumps(evil))
    with pytest.raises(ValueError, match="safetensors"):
        jrft.from_pretrained(".", length=2)


def test_published_pickles_hold_arrays_alone(evil):
    Path("ind.cora.x").write_bytes(pickle.dumps(evil))
    with pytest.raises(pickle.UnpicklingError):
        load_pickle(Path("ind.cora.x"))
