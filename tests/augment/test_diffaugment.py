"""Differentiable augmentation: by its definitions in numpy, and by counts."""

import subprocess
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.augment import POLICIES, diffaugment, parse_policy
from regan_tf.augment.diffaugment import OPERATIONS, augment
from regan_tf.errors import UserError

ALL = parse_policy("color,translation,cutout")
LAST = float(np.nextafter(np.float32(1), np.float32(0)))  # below 1
DRAWS = 10_000


class Given:
    """A `Source` of given uniforms, by name or one row for every image and
    name, that notes what it is asked."""

    def __init__(self, *row):
        self.row, self.rows, self.asked = row, {}, []

    def uniform(self, name, shape):
        self.asked.append((name, shape))
        row = self.rows.get(name, self.row)
        return tf.broadcast_to(tf.cast(row, tf.float32), shape)


class Seeded:
    """A `Source` whose draws are functions of a seed and their name."""

    def __init__(self, seed=0):
        self.seed = seed

    def uniform(self, name, shape):
        seed = (self.seed, zlib.crc32(name.encode()) % 2**31)
        return tf.random.stateless_uniform(shape, seed)


def _images(height, width=None, count=2):
    shape = (count, height, width or height, 3)
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _translated(image, rows, columns):
    out = np.zeros_like(image)
    for i, j in np.ndindex(image.shape[:2]):
        if 0 <= i + rows < len(image) and 0 <= j + columns < image.shape[1]:
            out[i, j] = image[i + rows, j + columns]
    return out


