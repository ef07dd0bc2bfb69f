"""Compiled updates beside plain ones."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import UserError
from regan_tf.run import start_tensorflow
from regan_tf.train.callbacks import StopOnSignal
from regan_tf.train.draws import Draws
from tests.tiny import joined_run, tiny_config

STYLES = (
    "--arch=stylegan2",
    "--resolution=8",
    "--critic_steps=1",
    "--r1_interval=2",
    "--path_length=2",
    "--path_interval=2",
)


def _drawn(self, kind, name, shape):
    size = math.prod(shape)
    return tf.reshape(tf.linspace(0.01, 0.99, size), shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [(), ("--grad_accumulation=2",), STYLES],
    ids=["whole", "parts", "styles"],
)
def test_compiled_updates_equal_plain_ones(tiny, tmp_path, more, monkeypatch):
    # XLA makes other numbers of the same random bits.
    monkeypatch.setattr(Draws, "_draw", _drawn)
    losses = []
    for word in ("--nojit", "--jit"):
        words = f"--run_dir={tmp_path / word}", "--learning_rate=0.001"
        run = joined_run(tiny(word, *words, *more, "--steps=5"))
        run.train(StopOnSignal())
        assert run.trainer.num_traces == 1
        with open(run.run_dir.metrics, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        losses.append([row["loss/generator"] for row in rows])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3, atol=1e-3)


def test_several_devices_are_refused(monkeypatch):
    two = type("Two", (), {"num_replicas_in_sync": 2})
    monkeypatch.setattr("regan_tf.run.choose_strategy", lambda devices: two)
    with pytest.raises(UserError, match="2 devices in use; pass --nojit"):
        start_tensorflow(tiny_config("--jit"))
