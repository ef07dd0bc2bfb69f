"""StyleGAN2 against the data sheet, NumPy and itself."""

import functools
import re
import zlib
from collections import Counter
from math import log2, prod

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.metrics.flops import count_parameters, layer_costs, total_macs
from regan_tf.nets import stylegan2
from regan_tf.nets.noise import drawing_from
from regan_tf.nets.stylegan2 import discriminator, generator
from regan_tf.nets.styles import Styles
from regan_tf.precision import computing_in
from regan_tf.regan.layers import masked_layers, strip_masks
from regan_tf.regan.masks import magnitude_mask, num_pruned
from tests.nets import numpy_stylegan2
from tests.nets.conftest import scramble
from tests.nets.numpy_sngan import weights_of
from tests.nets.small import latents, pictures

# (resolution, width): parameters, MACs, weights in kernels of both networks,
# as counted in PyTorch's models. There biases of to-RGB count as kernels.
PUBLISHED = {
    (32, 128): (
        (13_506_963, 684_384_256, 13_488_268),
        (13_918_849, 705_110_528, 13_915_520),
    ),
    (64, 128): (
        (19_016_088, 2_801_262_592, 18_994_831),
        (18_900_609, 2_887_328_256, 18_896_256),
    ),
    (32, 512): (
        (21_523_475, 4_008_435_712, 21_501_964),
        (21_507_073, 4_095_287_808, 21_502_464),
    ),
    (64, 512): (
        (27_032_600, 16_095_109_120, 27_008_527),
        (26_488_833, 16_448_037_376, 26_483_200),
    ),
    (64, 256): (
        (23_819_544, 7_635_984_384, 23_796_495),
        (23_407_361, 7_854_957_056, 23_402_240),
    ),
    (256, 128): (
        (30_034_338, 45_124_673_536, 30_007_957),
        (28_864_129, 46_531_682_816, 28_857_728),
    ),
    (256, 64): (
        (24_767_458, 14_903_009_280, 24_743_253),
        (24_001_089, 15_380_587_008, 23_995_584),
    ),
    (1024, 32): (
        (30_370_060, 74_266_894_336, 30_343_099),
        (29_012_513, 76_671_951_360, 29_005_920),
    ),
}
# By resolution, of width 32 at 1024 pixels: (parameters, MACs) of generator
# and discriminator; "" is what belongs to no resolution.
BY_SIDE = {
    "": (2_101_248, 2_097_152, 128, 100_663_296),
    "4": (2_894_852, 38_297_600, 6_559_745, 42_017_280),
    "8": (5_509_125, 189_628_416, 4_981_760, 192_937_984),
    "16": (5_509_125, 756_154_368, 4_981_760, 771_751_936),
    "32": (5_509_125, 3_022_258_176, 4_981_760, 3_087_007_744),
    "64": (5_509_125, 12_086_673_408, 4_981_760, 12_348_030_976),
    "128": (2_296_069, 14_508_621_824, 1_901_312, 15_032_385_536),
    "256": (705_669, 14_520_942_592, 475_520, 15_032_385_536),
    "512": (242_245, 14_545_977_344, 118_976, 15_032_385_536),
    "1024": (93_477, 14_596_243_456, 29_792, 15_032_385_536),
}
# Prunable weights outside of to-RGB, and a tenth of each kernel rounded down.
ZEROS = {
    (32, 128): (12_763_136, 1_276_304),
    (64, 128): (18_006_016, 1_800_590),
    (256, 128): (28_491_776, 2_849_162),
    (1024, 32): (28_777_472, 2_877_727),
}
TENSORS = {32: (68, 52), 64: (82, 62), 256: (110, 82), 1024: (138, 102)}


class Draws:
    """A source: what it draws depends on seed, name and shape only."""

    def __init__(self, seed=0):
        self.seed = seed

    def normal(self, name, shape):
        return self._random(name).normal(size=shape).astype("float32")

    def uniform(self, name, shape):
        return self._random(name).uniform(size=shape).astype("float32")

    def _random(self, name):
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


