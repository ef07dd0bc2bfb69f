"""Adaptive pseudo augmentation by hand."""

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.augment.apa import AdaptivePseudoAugmentation
from regan_tf.train.strategy import choose_strategy


def _p(apa):
    return float(apa.p.numpy())


def _steps(apa, signs, first=0):
    for step, sign in enumerate(signs, first + 1):
        apa.observe(sign)
        apa.update(tf.constant(step, tf.int64))


def test_p_moves_every_interval_by_hand():
    apa = AdaptivePseudoAugmentation(batch_size=64)
    by = 64 * 4 / 500_000
    _steps(apa, [1.0, 0.0, 1.0])
    assert _p(apa) == 0
    _steps(apa, [0.5], first=3)  # λ = 2.5/4 > 0.6
    assert _p(apa) == pytest.approx(by, rel=1e-6)
    assert apa.figures["apa/lambda"] == np.float32(0.625)
    _steps(apa, [1, 1, 1, 1, 1], first=4)
    assert _p(apa) == pytest.approx(2 * by, rel=1e-6)
    _steps(apa, [0.5, 0.5, 0.25], first=9)  # λ = 2.25/4 < 0.6
    assert _p(apa) == pytest.approx(by, rel=1e-6)
    assert list(apa.figures) == ["apa/p", "apa/lambda"]


def test_p_is_never_negative_and_has_no_upper_bound():
    apa = AdaptivePseudoAugmentation(250, target=0.5, interval=2, kimg=1)
    _steps(apa, [-1, -1, 0, 0])
    assert _p(apa) == 0
    _steps(apa, [1] * 6)
    assert _p(apa) == 1.5
    _steps(apa, [0.75, 0.25])  # at the target
    assert _p(apa) == 1.5
    _steps(apa, [0, 0])
    assert _p(apa) == 1
    _steps(apa, [0] * 6)
    assert _p(apa) == 0


def test_every_observation_counts_once():
    # Two passes of D in a step: λ = (1 + 0 + 0)/3, then 1/1.
    apa = AdaptivePseudoAugmentation(100, target=0.3, interval=1, kimg=1)
    for sign in (1.0, 0.0, 0.0):
        apa.observe(sign)
    apa.update(1)
    assert _p(apa) == pytest.approx(0.1)
    assert apa.figures["apa/lambda"] == pytest.approx(1 / 3)
    apa.observe(1.0)
    apa.update(2)
    assert apa.figures["apa/lambda"] == 1
    apa.update(3)  # nothing was observed
    assert _p(apa) == pytest.approx(0.2)
    assert apa.figures["apa/lambda"] == 1


def test_mix_by_hand():
    apa = AdaptivePseudoAugmentation(4)
    real, pseudo = tf.zeros((4, 2, 2, 3)), tf.ones((4, 2, 2, 3))
    uniform = np.reshape([0.0, 0.25, 0.5, 0.999], (4, 1, 1, 1))
    shares = {0.0: [0, 0, 0, 0], 0.25: [1, 0, 0, 0], 0.5: [1, 1, 0, 0]}
    for p, shown in (shares | {1.0: [1, 1, 1, 1], 1.5: [1, 1, 1, 1]}).items():
        apa.p.assign(p)
        mixed = apa.mix(real, pseudo, uniform.astype("float32"))
        assert mixed.shape == real.shape
        np.testing.assert_array_equal(mixed[:, 1, 0, 2], shown)


def test_no_gradient_flows_into_pseudo_images():
    apa = AdaptivePseudoAugmentation(2)
    apa.p.assign(0.5)
    real, pseudo = tf.ones((2, 1, 1, 3)), tf.ones((2, 1, 1, 3))
    uniform = np.float32([0.1, 0.9]).reshape(2, 1, 1, 1)
    with tf.GradientTape() as tape:
        tape.watch([real, pseudo])
        total = tf.reduce_sum(apa.mix(real, pseudo, uniform) ** 2)
    of_real, of_pseudo = tape.gradient(total, [real, pseudo])
    assert of_pseudo is None
    np.testing.assert_array_equal(of_real[:, 0, 0, 0], [0, 2])


def test_share_of_pseudo_images():
    apa, count = AdaptivePseudoAugmentation(4), 10_000
    apa.p.assign(0.3)
    uniform = tf.random.stateless_uniform((count, 1, 1, 1), (0, 0))
    zeros = tf.zeros((count, 1, 1, 1))
    share = tf.reduce_mean(apa.mix(zeros, zeros + 1, uniform))
    assert abs(share - 0.3) < 4 * np.sqrt(0.3 * 0.7 / count)


def test_one_trace_on_two_devices():
    strategy = choose_strategy(2)  # one a process, see there
    with strategy.scope():
        apa = AdaptivePseudoAugmentation(250, interval=2, kimg=1)

    def shown():
        real = tf.zeros((1, 1, 1, 3))
        return tf.reduce_sum(
            apa.mix(real, real + 1, tf.fill((1, 1, 1, 1), 0.6))
        )

    @tf.function
    def train(steps):
        for step in tf.range(steps):
            apa.observe(1.0)
            apa.update(step + 1)
        images = strategy.run(shown)
        return strategy.reduce("SUM", images, None), tf.identity(apa.p)

    images, p = train(tf.constant(3, tf.int64))
    assert (float(images), float(p)) == (0, 0.5)
    images, p = train(tf.constant(2, tf.int64))
    assert (float(images), float(p)) == (6, 1)
    assert train.experimental_get_tracing_count() == 1
    for replica in strategy.experimental_local_results(apa.p):
        assert replica.numpy() == 1


def test_a_restored_state_goes_on_alike(tmp_path):
    apa, again = (AdaptivePseudoAugmentation(100) for _ in range(2))
    _steps(apa, [1, 1, 1, 1, 1, 0.5])
    path = tf.train.Checkpoint(**apa.state).write(str(tmp_path / "state"))
    tf.train.Checkpoint(**again.state).read(path).assert_consumed()
    for one in (apa, again):
        _steps(one, [0.5, 0.5], first=6)
    assert set(apa.state) == {"p", "lambda", "sum", "count"}
    for name, variable in apa.state.items():
        assert variable.numpy() == again.state[name].numpy(), name
    assert apa.figures["apa/lambda"] == np.float32(0.625)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"interval": 0}, "interval=0"),
        ({"kimg": 0}, "kimg=0"),
        ({"target": 1}, "target=1"),
        ({"target": -1.5}, "target=-1.5"),
    ],
)
def test_wrong_arguments_are_refused(options, named):
    with pytest.raises(ValueError, match=f"Received: .*{named}"):
        AdaptivePseudoAugmentation(**{"batch_size": 4, **options})
