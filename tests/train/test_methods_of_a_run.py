"""Whole tiny runs of all methods but Re-GAN: masks, phases, halves, resume."""

import json
import os

import numpy as np
import pytest

from regan_tf.config import differences
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import joined_run, tiny_config

# DCGAN's Adam has β1 = 0.5, which would move pruned weights.
WORDS = "--arch=dcgan", "--critic_steps=1", "--sparsity=0.5", "--flip=false"


def _rows(run):
    with open(run.run_dir.metrics, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Watch:
    """Zeros of kernels and masks after each step."""

    def __init__(self, run):
        self.pruners = run.regan.pruners
        self.masked = []

    def __call__(self, step):
        pairs = [pair for pruner in self.pruners for pair in pruner.pairs]
        masks = [mask.numpy().ravel() == 0 for _, mask in pairs]
        kernels = [kernel.numpy().ravel() for kernel, _ in pairs]
        self.masked.append(np.concatenate(masks))
        assert np.all(np.concatenate(kernels)[self.masked[-1]] == 0)
        return {}


# Ten steps, masks from step 2, an interval of 2; three quarters are step 7.
CASES = {
    "acdc": ("wwssddssss", [0, 0, 0.5, 0.5, 0, 0, 0.5, 0.5, 0.5, 0.5]),
    "one_shot": ("wwssssssss", [0, 0] + 8 * [0.5]),
    "random": ("wwssssssss", [0, 0] + 8 * [0.5]),
    # 0.5·(1 − (1 − t)³) at t = 0, ½ and 1, at steps 2, 4 and 6.
    "gmp": ("wwwwssssss", [0, 0, 0, 0, 0.4375, 0.4375] + 4 * [0.5]),
    "set": ("wwssssssss", [0, 0] + 8 * [0.5]),
    "rigl": ("wwssssssss", [0, 0] + 8 * [0.5]),
}
CHANGES = {"one_shot": [2], "random": [2], "gmp": [4, 6]}
DENSE_AT = {"acdc": 6, "gmp": 4}


@pytest.mark.parametrize("method", CASES)
def test_phases_masks_and_halves(tiny, method):
    kinds, sparsities = CASES[method]
    run = joined_run(tiny(*WORDS, f"--method={method}"))
    watch = Watch(run)
    run.log.sources.append(watch)
    run.train(StopOnSignal())
    run.finish(10)
    rows = _rows(run)
    assert "".join(row["phase"][0] for row in rows) == kinds
    asked = [row["masks/generator/asked"] for row in rows]
    assert asked == pytest.approx(sparsities)
    measured = [row["masks/generator/measured"] for row in rows]
    assert measured == pytest.approx(sparsities, abs=0.01)
    masked = watch.masked
    changes = [i for i in range(1, 10) if np.any(masked[i] != masked[i - 1])]
    assert changes == CHANGES.get(method, [2, 4, 6])
    assert run.cost.at(10).sparse_steps == np.count_nonzero(sparsities)
    assert sorted(os.listdir(run.run_dir.saved_model)) == ["dense", "sparse"]
    assert int(run.pair.kept_at["dense"].numpy()) == DENSE_AT.get(method, 2)
    assert run.trainer.num_traces == 1


def test_learning_rates_of_acdc_and_regan(tiny, tmp_path):
    for method, factor in ("acdc", 1.0), ("regan", 0.1):
        words = f"--method={method}", f"--run_dir={tmp_path / method}"
        run = joined_run(tiny(*WORDS, "--lr_decay=none", *words))
        run.regan.on_train_begin()
        run.regan.on_epoch_begin(0)
        for step in range(5):  # the callback alone; step 4 is dense
            run.regan.on_train_batch_begin(step)
            run.regan.on_train_batch_end(step)
        rate = run.gan.generator_rate.at(4)
        assert rate == pytest.approx(0.01 * factor)


def _stopped_at(run, step):
    save = run.checkpointer.save

    def stop(done):
        save(done)
        run.gan.stop_training = True

    run.checkpointer.save = stop
    assert run.train(StopOnSignal()) == step
    run.run_dir.unlock()


def _state(run):
    return {
        name: variable.numpy()
        for name, variable in run.state.items()
        if "train_seconds" not in name
    }


def test_rigl_from_the_start_resumed_is_bit_equal(tiny, tmp_path):
    words = (*WORDS, "--method=rigl", "--prune=both", "--warmup=0")
    whole = joined_run(tiny(*words))
    whole.train(StopOnSignal())
    part = (*words, f"--run_dir={tmp_path / 'p'}", "--checkpoint_every=5")
    first = joined_run(tiny(*part))
    _stopped_at(first, 5)
    second = joined_run(tiny(*part))
    second.train(StopOnSignal())
    expected, got = _state(whole), _state(second)
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, name)
    # A run that was never dense gives the sparse generator alone.
    second.finish(10)
    assert os.listdir(second.run_dir.saved_model) == ["sparse"]
    with open(second.run_dir.summary, encoding="utf-8") as file:
        assert list(json.load(file)["final"]) == ["sparse"]


def test_a_growing_network_under_rigl(tiny):
    # 8 pixels from step 2 and whole from step 6, as in the tests of stages;
    # masks from step 2, where the dense half is of 4 pixels.
    words = "--arch=progan --resolution=8 --stage_lengths=2 --fade_kimg=0.016"
    batches = "--stage_batch_sizes=8 --critic_steps=1 --steps=14 --flip=false"
    method = "--method=rigl --warmup=0 --update_interval=4 --sparsity=0.5"
    run = joined_run(tiny(*f"{words} {batches} {method}".split()))
    run.train(StopOnSignal())
    run.finish(14)
    rows = _rows(run)
    assert "".join(row["phase"][0] for row in rows) == "ww" + 12 * "s"
    # Masks change before steps 6 and 10 of 14: 11 is three quarters.
    changed = [row["masks/generator/changed"] for row in rows]
    assert changed[2] == changed[5] == pytest.approx(0.5, abs=0.01)
    assert changed[5] > changed[6] > changed[10] == changed[13] > 0
    assert os.listdir(run.run_dir.saved_model) == ["sparse"]


def test_more_steps_would_be_another_run():
    old = tiny_config("--method=rigl").at(40).as_dict()
    new = tiny_config("--method=rigl", "--steps=20").at(40).as_dict()
    assert differences(old, new) == [("training.steps", 10, 20)]
    old["method.method"] = new["method.method"] = "one_shot"
    assert differences(old, new) == []
