"""ProGANs against the data sheet, NumPy and each other."""

from math import prod, sqrt

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.metrics.flops import count_parameters, layer_costs, total_macs
from regan_tf.nets.normalization import MinibatchDeviation, PixelNorm
from regan_tf.nets.progan import networks
from regan_tf.nets.views import Fade, Networks, View
from regan_tf.regan.layers import masked_layers, strip_masks
from regan_tf.train.strategy import choose_strategy
from tests.nets.numpy_sngan import conv, down, up, weights_of

RNG = np.random.default_rng(7)
Z = RNG.normal(size=(8, 5)).astype("float32")
HE = sqrt(2)
VARIANTS = pytest.mark.parametrize("variant", ["regan", "karras"])


def _small(variant, resolution=16, **more):
    """Narrow networks with biases and masks unlike their defaults."""
    more = {"masked": (True, True)} | more
    nets = networks(
        variant=variant,
        resolution=resolution,
        latent_dim=5,
        widths=(8, 8),
        **more,
    )
    rng = np.random.default_rng(3)
    for model in (nets.generator, nets.discriminator):
        for variable in model.variables:
            if variable.name == "bias":
                variable.assign(rng.normal(0, 0.3, variable.shape))
            elif variable.name == "kernel_mask":
                variable.assign(rng.uniform(size=variable.shape) < 0.8)
            elif variable.name == "kernel":
                variable.assign(rng.normal(0, 1, variable.shape))
    return nets


def _images(side, count=8):
    return RNG.uniform(-1, 1, (count, side, side, 3)).astype("float32")


# MACs of G and D by resolution: fading, not fading.
SHEET = {
    4: [(79_716_352, 42_041_856)],
    8: [(381_779_968, 344_105_472), (381_804_544, 344_130_048)],
    16: [(1_590_034_432, 1_552_359_936), (1_590_132_736, 1_552_458_240)],
    32: [(6_423_052_288, 6_385_377_792), (6_423_445_504, 6_385_771_008)],
    64: [
        (13_672_382_464, 20_882_465_280),
        (13_673_955_328, 20_884_038_144),
    ],
}


def _kernels(model):
    weights = model.trainable_variables
    return [prod(v.shape) for v in weights if len(v.shape) > 1]


def _view_macs(nets, view):
    models = nets.generators[view], nets.discriminators[view]
    return tuple(total_macs(layer_costs(model)) for model in models)


def _check_counts(resolution, generator, discriminator):
    nets = networks(
        variant="regan",
        resolution=resolution,
        masked=(True, False),
        fused=False,
    )
    for model, (total, in_kernels) in (
        (nets.generator, generator),
        (nets.discriminator, discriminator),
    ):
        assert count_parameters(model)[0] == total
        assert sum(_kernels(model)) == in_kernels
    return nets


