"""Tiny runs of a growing network: stages, fade-in, phases, resume, devices."""

import numpy as np
import pytest

from regan_tf.stages import View
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import joined_run, tiny_config

# 4 pixels to step 2, fading to step 6, 8 pixels to step 14; warm-up to step 4
# and phases of 4 steps.
WORDS = (
    "--arch=progan",
    "--resolution=8",
    "--steps=14",
    "--stage_lengths=2",
    "--stage_batch_sizes=8",
    "--fade_kimg=0.016",
    "--critic_steps=1",
    "--warmup=2",
    "--update_interval=4",
    "--learning_rate=0.001",
    "--num_images=40",
)


def _joined(path, *words):
    return joined_run(tiny_config(*WORDS, *words, f"--run_dir={path}"))


def _train(run, stop=None):
    run.seen = []
    pairs = run.regan.pruners[0].pairs

    def watch(step):
        alphas = [float(a.numpy()) for a in run.gan.networks.fades]
        sparse = any((mask.numpy() == 0).any() for _, mask in pairs)
        run.seen.append((run.gan.view, alphas, sparse))
        if step == stop:
            run.checkpointer.save(step)
            run.gan.stop_training = True
        return {}

    run.log.sources.append(watch)
    run.train(StopOnSignal())
    return run


def _weights(run):
    return {
        name: v.numpy()
        for name, v in run.state.items()
        if "train_seconds" not in name
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return _train(_joined(tmp_path_factory.mktemp("whole") / "run"))


def test_views_fades_and_phases_are_the_timetable_s(whole):
    views, alphas, sparse = zip(*whole.seen, strict=True)
    expected = [View(4)] * 2 + [View(8, True)] * 4 + [View(8)] * 8
    assert list(views) == expected
    assert alphas[2:6] == ([0, 0], [0.25] * 2, [0.5] * 2, [0.75] * 2)
    phases = [False] * 4 + [True] * 4 + [False] * 4 + [True] * 2
    assert list(sparse) == phases
    assert whole.trainer.num_traces == 3  # one for each piece
    assert whole.stages.images_at(14) == 2 * 8 + 12 * 4


def test_layers_join_with_their_stage(whole, tmp_path):
    fresh = _joined(tmp_path / "run")
    start = {k: v for k, v in _weights(fresh).items() if "kernel" in k}
    _train(fresh, stop=2)
    kernels = {
        k: np.any(_weights(fresh)[k] != v)
        for k, v in start.items()
        if k.startswith("gan/generator/") and "mask" not in k
    }
    late = {k for k, moved in kernels.items() if not moved}
    assert late == {k for k in kernels if "8" in k.split("/")[2]}
    counts = [v for k, v in _weights(whole).items() if "/count_" in k]
    assert {int(c) for c in counts} == {2 + 4, 2 + 12, 12}


@pytest.mark.parametrize("stop", [5, pytest.param(7, marks=pytest.mark.slow)])
def test_a_resume_is_the_unbroken_run(whole, tmp_path, stop):
    """In mid-fade (and in a sparse phase), and after it."""
    broken = _train(_joined(tmp_path / "run"), stop)
    broken.run_dir.unlock()
    again = _joined(tmp_path / "run")
    assert again.start == stop
    expected, got = _weights(whole), _weights(_train(again))
    for name, value in got.items():
        np.testing.assert_array_equal(value, expected[name], name)


def _on_devices(path, devices):
    run = _joined(path / str(devices), f"--devices={devices}", "--warmup=1")
    gan = run.gan
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        optimizer.epsilon = 0.1  # else rounding decides on signs
    return _weights(_train(run, stop=4))  # sparse, in mid-fade


def test_two_devices_equal_one(tmp_path):
    one, two = (_on_devices(tmp_path, n) for n in (1, 2))
    for name, expected in one.items():
        np.testing.assert_allclose(two[name], expected, 1e-3, 1e-4, name)
    assert any("mask" in name and (v == 0).any() for name, v in one.items())


def test_phases_in_every_stage_prune_layers_in_use(tmp_path):
    words = ("--regan_stages=all", "--warmup=1", "--update_interval=1")
    run = _train(_joined(tmp_path / "run", *words), stop=2)
    zeros = {
        layer.name: int((mask.numpy() == 0).sum())
        for layer in run.regan.pruners[0].layers
        for _, mask in layer.masked_weights
    }
    assert all((n == 0) == ("8" in name) for name, n in zeros.items()), zeros
    assert zeros["block4_conv1"] == 9 * 4 * 4 // 10


def test_scores_wait_for_the_last_resolution(tmp_path):
    """The dense half, kept at step 4 while layers faded in, is left out."""
    run = _joined(tmp_path / "run", "--eval_every=4", "--precision=bfloat16")
    _train(run, stop=8)
    grids = sorted(p.name for p in (tmp_path / "run").glob("**/*.png"))
    assert grids == ["step-0000004-dense.png", "step-0000008-sparse.png"]
