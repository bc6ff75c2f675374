"""Sizes against published ones; and what an input's logits may not depend on."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.data.tokens import TokenPairs
from experiments.studies.jrft.perfect_exploration.bert import Bert
from experiments.studies.jrft.perfect_exploration.resnet import ResNet18, convolve_by_products


def num_parameters(model, inputs):
    shapes = jax.eval_shape(model.init, jax.random.key(0), inputs)
    return sum(leaf.size for leaf in jax.tree.leaves(shapes))


def pairs(tokens):
    tokens = jnp.asarray(tokens, jnp.int32)
    length = tokens.shape[1]
    second = jnp.broadcast_to(jnp.arange(length) >= length // 2, tokens.shape)
    return TokenPairs(tokens, (second & (tokens != 0)).astype(jnp.int32), tokens != 0)


@pytest.fixture(scope="module")
def small():
    """Small networks: compiled logits and their gradient, with parameters and inputs."""
    images = jax.random.uniform(jax.random.key(0), (3, 8, 8, 3))
    some_pairs = pairs(jax.random.randint(jax.random.key(1), (3, 8), 1, 20))
    models = {"resnet18": ResNet18(10, 4), "bert": Bert(6, 20, 12, width=8, num_heads=2)}
    made = {}
    for name, inputs in (("resnet18", images), ("bert", some_pairs)):
        params = jax.jit(models[name].init)(jax.random.key(2), inputs)
        made[name] = (jax.jit(partial(logits_and_gradient, models[name])), params, inputs)
    return made


def logits_and_gradient(model, params, inputs):
    """Both in one program; the gradient is of a sum of squared logits."""

    def loss(params):
        logits = model.apply(params, inputs)
        return jnp.sum(logits[:, 0] ** 2), logits

    gradient, logits = jax.grad(loss, has_aux=True)(params)
    return logits, gradient


def test_sizes_are_the_published_ones():
    # Normalization has a scale and a bias a channel, be it of batches or groups.
    assert num_parameters(ResNet18(10), jnp.zeros((1, 32, 32, 3))) == 11_173_962
    # BERT-mini has 11 170 560 parameters; then come the logits.
    assert num_parameters(Bert(6, 30_522), pairs(np.ones((1, 4)))) == 11_170_560 + 6 * 257


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (1, 2)])
def test_products_are_the_convolution(size, stride):
    images = jax.random.normal(jax.random.key(0), (2, 6, 8, 3))
    kernel = jax.random.normal(jax.random.key(1), (size, size, 3, 4))
    sizes = ((stride, stride), ((size // 2, size // 2),) * 2)

    def both(images, kernel):
        names = ("NHWC", "HWIO", "NHWC")
        convolved = jax.lax.conv_general_dilated(images, kernel, *sizes, dimension_numbers=names)
        return convolved, convolve_by_products(images, kernel, *sizes)

    expected, found = jax.jit(both)(images, kernel)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    weights = jax.random.normal(jax.random.key(2), expected.shape)

    def gradients(form):
        return jax.grad(lambda *a: jnp.sum(both(*a)[form] * weights), (0, 1))(images, kernel)

    for expected, found in zip(*jax.jit(lambda: (gradients(0), gradients(1)))(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["resnet18", "bert"])
def test_logits_of_an_input_do_not_depend_on_its_batch(small, name):
    both, params, inputs = small[name]
    others = jax.tree.map(lambda array: jnp.roll(array, 1, axis=0).at[0].set(array[0]), inputs)
    together, beside_others = both(params, inputs)[0], both(params, others)[0]
    assert float(jnp.abs(together[1] - beside_others[1]).max()) > 1e-4
    np.testing.assert_allclose(together[0], beside_others[0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "bert"])
def test_gradients_are_finite_and_reach_every_layer(small, name):
    both, params, inputs = small[name]
    _, gradient = both(params, inputs)
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradient):
        assert np.isfinite(leaf).all(), path
        # Attention does not see what is added to all keys: softmax takes it off.
        if path[-1].key != "bias" or path[-2].key != "key":
            assert np.abs(leaf).max() > 0, path


def test_grey_images_have_one_color():
    assert num_parameters(ResNet18(10, 4), jnp.zeros((1, 8, 8))) == num_parameters(
        ResNet18(10, 4), jnp.zeros((1, 8, 8, 1))
    )


def test_padding_does_not_change_logits(small):
    both, params, inputs = small["bert"]
    padded = jax.tree.map(lambda array: jnp.pad(array, ((0, 0), (0, 3))), inputs)
    expected, _ = both(params, inputs)
    of_padded, _ = both(params, padded)
    np.testing.assert_allclose(of_padded, expected, atol=1e-6)
    # But tokens do, where they count.
    seen = padded._replace(mask=jnp.ones_like(padded.mask))
    assert float(jnp.abs(both(params, seen)[0] - of_padded).max()) > 1e-6


def test_bad_sizes_are_refused():
    with pytest.raises(ValueError, match="width=3: pass an even width"):
        num_parameters(ResNet18(10, 3), jnp.zeros((1, 8, 8)))
    with pytest.raises(ValueError, match="A pair has 4 tokens: pass at most max_length=2"):
        num_parameters(Bert(6, 20, 2), pairs(np.ones((1, 4))))
