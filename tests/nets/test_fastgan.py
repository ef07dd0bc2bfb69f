"""FastGAN against its published counts and NumPy, and what all networks owe."""

import functools
from math import prod

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.metrics import flops
from regan_tf.nets import fastgan, fastgan_critic, fastgan_generator
from regan_tf.nets.fastgan_critic import both_sizes, quadrant, targets
from regan_tf.nets.spectral_norm import (
    MaskedSpectralConv2DTranspose,
    SpectralConv2DTranspose,
)
from regan_tf.precision import computing_in
from regan_tf.regan.layers import masked_layers, strip_masks
from regan_tf.regan.pruner import Pruner
from regan_tf.train.strategy import choose_strategy
from tests.nets.conftest import scramble
from tests.nets.numpy_fastgan import Passes
from tests.nets.numpy_sngan import normalised, weights_of
from tests.nets.small import latents, pictures

# Counted in the authors' PyTorch models: parameters and weights in kernels of
# both networks, multiply-accumulates of the generator and of the
# discriminator without and with decoders.
COUNTS = {
    256: (
        (29_127_846, 29_116_448, 11_526_160, 11_513_808),
        (9_734_607_872, 1_638_371_328, 5_455_712_256),
    ),
    512: (
        (29_174_392, 29_162_864, 11_526_496, 11_514_144),
        (13_415_142_656, 1_660_391_424, 5_477_732_352),
    ),
    1024: (
        (29_176_512, 29_164_952, 11_528_192, 11_515_808),
        (15_944_307_968, 1_844_940_800, 5_662_281_728),
    ),
}
LARGE = [pytest.param(side, marks=pytest.mark.slow) for side in (512, 1024)]
# (resolution, training).
PASSES = pytest.mark.parametrize(
    ("resolution", "training"),
    [
        (64, False),
        (256, True),
        pytest.param(64, True, marks=pytest.mark.slow),
        pytest.param(128, False, marks=pytest.mark.slow),
        pytest.param(128, True, marks=pytest.mark.slow),
        pytest.param(256, False, marks=pytest.mark.slow),
        pytest.param(512, True, marks=pytest.mark.slow),
        pytest.param(1024, True, marks=pytest.mark.slow),
    ],
)


def _small(resolution=64, masked=False, fused=True, width=4):
    """(generator, `Critic`), 5 latents."""
    keras.utils.set_random_seed(3)
    options = {"masked": masked, "fused": fused, "width": width}
    return (
        fastgan.generator(resolution=resolution, latent_dim=5, **options),
        fastgan_critic.discriminator(resolution=resolution, **options),
    )


def _scrambled(**options):
    generator, critic = _small(**options)
    scramble(generator)
    scramble(critic.reconstructor)
    return generator, critic


def _inputs(resolution=64, count=3):
    """What a reconstructor takes: both sizes and a part of each image."""
    images = tf.constant(pictures(count, resolution))
    return [*both_sizes(images), tf.range(1, count + 1) % 4]


def _cases(**options):
    """(model, its inputs) of the three models, of odd weights."""
    generator, (discriminator, reconstructor) = _scrambled(**options)
    inputs = _inputs()
    return [
        (generator, latents()),
        (discriminator, inputs[:2]),
        (reconstructor, inputs),
    ]


@functools.cache
def _masked():
    """`_cases` with masks, for tests that leave their weights alone."""
    return _cases(masked=True)


def _outputs(model, x, training=False):
    return [np.array(y) for y in tf.nest.flatten(model(x, training=training))]


def _copy(source, target):
    values = {v.path: v.numpy() for v in source.variables}
    for variable in target.variables:
        variable.assign(values[variable.path])


