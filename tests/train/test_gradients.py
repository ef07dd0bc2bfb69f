"""Gradients of open masks: what RigL grows by."""

import numpy as np
import pytest

from tests.tiny import joined_run

WORDS = "--method=rigl", "--prune=both", "--warmup=0", "--sparsity=0.5"


def _masked_run(tiny, *words):
    run = joined_run(tiny(*WORDS, *words))
    for pruner in run.regan.pruners:
        pruner.prune(0.5, 0)
    return run


def _state(run):
    return {name: variable.numpy() for name, variable in run.gan.state.items()}


def _asked(run, index, step=3):
    pruner = run.regan.pruners[index]
    network = pruner.model.name
    return run.gradients(run.gan, network, step, pruner.pairs), pruner.pairs


@pytest.mark.parametrize("index", [0, 1], ids=["generator", "discriminator"])
def test_they_are_those_of_the_update_and_move_nothing(tiny, index):
    run = _masked_run(tiny)
    before = _state(run)
    found, pairs = _asked(run, index)
    for name, value in _state(run).items():
        np.testing.assert_array_equal(value, before[name], name)
    # Under masks the update itself has these gradients where it has any.
    _, function, update = run.gradients._function(
        run.stages.piece_at(3), run.regan.pruners[index].model.name
    )
    args = [np.int64(3)]
    if index:
        stage = run.stages.last
        images, _ = next(
            iter(run._make_batches(run.stages.images_at(3), stage))
        )
        args = [images, *args, np.int32(0)]
    masked = dict(
        zip([v.path for v in update.variables], function(*args), strict=True)
    )
    for gradient, (kernel, mask) in zip(found, pairs, strict=True):
        expected, on = masked[kernel.path].numpy(), mask.numpy() == 1
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            gradient[on], expected[on], atol=1e-5 * scale
        )
        assert np.all(expected[~on] == 0) and np.any(gradient[~on] != 0)


def test_a_pruned_entry_has_the_slope_of_the_loss(tiny):
    run = _masked_run(tiny)
    found, pairs = _asked(run, 0)
    index = [k.path for k, _ in pairs].index("to_rgb/kernel")
    kernel, mask = pairs[index]
    entry = np.unravel_index(
        np.argmax(np.abs(found[index]) * (mask.numpy() == 0)), kernel.shape
    )
    update = run.gradients._function(run.stages.piece_at(3), "generator")[-1]
    mask.assign(np.ones(mask.shape, "f"))
    values, losses = kernel.numpy(), []
    before = {v.path: v.numpy() for v in run.gan.discriminator.variables}
    for move in -1e-2, 1e-2:
        for variable in run.gan.discriminator.variables:
            variable.assign(before[variable.path])
        moved = values.copy()
        moved[entry] += move
        kernel.assign(moved)
        figures, _ = update.gradients(*update.inputs(np.int64(3), None))
        losses.append(float(figures["loss/generator"]))
    slope = (losses[1] - losses[0]) / 2e-2
    assert slope == pytest.approx(found[index][entry], rel=0.02)


def test_one_trace_and_the_same_on_devices_and_in_parts(
    tiny, tmp_path, monkeypatch
):
    # Each part would have batch statistics of its own.
    monkeypatch.setattr("regan_tf.nets.sngan.batch_norm", lambda x, name: x)
    found = {}
    for words in (), ("--grad_accumulation=2", "--devices=2"):
        run_dir = f"--run_dir={tmp_path}/{len(found)}"
        run = _masked_run(tiny, run_dir, *words)
        found[words] = [x for step in (3, 5) for x in _asked(run, 1, step)[0]]
        ((_, function, _),) = run.gradients._functions.values()
        assert function.experimental_get_tracing_count() == 1
    for a, b in zip(*found.values(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(a).max())


def test_layers_that_fade_in_are_as_far_as_in_the_step(tiny):
    # 8 pixels fade in from step 2 to step 6; α of step 4 is a half.
    words = "--arch=progan --resolution=8 --stage_lengths=2 --fade_kimg=0.016"
    batches = "--stage_batch_sizes=8 --critic_steps=1 --steps=14"
    run = _masked_run(tiny, *words.split(), *batches.split())
    found = []
    for alpha in 0.25, 0.5:
        for fade in run.gan.networks.fades:
            fade.assign(alpha)
        found.append(_asked(run, 0, step=4)[0])
        assert {float(x.numpy()) for x in run.gan.networks.fades} == {alpha}
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(np.any(x) for x in found[0])
