"""Whole tiny runs: phases, pair, resume, devices, traces, host reads."""

import glob
import json
import os

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import joined_run


def _lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _weights(run):
    return {name: v.numpy() for name, v in run.state.items()}


def _untimed(row):
    return {
        name: value
        for name, value in row.items()
        if name not in ("train_seconds", "images_per_second")
    }


class Watch:
    """Callback of a few lines that looks at the generator after each call."""

    def __init__(self, run):
        self.run = run
        self.zeros, self.masked = [], []

    def __call__(self, step):
        kernels, masks = [], []
        for pair in self.run.regan.pruners[0].pairs:
            kernels.append(pair[0].numpy().ravel() == 0)
            masks.append(pair[1].numpy().ravel() == 0)
        self.zeros.append(np.concatenate(kernels))
        self.masked.append(np.concatenate(masks))


def _train(run):
    done = run.train(StopOnSignal())
    return done


def test_pruned_entries_are_zero_through_the_phase_and_when_it_ends(tiny):
    run = joined_run(tiny("--steps=8"))
    watch = Watch(run)
    run.log.sources.append(lambda step: watch(step) or {})
    change = run.regan._change
    first_dense = []

    def note(step, sparsity):  # looks just before the first dense step
        change(step, sparsity)
        if not sparsity:
            watch(step)
            first_dense.append(watch.zeros.pop())
            watch.masked.pop()

    run.regan._change = note
    _train(run)
    phases = [bool(m.any()) for m in watch.masked]
    assert phases == [False] * 2 + [True] * 2 + [False] * 2 + [True] * 2
    for zeros, masked in zip(watch.zeros, watch.masked, strict=True):
        assert np.all(zeros[masked])
    np.testing.assert_array_equal(first_dense[0], watch.masked[3])
    kernels = [k.numpy().size for k, _ in run.regan.pruners[0].pairs]
    assert watch.masked[3].sum() == sum(n // 10 for n in kernels)


def test_regrown_weights_train_and_the_mask_is_kept_for_the_phase(tiny):
    run = joined_run(tiny("--steps=6"))
    watch = Watch(run)
    run.log.sources.append(lambda step: watch(step) or {})
    _train(run)
    np.testing.assert_array_equal(watch.masked[2], watch.masked[3])
    assert np.mean(watch.zeros[5][watch.masked[3]]) < 0.1


def test_learning_rates_and_phases_are_logged_as_scheduled(tiny):
    run = joined_run(tiny("--steps=8", "--lr_decay=linear"))
    _train(run)
    rows = _lines(run.run_dir.metrics)
    kinds = [row["phase"] for row in rows]
    assert kinds == ["warm-up"] * 2 + ["sparse"] * 2 + ["dense"] * 2 + [
        "sparse"
    ] * 2
    # After k of 8 steps the rate of the next update is 0.01·(1 − k/8).
    decayed = [0.01 * (1 - k / 8) for k in range(1, 9)]
    factors = [1, 1, 1, 1, 0.1, 0.1, 1, 1]
    expected = [r * f for r, f in zip(decayed, factors, strict=True)]
    rates = [row["learning_rate/generator"] for row in rows]
    assert rates == pytest.approx(expected, abs=1e-7)
    rates = [row["learning_rate/discriminator"] for row in rows]
    assert rates == pytest.approx(decayed, abs=1e-7)
    assert [row["masks/generator/asked"] for row in rows][1:5] == [
        0,
        0.1,
        0.1,
        0,
    ]


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


def test_exported_zeros_equal_the_masks(tiny):
    run = joined_run(tiny("--steps=8"))
    _train(run)
    run.finish(8)
    loaded = tf.saved_model.load(f"{run.run_dir.saved_model}/sparse")
    kernels = {
        v.name: v.numpy() for v in loaded.weights if len(v.shape) in (2, 4)
    }
    masks = [m.numpy() for _, m in run.regan.pruners[0].pairs]
    zeros = sorted(int((k == 0).sum()) for k in kernels.values())
    assert zeros == sorted(int((m == 0).sum()) for m in masks)
    with open(f"{run.run_dir.saved_model}/sparse/about.json") as file:
        about = json.load(file)
    assert about["kernel_zeros"] == sum(zeros)
    z = tf.random.stateless_normal((3, 128), (0, 1))
    images = loaded.signatures["serving_default"](latents=z)["images"]
    live = run.gan.generator(z, training=False)
    np.testing.assert_allclose(images, live, atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "sparse_at", "dense_at"),
    [(4, 4, 2), (5, 4, 5), (6, 4, 6), (7, 4, 6), (8, 8, 6)],
)
def test_the_pair_comes_from_the_right_phases(
    tiny, steps, sparse_at, dense_at
):
    run = joined_run(tiny(f"--steps={steps}"))
    _train(run)
    run.regan.finish_pair()
    assert int(run.pair.kept_at["sparse"].numpy()) == sparse_at
    assert int(run.pair.kept_at["dense"].numpy()) == dense_at
    sparse = dict(
        zip(
            [v.path for v in run.gan.generator.variables],
            run.pair.values("sparse"),
            strict=True,
        )
    )
    masked = sparse["up1_conv1/kernel_mask"] == 0
    assert masked.sum() == 3 * 3 * 4 * 4 // 10
    assert np.all(sparse["up1_conv1/kernel"][masked] == 0)


