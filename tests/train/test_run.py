"""Whole tiny runs: phases, pair, resume, devices, traces, host reads."""

import dataclasses
import itertools
import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from regan_tf.data.image_set import StreamedImages
from regan_tf.errors import UserError
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import joined_run, tiny_config


def _lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _weights(run):
    return {name: v.numpy() for name, v in run.state.items()}


def _untimed(row):
    return {
        name: value
        for name, value in row.items()
        if name
        not in ("train_seconds", "images_per_second", "seconds/input_wait")
    }


class Watch:
    """Looks at kernels and masks of the generator when called."""

    def __init__(self, run):
        self.pairs = run.regan.pruners[0].pairs
        self.zeros, self.masked = [], []

    def __call__(self, step):
        kernels = [k.numpy().ravel() == 0 for k, _ in self.pairs]
        masks = [m.numpy().ravel() == 0 for _, m in self.pairs]
        self.zeros.append(np.concatenate(kernels))
        self.masked.append(np.concatenate(masks))
        return {}


def _train(run):
    return run.train(StopOnSignal())


@pytest.fixture(scope="module")
def eight(tmp_path_factory):
    """A finished run: 2 steps of warm-up, then sparse, dense, sparse."""
    run_dir = tmp_path_factory.mktemp("eight") / "run"
    words = ("--steps=8", "--lr_decay=linear", "--eval_every=4")
    run = joined_run(tiny_config(*words, f"--run_dir={run_dir}"))
    run.after_step = Watch(run)
    run.log.sources.append(run.after_step)
    run.after_change = Watch(run)
    change = run.regan._change

    def note(step, sparsity):  # looks just before the first step of a phase
        change(step, sparsity)
        run.after_change(step)

    run.regan._change = note
    _train(run)
    run.finish(8)
    return run


