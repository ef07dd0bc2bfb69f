"""Updates made of microbatches beside updates made at once."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.nets.spectral_norm import SpectralDense, keeping_vectors
from regan_tf.run import start_tensorflow
from regan_tf.train.accumulate import GradientSum
from regan_tf.train.callbacks import StopOnSignal
from regan_tf.train.discriminator_loss import DiscriminatorLoss
from tests.tiny import joined_run, tiny_config


def _trained(tiny, tmp_path, name, *words):
    run = joined_run(
        tiny(
            f"--run_dir={tmp_path / name}",
            "--steps=4",
            "--learning_rate=0.001",
            *words,
        )
    )
    # With its usual 1e-8 Adam turns gradients that are rounding errors into
    # full steps.
    run.gan.generator_optimizer.epsilon = 0.1
    run.gan.discriminator_optimizer.epsilon = 0.1
    run.train(StopOnSignal())
    assert run.trainer.num_traces == 1
    with open(run.run_dir.metrics, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    names = "loss/generator", "loss/discriminator", "logits/real", "logits/fake"
    return [[row[name] for name in names] for row in rows], {
        name: v.numpy() for name, v in run.gan.state.items()
    }


def test_parts_equal_the_whole_without_batch_norm(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("regan_tf.nets.sngan.batch_norm", lambda x, name: x)
    traced = []
    critic = DiscriminatorLoss.gradients

    def counted(self, *args):
        traced.append(args)
        return critic(self, *args)

    monkeypatch.setattr(DiscriminatorLoss, "gradients", counted)
    losses, whole = _trained(tiny, tmp_path, "whole")
    traced.clear()
    runs = ("--grad_accumulation=4",), ("--grad_accumulation=2", "--devices=2")
    for words in runs:
        got_losses, got = _trained(tiny, tmp_path, words[-1], *words)
        # One trace a device, however many parts.
        assert len(traced) < 4
        traced.clear()
        np.testing.assert_allclose(got_losses, losses, rtol=1e-5, atol=1e-5)
        for name, expected in whole.items():
            # Singular vectors too: one power iteration an update.
            np.testing.assert_allclose(
                got[name], expected, rtol=1e-4, atol=1e-5, err_msg=name
            )


@pytest.mark.slow
def test_resume_is_bit_equal_with_parts_and_a_loss_scale(tiny):
    words = "--grad_accumulation=2", "--precision=float16", "--steps=6"
    words = tiny(*words, "--checkpoint_every=3")
    first = joined_run(words)
    first.train(StopOnSignal())
    first.run_dir.unlock()
    expected = {name: v.numpy() for name, v in first.state.items()}
    folder = first.run_dir.checkpoints
    tf.compat.v1.train.update_checkpoint_state(folder, f"{folder}/ckpt-3")
    second = joined_run(words)
    assert second.start == 3
    second.train(StopOnSignal())
    for name, value in expected.items():
        if "train_seconds" not in name:
            np.testing.assert_array_equal(
                second.state[name].numpy(), value, name
            )
    scale = "gan/generator_optimizer/loss_scale/dynamic_scale"
    assert expected[scale] < 2**15  # so that it was there to be restored


def test_sums_are_taken_once():
    total = GradientSum([keras.Variable(tf.zeros(2))])
    total.add([tf.constant([1.0, np.inf])])
    total.add([tf.constant([2.0, 1.0])])
    np.testing.assert_array_equal(total.take()[0], [3, np.inf])
    np.testing.assert_array_equal(total.take()[0], [0, 0])


def test_vectors_of_parts_that_are_not_kept():
    layer = SpectralDense(3)
    x = tf.ones((2, 4))
    layer.build(x.shape)
    start = layer.u.numpy()
    with keeping_vectors(tf.constant(False)):
        first = layer(x, training=True)
    np.testing.assert_array_equal(layer.u.numpy(), start)
    with keeping_vectors(tf.constant(True)):
        np.testing.assert_array_equal(layer(x, training=True), first)
    assert not np.array_equal(layer.u.numpy(), start)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--grad_accumulation=0",), "--grad_accumulation must be at least 1"),
        (
            ("--grad_accumulation=3",),
            "--batch_size must be a multiple of --devices=1 times "
            "--grad_accumulation=3",
        ),
        (
            ("--grad_accumulation=4", "--batch_size=8", "--devices=2"),
            "--generator_batch_size must be a multiple of --devices=2 times "
            "--grad_accumulation=4",
        ),
    ],
)
def test_batches_must_divide(words, message):
    with pytest.raises(UserError, match=message):
        tiny_config(*words)


def test_batches_must_divide_on_the_devices_found(monkeypatch):
    two = type("Two", (), {"num_replicas_in_sync": 2})
    monkeypatch.setattr("regan_tf.run.choose_strategy", lambda devices: two)
    with pytest.raises(UserError, match="2 devices in use times --grad"):
        start_tensorflow(tiny_config("--grad_accumulation=4"))