def test_the_halves_have_batch_statistics_of_their_own(tiny):
    run = joined_run(tiny("--steps=6"))
    _train(run)
    run.regan.finish_pair()
    paths = [v.path for v in run.gan.generator.variables]
    index = paths.index("norm/moving_mean")
    sparse = run.pair.values("sparse")[index]
    assert np.all(sparse != run.pair.values("dense")[index])


@pytest.mark.parametrize("ema", ["0", "0.9"])
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
    second = joined_run(tiny(*part))
    assert second.start == 3
    _train(second)
    expected, got = _weights(whole), _weights(second)
    for name in expected:
        if "train_seconds" not in name:
            np.testing.assert_array_equal(expected[name], got[name], name)
    rows = [_untimed(r) for r in _lines(whole.run_dir.metrics)]
    assert rows == [_untimed(r) for r in _lines(second.run_dir.metrics)]


def test_one_trace_and_no_host_read_between_logs(tiny, monkeypatch):
    run = joined_run(tiny("--steps=12", "--log_every=6", "--prune=none"))
    reads = []
    tensor = type(tf.constant(0))
    for name in ("_numpy", "__float__", "__int__", "__bool__"):
        original = getattr(tensor, name)

        def noted(self, _original=original, _name=name):
            reads.append((_name, run_steps[-1]))
            return _original(self)

        monkeypatch.setattr(tensor, name, noted)
    run_steps = [0]
    begin = run.log.on_train_batch_begin

    def note(batch, logs=None):
        run_steps.append(batch)
        begin(batch, logs)

    run.log.on_train_batch_begin = note
    _train(run)
    assert run.trainer.num_traces == 1
    read_after = {step for _, step in reads}
    logs = {s for s in run_steps if s >= 6}
    assert len(run_steps) > 4
    assert reads and min(read_after - {0}) > 2
    assert read_after - {0} <= logs | {5}


def test_one_trace_with_phase_switches(tiny):
    run = joined_run(tiny("--steps=10", "--lr_decay=linear"))
    _train(run)
    assert run.trainer.num_traces == 1


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
    _train(run)
    rows = _lines(run.run_dir.metrics)
    return [r["loss/generator"] for r in rows], _weights(run)


@pytest.mark.parametrize("words", [(), ("--ema_decay=0.9",)])
def test_two_devices_equal_one(tiny, tmp_path, words):
    losses, one = _on_devices(tiny, tmp_path, 1, *words)
    losses_2, two = _on_devices(tiny, tmp_path, 2, *words)
    np.testing.assert_allclose(losses_2, losses, rtol=1e-4, atol=1e-5)
    for name, expected in one.items():
        if "seconds" in name or "velocity" in name:
            continue
        np.testing.assert_allclose(
            two[name], expected, rtol=2e-3, atol=2e-4, err_msg=name
        )


def test_the_comparison_of_devices_sees_unsynchronised_batch_norm(
    tiny, tmp_path, monkeypatch
):
    from regan_tf.nets import blocks

    def unsynchronised(x, name):
        return blocks.kl.BatchNormalization(
            momentum=0.9, epsilon=1e-5, name=name
        )(x)

    _, one = _on_devices(tiny, tmp_path, 1)
    monkeypatch.setattr("regan_tf.nets.sngan.batch_norm", unsynchronised)
    _, two = _on_devices(tiny, tmp_path, 2)
    name = "gan/generator/up3_norm2/moving_variance"
    assert not np.allclose(two[name], one[name], rtol=2e-3, atol=2e-4)


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


def test_files_of_a_run(tiny):
    run = joined_run(tiny("--steps=4", "--eval_every=2"))
    _train(run)
    run.finish(4)
    names = sorted(os.path.basename(p) for p in glob.glob(
        f"{run.run_dir.samples}/*"
    ))
    assert names == [
        "step-0000002-dense.png",
        "step-0000004-sparse.png",
    ]
    with open(run.run_dir.subset) as file:
        subset = json.load(file)
    assert len(subset["indices"]) == 40
    assert sorted(os.listdir(run.run_dir.saved_model)) == ["dense", "sparse"]