def _small(resolution=16, masked=False, **options):
    """(generator, discriminator), narrow, of odd weights."""
    keras.utils.set_random_seed(3)
    both = {"resolution": resolution, "width": 4, "masked": masked}
    pair = generator(latent_dim=5, **both), discriminator(**both, **options)
    for model in pair:
        scramble(model)
    return pair


@functools.cache
def _masked():
    return _small(masked=True)


def _cases(pair):
    """(model, its inputs) of a pair of 16 pixels."""
    return zip(pair, (latents(), pictures(3, 16)), strict=True)


def _copy(model, to):
    values = {v.path: v.numpy() for v in model.variables}
    for variable in to.variables:
        variable.assign(values[variable.path])


def _halves(model):
    """(latents to styles, styles to images) of a generator."""
    styles = model.get_layer("styles").output
    return (
        keras.Model(model.input, styles),
        keras.Model(styles, model.output),
    )


@pytest.mark.parametrize(
    "size",
    [
        pytest.param(s, marks=() if s in ZEROS else pytest.mark.slow)
        for s in PUBLISHED
    ],
    ids=str,
)
def test_counts_equal_the_published_networks(size):
    resolution, width = size
    to_rgb_biases = 3 * (log2(resolution) - 1)
    for build, counts, biases in zip(
        (generator, discriminator),
        PUBLISHED[size],
        (to_rgb_biases, 0),
        strict=True,
    ):
        model = build(resolution=resolution, width=width)
        costs = layer_costs(model)
        kernels = sum(layer.kernel for layer in costs) + biases
        parameters, _ = count_parameters(model)
        assert (parameters, total_macs(costs), kernels) == counts


def _side(layer):
    if layer in ("constant", "dense", "logits"):
        return "4"
    found = re.match(r"(?:block|to_rgb)(\d+)", layer)
    return found[1] if found else ""


def test_counts_by_resolution():
    parts = []
    for build in (generator, discriminator):
        model = build(resolution=1024, width=32)
        parameters, macs = Counter(), Counter()
        for layer in model.layers:
            shapes = [v.shape for v in layer.trainable_variables]
            parameters[_side(layer.name)] += sum(map(prod, shapes))
        for cost in layer_costs(model):
            macs[_side(cost.name)] += cost.macs
        parts += [parameters, macs]
    found = {side: tuple(part[side] for part in parts) for side in BY_SIDE}
    assert found == BY_SIDE


@pytest.mark.parametrize("size", ZEROS, ids=str)
def test_weights_outside_of_to_rgb(size):
    resolution, width = size
    model = generator(resolution=resolution, width=width, masked=True)
    weights = model.trainable_variables
    without = [v for v in weights if "to_rgb" not in v.path]
    assert (len(weights), len(without)) == TENSORS[resolution]
    masked = masked_layers(model)
    sizes = [
        prod(kernel.shape)
        for layer in masked
        for kernel, _ in layer.masked_weights
        if "to_rgb" not in layer.name
    ]
    zeros = sum(num_pruned(n, 0.1) for n in sizes)
    assert (sum(sizes), zeros) == ZEROS[size]
    # Each kernel has a mask: of one mapping layer, a style's affine map or a
    # convolution.
    assert len(masked) == 8 + 2 * (3 * log2(resolution) - 4)
    assert len([v for v in weights if len(v.shape) > 1]) == len(masked)


def test_a_tenth_of_each_kernel_is_pruned():
    model = generator(resolution=32, masked=True)
    for layer in masked_layers(model):
        if "to_rgb" not in layer.name:
            ((kernel, mask),) = layer.masked_weights
            mask.assign(magnitude_mask(kernel.numpy(), 0.1))
    pruned = sum(layer.kernel - layer.live for layer in layer_costs(model))
    assert pruned == ZEROS[32, 128][1]


