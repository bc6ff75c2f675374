"""Graph networks in float16: which weights leave its range, as docs/reliability.md states."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jwi

NETWORKS = {
    "GCN": jwi.GCN(16, 3, 4),
    "GIN": jwi.GIN(16, 3, 4, mlp_norm=jwi.LayerNorm),
    "ResGCN": jwi.ResGCN(16, 3, 4, norm=jwi.LayerNorm, dropout=0.0),
    "GAT": jwi.GAT(16, 3, 4),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_finite_where_they_are_said_to_be(name):
    rng = np.random.default_rng(0)
    graph = jwi.from_edges(*rng.integers(0, 50, (2, 300)), num_vertices=50)
    nodes = jnp.asarray(rng.normal(size=(50, 16)), jnp.float32)
    network = NETWORKS[name]
    params = network.init(jax.random.key(0), graph._replace(nodes=nodes))

    @jax.jit
    def gradient(params, nodes):
        def loss(params):
            logits = network.apply(params, graph._replace(nodes=nodes))
            assert logits.dtype == nodes.dtype
            return jnp.sum(jax.nn.log_softmax(logits.astype(jnp.float32))[:, 0])

        return jax.grad(loss)(params)

    def found(scale, dtype):
        scaled = jax.tree.map(lambda leaf: (scale * leaf).astype(dtype), params)
        leaves = jax.tree.leaves(gradient(scaled, nodes.astype(dtype)))
        return np.concatenate([np.ravel(leaf).astype(float) for leaf in leaves])

    for scale in (1,) if name == "GAT" else (1, 30):
        half, whole = found(scale, jnp.float16), found(scale, jnp.float32)
        assert np.linalg.norm(half - whole) < 0.1 * np.linalg.norm(whole)
    if name == "GAT":
        assert np.isnan(found(30, jnp.float16)).any()
