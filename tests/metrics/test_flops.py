"""Operations and parameters against hand counts and TensorFlow's profiler."""

import keras
import pytest
import tensorflow as tf
from keras import layers as kl

from regan_tf.errors import UserError
from regan_tf.metrics.flops import (
    count_parameters,
    layer_costs,
    layer_table,
    total_macs,
)
from regan_tf.nets.spectral_norm import SpectralConv2D, SpectralDense
from regan_tf.regan.layers import (
    MaskedConv2D,
    MaskedConv2DTranspose,
    MaskedDense,
    strip_masks,
)


def _macs_of(layer, *shape):
    image = keras.Input(shape)
    (cost,) = layer_costs(keras.Model(image, layer(image)))
    return cost.kind, cost.kernel, cost.macs


def _profiled_macs(model):
    """What the profiler counts in a batch of one, without elementwise work."""
    shape = (1, *model.inputs[0].shape[1:])
    function = tf.function(lambda x: model(x, training=False))
    graph = function.get_concrete_function(tf.TensorSpec(shape)).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    node = tf.compat.v1.profiler.profile(graph, options=options, cmd="op")
    flops = 0
    while node.children:
        (node,) = node.children
        if "Conv" in node.name or "MatMul" in node.name:
            flops += node.float_ops
    return flops / 2


def _resnet_generator():
    """SNGAN's, Miyato et al. Table 4(a): dense, three up blocks, to RGB."""
    z = keras.Input((128,))
    x = kl.Reshape((4, 4, 256))(MaskedDense(4096)(z))
    for _ in range(3):
        h = kl.UpSampling2D()(kl.BatchNormalization()(x))
        h = MaskedConv2D(256, 3, padding="same")(h)
        h = MaskedConv2D(256, 3, padding="same")(kl.BatchNormalization()(h))
        x = h + MaskedConv2D(256, 1)(kl.UpSampling2D()(x))
    x = MaskedConv2D(3, 3, padding="same")(kl.BatchNormalization()(x))
    return keras.Model(z, x)


def _resnet_discriminator(width=128):
    """Table 4(b): two blocks that halve the side and two that do not."""
    image = keras.Input((32, 32, 3))

    def conv(x, side=3):
        return SpectralConv2D(width, side, padding="same")(x)

    pool = kl.AveragePooling2D
    x = pool(2)(conv(conv(image))) + conv(pool(2)(image), 1)
    x = pool(2)(conv(conv(x)) + conv(x, 1))
    for _ in range(2):
        x = conv(conv(x)) + x
    x = kl.GlobalAveragePooling2D()(x)
    return keras.Model(image, SpectralDense(1, use_bias=False)(x))


def _cnn_generator(resolution):
    """SNGAN's convolutional variant, its Table 3(a)."""
    z, side = keras.Input((128,)), resolution // 8
    x = kl.Reshape((side, side, 512))(kl.Dense(side * side * 512)(z))
    for filters in (256, 128, 64):
        x = kl.Conv2DTranspose(filters, 4, 2, padding="same")(x)
    return keras.Model(z, kl.Conv2D(3, 3, padding="same")(x))


def _cnn_discriminator(resolution):
    """SNGAN's convolutional variant, its Table 3(b)."""
    image = x = keras.Input((resolution, resolution, 3))
    for filters in (64, 128, 256):
        x = kl.Conv2D(filters, 3, padding="same")(x)
        x = kl.Conv2D(2 * filters, 4, 2, padding="same")(x)
    x = kl.Conv2D(512, 3, padding="same")(x)
    return keras.Model(image, kl.Dense(1)(kl.Flatten()(x)))


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (kl.Conv2D(4, 3, padding="same"), (5, 6, 2), ("conv", 72, 72 * 30)),
        (kl.Conv2D(4, 3, strides=2), (5, 5, 2), ("conv", 72, 72 * 4)),
        (kl.Conv2D(4, 3, groups=2), (5, 5, 2), ("conv", 36, 36 * 9)),
        # 16 input pixels; the 64 output pixels would count four times that.
        (
            kl.Conv2DTranspose(3, 4, 2, padding="same"),
            (4, 4, 2),
            ("transposed", 96, 96 * 16),
        ),
        (
            kl.DepthwiseConv2D(3, depth_multiplier=2),
            (5, 5, 3),
            ("depthwise", 54, 54 * 9),
        ),
        (kl.Dense(4), (3,), ("dense", 12, 12)),
        (kl.Dense(4), (5, 6, 3), ("dense", 12, 12 * 30)),
    ],
)
def test_known_layers_by_hand(layer, shape, expected):
    assert _macs_of(layer, *shape) == expected


def test_sngan_by_hand_and_as_published():
    generator, discriminator = _resnet_generator(), _resnet_discriminator()
    layers = layer_costs(generator)
    # Dense; 3×3 twice and 1×1 of 256 channels at 8, 16 and 32; to RGB.
    block = (2 * 9 + 1) * 256**2
    by_hand = 128 * 4096 + block * (64 + 256 + 1024) + 27 * 256 * 1024
    assert total_macs(layers) == by_hand == 1_681_129_472
    assert sum(x.kernel for x in layers) == 4_266_752
    assert count_parameters(generator)[0] == 4_276_739
    layers = layer_costs(discriminator)
    assert total_macs(layers) == 272_072_832
    assert sum(x.kernel for x in layers) == 1_052_544
    assert count_parameters(discriminator)[0] == 1_053_824