def test_starts_as_published():
    model = generator(resolution=8, latent_dim=40, width=64)
    for variable in model.trainable_variables:
        values, name = variable.numpy(), variable.path
        if variable.name in ("kernel", "constant"):
            spread = 100 if name.startswith("mapping") else 1
            near = 4 / np.sqrt(values.size)
            assert abs(values.std() / spread - 1) < near, name
            assert abs(values.mean() / spread) < near, name
        else:
            # Biases of styles, not of the layers with them; strengths of noise.
            assert np.all(values == name.endswith("_style/bias")), name


@pytest.mark.parametrize("resolution", [8, 16])
def test_equals_numpy(resolution):
    made, critic = _small(resolution)
    to_styles, to_images = _halves(made)
    weights, z = weights_of(made), latents(4)
    w = numpy_stylegan2.mapping(weights, z)
    styles = w[:, None].repeat(2 * int(log2(resolution)) - 2, axis=1)
    np.testing.assert_allclose(to_styles(z), styles, rtol=1e-4, atol=1e-5)
    wanted = numpy_stylegan2.synthesis(weights, styles)
    np.testing.assert_allclose(made(z), wanted, rtol=1e-4, atol=1e-4)
    styles += np.random.default_rng(2).normal(size=styles.shape)
    wanted = numpy_stylegan2.synthesis(weights, styles)
    np.testing.assert_allclose(to_images(styles), wanted, rtol=1e-4, atol=1e-4)
    x = pictures(8, resolution)
    wanted = numpy_stylegan2.discriminator(weights_of(critic), x)
    np.testing.assert_allclose(critic(x), wanted, rtol=1e-4, atol=1e-5)


def test_fused_discriminators_compute_the_same():
    (_, fused), (_, plain) = _masked(), _small(masked=True, fused=False)
    _copy(fused, plain)
    x = pictures(4, 16)
    np.testing.assert_allclose(plain(x), fused(x), rtol=1e-4, atol=1e-6)
    counts = [total_macs(layer_costs(model)) for model in (fused, plain)]
    assert counts[0] == counts[1]


def test_masks_multiply_kernels():
    for (masked, x), plain in zip(_cases(_masked()), _small(), strict=True):
        values = {v.path: v.numpy() for v in masked.variables}
        for v in plain.variables:
            v.assign(values[v.path] * values.get(f"{v.path}_mask", 1))
        np.testing.assert_array_equal(masked(x), plain(x))
        np.testing.assert_array_equal(strip_masks(masked)(x), plain(x))


def test_stripped_generators_have_no_masks():
    stripped = strip_masks(_masked()[0])
    assert not any(v.name == "kernel_mask" for v in stripped.variables)
    assert not masked_layers(stripped)


