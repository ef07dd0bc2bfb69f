"""What holds for the networks of every architecture."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.precision import computing_in
from regan_tf.recipes import RECIPES
from regan_tf.regan.layers import masked_layers, strip_masks
from tests.nets.conftest import scramble
from tests.nets.small import inputs_of, latents, outputs_of, small

each = pytest.mark.parametrize("arch", sorted(RECIPES))
SIZES = [
    (arch, size)
    for arch in RECIPES
    for size in RECIPES[arch].resolutions
    if size <= 256
]
UNBOUNDED = "progan", "stylegan2", "fastgan"  # their images


@functools.cache
def _masked(arch):
    """A pair with masks and odd weights, in inference the same for all."""
    pair = small(arch, masked=(True, True))
    for model in pair:
        scramble(model)
    return pair


def _cases(arch):
    """(model, its index, inputs) of the masked pair."""
    return [(m, i, inputs_of(m)) for i, m in enumerate(_masked(arch))]


def _values(model):
    return {v.path: v.numpy() for v in model.variables}


def _copy(values, model):
    for variable in model.variables:
        variable.assign(values[variable.path])


@pytest.mark.parametrize(("arch", "resolution"), SIZES)
def test_shapes_and_ranges(arch, resolution):
    widths = max(4, resolution // 32), 8  # at the least
    generator, discriminator = small(arch, resolution, widths=widths)
    images = generator(latents(), training=True)
    full, *_ = keras.tree.flatten(images)
    assert full.shape == (3, resolution, resolution, 3)
    assert full.dtype == tf.float32
    if not arch.startswith(UNBOUNDED):
        assert np.abs(full).max() <= 1
    assert np.std(full) > 0.01
    logits = discriminator(images, training=True)
    assert logits.shape == (3, 50 if arch == "fastgan" else 1)
    assert logits.dtype == tf.float32
    assert np.all(np.isfinite(logits))


@each
def test_every_trainable_variable_gets_a_gradient(arch):
    generator, discriminator = small(arch, masked=(True, True), widths=(8, 8))
    for model in (generator, discriminator):
        scramble(model)
    both = generator.trainable_variables + discriminator.trainable_variables
    with tf.GradientTape() as tape:
        # Batch statistics would cancel the biases before them.
        logits = discriminator(generator(latents()), training=True)
        loss = tf.reduce_sum(logits**2)
    for variable, gradient in zip(both, tape.gradient(loss, both), strict=True):
        assert np.all(np.isfinite(gradient)), variable.path
        assert np.any(gradient != 0), variable.path


@each
def test_masks_multiply_kernels(arch):
    pair = zip(small(arch), small(arch, masked=(True, True)), strict=True)
    for plain, masked in pair:
        x = inputs_of(masked)
        scramble(masked)
        for of_ones in (False, True):
            values = _values(masked)
            if of_ones:
                masks = [v for v in values if v.endswith("_mask")]
                values |= {path: np.ones_like(values[path]) for path in masks}
                _copy(values, masked)
            for v in plain.variables:
                v.assign(values[v.path] * values.get(f"{v.path}_mask", 1))
            for training in (False, True):
                for ours, theirs in zip(
                    outputs_of(masked, x, training=training),
                    outputs_of(plain, x, training=training),
                    strict=True,
                ):
                    np.testing.assert_array_equal(ours, theirs)


@each
def test_files_keep_the_networks(arch, tmp_path):
    for model, i, x in _cases(arch):
        model.save(tmp_path / f"{i}.keras")
        loaded = keras.models.load_model(tmp_path / f"{i}.keras")
        for ours, theirs in zip(loaded.variables, model.variables, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        for ours, theirs in zip(
            outputs_of(loaded, x), outputs_of(model, x), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


@each
def test_stripped_generators_compute_the_same(arch):
    model, _, x = _cases(arch)[0]
    stripped = strip_masks(model)
    assert not any(v.name == "kernel_mask" for v in stripped.variables)
    for ours, theirs in zip(
        outputs_of(stripped, x), outputs_of(model, x), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


@each
def test_fused_networks_compute_the_same(arch):
    plain = small(arch, masked=(True, True), fused=False)
    for model, i, x in _cases(arch):
        _copy(_values(model), plain[i])
        for ours, theirs in zip(
            outputs_of(model, x), outputs_of(plain[i], x), strict=True
        ):
            size = max(1, np.abs(ours).max())
            np.testing.assert_allclose(theirs, ours, atol=1e-4 * size)


@each
def test_mixed_precision_gives_float32_near_the_exact(arch):
    with computing_in("bfloat16"):
        rough = small(arch, masked=(True, True))
    for model, i, x in _cases(arch):
        values = _values(model)
        _copy(values, rough[i])
        for outputs, exact in zip(
            outputs_of(rough[i], x), outputs_of(model, x), strict=True
        ):
            assert outputs.dtype == tf.float32
            # bfloat16 keeps 8 bits: rounds by up to 1/256 in each layer.
            error = np.sqrt(np.mean((outputs - exact) ** 2))
            assert error < 0.05 * max(1, np.sqrt(np.mean(exact**2)))
        kept = [v for v in rough[i].variables if "seed" not in v.path]
        assert {v.dtype for v in kept} == {"float32"}
        if i == 1:  # the last, whose results are logits
            assert masked_layers(rough[1])[-1].compute_dtype == "float32"
        for variable in kept:
            kept_value = values[variable.path]
            np.testing.assert_array_equal(variable.numpy(), kept_value)