def test_pruned_entries_are_zero_after_every_sparse_step(eight):
    zeros, masked = eight.after_step.zeros, eight.after_step.masked
    on = [bool(m.any()) for m in masked]
    assert on == [False] * 2 + [True] * 2 + [False] * 2 + [True] * 2
    for z, m in zip(zeros, masked, strict=True):
        assert np.all(z[m])
    sizes = [k.numpy().size for k, _ in eight.after_step.pairs]
    assert masked[3].sum() == sum(n // 10 for n in sizes)


def test_pruned_entries_are_zero_at_the_first_dense_step(eight):
    _, dense, _ = eight.after_change.zeros
    pruned = eight.after_step.masked[3]
    assert not eight.after_change.masked[1].any()
    np.testing.assert_array_equal(dense[pruned], True)
    assert eight.after_step.zeros[5][pruned].mean() < 0.1  # and then train


def test_the_mask_is_kept_for_the_phase(eight):
    masked = eight.after_step.masked
    np.testing.assert_array_equal(masked[2], masked[3])
    np.testing.assert_array_equal(masked[6], masked[7])


def test_learning_rates_and_phases_are_logged_as_scheduled(eight):
    rows = _lines(eight.run_dir.metrics)
    kinds = "".join(row["phase"][0] for row in rows)
    assert kinds == "wwssddss"
    # Step k + 1 of 8 is trained at 0.01·(1 − k/8), times the phase's factor.
    decayed = [0.01 * (1 - k / 8) for k in range(8)]
    factors = [1, 1, 1, 1, 0.1, 0.1, 1, 1]
    expected = [r * f for r, f in zip(decayed, factors, strict=True)]
    rates = [row["learning_rate/generator"] for row in rows]
    assert rates == pytest.approx(expected, abs=1e-7)
    rates = [row["learning_rate/discriminator"] for row in rows]
    assert rates == pytest.approx(decayed, abs=1e-7)
    asked = [row["masks/generator/asked"] for row in rows]
    assert asked == [0, 0, 0.1, 0.1, 0, 0, 0.1, 0.1]


def test_one_trace_with_phase_switches(eight):
    assert eight.trainer.num_traces == 1


def test_exported_zeros_equal_the_masks(eight):
    loaded = tf.saved_model.load(f"{eight.run_dir.saved_model}/sparse")
    kernels = [v.numpy() for v in loaded.weights if len(v.shape) in (2, 4)]
    masks = [m.numpy() for _, m in eight.after_step.pairs]
    zeros = sorted(int((k == 0).sum()) for k in kernels)
    assert zeros == sorted(int((m == 0).sum()) for m in masks)
    with open(f"{eight.run_dir.saved_model}/sparse/about.json") as file:
        assert json.load(file)["kernel_zeros"] == sum(zeros)
    z = tf.random.stateless_normal((3, 128), (0, 1))
    images = loaded.signatures["serving_default"](latents=z)["images"]
    live = eight.gan.generator(z, training=False)
    np.testing.assert_allclose(images, live, atol=1e-6)


def test_the_dense_export_is_the_end_of_the_dense_phase(eight):
    with open(f"{eight.run_dir.saved_model}/dense/about.json") as file:
        about = json.load(file)
    assert (about["kind"], about["step"]) == ("dense", 6)
    assert about["sparsity"] < 0.02


def test_the_halves_have_batch_statistics_of_their_own(eight):
    paths = [v.path for v in eight.gan.generator.variables]
    index = paths.index("norm/moving_mean")
    sparse = eight.pair.values("sparse")[index]
    assert np.all(sparse != eight.pair.values("dense")[index])


def test_files_of_a_run(eight):
    root = eight.run_dir
    assert sorted(os.listdir(root.samples)) == [
        "step-0000004-dense.png",
        "step-0000004-sparse.png",
        "step-0000008-dense.png",
        "step-0000008-sparse.png",
    ]
    with open(root.subset) as file:
        assert len(json.load(file)["indices"]) == 40
    assert sorted(os.listdir(root.saved_model)) == ["dense", "sparse"]


@pytest.mark.parametrize(
    ("steps", "sparse_at", "dense_at"),
    [(4, 4, 2), (5, 4, 5), (6, 4, 6), (7, 4, 6), (8, 8, 6)],
)
def test_the_pair_comes_from_the_right_phases(tiny, steps, sparse_at, dense_at):
    run = joined_run(tiny(f"--steps={steps}"))
    run.regan.on_train_begin()
    run.regan.on_epoch_begin(0)
    for step in range(steps):  # the callback alone, without training
        run.regan.on_train_batch_begin(step)
        run.regan.on_train_batch_end(step)
    run.regan.finish_pair()
    assert int(run.pair.kept_at["sparse"].numpy()) == sparse_at
    assert int(run.pair.kept_at["dense"].numpy()) == dense_at
    paths = [v.path for v in run.gan.generator.variables]
    sparse = dict(zip(paths, run.pair.values("sparse"), strict=True))
    masked = sparse["up1_conv1/kernel_mask"] == 0
    assert masked.sum() == 3 * 3 * 4 * 4 // 10
    assert np.all(sparse["up1_conv1/kernel"][masked] == 0)


def test_without_the_callback_the_run_is_the_dense_one(tiny, tmp_path):
    dense = joined_run(tiny("--prune=none", f"--run_dir={tmp_path / 'd'}"))
    _train(dense)
    masked = joined_run(tiny())
    others = [c for c in masked.callbacks() if c is not masked.regan]
    masked.callbacks = lambda: others
    _train(masked)
    dense_state, masked_state = dense.gan.state, masked.gan.state
    for name, variable in dense_state.items():
        np.testing.assert_array_equal(
            variable.numpy(), masked_state[name].numpy(), err_msg=name
        )


def test_warm_up_equals_dense_training(tiny, tmp_path):
    dense = joined_run(tiny("--prune=none", f"--run_dir={tmp_path / 'd'}"))
    _train(dense)
    warm = joined_run(tiny("--warmup=8", "--update_interval=1"))
    _train(warm)
    first = _lines(dense.run_dir.metrics)
    second = _lines(warm.run_dir.metrics)
    key = "loss/generator"
    assert [r[key] for r in first[:8]] == [r[key] for r in second[:8]]
    assert first[9][key] != second[9][key]


@pytest.mark.parametrize(
    "ema", ["0", pytest.param("0.9", marks=pytest.mark.slow)]
)
def test_resume_is_bit_equal(tiny, tmp_path, ema):
    words = ("--steps=8", f"--ema_decay={ema}", "--log_every=2")
    whole = joined_run(tiny(*words))
    _train(whole)
    part = (*words, f"--run_dir={tmp_path / 'p'}", "--checkpoint_every=3")
    first = joined_run(tiny(*part))
    save = first.checkpointer.save

    def stop_after_three(step):  # in the middle of phase and log interval
        save(step)
        first.gan.stop_training = True

    first.checkpointer.save = stop_after_three
    assert _train(first) == 3
    first.run_dir.unlock()
    second = joined_run(tiny(*part))
    assert second.start == 3
    _train(second)
    expected, got = _weights(whole), _weights(second)
    for name in expected:
        if "train_seconds" not in name:
            np.testing.assert_array_equal(expected[name], got[name], name)
    rows = [_untimed(r) for r in _lines(whole.run_dir.metrics)]
    assert rows == [_untimed(r) for r in _lines(second.run_dir.metrics)]


def test_no_host_read_between_logs(tiny, monkeypatch):
    run = joined_run(tiny("--steps=12", "--log_every=6", "--prune=none"))
    events = []
    tensor = type(tf.constant(0))
    for name in ("_numpy", "__float__", "__int__", "__bool__", "__array__"):
        original = getattr(tensor, name)

        def noted(self, *args, _original=original, **options):
            events.append("read")
            return _original(self, *args, **options)

        monkeypatch.setattr(tensor, name, noted)
    begin = run.log.on_train_batch_begin

    def note(batch, logs=None):
        events.append(batch)
        begin(batch, logs)

    run.log.on_train_batch_begin = note
    _train(run)
    assert run.trainer.num_traces == 1
    starts = [i for i, event in enumerate(events) if event != "read"]
    assert len(starts) > 4
    for this, following in itertools.pairwise(starts):
        read = "read" in events[this:following]
        assert read == (events[following] == 6), events


def _on_devices(tiny, tmp_path, devices, *words):
    run = joined_run(
        tiny(
            f"--devices={devices}",
            f"--run_dir={tmp_path / f'on{devices}'}",
            "--steps=6",
            "--learning_rate=0.001",
            *words,
        )
    )
    # With its usual 1e-8 Adam turns gradients that are rounding errors, such
    # as those of biases before batch norm, into full steps.
    run.gan.generator_optimizer.epsilon = 0.1
    run.gan.discriminator_optimizer.epsilon = 0.1
    _train(run)
    assert run.trainer.num_traces == 1
    losses = [r["loss/generator"] for r in _lines(run.run_dir.metrics)]
    weights = _weights(run)
    return losses, {n: v for n, v in weights.items() if "seconds" not in n}


def test_two_devices_equal_one(tiny, tmp_path):
    losses, one = _on_devices(tiny, tmp_path, 1, "--ema_decay=0.9")
    losses_2, two = _on_devices(tiny, tmp_path, 2, "--ema_decay=0.9")
    np.testing.assert_allclose(losses_2, losses, rtol=1e-5, atol=1e-6)
    for name, expected in one.items():
        # An image's pixel may fall on either side of a half.
        atol = 1 if "drawn" in name else 1e-5
        np.testing.assert_allclose(
            two[name].astype(float), expected, rtol=1e-4, atol=atol
        )
    assert any("mask" in name and (v == 0).any() for name, v in one.items())


@pytest.mark.slow
def test_one_gpu_s_strategy_changes_nothing(tiny, tmp_path, monkeypatch):
    words = "--steps=3", "--ema_decay=0.9"
    plain = joined_run(tiny(*words))
    _train(plain)
    strategy = tf.distribute.OneDeviceStrategy("CPU:0")
    monkeypatch.setattr("regan_tf.run.choose_strategy", lambda _: strategy)
    other = joined_run(tiny(*words, f"--run_dir={tmp_path / 'other'}"))
    _train(other)
    for name, value in _weights(other).items():
        if "seconds" not in name:
            np.testing.assert_array_equal(value, _weights(plain)[name], name)


@pytest.mark.slow
def test_the_comparison_of_devices_sees_unsynchronised_batch_norm(
    tiny, tmp_path, monkeypatch
):
    def unsynchronised(x, name):
        return keras.layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=name
        )(x)

    losses, one = _on_devices(tiny, tmp_path, 1)
    monkeypatch.setattr("regan_tf.nets.sngan.batch_norm", unsynchronised)
    losses_2, two = _on_devices(tiny, tmp_path, 2)
    assert not np.allclose(losses_2, losses, rtol=1e-5, atol=1e-6)
    name = "gan/generator/up3_norm2/moving_variance"
    assert not np.allclose(two[name], one[name], rtol=1e-4, atol=1e-5)