def test_files_keep_the_networks(tmp_path):
    for model, x in _cases(_masked()):
        model.save(tmp_path / "m.keras")
        loaded = keras.models.load_model(tmp_path / "m.keras")
        for ours, theirs in zip(loaded.variables, model.variables, strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        np.testing.assert_array_equal(loaded(x), model(x))
    mixing = generator(resolution=8, width=4, mixing=0.4)
    mixing.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert loaded.get_layer("styles").mixing == 0.4


@pytest.mark.parametrize(
    ("precision", "least"), [("bfloat16", 0.05), ("float16", 0.005)]
)
def test_mixed_precision_gives_float32_near_the_exact(precision, least):
    with computing_in(precision):
        rough = _small(masked=True)
    for (exact, x), model in zip(_cases(_masked()), rough, strict=True):
        _copy(exact, model)
        outputs, wanted = model(x), exact(x)
        assert outputs.dtype == tf.float32
        assert {v.dtype for v in model.variables} == {"float32"}
        error = np.sqrt(np.mean((outputs - wanted) ** 2))
        assert 0 < error < least * np.sqrt(np.mean(wanted**2))
        for layer in model.layers:
            if re.fullmatch(r"block\d+_(conv\d?|skip)(_noise)?", layer.name):
                assert layer.compute_dtype == precision
            if re.match(r"mapping|styles|.*_style|logits", layer.name):
                assert layer.compute_dtype == "float32"


def test_every_trainable_variable_gets_a_gradient():
    made, critic = _masked()
    both = made.trainable_variables + critic.trainable_variables
    with drawing_from(Draws()), tf.GradientTape() as tape:
        logits = critic(made(latents(4), training=True), training=True)
        loss = tf.reduce_sum(logits**2)
    for variable, gradient in zip(both, tape.gradient(loss, both), strict=True):
        assert np.all(np.isfinite(gradient)), variable.path
        assert np.any(gradient != 0), variable.path


# Of the reference implementation in PyTorch, float64, with `_numbered`
# weights: the penalty, and the norms of its gradients in some kernels.
PATH_LENGTH = {
    "loss": 0.2864534062,
    "to_rgb4": 0.0402910625,
    "block8_conv1": 0.0513656067,
    "block16_conv1": 0.0277127158,
    "block16_conv2_style": 0.0723911195,
    "to_rgb16_style": 0.1131490256,
}
R1 = {
    "loss": 0.0220874144,
    "from_rgb": 0.0144875788,
    "block16_skip": 0.0115668084,
    "block16_conv2": 0.0113478402,
    "block8_conv1": 0.0105732513,
    "block4_conv": 0.0093521007,
    "logits": 0.0168160512,
}


def _numbered(model):
    """Gives weights values that depend on their names and sizes only."""
    for variable in model.variables:
        rng = np.random.default_rng(zlib.crc32(variable.path.encode()))
        spread = 1 if variable.name == "kernel" else 0.3
        variable.assign(rng.normal(0, spread, variable.shape))
    return model


def _penalty(function, inputs, directions, measure, model, names):
    """`measure` of the gradient of Σ function·directions in the inputs, and
    the norms of its own gradients in the kernels of layers."""
    inputs = tf.constant(inputs, tf.float32)
    kernels = [model.get_layer(name)._kernel.value for name in names]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            total = tf.reduce_sum(function(inputs) * directions)
        loss = measure(inner.gradient(total, inputs))
    norms = [tf.norm(g) for g in outer.gradient(loss, kernels)]
    figures = [float(figure) for figure in (loss, *norms)]
    return dict(zip(["loss", *names], figures, strict=True))


def test_path_length_penalty_equals_pytorch():
    model = _numbered(generator(resolution=16, latent_dim=5, width=4))
    rng = np.random.default_rng(6)
    styles, y = rng.normal(size=(2, 6, 5)), rng.normal(size=(2, 16, 16, 3))

    def measure(slopes):
        lengths = tf.reduce_mean(tf.reduce_sum(slopes**2, axis=2), axis=1)
        return tf.reduce_mean((tf.sqrt(lengths) - 1) ** 2)

    found = _penalty(
        _halves(model)[1], styles, y / 16, measure, model, list(PATH_LENGTH)[1:]
    )
    assert found == pytest.approx(PATH_LENGTH, rel=1e-4)


@pytest.mark.parametrize("fused", [True, False])
def test_r1_equals_pytorch(fused):
    model = _numbered(discriminator(resolution=16, width=4, fused=fused))

    def measure(slopes):
        return tf.reduce_mean(tf.reduce_sum(slopes**2, axis=(1, 2, 3)))

    x = pictures(4, 16)  # one group of the minibatch deviation
    found = _penalty(model, x, 1.0, measure, model, list(R1)[1:])
    assert found == pytest.approx(R1, rel=1e-4)


def test_halves_make_the_whole():
    made, _ = _masked()
    to_styles, to_images = _halves(made)
    z = latents()
    assert to_styles.output_shape == (None, 6, 5)
    np.testing.assert_array_equal(to_images(to_styles(z)), made(z))
    with drawing_from(Draws()):
        whole = made(z, training=True)
        styles = to_styles(z, training=True)
        np.testing.assert_array_equal(to_images(styles, training=True), whole)


def test_images_are_functions_of_latents_and_draws():
    made, _ = _masked()
    z = latents()
    plain = made(z)
    np.testing.assert_array_equal(made(z, training=True), plain)
    drawn = []
    for seed in (1, 1, 2):
        with drawing_from(Draws(seed)):
            drawn.append(made(z, training=True).numpy())
            np.testing.assert_array_equal(made(z), plain)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    for other in (drawn[2], plain):
        assert np.all(np.abs(drawn[0] - other).max(axis=(1, 2, 3)) > 0.01)


def test_images_of_a_batch_get_noise_of_their_own():
    _, to_images = _halves(_masked()[0])
    styles = np.ones((2, 6, 5), "float32")
    one, other = to_images(styles, training=True)
    np.testing.assert_allclose(one, other, atol=1e-6)
    with drawing_from(Draws()):
        one, other = to_images(styles, training=True)
    assert np.abs(one - other).max() > 0.01


class Fixed:
    """A source of given uniform draws."""

    def __init__(self, draws):
        self.draws = np.array(draws, np.float32)

    def uniform(self, name, shape):
        assert (name, shape) == ("styles", self.draws.shape)
        return self.draws


def test_crossover_by_hand():
    # Place of the crossover, whether there is one.
    draws = [[0, 0], [0.34, 0.5], [0.999, 0.899], [0.5, 0.901]]
    first, second = np.zeros((4, 1), "float32"), np.ones((4, 1), "float32")
    layer = Styles(4, name="styles")
    w = np.concatenate([first, second])
    with drawing_from(Fixed(draws)):
        styles = layer(w, training=True)
    expected = [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 0, 0]]
    np.testing.assert_array_equal(styles[..., 0], expected)
    np.testing.assert_array_equal(layer(second)[..., 0], np.ones((4, 4)))