@pytest.mark.parametrize(
    ("resolution", "generator", "discriminator"),
    [
        (32, 103_481_344, 215_687_168),
        (48, 232_833_024, 485_296_128),
        (64, 413_925_376, 862_748_672),
    ],
)
def test_convolutional_sngan_as_published(resolution, generator, discriminator):
    for model, macs in (
        (_cnn_generator(resolution), generator),
        (_cnn_discriminator(resolution), discriminator),
    ):
        assert total_macs(layer_costs(model)) == macs == _profiled_macs(model)


def test_agrees_with_the_profiler_on_normalised_layers():
    model = _resnet_discriminator(width=5)
    layers = layer_costs(model)
    # The profiler also sees the three matrix-vector products of each
    # spectral norm, which belong to no image.
    norms = 3 * sum(x.kernel for x in layers)
    assert total_macs(layers) + norms == _profiled_macs(model)


def test_agrees_with_the_profiler_on_masked_layers():
    image = x = keras.Input((9, 9, 3))
    x = MaskedConv2D(4, 3, strides=2, padding="same")(x)
    x = MaskedConv2DTranspose(5, 4, strides=2, padding="same")(x)
    x = kl.DepthwiseConv2D(3, depth_multiplier=2)(x)
    x = MaskedDense(2)(kl.Flatten()(x))
    model = keras.Model(image, x)
    assert total_macs(layer_costs(model)) == _profiled_macs(model)


def test_masks_give_kept_fractions_and_zeros():
    image = keras.Input((2,))
    layer = MaskedDense(2, kernel_initializer="ones", bias_initializer="ones")
    model = keras.Model(image, layer(image))
    layer.kernel_mask.assign([[0, 1], [1, 1]])
    layer.trainable = False
    (cost,) = layer_costs(model)
    assert (cost.masked, cost.live, cost.kept) == (True, 3, 0.75)
    assert total_macs([cost]) == 4
    assert total_macs([cost], live=True) == 3
    assert count_parameters(model) == (6, 5)
    assert count_parameters(strip_masks(model)) == (6, 5)


def test_counts_every_call_and_enters_models():
    shared = kl.Dense(3, name="shared")
    inner = keras.Sequential([keras.Input((3,)), kl.Dense(2, name="inner")])
    x = keras.Input((3,))
    model = keras.Model(x, inner(kl.PReLU()(shared(shared(x)))))
    before = len(shared._inbound_nodes)
    costs = [(c.name, c.kernel, c.macs) for c in layer_costs(model)]
    assert costs == [("shared", 9, 18), ("inner", 6, 6)]
    assert len(shared._inbound_nodes) == before
    assert layer_costs(inner)[0].macs == 6


def test_an_unknown_layer_must_count_for_itself():
    class Outer(kl.EinsumDense):
        def macs_per_image(self, input_shape, output_shape):
            return input_shape[1] * output_shape[1]

    with pytest.raises(UserError, match=r"'odd', a EinsumDense.*macs_per"):
        _macs_of(kl.EinsumDense("ab,bc->ac", 4, name="odd"), 3)

    class Halving(kl.Conv2D):
        def compute_output_shape(self, input_shape):
            return (None, 2, 2, 2)

    for unknown in kl.SeparableConv2D(2, 3), Halving(2, 3, padding="same"):
        with pytest.raises(UserError, match="No count"):
            _macs_of(unknown, 4, 4, 2)
    assert _macs_of(Outer("ab,bc->ac", 4), 3) == ("own", 12, 12)


def test_refuses_what_it_cannot_see():
    with pytest.raises(UserError, match="known size"):
        _macs_of(kl.Conv2D(2, 3), None, None, 3)
    with pytest.raises(UserError, match="functional"):
        layer_costs(keras.Sequential([kl.Dense(2)]))

    with pytest.raises(UserError, match="no layer with a kernel"):
        layer_costs(keras.Sequential([keras.Input((2,)), kl.ReLU()]))

    class Custom(keras.Model):
        pass

    with pytest.raises(UserError, match="Custom"):
        layer_costs(Custom())


def test_table_shows_layers_and_sums():
    lines = layer_table(layer_costs(_cnn_generator(32))).splitlines()
    assert lines[0].split()[:2] == ["layer", "kind"]
    assert lines[1].split()[1:4] == ["dense", "1,048,576", "1.0000"]
    assert lines[2].split()[1:3] == ["transposed", "2,097,152"]
    assert lines[-1].split()[:3] == ["total", "3,802,816", "1.0000"]
    assert lines[-1].split()[3:] == ["103,481,344", "100.0%"]
    assert len({len(line) for line in lines[1:]}) == 1
