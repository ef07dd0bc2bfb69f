"""Memorisation by hand, on copies, and as a picture."""

import json

import numpy as np
import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.memorisation import memorisation, neighbour_picture


def _line(*values):
    return np.array(values, float)[:, None]


def test_on_a_line_by_hand():
    # Distances among training images: 1, 1, 3, 6; their median is 2.
    training = _line(0, 1, 4, 10)
    found = memorisation(_line(0, -1, 6, 30), training, _line(5, 9), k=2)
    assert found.threshold == 2
    np.testing.assert_array_equal(found.to_training, [0, 1, 2, 20])
    np.testing.assert_array_equal(found.neighbours[[0, 3]], [[0, 1], [3, 2]])
    assert found.share == 0.5  # 2 itself is not below the threshold
    assert found.held_out_share == 1


def test_medians_are_to_equally_many_images():
    # One held-out image at 5; seed 0 draws one of the training images.
    training = _line(0, 1, 4, 10)
    found = memorisation(_line(0, -1, 6, 30), training, _line(5))
    drawn = np.random.RandomState(0).permutation(training)[0, 0]
    assert found.compared == 1
    assert found.median_to_held_out == 5.5  # of 5, 6, 1, 25
    distances = np.abs(np.array([0, -1, 6, 30]) - drawn)
    assert found.median_to_training == np.median(distances)


def test_a_generator_of_the_distribution_is_as_far_from_both():
    rng = np.random.default_rng(3)
    samples, held_out = rng.normal(size=(2, 400, 4))
    training = rng.normal(size=(50, 4))
    found = memorisation(samples, training, held_out)
    ratio = found.median_to_training / found.median_to_held_out
    assert ratio == pytest.approx(1, abs=0.15)
    copies = memorisation(training + 1e-3, training, held_out)
    assert copies.median_to_training < 0.1 * copies.median_to_held_out


def test_quantile_moves_the_threshold():
    training = _line(0, 1, 4, 10)
    found = memorisation(_line(6), training, quantile=1)
    assert (found.threshold, found.share) == (6, 1)


def test_copies_noise_and_fresh_images():
    rng = np.random.default_rng(0)
    training, fresh, other = rng.normal(size=(3, 400, 4))
    copies = memorisation(training, training, fresh)
    assert copies.share == 1
    assert copies.to_training.max() == 0
    noise = memorisation(training + 50, training, fresh)
    assert noise.share == 0
    honest = memorisation(other, training, fresh)
    assert honest.share == pytest.approx(0.5, abs=0.1)
    assert honest.held_out_share == pytest.approx(0.5, abs=0.1)


def test_duplicates_among_training_images_do_not_hide_copies():
    training = _line(0, 0, 5, 10, 15, 20)  # least distance is 0
    found = memorisation(_line(5, 10.1), training)
    assert (found.threshold, found.share) == (5, 1)


def test_summary_is_json_ready():
    rng = np.random.default_rng(1)
    samples, training, held_out = rng.normal(size=(3, 9, 2))
    found = memorisation(samples, training, held_out)
    figures = json.loads(json.dumps(found.summary()))
    assert figures["memorised_share"] == found.share
    assert figures["median_to_held_out"] == found.median_to_held_out
    alone = memorisation(samples, training).summary()
    assert "median_to_held_out" not in alone


def test_picture_by_hand():
    training = np.zeros((3, 2, 2, 3), np.uint8)
    training += np.array([10, 20, 30], np.uint8)[:, None, None, None]
    samples = np.full((2, 2, 2, 3), 99, np.uint8)
    samples[0, 0, 1] = 7  # upper right pixel
    picture = neighbour_picture(samples, training, np.array([[2, 0], [1, 2]]))
    assert (picture.shape, picture.dtype) == ((4, 6, 3), np.uint8)
    expected = [
        [99, 7, 30, 30, 10, 10],
        [99, 99, 30, 30, 10, 10],
        [99, 99, 20, 20, 30, 30],
        [99, 99, 20, 20, 30, 30],
    ]
    np.testing.assert_array_equal(picture[..., 0], expected)


def test_picture_of_found_neighbours_shows_the_copies():
    rng = np.random.default_rng(2)
    images = rng.integers(0, 256, (6, 4, 4, 3), dtype=np.uint8)
    features = images.reshape(6, -1).astype(np.float32)
    found = memorisation(features[::-1], features, k=1)
    picture = neighbour_picture(images[::-1], images, found.neighbours)
    np.testing.assert_array_equal(picture[:, :4], picture[:, 4:])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 5}, r"`k` must be in \[1, 4\].*k=5"),
        ({"k": 0}, "k=0"),
        ({"quantile": 0}, "quantile=0"),
        ({"held_out": np.zeros((3, 2))}, "held-out.*width 1.*Received: 2"),
        ({"samples": _line(0, np.nan)}, "samples.*1 of 2 values"),
        ({"training": _line(0)}, "training.*at least 2 rows"),
    ],
)
def test_refuses(settings, message):
    inputs = {"samples": _line(0, 1), "training": _line(0, 1, 4, 10)}
    with pytest.raises(UserError, match=message):
        memorisation(**(inputs | settings))


@pytest.mark.parametrize(
    ("samples", "neighbours", "message"),
    [
        (np.zeros((2, 4, 4, 3), np.uint8), [[0], [1]], "resolution"),
        (np.zeros((3, 2, 2, 3), np.uint8), [[0], [1]], "one for each row"),
        (np.zeros((2, 2, 2, 3), np.uint8), [[0], [5]], r"\[0, 3\)"),
        (np.zeros((2, 2, 2, 3)), [[0], [1]], "samples must be uint8"),
    ],
)
def test_refuses_pictures(samples, neighbours, message):
    training = np.zeros((3, 2, 2, 3), np.uint8)
    with pytest.raises(UserError, match=message):
        neighbour_picture(samples, training, np.array(neighbours))