def test_crossovers_are_uniform_and_as_frequent_as_asked():
    count = 20_000
    w = np.repeat(np.float32([[0], [1]]), count, axis=0)
    with drawing_from(Draws()):
        styles = Styles(5, mixing=0.8)(w, training=True)
    firsts = np.bincount(np.sum(1 - styles[..., 0].numpy(), 1).astype(int))
    expected = count * np.array([0, 0.2, 0.2, 0.2, 0.2, 0.2])
    assert np.abs(firsts - expected).max() < 5 * np.sqrt(count * 0.2)


def test_second_latents_pass_the_mapping_too():
    to_styles, _ = _halves(_masked()[0])
    z, source = latents(40), Draws(4)
    second = source.normal("second_latents", z.shape)
    with drawing_from(source):
        styles = to_styles(z, training=True)
    ours, theirs = to_styles(z).numpy(), to_styles(second).numpy()
    np.testing.assert_allclose(styles[:, 0], ours[:, 0], atol=1e-6)
    from_second = np.isclose(styles[:, -1], theirs[:, -1], atol=1e-6).all(-1)
    from_first = np.isclose(styles[:, -1], ours[:, -1], atol=1e-6).all(-1)
    assert np.all(from_first ^ from_second)
    assert 30 <= np.sum(from_second) <= 40


def test_without_mixing_nothing_is_appended():
    made = generator(resolution=8, latent_dim=5, width=4, mixing=0)
    to_styles, _ = _halves(made)
    with drawing_from(Draws()):
        styles = to_styles(latents(), training=True)
    np.testing.assert_array_equal(styles, to_styles(latents()))


def test_scaled_lrelu_by_hand():
    values = stylegan2.scaled_lrelu(np.array([-5.0, 0, 1], np.float32))
    np.testing.assert_allclose(values, np.sqrt(2) * np.array([-1, 0, 1]))


@pytest.mark.parametrize("wrong", [(4, 8), (48, 8), (2048, 8), (32, 0)])
@pytest.mark.parametrize("build", [generator, discriminator])
def test_other_sizes_are_refused(build, wrong):
    resolution, width = wrong
    with pytest.raises(ValueError, match=f"Received: resolution={resolution}"):
        build(resolution=resolution, width=width)


@pytest.mark.parametrize("wrong", [(1, 0.9), (8, 1.1), (8, -0.1)])
def test_styles_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="must be at least 2"):
        Styles(*wrong)