@pytest.mark.parametrize("resolution", [256, *LARGE])
def test_counts_equal_the_published_networks(resolution):
    generator = fastgan.generator(resolution=resolution, fused=False)
    critic = fastgan_critic.discriminator(resolution=resolution, fused=False)
    found = []
    for model in (generator, critic.reconstructor):
        shapes = [v.shape for v in model.trainable_variables]
        found.append(flops.count_parameters(model)[0])
        found.append(sum(prod(shape) for shape in shapes if len(shape) > 1))
    costs = [flops.layer_costs(model) for model in (generator, *critic)]
    macs = tuple(flops.total_macs(layers) for layers in costs)
    assert (tuple(found), macs) == COUNTS[resolution]


@PASSES
def test_generator_equals_numpy(resolution, training, policy):
    policy("float64")
    model = _scrambled(resolution=resolution, masked=True)[0]
    passes = Passes(weights_of(model), training)
    images = _outputs(model, latents(), training)
    expected = passes.generator(
        np.float64(latents()), resolution, images[1].shape[1]
    )
    for ours, theirs in zip(images, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@PASSES
def test_discriminator_equals_numpy(resolution, training, policy):
    policy("float64")
    critic = _scrambled(resolution=resolution, masked=True)[1]
    weights, x = weights_of(critic.reconstructor), _inputs(resolution)
    expected = Passes(weights, training).discriminator(*(y.numpy() for y in x))
    logits = critic.discriminator(x[:2])
    outputs = _outputs(critic.reconstructor, x, training)
    if not training:
        np.testing.assert_allclose(logits, outputs[0], rtol=1e-5)
    for ours, theirs in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("resolution", [64, 128])
def test_shapes_and_ranges(resolution):
    small = min(128, resolution // 2)
    generator, critic = _small(resolution)
    images = generator(latents(), training=True)
    assert isinstance(images, list)
    sides = [image.shape[1:] for image in images]
    assert sides == [(side, side, 3) for side in (resolution, small)]
    logits = critic.discriminator(images, training=True)
    assert logits.shape == (3, 50)
    x = [*images, tf.zeros(3, "int32")]
    outputs = critic.reconstructor(x, training=True)
    assert outputs[0].shape == (3, 50)
    assert all(x.shape == (3, small, small, 3) for x in outputs[1:])
    assert all(np.abs(x).max() <= 1 for x in outputs[1:])
    everything = [*images, logits, *outputs]
    assert all(x.dtype == tf.float32 for x in everything)
    assert all(0.001 < np.std(x) < 100 for x in everything)


def test_other_resolutions_are_refused():
    for build in (fastgan.generator, fastgan_critic.discriminator):
        with pytest.raises(ValueError, match="Received: resolution=32"):
            build(resolution=32)


def test_narrow_networks_keep_four_channels():
    generator, critic = _small(256, width=1)
    for model in (generator, critic.reconstructor):
        widths = {v.shape[-1] for v in model.weights if v.name == "gamma"}
        assert min(widths) == (8 if model is generator else 4)


def test_initialisation():
    generator, critic = _small(width=16)
    for model in (generator, critic.reconstructor):
        assert not any("bias" in v.path for v in model.variables)
        for v in model.trainable_variables:
            values, mean = v.numpy(), float(v.name == "gamma")
            if v.name in ("weight", "beta"):
                assert not values.any()
            elif values.size >= 100:
                near = 4 / np.sqrt(values.size)
                assert abs(values.std() / 0.02 - 1) < near, v.path
                assert abs(values.mean() - mean) < 0.02 * near, v.path


def test_every_trainable_variable_gets_a_gradient():
    generator, critic = _scrambled(masked=True, width=8)
    *_, part = _inputs()
    weights = [
        *generator.trainable_variables,
        *critic.reconstructor.trainable_variables,
    ]
    with tf.GradientTape() as tape:
        images = generator(latents())
        outputs = critic.reconstructor([*images, part], training=True)
        loss = sum(tf.reduce_sum(tf.sin(x)) for x in outputs)
    found = tape.gradient(loss, [v.value for v in weights])
    for variable, gradient in zip(weights, found, strict=True):
        assert np.all(np.isfinite(gradient)), variable.path
        assert np.any(gradient != 0), variable.path
    whole = {v.path for v in critic.reconstructor.variables}
    assert {v.path for v in critic.discriminator.variables} < whole


def test_masks_multiply_kernels():
    for (plain, _), (model, x) in zip(
        _cases(), _cases(masked=True), strict=True
    ):
        values = {v.path: v.numpy() for v in model.variables}
        for v in plain.variables:
            mask = values.get(f"{v.path}_mask", 1)
            v.assign(values[v.path] * mask)
        for training in (False, True):
            for ours, theirs in zip(
                _outputs(model, x, training),
                _outputs(plain, x, training),
                strict=True,
            ):
                np.testing.assert_array_equal(ours, theirs)


def test_pruned_weights_stay_zero_under_adam():
    """First moments, too, move weights: the authors' β1 is 0.5."""
    generator, _ = _small(masked=True)
    optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5, beta_2=0.999)
    optimizer.build(generator.trainable_variables)
    pruner = Pruner(generator, optimizer)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            images = generator(latents(), training=True)
            loss = sum(tf.reduce_mean(tf.sin(x)) for x in images)
        weights = generator.trainable_variables
        gradients = tape.gradient(loss, [v.value for v in weights])
        optimizer.apply(gradients, weights)

    step()
    pruner.prune(0.3)
    before = [kernel.numpy() for kernel, _ in pruner.pairs]
    for _ in range(3):
        step()
    for (kernel, mask), old in zip(pruner.pairs, before, strict=True):
        pruned = mask.numpy() == 0
        assert pruned.sum() == int(0.3 * pruned.size)
        assert np.all(kernel.numpy()[pruned] == 0)
        assert np.all(kernel.numpy()[~pruned] != old[~pruned])


def test_files_keep_the_networks(tmp_path):
    for i, (model, x) in enumerate(_masked()):
        model.save(tmp_path / f"{i}.keras")
        loaded = keras.models.load_model(tmp_path / f"{i}.keras")
        for ours, theirs in zip(loaded.variables, model.variables, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        for ours, theirs in zip(
            _outputs(loaded, x), _outputs(model, x), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_stripped_networks_compute_the_same():
    for model, x in _masked():
        stripped = strip_masks(model)
        assert masked_layers(model) and not masked_layers(stripped)
        for ours, theirs in zip(
            _outputs(stripped, x), _outputs(model, x), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)


def test_fused_networks_compute_the_same():
    plain = _cases(masked=True, fused=False)
    for (model, x), (other, _) in zip(_masked(), plain, strict=True):
        _copy(model, other)
        fused = any("UpConv2D" in type(y).__name__ for y in model.layers)
        assert fused == (model.name != "critic")
        for ours, theirs in zip(
            _outputs(model, x), _outputs(other, x), strict=True
        ):
            size = max(1, np.abs(theirs).max())
            np.testing.assert_allclose(ours, theirs, atol=1e-4 * size)


def test_mixed_precision_is_near_the_exact():
    with computing_in("bfloat16"):
        rough = _cases(masked=True)
    for (model, x), (other, _) in zip(_masked(), rough, strict=True):
        _copy(model, other)
        assert {v.dtype for v in other.variables} == {"float32"}
        for ours, theirs in zip(other(x), model(x), strict=True):
            assert ours.dtype == tf.float32
            error = np.sqrt(np.mean((ours - theirs) ** 2))
            assert error < 0.05 * max(1, np.sqrt(np.mean(theirs**2)))
    last = [layer for layer in rough[1][0].layers if "logits_" in layer.name]
    heads = {x.name: x.compute_dtype for x in last if x.name[7:] in "big small"}
    assert heads == {"logits_big": "float32", "logits_small": "float32"}


def test_devices_compute_what_one_computes():
    strategy, z = choose_strategy(2), latents(4)
    alone, _ = _scrambled()
    with strategy.scope():
        model, _ = _scrambled()
    parts = strategy.experimental_distribute_values_from_function(
        lambda c: tf.constant(z[2 * c.replica_id_in_sync_group :][:2])
    )
    run = tf.function(lambda z: model(z, training=True))
    for _ in range(2):
        found = strategy.run(run, (parts,))
        for image, expected in zip(found, alone(z, training=True), strict=True):
            both = strategy.experimental_local_results(image)
            whole = np.concatenate([part.numpy() for part in both])
            np.testing.assert_allclose(whole, expected, rtol=1e-3, atol=1e-4)


def test_second_derivatives_are_finite():
    critic = _scrambled(width=8)[1]
    images, small, part = _inputs()
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(images)
            outputs = critic.reconstructor([images, small, part])
            loss = sum(tf.reduce_sum(x) for x in outputs)
        slope = inner.gradient(loss, images)
        penalty = tf.reduce_sum(slope**2)
    weights = [v.value for v in critic.reconstructor.trainable_variables]
    found = [g for g in outer.gradient(penalty, weights) if g is not None]
    assert len(found) > len(weights) // 2
    assert all(np.all(np.isfinite(g)) for g in found)


@pytest.mark.parametrize(
    "kind", [SpectralConv2DTranspose, MaskedSpectralConv2DTranspose]
)
def test_norm_of_a_transposed_convolution(kind, tmp_path):
    model = keras.Sequential([keras.Input((1, 1, 3)), kind(2, 4)])
    scramble(model)
    layer, x = model.layers[0], np.ones((1, 1, 1, 3), "float32")
    rows = np.transpose(layer.kernel, (2, 3, 0, 1)).reshape(2, -1)
    sigma = np.linalg.svd(rows)[1][0]
    for _ in range(50):
        outputs = model(x, training=True)
    expected = np.sum(layer.kernel, axis=-1) / sigma + layer.bias.numpy()
    np.testing.assert_allclose(outputs[0], expected, atol=1e-5)
    assert {v.name for v in strip_masks(model).variables} == {
        "kernel",
        "bias",
        "u",
    }
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded(x), model(x))


def test_one_iteration_from_u_by_hand():
    layer = SpectralConv2DTranspose(2, 4, use_bias=False)
    layer.build((1, 1, 1, 3))
    kernel = np.transpose(layer.kernel, (0, 1, 3, 2)).astype("float64")
    expected, u = normalised(kernel, layer.u.numpy())
    outputs = layer(np.ones((1, 1, 1, 3), "float32"), training=True)
    np.testing.assert_allclose(outputs[0], expected.sum(2), atol=1e-5)
    np.testing.assert_allclose(layer.u, u, atol=1e-6)


def test_gated_linear_unit_by_hand():
    layer = fastgan_generator.GatedLinearUnit()
    found = layer(np.float32([[4, -2, 0, np.log(3)]]))
    np.testing.assert_allclose(found, [[2, -1.5]], rtol=1e-6)
    with pytest.raises(ValueError, match="even number of channels"):
        layer(keras.Input((3,)))


def test_quadrants_by_hand():
    x = np.arange(16).reshape(1, 4, 4, 1).repeat(4, 0)
    found = quadrant(x, np.arange(4))
    expected = [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]
    np.testing.assert_array_equal(np.reshape(found, (4, 4)), expected)


@pytest.mark.parametrize("resolution", [64, 256, 512])
def test_sizes_and_targets(resolution):
    images, part = pictures(2, resolution), np.int32([1, 2])
    step, half = 4 if resolution == 512 else 2, resolution // 2
    full, small = both_sizes(images)
    np.testing.assert_array_equal(full, images)
    np.testing.assert_array_equal(small, images[:, ::step, ::step])
    whole, again, quarter = targets(images, part)
    np.testing.assert_array_equal(whole, small)
    np.testing.assert_array_equal(again, small)
    step //= 2
    np.testing.assert_array_equal(quarter[0], images[0, :half:step, half::step])
    np.testing.assert_array_equal(quarter[1], images[1, half::step, :half:step])
