"""`--method=fixed`: runs from masks and weights of files."""

import json
import os

import numpy as np
import pytest

from regan_tf.costs import RunCost
from regan_tf.errors import UserError
from regan_tf.run import dry_run, load_images, prepare
from regan_tf.weight_files import named_weights, save_arrays
from tests.tiny import joined_run, tiny_config

WORDS = "--ema_decay=0.9", "--prune=both", "--steps=4"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Masks that keep two of three entries, weights, and their paths."""
    folder = tmp_path_factory.mktemp("files")
    run = joined_run(tiny_config(*WORDS, f"--run_dir={folder / 'run'}"))
    kernels = {n: k for p in run.regan.pruners for n, k in p.kernels.items()}
    masks = {
        n: np.arange(np.prod(k.shape)).reshape(k.shape) % 3 != 0
        for n, k in kernels.items()
    }
    rng, weights = np.random.default_rng(0), {}
    for model in run.gan.generator, run.gan.discriminator:
        for name, variable in named_weights(model).items():
            weights[name] = rng.uniform(0.1, 1, variable.shape).astype("f4")
    for name, arrays in ("masks", masks), ("weights", weights):
        save_arrays(str(folder / f"{name}.npz"), arrays)
    return folder, masks, weights


def _words(files, **changes):
    paths = {k: f"{files[0]}/{k}.npz" for k in ("masks", "weights")} | changes
    return (
        "--method=fixed",
        *WORDS,
        f"--masks={paths['masks']}",
        f"--initial_weights={paths['weights']}",
    )


def _prepared(config):
    images = load_images(config)
    return prepare(config.at(len(images.train)), images)


@pytest.fixture(scope="module")
def trained(files, tmp_path_factory):
    """A finished run of them, and its `Experiment` before step 1 in arrays."""
    run_dir = tmp_path_factory.mktemp("fixed") / "run"
    prepared = _prepared(tiny_config(*_words(files), f"--run_dir={run_dir}"))
    run, first = prepared.experiment, {}
    change = run.regan._change

    def note(step, sparsity):
        change(step, sparsity)
        first[step] = {n: v.numpy() for n, v in run.gan.state.items()}

    run.regan._change = note
    prepared.execute("")
    return run, first


def test_masks_and_weights_hold_from_step_0(files, trained):
    _, masks, weights = files
    run, first = trained
    assert list(first) == [0]
    for name, value in weights.items():
        kept = value * masks.get(name, 1)
        np.testing.assert_array_equal(first[0][f"gan/{name}"[4:]], kept)
        network, _, path = name.partition("/")
        if network == "generator":
            np.testing.assert_array_equal(first[0][f"average/{path}"], kept)
    assert {p.model.name for p in run.regan.pruners} == {
        "generator",
        "discriminator",
    }


def test_masks_never_change(files, trained):
    _, masks, _ = files
    run, _ = trained
    state = {n: v.numpy() for n, v in run.gan.state.items()}
    for name, mask in masks.items():
        network, _, path = name.partition("/")
        owners = [network, "average"] if network == "generator" else [network]
        for owner in owners:
            kernel = state[f"{owner}/{path}"]
            np.testing.assert_array_equal(kernel != 0, mask, name)
            got = state[f"{owner}/{path}_mask"]
            np.testing.assert_array_equal(got, mask, name)
        moment = path.replace("/", "_")
        (moment,) = (
            v
            for n, v in state.items()
            if n == f"{network}_optimizer/adam/{moment}_momentum"
        )
        assert not moment[~mask].any()


def test_it_delivers_the_sparse_generator_alone(trained):
    run, _ = trained
    with open(run.run_dir.summary) as file:
        assert list(json.load(file)["final"]) == ["sparse"]
    assert os.listdir(run.run_dir.saved_model) == ["sparse"]


def test_costs_are_those_of_the_masks(files):
    _, masks, _ = files
    config = tiny_config(*_words(files)).at(40)
    layers = RunCost(config).views[0]
    by_name = {layer.name: layer for layer in layers.layers}
    for name, mask in masks.items():
        network, layer, _ = name.split("/")
        if network == "generator":
            got = by_name[layer].kernel_mask.numpy()
            np.testing.assert_array_equal(got, mask)
    cost = RunCost(config).at(4).as_dict()
    share = cost["weighted"]["total"] / cost["dense"]["total"]
    # Zeros at 0, 3, 6, ...: a third of each kernel, rounded up.
    assert share == pytest.approx(2 / 3, abs=0.01)


def test_a_resume_compares_content_and_no_path(files, trained, tmp_path):
    _, masks, _ = files
    run_dir = trained[0].run_dir.root
    moved = str(tmp_path / "elsewhere.npz")
    save_arrays(moved, {n: m.astype("f4") for n, m in masks.items()})
    words = f"--run_dir={run_dir}", "--checkpoint_every=7"
    again = _prepared(tiny_config(*_words(files, masks=moved), *words))
    assert again.resume
    other = {n: np.roll(m, 1) for n, m in masks.items()}
    save_arrays(moved, other)
    config = tiny_config(*_words(files, masks=moved), *words)
    with pytest.raises(UserError, match=r"method.masks_content: '"):
        _prepared(config)


def test_files_that_do_not_fit_are_told_before_anything_is_written(
    files, tmp_path
):
    _, masks, weights = files
    bad = str(tmp_path / "bad.npz")
    run_dir = tmp_path / "run"
    for flag, arrays, message in (
        (
            "masks",
            {**masks, "generator/x": masks["generator/dense/kernel"]},
            "for no other. Received: .* generator/x",
        ),
        (
            "weights",
            {n: w for n, w in weights.items() if "norm/g" not in n},
            "without generator/norm/gamma",
        ),
    ):
        save_arrays(bad, arrays)
        words = _words(files, **{flag: bad})
        with pytest.raises(UserError, match=message):
            _prepared(tiny_config(*words, f"--run_dir={run_dir}"))
    assert not run_dir.exists()


def test_excluded_layers_have_no_masks(files, tmp_path):
    words = *_words(files), f"--run_dir={tmp_path / 'r'}"
    with pytest.raises(UserError, match="with generator/to_rgb/kernel"):
        _prepared(tiny_config(*words, "--mask_exclude=to_rgb"))


def test_a_dry_run_tells_the_sparsity_of_the_file(files, capsys):
    dry_run(tiny_config(*_words(files), "--run_dir=unused"))
    said = capsys.readouterr().out
    assert "sparse   steps       0 to       4  sparsity 0.33" in said
    assert "masks made once, at step 0" in said
