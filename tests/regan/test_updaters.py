"""Masks of every updater, by hand."""

import keras
import numpy as np
import pytest

from regan_tf import MaskedDense, Pruner
from regan_tf.regan.masks import exchanged_mask, global_masks, smallest
from regan_tf.regan.steady import SteadySchedule
from regan_tf.regan.updaters import (
    ExchangingUpdater,
    MagnitudeUpdater,
    RandomUpdater,
)


def _arrays(*rows):
    return [np.array(row, np.float32) for row in rows]


def test_smallest_takes_the_first_of_equal_values():
    values = np.array([2.0, 1.0, 3.0, 1.0, 1.0, 0.0])
    for count, where in ((0, []), (1, [5]), (3, [1, 3, 5]), (4, [1, 3, 4, 5])):
        np.testing.assert_array_equal(
            np.flatnonzero(smallest(values, count)), where
        )


def test_one_threshold_over_all_kernels_with_ties():
    kernels = _arrays([[1, -2], [3, 1]], [5, 1, 1, 4])
    # Of 8 entries floor(0.45·8) = 3 go: of the four ones the first three.
    masks = MagnitudeUpdater("global")(kernels, None, 0.45, 0)
    np.testing.assert_array_equal(masks[0], [[0, 1], [1, 0]])
    np.testing.assert_array_equal(masks[1], [1, 0, 1, 1])
    assert all(mask.dtype == np.float32 for mask in masks)
    layers = MagnitudeUpdater("layer")(kernels, None, 0.45, 0)
    assert [int((mask == 0).sum()) for mask in layers] == [1, 1]


@pytest.mark.parametrize("sparsity", [0.1, 0.5, 0.9])
def test_global_masks_against_a_full_sort(sparsity):
    random = np.random.default_rng(0)
    kernels = [random.normal(size=s).round(1) for s in [(4, 5), (30,), (2, 2)]]
    flat = np.abs(np.concatenate([k.ravel() for k in kernels]))
    starts = np.cumsum([0, 20, 30])
    for start, size in zip(starts, (20, 30, 4), strict=True):
        flat[start + np.argmax(flat[start : start + size])] = 100
    expected = np.ones(54)
    order = np.argsort(flat, kind="stable")
    expected[order[: int(sparsity * 54)]] = 0
    masks = global_masks(kernels, sparsity)
    got = np.concatenate([mask.ravel() for mask in masks])
    np.testing.assert_array_equal(got, expected)


def test_no_kernel_vanishes():
    masks = global_masks(_arrays([1, 2], [10, 20, 30, 40]), 0.5)
    np.testing.assert_array_equal(masks[0], [0, 1])
    np.testing.assert_array_equal(masks[1], [0, 0, 1, 1])
    masks = global_masks(_arrays([1, 2], [10, 20, 30, 40]), 0.99)
    assert [mask.sum() for mask in masks] == [1, 1]


def test_random_masks_are_a_function_of_the_seed():
    kernels = [np.ones((3, 3, 4, 5), np.float32), np.ones(7, np.float32)]
    first = RandomUpdater((1, 0))(kernels, None, 0.3, 5)
    again = RandomUpdater((1, 0))([-k for k in kernels], None, 0.3, 9)
    assert [int((mask == 0).sum()) for mask in first] == [54, 2]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for seed in (2, 0), (1, 1):
        other = RandomUpdater(seed)(kernels, None, 0.3, 5)
        assert np.any(other[0] != first[0])


def test_rigl_drops_and_grows_by_hand():
    (kernel, mask, score) = _arrays(
        [4, -1, 2, 0, 0, 0, -3, 0],
        [1, 1, 1, 0, 0, 0, 1, 0],
        [9, 9, 9, 1, 5, 5, 9, 4],
    )
    # Of 4 in use the two weakest go, −1 and 2; of the six then out of use
    # grow those of largest gradient: one of the dropped comes back.
    score[1] = 3
    new = exchanged_mask(kernel, mask, score, 0.5)
    np.testing.assert_array_equal(new, [1, 0, 1, 0, 1, 0, 1, 0])
    score[2] = 0  # ties by memory order: the fives of entries 4 and 5
    new = exchanged_mask(kernel, mask, score, 0.5)
    np.testing.assert_array_equal(new, [1, 0, 0, 0, 1, 1, 1, 0])
    new = exchanged_mask(kernel, mask, score, 0.3)  # floor(1.2) of them
    np.testing.assert_array_equal(new, [1, 0, 1, 0, 1, 0, 1, 0])