def test_counts_of_the_data_sheet_at_32():
    nets = _check_counts(32, (23_079_436, 23_074_816), (20_726_785, 20_720_640))
    pairs = [p for x in masked_layers(nets.generator) for p in x.masked_weights]
    sizes = [prod(mask.shape) for _, mask in pairs]
    assert sum(n // 10 for n in sizes) == 2_307_474


def test_counts_of_the_data_sheet_at_64():
    nets = _check_counts(64, (24_850_191, 24_845_056), (24_267_777, 24_260_352))
    assert list(nets.generators) == list(nets.discriminators)
    for side, expected in SHEET.items():
        views = [View(side), View(side, True)][: len(expected)]
        assert [_view_macs(nets, view) for view in views] == expected


def test_counts_of_karras():
    nets = networks(variant="karras", resolution=256, fused=False)
    # The authors' counts are to 1024 pixels: less the last two doublings.
    g = sum(9 * (2 * w + w) * w + 5 * w + 3 for w in (32, 16))
    d = sum(9 * (w + 2 * w) * w + 7 * w for w in (32, 16))
    assert count_parameters(nets.generator)[0] == 23_079_115 - g
    assert count_parameters(nets.discriminator)[0] == 23_087_249 - d
    # The data sheet's network differs in one thing: it upsamples before the
    # previous to-RGB, not after it.
    extra = 3 * 128 * (256**2 - 128**2)
    macs, _ = _view_macs(nets, View(256, True))
    assert macs == 28_164_751_360 - extra


def test_pixel_norm_by_hand():
    outputs = PixelNorm()(np.float32([[3, 4], [0, 0]]))
    expected = np.float32([[3, 4], [0, 0]]) / sqrt(12.5)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


def test_minibatch_deviation_by_hand():
    # Pixels and channels with deviations 1 and 3 in one group, 0 in another.
    x = np.float32([[0, 0], [2, 6], [5, 5], [5, 5]]).reshape(4, 1, 1, 2)
    pairs = MinibatchDeviation(2)(x)
    np.testing.assert_array_equal(pairs[..., :2], x)
    expected = [2, 2, 1e-4, 1e-4]
    np.testing.assert_allclose(pairs[:, 0, 0, 2], expected, rtol=1e-5)
    whole = (np.std([0, 5, 2, 5]) + np.std([0, 5, 6, 5])) / 2
    any_batch = [tf.TensorSpec((None, 1, 1, 2))]
    for group in (None, 4, 9):
        layer = MinibatchDeviation(group)
        for apply in (layer, tf.function(layer, input_signature=any_batch)):
            outputs = apply(x)
            np.testing.assert_allclose(outputs[..., 2], whole, rtol=1e-5)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_statistics_are_float32(name):
    policy = f"mixed_{name}"
    x = tf.constant(RNG.normal(0, 3000, (4, 2, 2, 3)), "float32")
    for rough, exact in (
        (PixelNorm(dtype=policy), PixelNorm()),
        (MinibatchDeviation(2, dtype=policy), MinibatchDeviation(2)),
    ):
        outputs = tf.cast(rough(x), "float32")
        np.testing.assert_allclose(outputs, exact(x), rtol=0.02)
    tiny = PixelNorm(dtype=policy)(x / 1e8)  # its squares vanish in float16
    np.testing.assert_allclose(
        tf.cast(tiny, "float32"), PixelNorm()(x / 1e8), atol=0.01
    )


def test_minibatch_deviation_says_which_batches_it_takes():
    with pytest.raises(ValueError, match=r"multiple of the group.*take 4"):
        MinibatchDeviation(4)(np.zeros((6, 4, 4, 2)))
    with pytest.raises(ValueError, match="positive"):
        MinibatchDeviation(0)


def test_fade_by_hand_and_only_of_one_shape():
    fade, (a, b) = Fade(), np.float32([[[2.0]], [[6.0]]])
    assert fade([a, b]) == 6
    fade.alpha.assign(0.25)
    assert fade([a, b]) == 3
    with pytest.raises(ValueError, match="of one shape"):
        Fade()([keras.Input((4, 4, 3)), keras.Input((8, 8, 3))])


def _norm(x):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-8)


def _lrelu(x, slope):
    # TensorFlow rounds the slope to float32 in float64, too.
    return np.where(x > 0, x, float(np.float32(slope)) * x)


class _Numpy:
    """Float64 passes written from Karras et al.'s Table 2 and the data sheet
    alone; base width 8, 5 latents, batches of 8."""

    def __init__(self, variant, model):
        self.regan, self.w = variant == "regan", weights_of(model)

    def after(self, x):
        return _lrelu(_norm(x), 0.1) if self.regan else _norm(_lrelu(x, 0.2))

    def critic_after(self, x):
        return _lrelu(_norm(x), 0.1) if self.regan else _lrelu(x, 0.2)

    def kernel(self, name, gain=HE, fan_in=None):
        kernel = self.w[f"{name}/kernel"] * self.w[f"{name}/kernel_mask"]
        return kernel * gain / sqrt(fan_in or prod(kernel.shape[:-1]))

    def conv(self, x, name, gain=HE):
        return conv(x, self.kernel(name, gain), self.w[f"{name}/bias"])

    def last_gain(self):
        return HE if self.regan else 1

    def generator(self, z, resolution, alpha=None):
        fan_in = 16 * (8 if self.regan else 5)
        x = _norm(z) @ self.kernel("input", fan_in=fan_in)
        x = x.reshape(-1, 4, 4, 8) + self.w["input_bias/bias"]
        x, side = self.after(x), 4
        x = self.after(self.conv(x, "block4_conv1"))
        if self.regan:
            x = self.after(self.conv(x, "block4_conv2"))
        rgb = self.conv(x, "to_rgb4", self.last_gain())
        while side < resolution:
            side, old, x = 2 * side, rgb, up(x)
            for i in (1, 2):
                x = self.after(self.conv(x, f"block{side}_conv{i}"))
            rgb = self.conv(x, f"to_rgb{side}", self.last_gain())
        if alpha is not None:
            rgb = (1 - alpha) * up(old) + alpha * rgb
        return np.tanh(rgb) if self.regan and side > 4 else rgb

    def from_rgb(self, x):
        x = self.conv(x, f"from_rgb{x.shape[1]}")
        return x if self.regan else _lrelu(x, 0.2)

    def discriminator(self, images, alpha=None):
        x, side = self.from_rgb(images), images.shape[1]
        while side > 4:
            for i in (1, 2):
                x = self.critic_after(self.conv(x, f"block{side}_conv{i}"))
            x, side = down(x), side // 2
            if alpha is not None and 2 * side == images.shape[1]:
                x = alpha * x + (1 - alpha) * self.from_rgb(down(images))
        count = len(x)
        groups = [range(count)] if self.regan else [range(4), range(4, 8)]
        channel = np.empty((count, 4, 4, 1))
        for group in groups:
            variance = x[list(group)].var(axis=0)
            channel[list(group)] = np.sqrt(variance + 1e-8).mean()
        x = np.concatenate([x, channel], axis=-1)
        x = self.critic_after(self.conv(x, "block4_conv1"))
        x = np.tensordot(x, self.kernel("block4_conv2"), 3)
        x = self.critic_after(x + self.w["block4_conv2/bias"])
        return (
            x @ self.kernel("logits", self.last_gain()) + self.w["logits/bias"]
        )


