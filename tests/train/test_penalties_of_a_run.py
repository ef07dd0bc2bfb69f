"""Runs with penalties and augmentation: when they are due, resume, devices."""

import json

import keras
import numpy as np
import pytest

from regan_tf.nets import fastgan_critic
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import joined_run, tiny_config

ALL = (
    "--critic_steps=1",
    "--batch_size=8",
    "--generator_batch_size=8",
    "--diffaugment=color,translation,cutout",
    "--apa",
    "--apa_kimg=0.05",
    "--apa_target=-0.9",
    "--r1_interval=3",
    "--r1_images=through",
    "--learning_rate=0.002",
    "--warmup=1",
    "--steps=6",
    "--checkpoint_every=3",
)
CASES = {
    "stylegan2": (
        "--arch=stylegan2",
        "--resolution=8",
        "--path_length=2",
        "--path_interval=2",
        *ALL,
    ),
    "fastgan": ("--arch=fastgan", "--resolution=64", *ALL, "--r1_gamma=0.1"),
}
each = pytest.mark.parametrize("arch", CASES)


def _joined(path, *words):
    return joined_run(tiny_config(f"--run_dir={path}", *words))


def _train(run):
    run.train(StopOnSignal())
    run.run_dir.unlock()
    with open(run.run_dir.metrics, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return rows, {
        name: v.numpy()
        for name, v in run.state.items()
        if "train_seconds" not in name
    }


def test_lazy_penalties_are_made_when_they_are_due(tmp_path):
    words = "--r1_gamma=1", "--r1_interval=3", "--steps=7", "--lr_decay=none"
    run = _joined(tmp_path / "run", *words)
    rows, _ = _train(run)
    shown = [row["loss/r1"] > 0 for row in rows]
    assert shown == [True, False, False, True, False, False, True]
    optimizer = run.gan.discriminator_optimizer
    assert int(optimizer.iterations.numpy()) == 2 * 7 + 3
    assert optimizer.beta_2 == pytest.approx(0.9 ** (6 / 7))
    rates = [
        rows[0][f"learning_rate/{n}"] for n in ("generator", "discriminator")
    ]
    assert rates == pytest.approx([0.01, 0.06 / 7])
    assert run.trainer.num_traces == 1


@pytest.mark.slow
@each
def test_a_resume_is_the_unbroken_run(arch, tmp_path):
    whole = _joined(tmp_path / "whole", *CASES[arch])
    _, expected = _train(whole)
    broken = _joined(tmp_path / "run", *CASES[arch])
    stop = StopOnSignal()
    stop.agree = lambda signalled: broken.checkpointer.step.numpy() == 3
    broken.train(stop)
    broken.run_dir.unlock()
    again = _joined(tmp_path / "run", *CASES[arch])
    assert 3 <= again.start < 6
    _, got = _train(again)
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, name)
    assert got["gan/apa/p"] > 0
    assert (arch != "stylegan2") or got["gan/path_mean"] > 0


def _on_devices(path, devices, arch):
    words = *CASES[arch], f"--devices={devices}", "--steps=3"
    if arch == "fastgan":
        # R1's second derivative of batch normalisation over devices is slow.
        words = *words, "--r1_gamma=0"
    run = _joined(path / str(devices), *words)
    for owner in ("generator", "discriminator"):
        optimizer = getattr(run.gan, f"{owner}_optimizer")
        optimizer.epsilon = 0.1  # else rounding decides on signs
    return _train(run)


def _smooth(x, name):
    return keras.layers.Activation("silu", name=f"{name}_relu")(x)


@pytest.mark.slow
@each
def test_two_devices_equal_one(arch, tmp_path, monkeypatch):
    # Of 100,000 activations before a leaky ReLU rounding moves one over its
    # kink now and then, which changes a layer's gradient by a percent. So do
    # differences of pixels in the L1 of reconstructions: 6e-4 on one core.
    monkeypatch.setattr(fastgan_critic, "_relu", _smooth)
    rows, one = _on_devices(tmp_path, 1, arch)
    rows_2, two = _on_devices(tmp_path, 2, arch)
    for name, expected in one.items():
        least = 1 if expected.dtype == np.uint8 else 1e-3  # drawn images
        pair = (x.astype("float64") for x in (two[name], expected))
        np.testing.assert_allclose(*pair, 2e-3, least, name)
    names = [n for n in rows[0] if n.startswith(("loss", "logits", "apa"))]
    assert {"loss/r1", "loss/reconstruction"} & set(names)
    for row, row_2 in zip(rows, rows_2, strict=True):
        for name in names:
            assert row_2[name] == pytest.approx(row[name], 2e-3, 2e-3), name