def test_rigl_asks_for_gradients_once_it_has_masks():
    asked = []

    def gradients(step):
        asked.append(step)
        return [np.array([0, 0, 0, -7, np.inf, 0], np.float32)]

    updater = ExchangingUpdater((0,), lambda step: 0.5, gradients)
    (kernel,) = _arrays([3, 2, 1, 0, 0, 0])
    first = updater([kernel], [np.ones(6, np.float32)], 0.5, 4)
    assert not asked and first[0].sum() == 3
    (mask,) = _arrays([1, 1, 1, 0, 0, 0])
    (new,) = updater([kernel], [mask], 0.5, 8)
    assert asked == [8]
    np.testing.assert_array_equal(new, [1, 1, 0, 1, 0, 0])


def test_set_grows_at_random_by_seed_and_step():
    updater = ExchangingUpdater((3,), lambda step: 0.3)
    kernel = np.arange(1, 101, dtype=np.float32).reshape(10, 10)
    mask = (kernel > 50).astype(np.float32)
    one, again, later = (
        updater([kernel * mask], [mask], 0.5, step)[0] for step in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert np.any(one != later)
    assert one.sum() == 50
    # floor(0.3·50) weakest: 51 to 65; the others stay.
    assert np.all(one[kernel > 65] == 1)
    assert 0 < one[kernel <= 50].sum() <= 15


def test_drop_fraction_is_half_a_cosine():
    schedule = SteadySchedule(0.5, begin=10, interval=5, end=50)
    found = [schedule.drop_fraction(step) for step in (10, 20, 30, 50)]
    assert found == pytest.approx([0.3, 0.15 * (1 + 0.5**0.5), 0.15, 0])


def _trained(beta1=0.5, **options):
    model = keras.Sequential([keras.Input((4,)), MaskedDense(5, name="a")])
    model.compile(keras.optimizers.Adam(0.1, beta_1=beta1), "mse")
    pruner = Pruner(model, model.optimizer, **options)
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("f")

    def fit():
        model.fit(x, x[:, :1] * np.ones((1, 5)), verbose=0)

    fit()
    return model.layers[0], pruner, fit


def test_kept_weights_are_hidden_and_come_back():
    layer, pruner, fit = _trained(regrow="kept")
    before = layer._kernel.numpy()
    pruner.prune(0.5)
    out = layer.kernel_mask.numpy() == 0
    fit()
    assert np.all(layer.kernel.numpy()[out] == 0)
    np.testing.assert_array_equal(layer._kernel.numpy()[out], before[out])
    assert np.all(layer._kernel.numpy()[~out] != before[~out])
    pruner.regrow(2)
    np.testing.assert_array_equal(layer.kernel.numpy()[out], before[out])


def test_kept_weights_are_hidden_in_averages_too():
    model = keras.Sequential([keras.Input((4,)), MaskedDense(5)])
    average = keras.models.clone_model(model)
    average.set_weights([np.full_like(w, 3) for w in model.get_weights()])
    pruner = Pruner(model, averages=[average], regrow="kept")
    pruner.prune(0.5)
    mask = model.layers[0].kernel_mask.numpy()
    copy = average.layers[0]
    np.testing.assert_array_equal(copy.kernel.numpy(), 3 * mask)
    pruner.regrow(1)
    assert np.all(copy.kernel.numpy() == 3)


def test_weights_that_grow_start_from_zero_without_momentum():
    updater = ExchangingUpdater((3,), lambda step: 0.3)
    layer, pruner, fit = _trained(updater=updater)
    pruner.prune(0.5, 1)
    before = layer.kernel_mask.numpy()
    fit()
    pruner.prune(0.5, 2)
    new = (layer.kernel_mask.numpy() == 1) & (before == 0)
    assert new.any()
    moment = pruner.optimizer._momentums[0].numpy()
    assert np.all(layer._kernel.numpy()[new] == 0) and np.all(moment[new] == 0)
    fit()
    assert np.all(layer._kernel.numpy()[new] != 0)
    assert np.all(layer._kernel.numpy()[layer.kernel_mask.numpy() == 0] == 0)


@pytest.mark.parametrize("forget", [True, False])
def test_acdc_forgets_all_momentum_at_a_regrowth(forget):
    _, pruner, _ = _trained(forget=forget)
    pruner.prune(0.5)
    pruner.regrow(1)
    moments = pruner.optimizer._momentums
    assert len(moments) == 2  # of the kernel and of the bias
    assert all(np.any(m.numpy()) != forget for m in moments)