@pytest.mark.parametrize(
    ("variant", "resolution"), [("regan", 64), ("karras", 128)]
)
def test_every_view_equals_numpy(variant, resolution, policy):
    policy("float64")
    nets = _small(variant, resolution)
    generator = _Numpy(variant, nets.generator)
    discriminator = _Numpy(variant, nets.discriminator)
    for alpha in nets.fades:
        alpha.assign(0.25)
    for view, model in nets.generators.items():
        alpha = 0.25 if view.fading else None
        images = model(Z)
        wanted = generator.generator(np.float64(Z), view.resolution, alpha)
        np.testing.assert_allclose(images, wanted, atol=2e-6)
        x = _images(view.resolution)
        logits = nets.discriminators[view](x)
        wanted = discriminator.discriminator(np.float64(x), alpha)
        np.testing.assert_allclose(logits, wanted, rtol=1e-5, atol=2e-6)
        assert images.dtype == logits.dtype == tf.float32


@VARIANTS
def test_whole_networks_have_each_variable_once(variant):
    nets = _small(variant)
    for whole, views in (
        (nets.generator, nets.generators),
        (nets.discriminator, nets.discriminators),
    ):
        paths = [v.path for v in whole.variables]
        assert len(set(paths)) == len(paths)
        of_views = {v.path for m in views.values() for v in m.variables}
        assert set(paths) == of_views
        kernels = {
            k.path for x in masked_layers(whole) for k, _ in x.masked_weights
        }
        named = [v.path for v in whole.trainable_variables]
        assert kernels == {p for p in named if p.endswith("/kernel")}
        assert sum("_rgb" in p for p in kernels) == 3
        assert [p for p in paths if "alpha" in p] == ["fade/alpha"]
        assert not any("alpha" in p for p in named)
    assert (nets.mixes_batch, len(nets.fades)) == (True, 2)
    assert nets.group == {"regan": None, "karras": 4}[variant]


