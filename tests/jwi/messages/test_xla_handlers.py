"""Compiled loops as XLA calls them: the structures, refusals, threads and programs around them."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numba import njit

from jwi.messages.cpu import xla_handlers
from jwi.messages.cpu.xla_handlers import (
    array_1d,
    array_2d,
    batch_shape,
    by_platform,
    operand,
    result,
)

ROOT = Path(__file__).parents[3]
FLOAT = np.dtype(np.float32)


@njit
def sums_and_doubles(frame, dtype):
    """Σ over the rows of a matrix, plus a vector; and the vector twice."""
    totals, doubles = result(frame, 0), result(frame, 1)
    batch = batch_shape(totals, 1)
    for k in range(batch.prod()):
        total, double = array_1d(totals, batch, k, dtype), array_1d(doubles, batch, k, dtype)
        vector = array_1d(operand(frame, 1), batch, k, dtype)
        total[:] = vector
        for row in array_2d(operand(frame, 0), batch, k, dtype):
            total += row
        double[:] = 2 * vector


def compiled(matrix, vector):
    out = jax.ShapeDtypeStruct(vector.shape, vector.dtype)
    return tuple(xla_handlers.call(sums_and_doubles, vector.dtype, [out, out], matrix, vector))


def plain(matrix, vector):
    return matrix.sum(axis=0) + vector, 2 * vector


either = by_platform(plain, compiled, sums_and_doubles)


def header():
    path = Path(jax.ffi.include_dir(), "xla", "ffi", "api", "c_api.h")
    return re.sub(r"//.*", "", path.read_text(encoding="utf-8"))


def fields_in_header(structure):
    body = re.search(rf"struct XLA_FFI_{structure} {{(.*?)}}", header(), re.DOTALL).group(1)
    return re.findall(r"(\w+);", body)


@pytest.mark.parametrize("name", xla_handlers.STRUCTURES)
def test_structures_have_the_fields_of_the_header(name):
    fields = fields_in_header(name)
    if name == "Metadata_Extension":
        assert fields == ["extension_base", "metadata"]
        base = re.search(r"XLA_FFI_(\w+) extension_base;", header()).group(1)
        fields = [*fields_in_header(base), "metadata"]
    if name == "CallFrame":
        # Attributes and what follows them are not read.
        assert fields[-2:] == ["attrs", "future"]
        fields = fields[:-2]
        for buffers in ("Args", "Rets"):
            *same, last = fields_in_header(buffers)
            assert last == buffers.lower()
            ours = xla_handlers.STRUCTURES["CallFrame"][buffers.lower()].names
            assert [*same, "addresses"] == list(ours)
    assert list(xla_handlers.STRUCTURES[name].names) == fields


def test_the_version_is_one_that_the_header_covers():
    found = re.findall(r"define XLA_FFI_API_M(?:AJOR|INOR) (\d+)", header())
    major, minor = map(int, found)
    # XLA takes handlers of older minor versions; the calls in this folder's tests show it.
    assert (major, minor) >= xla_handlers.API_VERSION > (major, minor - 3)


def test_a_version_that_xla_does_not_know_is_refused_with_a_warning(monkeypatch):
    @njit
    def newer(frame, dtype):
        pass

    monkeypatch.setattr(xla_handlers, "API_VERSION", (0, 1000))
    monkeypatch.setattr(xla_handlers, "_answered", njit(xla_handlers._answered.py_func))
    with pytest.warns(UserWarning, match=r"refuses the compiled loop .*newer.*\(0\.1000\)"):
        assert not xla_handlers.available(newer, FLOAT)
    vector = jnp.arange(3.0)
    assert (
        "custom_call"
        not in jax.jit(by_platform(plain, compiled, newer)).lower(vector[None], vector).as_text()
    )


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.int32], ids=str)
def test_there_are_no_loops_for_other_types(dtype):
    assert not xla_handlers.available(sums_and_doubles, jnp.dtype(dtype))
    vector = jnp.arange(3, dtype=dtype)
    assert either(vector[None], vector)[0].tolist() == [0, 2, 4]


def test_several_results_and_wide_numbers():
    for dtype in (jnp.float32, jnp.float64):
        with jax.enable_x64(dtype == jnp.float64):
            matrix = jnp.arange(6, dtype=dtype).reshape(2, 3) + jnp.asarray(2**0.5, dtype)
            for ours, expected in zip(
                either(matrix, matrix[0]), plain(matrix, matrix[0]), strict=True
            ):
                assert ours.dtype == dtype
                np.testing.assert_allclose(ours, expected, rtol=4 * jnp.finfo(dtype).eps)


def test_transposed_operands_are_read_in_their_order():
    matrix = jnp.arange(6.0).reshape(2, 3)
    total, _ = jax.jit(lambda m: either(m.T, m[:, 0]))(matrix)
    assert total.tolist() == [0 + 1 + 2 + 0, 3 + 4 + 5 + 3]


def test_calls_in_loops_branches_and_threads_are_each_their_own():
    matrix = jnp.arange(12.0).reshape(4, 3)

    @jax.jit
    def repeated(vector):
        def step(vector, _):
            total, double = either(matrix, vector)
            return jax.lax.cond(total.sum() > 1e4, lambda: double / 100, lambda: total), total

        return jax.lax.scan(step, vector, length=50)[1]

    starts = [jnp.full(3, float(start)) for start in range(8)]
    expected = [repeated(start) for start in starts]
    results = [None] * len(starts)

    def work(k):
        for _ in range(20):
            results[k] = repeated(starts[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(starts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(results, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_one_registration_serves_threads_that_ask_at_once():
    @njit
    def asked_for(frame, dtype):
        pass

    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(xla_handlers.available(asked_for, FLOAT)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8


DEVICES = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
import jwi
from jwi.networks import LayerNorm

graph = jwi.from_edges(np.arange(99), np.arange(1, 100), 100)
layer = LayerNorm()
params = layer.init(jax.random.key(0), jnp.ones((100, 3)))
x = jax.random.normal(jax.random.key(1), (4, 100, 3))

def values(x):
    return jax.vmap(lambda x: layer.apply(params, jwi.neighbor_sum(graph, x)))(x)

def gradients(x):
    return jax.grad(lambda x: jnp.sin(values(x)).sum())(x)

def close(results, expected):
    for result in results:
        np.testing.assert_allclose(result, expected, atol=1e-5)

for kind in (AxisType.Auto, AxisType.Explicit):
    mesh = jax.make_mesh((2,), ("x",), axis_types=(kind,))
    with jax.set_mesh(mesh):
        placed = jax.device_put(x, NamedSharding(mesh, P("x")))
        in_both = dict(mesh=mesh, in_specs=P("x"), out_specs=P("x"))
        checked = jax.jit(jax.shard_map(values, **in_both))
        checked_gradients = jax.jit(jax.shard_map(gradients, **in_both))
        unchecked = jax.jit(jax.shard_map(gradients, **in_both, check_vma=False))
        results = [jax.jit(values)(placed), checked(placed)], [
            jax.jit(gradients)(placed), unchecked(placed), checked_gradients(placed)
        ]
        # XLA cannot divide a compiled loop, but `shard_map` gives each device one of its own.
        if kind == AxisType.Auto:
            assert "jwi.messages" not in jax.jit(gradients).lower(placed).compile().as_text()
        assert "jwi.messages" in unchecked.lower(placed).compile().as_text()
    close(results[0], values(x))
    close(results[1], gradients(x))
"""


def test_several_devices_have_the_same_results():
    python(DEVICES)


EXPORT = """
import jax, jax.numpy as jnp
import jwi
graph = jwi.from_edges(range(99), range(1, 100), 100, nodes=jnp.ones((100, 3)))
model = jwi.GCN(8, 2, 3)
variables = model.init(jax.random.key(0), graph)

def predict(nodes):
    return model.apply(variables, graph._replace(nodes=nodes))

exported = jax.export.export(jax.jit(predict))(graph.nodes)
assert jnp.allclose(exported.call(graph.nodes), predict(graph.nodes), atol=1e-5)
"""


@pytest.mark.parametrize(
    "variable",
    ["JWI_COMPILED_LOOPS=0", pytest.param("NUMBA_DISABLE_JIT=1", marks=pytest.mark.slow)],
)
def test_without_compiled_loops_networks_work_and_are_exported(variable):
    python(EXPORT, **dict([variable.split("=")]))


def python(program, **environment):
    """Runs a program in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120, env=environment)