def test_prunes_both_networks(tiny):
    run = joined_run(tiny("--prune=both", "--steps=4", "--sparsity=0.5"))
    _train(run)
    row = _lines(run.run_dir.metrics)[-1]
    assert row["masks/discriminator/measured"] == pytest.approx(0.5, abs=0.01)
    assert row["masks/generator/measured"] == pytest.approx(0.5, abs=0.01)


def test_tfmot_schedule_end_to_end(tiny):
    run = joined_run(
        tiny("--sparsity_schedule=polynomial(0,0.8,2,8)", "--steps=10")
    )
    _train(run)
    rows = _lines(run.run_dir.metrics)
    measured = [round(r["masks/generator/measured"], 2) for r in rows]
    assert measured[:2] == [0, 0]
    assert measured[-1] >= 0


def test_a_file_that_changes_in_training_is_one_line(tiny):
    run = joined_run(tiny())
    train, pixels = run.images.train, run.images.train.images

    def decode(position):
        if position >= 30:
            raise UserError("'a.png' has changed")
        return pixels[position]

    streamed = StreamedImages(decode, np.arange(len(train)), 32)
    train = dataclasses.replace(train, images=streamed)
    run.images = dataclasses.replace(run.images, train=train)
    with pytest.raises(UserError, match=r"^'a\.png' has changed$"):
        _train(run)
