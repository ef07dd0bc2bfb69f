"""The Re-GAN callback in an ordinary `Model.fit`."""

import keras
import numpy as np
import pytest

import regan_tf
from regan_tf import AlternatingSchedule, MaskedDense, ReGAN, SwitchableDecay


class Watch(keras.callbacks.Callback):
    """Notes sparsity and learning rate while a batch is trained."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        layer = self.model.layers[0]
        zeros = np.mean(layer._kernel.numpy() == 0)
        rate = float(
            keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        )
        masked = np.mean(layer.kernel_mask.numpy() == 0)
        self.seen.append((round(masked, 3), round(zeros, 3), rate))


def _fit(optimizer, schedule, epochs=2):
    model = keras.Sequential([keras.Input((4,)), MaskedDense(5)])
    model.compile(optimizer, "mse")
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("f")
    y = np.random.default_rng(1).normal(size=(32, 5)).astype("f")
    watch = Watch()
    model.fit(
        x,
        y,
        batch_size=8,
        epochs=epochs,
        verbose=0,
        callbacks=[ReGAN(schedule), watch],
    )
    return watch.seen


@pytest.mark.parametrize(
    "rate", [0.5, SwitchableDecay(0.5)], ids=["float", "switchable"]
)
def test_phases_over_epochs_with_learning_rates(rate):
    seen = _fit(
        keras.optimizers.Adam(rate, beta_1=0.0),
        AlternatingSchedule(0.2, warmup=1, interval=2),
    )
    masked = [m for m, _, _ in seen]
    assert masked == [0, 0.2, 0.2, 0, 0, 0.2, 0.2, 0]
    assert [z for _, z, _ in seen] == masked
    rates = [r for _, _, r in seen]
    expected = [0.5, 0.5, 0.5, 0.05, 0.05, 0.5, 0.5, 0.05]
    assert rates == pytest.approx(expected)


def test_turns_inside_a_call_of_several_steps_are_not_lost():
    model = keras.Sequential([keras.Input((4,)), MaskedDense(5)])
    model.compile("sgd", "mse")
    callback = ReGAN(AlternatingSchedule(0.2, warmup=3, interval=4))
    callback.set_model(model)
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    masked = []
    for first in range(0, 20, 5):  # calls of five steps
        callback.on_train_batch_begin(first)
        masked.append(np.mean(model.layers[0].kernel_mask.numpy() == 0))
        callback.on_train_batch_end(first + 4)
    kinds = [callback.phase(step) for step in range(0, 20, 5)]
    assert kinds == ["warm-up", "sparse", "dense", "dense"]
    np.testing.assert_allclose(masked, [0, 0.2, 0, 0])


def test_a_tfmot_like_schedule_serves_unchanged():
    seen = _fit("adam", lambda step: (step in (2, 5), 0.1 * (step // 2)))
    assert [m for m, _, _ in seen] == [0, 0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.2]
    assert len({r for _, _, r in seen}) == 1


def test_the_phases_of_a_foreign_schedule():
    model = keras.Sequential([keras.Input((4,)), MaskedDense(5)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    callback = ReGAN(lambda step: (step in (2, 5), 0.2 if step < 5 else 0.0))
    phases = []

    def note(batch, logs):
        phases.append(callback.phase(batch))

    watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
    x, y = np.ones((8, 4), "f4"), np.ones((8, 5), "f4")
    model.fit(x, y, 1, callbacks=[callback, watch], shuffle=False, verbose=0)
    assert phases == ["warm-up"] * 2 + ["sparse"] * 3 + ["dense"] * 3


def test_a_foreign_learning_rate_schedule_is_refused():
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    with pytest.raises(ValueError, match="must be a float or a"):
        _fit(keras.optimizers.Adam(decay), AlternatingSchedule(0.2, 1, 2))


def test_linear_decay_by_hand():
    decay = SwitchableDecay(2.0, decay_steps=4, updates_per_step=5)
    rates = [float(decay(update)) for update in (0, 4, 5, 12, 20, 25)]
    assert rates == [2.0, 2.0, 1.5, 1.0, 0.0, 0.0]
    decay.factor.assign(0.1)
    assert float(decay(5)) == pytest.approx(0.15)


def test_public_names_are_there():
    for name in regan_tf.__all__:
        assert getattr(regan_tf, name).__name__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = regan_tf.nothing
