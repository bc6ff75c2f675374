"""Rankings by the magnitude of given mask values."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jwi
from jwi.order import magnitude_order
from tests.cases.graphs import padded

# Few values, both signs of zero among them, so that ties are frequent.
VALUES = st.lists(
    st.sampled_from([0.0, -0.0, 1e-30, 0.5, -0.5, 1.0, -2.0, np.inf, -np.inf]),
    min_size=9,
    max_size=9,
)


def path(num_edges, **options):
    return jwi.from_edges(
        np.arange(num_edges), np.arange(1, num_edges + 1), num_edges + 1, **options
    )


@settings(deadline=None)
@given(VALUES, st.booleans(), st.randoms(use_true_random=False))
def test_smallest_magnitudes_go_first_then_lowest_ids(values, undirected, random):
    graph = path(len(values), undirected=undirected)
    keep = [random.random() < 0.7 for _ in values]
    ranking = magnitude_order(
        jwi.with_edge_mask(graph, np.array(keep, bool)), np.array(values, np.float64)
    )
    kept = [edge for edge in range(len(values)) if keep[edge]]
    assert ranking.dtype == np.int32
    assert ranking.tolist() == sorted(kept, key=lambda edge: (abs(values[edge]), edge))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32])
def test_arrays_of_every_float_type_are_ranked(dtype):
    values = jnp.asarray([0.5, -0.25, 1.0, 0.125], dtype)
    assert magnitude_order(path(4), values).tolist() == [3, 1, 0, 2]


def test_padding_and_removed_edges_have_no_value_to_read():
    graph = jwi.with_edge_mask(padded(path(3), 5), [True, False, True])
    assert magnitude_order(graph, [2.0, np.nan, 1.0]).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, 2.0], r"mask_values has shape \[2\] and the graph has 3 edges: pass one float"),
        (np.ones((3, 1)), r"mask_values has shape \[3, 1\] and the graph has 3 edges"),
        ([1, 2, 3], "mask_values is int64: pass one float an edge"),
        ([1j, 0j, 0j], "mask_values is complex128: pass one float an edge"),
        ([1.0, np.nan, 0.0], r"mask_values\[1\] is nan: .* smaller learning rate"),
    ],
)
def test_bad_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        magnitude_order(path(3), values)