def _cut(image, middle, size):
    """As the authors' code: indices of the square, clamped one by one."""
    out = image.copy()
    for i, j in np.ndindex(*size):
        row = min(max(i + middle[0] - size[0] // 2, 0), len(image) - 1)
        column = min(max(j + middle[1] - size[1] // 2, 0), image.shape[1] - 1)
        out[row, column] = 0
    return out


def test_policies():
    color = ("brightness", "saturation", "contrast")
    assert parse_policy("") == parse_policy(" ") == ()
    assert parse_policy("color, translation,cutout") == (
        *color,
        "translation",
        "cutout",
    )
    assert parse_policy("cutout,contrast") == ("cutout", "contrast")
    named = {operation for part in POLICIES.values() for operation in part}
    assert named == set(OPERATIONS)


@pytest.mark.parametrize(
    "text",
    ["colour", "color,", ",", "cutout,cutout", "color,contrast", "COLOR"],
)
def test_other_policies_are_refused(text):
    with pytest.raises(UserError, match=r"^--diffaugment must be") as error:
        parse_policy(text)
    assert repr(text) in str(error.value)
    assert "\n" not in str(error.value)


def test_policies_are_read_without_tensorflow():
    code = (
        "import sys; from regan_tf.augment import parse_policy;"
        "parse_policy('color'); sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match=r"Received: policy=\(.color"):
        augment(_images(4), ("color",), Given(0.0), "real")
    with pytest.raises(ValueError, match=r"images.shape=\(4, 4, 3\)"):
        augment(tf.zeros((4, 4, 3)), (), Given(0.0), "real")

    @tf.function(input_signature=[tf.TensorSpec((None, 4, 4, 3))])
    def of_any_batch(images):
        return augment(images, ALL, Seeded(), "real")

    with pytest.raises(ValueError, match="all of it known"):
        of_any_batch(_images(4))


@pytest.mark.parametrize("u", [0.0, 0.3, 0.5, LAST])
def test_color_by_numpy(u):
    x, source = _images(5, 4), Given(u)
    grey, mean = x.mean(3, keepdims=True), x.mean((1, 2, 3), keepdims=True)
    expected = {
        "brightness": x + u - 0.5,
        "saturation": (x - grey) * (2 * u) + grey,
        "contrast": (x - mean) * (0.5 + u) + mean,
    }
    for name, image in expected.items():
        found = augment(x, (name,), source, "real")
        np.testing.assert_allclose(found, image, atol=1e-6)
    assert source.asked == [(f"real/{name}", (2, 1)) for name in expected]


@pytest.mark.parametrize(
    ("side", "reach"), [(3, 0), (4, 1), (11, 1), (12, 2), (32, 4), (48, 6)]
)
@pytest.mark.parametrize("u", [(0.0, LAST), (LAST, 0.0), (0.5, 0.26)])
def test_translation_by_numpy(side, reach, u):
    x, source = _images(side, 9), Given(*u)
    found = augment(x, ("translation",), source, "real")
    # 9 columns move by up to 1.
    rows = np.floor(u[0] * (2 * reach + 1)) - reach
    columns = np.floor(u[1] * 3) - 1
    expected = [_translated(image, int(rows), int(columns)) for image in x]
    np.testing.assert_array_equal(found, expected)
    assert source.asked == [("real/translation", (2, 2))]


@pytest.mark.parametrize(
    ("side", "size"), [(1, 1), (2, 1), (5, 3), (7, 4), (8, 4), (32, 16)]
)
@pytest.mark.parametrize("u", [(0.0, LAST), (LAST, 0.0), (0.5, 0.26)])
def test_cutout_by_numpy(side, size, u):
    x, source = _images(side, 6), Given(*u)
    found = augment(x, ("cutout",), source, "fake")
    # 3 of 6 columns.
    choices = side + (1 - size % 2)
    middle = int(np.floor(u[0] * choices)), int(np.floor(u[1] * 6))
    expected = [_cut(image, middle, (size, 3)) for image in x]
    np.testing.assert_array_equal(found, expected)
    assert source.asked == [("fake/cutout", (2, 2))]


def test_every_offset_by_numpy():
    # 5 rows are covered by 3 from one of 5 places, 8 moved by −1, 0 or 1.
    x = _images(5, count=25)
    u = (np.stack(np.divmod(np.arange(25), 5), 1) + 0.5) / 5
    found = diffaugment.cutout(x, u.astype("float32"))
    for image, cut, row in zip(x, found, u * 5, strict=True):
        np.testing.assert_array_equal(cut, _cut(image, row.astype(int), (3, 3)))
    x = _images(8, count=9)
    u = (np.stack(np.divmod(np.arange(9), 3), 1) + 0.5) / 3
    found = diffaugment.translation(x, u.astype("float32"))
    for image, moved, (i, j) in zip(x, found, u * 3 - 1.5, strict=True):
        np.testing.assert_array_equal(moved, _translated(image, int(i), int(j)))


def test_order_is_the_policy_s():
    x = np.ones((1, 2, 2, 3), "float32")
    both = parse_policy("cutout,brightness"), parse_policy("brightness,cutout")
    # The upper left pixel is cut out; brightness subtracts a half.
    first, last = (augment(x, p, Given(0.0), "real")[0, 0, 0] for p in both)
    np.testing.assert_array_equal(first, [-0.5] * 3)
    np.testing.assert_array_equal(last, [0] * 3)


@pytest.mark.parametrize(
    "shape", [(1, 32, 32), (3, 48, 48), (2, 64, 64), (2, 5, 7)]
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_shape_and_type_stay(shape, dtype):
    x = tf.cast(tf.random.stateless_normal((*shape, 3), (0, 0)), dtype)
    found = augment(x, ALL, Seeded(), "real")
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    # Computed in float32: rounded once, at the end.
    exact = augment(tf.cast(x, tf.float32), ALL, Seeded(), "real")
    np.testing.assert_array_equal(found, tf.cast(exact, dtype))
    assert augment(x, (), Given(), "real").dtype == x.dtype


def test_draws_differ_by_image_and_name_only():
    x = np.tile(_images(16, count=1), (4, 1, 1, 1))
    for operation in ALL:
        policy = (operation,)
        real, again, fake, other = (
            augment(x, policy, Seeded(seed), name).numpy()
            for seed, name in ((0, "r"), (0, "r"), (0, "f"), (1, "r"))
        )
        np.testing.assert_array_equal(real, again)
        assert len({image.tobytes() for image in real}) > 1, operation
        assert np.any(real != fake), operation
        assert np.any(real != other), operation


@pytest.mark.parametrize("jit", [False, True])
def test_graphs_equal_eager_calls(jit):
    x, given = _images(11, 8), Given()
    # Drawn outside, since XLA draws other numbers from the same seed.
    for operation in ALL:
        shape = (2, OPERATIONS[operation][1])
        given.rows[f"real/{operation}"] = Seeded().uniform(operation, shape)

    def function(x):
        return augment(x, ALL, given, "real")

    compiled = tf.function(function, jit_compile=jit)
    np.testing.assert_allclose(compiled(x), function(x), atol=1e-6)


def _derivatives(function, x):
    """First derivative of Σ sin(f(x)), and of the sum of its squares."""
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            total = tf.reduce_sum(tf.sin(function(x)))
        first = inner.gradient(total, x)
        norm = tf.reduce_sum(first**2)
    return first, outer.gradient(norm, x)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("jit", [False, True])
def test_derivatives_by_the_matrix_of_the_operation(operation, jit):
    # Each is affine, y = Ax + b: derivatives of Σ sin(y) are Aᵀcos(y), and of
    # their squares −2Aᵀ(sin(y)·AAᵀcos(y)).
    u = np.array([[0.8, 0.1]], "float32")[:, : OPERATIONS[operation][1]]
    function = lambda x: OPERATIONS[operation][0](x, u)  # noqa: E731
    x = _images(5, 4, count=1)
    zero = function(tf.zeros_like(x)).numpy().ravel()
    columns = [
        function(tf.reshape(unit, x.shape)).numpy().ravel() - zero
        for unit in tf.eye(x.size)
    ]
    a = np.stack(columns, 1)
    y = a @ x.ravel() + zero
    first = a.T @ np.cos(y)
    second = -2 * a.T @ (np.sin(y) * (a @ first))
    derivatives = tf.function(_derivatives, jit_compile=jit)
    found = derivatives(function, tf.constant(x))
    for one, other in zip(found, (first, second), strict=True):
        np.testing.assert_allclose(np.ravel(one), other, atol=1e-5)


def test_gradients_reach_the_weights_of_a_penalised_critic():
    x, scale = tf.constant(_images(16)), tf.constant(0.7)

    def penalty(scale):
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = tf.sin(scale * augment(x, ALL, Seeded(), "real"))
            total = tf.reduce_sum(logits)
        return tf.reduce_sum(tape.gradient(total, x) ** 2)

    with tf.GradientTape() as tape:
        tape.watch(scale)
        value = penalty(scale)
    slope = (penalty(scale + 1e-2) - penalty(scale - 1e-2)) / 2e-2
    np.testing.assert_allclose(tape.gradient(value, scale), slope, rtol=1e-3)


def _near(values, expected, deviation):
    """That a mean of `DRAWS` values is within four standard errors."""
    error = deviation / np.sqrt(DRAWS)
    assert abs(np.mean(values) - expected) < 4 * error


def _spans(values, low, high):
    near = 20 / DRAWS
    assert low - 1e-6 <= np.min(values) < low + near
    assert high - near < np.max(values) <= high + 1e-6


def test_statistics_of_color():
    x = np.tile(np.float32([[[[3, 0, 0], [0, 0, 0]]]]), (DRAWS, 1, 1, 1))
    moved = augment(x, ("brightness",), Seeded(), "a")[:, 0, 1, 0]
    _near(moved, 0, 1 / np.sqrt(12))
    _spans(moved, -0.5, 0.5)
    # 1 is the grey of the first pixel, 2 its distance.
    grey = augment(x, ("saturation",), Seeded(), "a")[:, 0, 0, 0]
    _near((grey - 1) / 2, 1, 2 / np.sqrt(12))
    _spans((grey - 1) / 2, 0, 2)
    factor = (augment(x, ("contrast",), Seeded(), "a")[:, 0, 0, 0] - 0.5) / 2.5
    _near(factor, 1, 1 / np.sqrt(12))
    _spans(factor, 0.5, 1.5)


def test_every_offset_is_as_likely():
    # Pixel (7, 7) of 16×16 shows which of 5×5 pixels came there.
    x = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    x = np.tile(x, (DRAWS, 1, 1, 1))
    seen = augment(x, ("translation",), Seeded(), "a")[:, 7, 7, 0].numpy()
    rows, columns = np.divmod(seen.astype(int), 16)
    chance = 1 / 25
    for i, j in np.ndindex(5, 5):
        there = (rows == 5 + i) & (columns == 5 + j)
        _near(there, chance, np.sqrt(chance * (1 - chance)))
    _near(rows, 7, np.sqrt(2))  # variance (5² − 1)/12


@pytest.mark.parametrize("side", [5, 8])
def test_share_that_is_cut_out(side):
    x = np.ones((DRAWS, side, side, 1), "float32")
    cut = 1 - augment(x, ("cutout",), Seeded(), "a").numpy()[..., 0]
    size = {5: 3, 8: 4}[side]
    middles = np.arange(side + 1 - size % 2)
    ends = np.minimum(middles - size // 2 + size, side)
    covered = (ends - np.maximum(middles - size // 2, 0)) / side
    mean, square = covered.mean() ** 2, (covered**2).mean() ** 2
    _near(cut.mean((1, 2)), mean, np.sqrt(square - mean**2))
    # A corner goes with the square's first places only.
    chance = np.mean(middles - size // 2 <= 0) ** 2
    _near(cut[:, 0, 0], chance, np.sqrt(chance * (1 - chance)))
