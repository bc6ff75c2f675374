import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.output.record import fingerprint, make_record, read, write


@dataclasses.dataclass(frozen=True)
class Config:
    rate: float = 1e-4
    widths: tuple[int, ...] = (3, 2)


def test_what_is_read_is_what_was_written(tmp_path):
    results = {
        "curve": np.array([0.1, 0.2], np.float32),
        "nested": {"matrix": jnp.eye(2), "undefined": float("nan"), "count": np.int64(2**60)},
        "names": ["a", "b"],
    }
    record = make_record("study", Config(), results, 1.25)
    path = write(record, tmp_path / "new")
    assert path.name == "study.json"
    back = read(path)
    assert back == record
    assert back.config == {"rate": 1e-4, "widths": [3, 2]}
    assert back.results["curve"] == [0.1, 0.2]  # float32's digits, not float64's
    assert back.results["nested"] == {
        "matrix": [[1.0, 0.0], [0.0, 1.0]],
        "undefined": None,
        "count": 2**60,
    }
    assert {"jax", "numpy", "optax"} <= set(back.provenance["versions"])
    assert back.provenance["seconds"] == 1.2
    assert back.provenance["resumed"] is False


def test_results_that_json_cannot_hold_are_refused():
    with pytest.raises(TypeError, match="has a <class 'set'>: pass numbers, strings and arrays"):
        make_record("study", Config(), {"a": {1}}, 0.0)


def test_a_file_that_is_no_record_is_refused(tmp_path):
    for content in ("{}", "nonsense", json.dumps({"name": 1, "other": 2})):
        path = tmp_path / "x.json"
        path.write_text(content)
        with pytest.raises(ValueError, match=r"x\.json is not the record of an experiment"):
            read(path)


def test_fingerprints_tell_configurations_apart():
    assert fingerprint(Config()) == fingerprint(Config())
    assert fingerprint(Config()) != fingerprint(Config(rate=1e-3))