@VARIANTS
def test_views_at_the_ends_and_the_middle_of_a_fade(variant):
    nets = _small(variant)
    linear = np.arctanh if variant == "regan" else np.asarray
    for side in (8, 16):
        x, seen = _images(side), {}
        for alpha in (0, 0.5, 1):
            for variable in nets.fades:
                variable.assign(alpha)
            images = nets.generators[View(side, True)](Z)
            logits = nets.discriminators[View(side, True)](x)
            seen[alpha] = images.numpy(), logits.numpy()
        previous = up(nets.generators[View(side // 2)](Z).numpy())
        if side == 8 and variant == "regan":
            previous = np.tanh(previous)  # raw at 4 pixels
        np.testing.assert_allclose(seen[0][0], previous, atol=1e-6)
        np.testing.assert_allclose(
            seen[0][1], nets.discriminators[View(side // 2)](down(x)), atol=1e-5
        )
        last = (
            nets.generators[View(side)](Z),
            nets.discriminators[View(side)](x),
        )
        for ours, wanted in zip(seen[1], last, strict=True):
            np.testing.assert_array_equal(ours, wanted)
        mean = (linear(seen[0][0]) + linear(seen[1][0])) / 2
        np.testing.assert_allclose(linear(seen[0.5][0]), mean, atol=2e-3)


@VARIANTS
def test_gradients_reach_the_variables_of_a_view_only(variant):
    nets = _small(variant)
    for alpha in nets.fades:
        alpha.assign(0.5)
    for whole, views in (
        (nets.generator, nets.generators),
        (nets.discriminator, nets.discriminators),
    ):
        for view, model in views.items():
            x = Z if whole is nets.generator else _images(view.resolution)
            weights = [v.value for v in whole.trainable_variables]
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(model(x, training=True)))
            found = tape.gradient(loss, weights)
            reached = {
                v.path
                for v, g in zip(whole.trainable_variables, found, strict=True)
                if g is not None and np.any(g.numpy())
            }
            assert reached == {v.path for v in model.trainable_variables}


@VARIANTS
def test_gradient_penalty_is_finite(variant):
    nets, x = _small(variant), tf.constant(_images(8))
    model = nets.discriminators[View(8, True)]
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            score = tf.reduce_sum(model(x, training=True))
        norm = tf.norm(tf.reshape(inner.gradient(score, x), (8, -1)), axis=1)
        loss = tf.reduce_mean((norm - 1) ** 2)
    weights = [v.value for v in model.trainable_variables]
    found = [g for g in outer.gradient(loss, weights) if g is not None]
    assert len(found) > len(weights) // 2
    assert all(np.all(np.isfinite(g)) for g in found)


@VARIANTS
def test_fused_equals_plain(variant):
    fused, plain = _small(variant), _small(variant, fused=False)
    assert "EqualizedUp" in repr([type(x) for x in fused.generator.layers])
    for view, model in fused.generators.items():
        images = model(Z)
        np.testing.assert_allclose(
            plain.generators[view](Z), images, rtol=1e-4, atol=1e-4
        )


@VARIANTS
def test_exported_view(variant, tmp_path):
    view = _small(variant).generators[View(16)]
    stripped = strip_masks(view)
    np.testing.assert_array_equal(stripped(Z), view(Z))
    stripped.save(tmp_path / "m.keras")
    view.save(tmp_path / "v.keras")
    for name in ("m.keras", "v.keras"):
        loaded = keras.models.load_model(tmp_path / name)
        np.testing.assert_array_equal(loaded(Z), view(Z))
    kinds = {type(x).__name__ for x in stripped.layers}
    assert not any("Masked" in x or x == "Fade" for x in kinds)


@VARIANTS
@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_mixed_precision_is_close(variant, name, policy):
    exact = _small(variant)
    policy(f"mixed_{name}")
    rough = _small(variant)
    z, x = 1e3 * Z, _images(16)  # z is normalised first
    for view in (View(16), View(16, True)):
        for inputs, ours, theirs in (
            (z, rough.generators, exact.generators),
            (x, rough.discriminators, exact.discriminators),
        ):
            outputs = ours[view](inputs)
            assert outputs.dtype == tf.float32
            wanted = theirs[view](inputs).numpy()
            error = np.std(outputs - wanted) / np.abs(wanted).max()
            assert error < {"bfloat16": 0.04, "float16": 0.005}[name]


def test_replicas_share_alpha():
    strategy = choose_strategy(2)
    with strategy.scope():
        nets = _small("regan", 8)
    alone = _small("regan", 8)
    for alpha in (*nets.fades, *alone.fades):
        alpha.assign(0.3)
    view = View(8, True)
    run = tf.function(lambda: nets.generators[view](Z))
    for images in strategy.experimental_local_results(strategy.run(run)):
        np.testing.assert_allclose(images, alone.generators[view](Z), atol=1e-5)


def test_one_stage_has_no_fade():
    nets = _small("regan", 4)
    assert nets.fades == () and list(nets.generators) == [View(4, False)]
    assert not [v for v in nets.generator.variables if v.name == "alpha"]


def test_single_networks():
    z, x = keras.Input((5,)), keras.Input((8, 8, 3))
    generator = keras.Model(
        z, keras.layers.Reshape((8, 8, 3))(keras.layers.Dense(192)(z))
    )
    discriminator = keras.Model(x, keras.layers.Flatten()(x))
    nets = Networks.single(generator, discriminator, 8)
    assert nets.generators == {View(8): generator}
    assert nets.discriminators == {View(8, False): discriminator}
    assert (nets.fades, nets.mixes_batch, nets.group) == ((), False, None)
    with pytest.raises(ValueError, match=r"\(16, 16, 3\)"):
        Networks.single(generator, discriminator, 16)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"variant": "other"}, "must be one of"),
        ({"resolution": 48}, r"\[4, 8, 16, 32, 64\].*resolution=48"),
        ({"resolution": 128}, "can grow to"),
        ({"resolution": 64, "widths": (8, 7)}, "multiples of 2"),
        ({"widths": (0, 8)}, "multiples of 1"),
    ],
)
def test_refuses(wrong, said):
    options = {"variant": "regan", "resolution": 32, "widths": (8, 8)}
    with pytest.raises(ValueError, match=said):
        networks(**(options | wrong))
