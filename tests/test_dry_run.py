"""`--dry_run`: what would be done, without data where they do not matter."""

import os
import subprocess
import sys

import pytest

from regan_tf.errors import UserError
from regan_tf.run import dry_run, run
from tests.tiny import config_of, tiny_config


def test_full_sngan_without_the_images(capsys):
    dry_run(config_of("--flagfile=configs/sngan.flags"))
    said = capsys.readouterr().out
    assert "4,276,739 parameters, of them 4,266,752 in kernels" in said
    assert "1,053,824 parameters, of them 1,052,544 in kernels" in said
    assert "steps       0 to  20,000" in said
    assert "sparse in total: 40,000 steps" in said
    assert "dense in total: 40,000 steps" in said
    assert "images shown to the discriminator: 32,000,000" in said
    # 2·1e5·(704·G + 2,176·D), with the data sheet's counts of G and D.
    assert "dense: generator forward 1.506e+17" in said
    assert "total 3.551e+17" in said


def test_learning_rates_of_the_timetable(capsys):
    words = "--flagfile=configs/sngan.flags", "--lr_decay=none", "--steps=20300"
    dry_run(config_of(*words))
    lines = capsys.readouterr().out.splitlines()
    (dense,) = (x for x in lines if x.strip().startswith("dense    steps"))
    assert "G 2e-05, D 0.0002" in dense


def test_the_baseline_differs_only_in_pruning():
    sparse = config_of("--flagfile=configs/sngan.flags").as_dict()
    dense = config_of("--flagfile=configs/sngan_dense.flags").as_dict()
    changed = {name for name in sparse if sparse[name] != dense[name]}
    assert changed == {"method.prune", "output.run_dir"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--steps=3", "no sparse phase"),
        ("--num_images=5000", "1438"),
        ("--mask_exclude=nothing", "must name layers"),
    ],
)
def test_mistakes_that_need_data_or_networks(tmp_path, word, message):
    run_dir = tmp_path / "run"
    with pytest.raises(UserError, match=message) as error:
        run(tiny_config(f"--run_dir={run_dir}", word))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_a_mistake_found_late_leaves_everything_as_it_was(tmp_path, words):
    run_dir = tmp_path / "run"
    bad = tiny_config(f"--run_dir={run_dir}", "--mask_exclude=nothing")
    with pytest.raises(UserError, match="must name layers"):
        run(bad, overwrite=bool(words))
    assert os.listdir(tmp_path) == []


def test_exclusions_may_name_layers_of_either_network(capsys):
    words = "--prune=both", "--mask_exclude=to_rgb,down1_conv1"
    dry_run(tiny_config(*words))
    with pytest.raises(UserError, match="of generator: "):
        dry_run(tiny_config("--prune=both", "--mask_exclude=nothing"))


def test_exclusions_must_leave_something_to_prune():
    config = tiny_config("--mask_exclude=dense,up,to_rgb")
    with pytest.raises(UserError, match="nothing to prune: no layer of 'gen"):
        dry_run(config)


def test_a_foreign_schedule_is_one_flag_away(capsys):
    text = "--sparsity_schedule=polynomial(0,0.8,1000,50000)"
    dry_run(config_of("--flagfile=configs/sngan.flags", text))
    said = capsys.readouterr().out
    assert "sparse   steps   1,100 to 100,000  sparsity 0.8" in said


def test_timetables_of_other_methods(capsys):
    said = {}
    for method in ("acdc", "gmp", "rigl"):
        dry_run(config_of(f"--flagfile=configs/sngan_{method}.flags"))
        said[method] = capsys.readouterr().out
    acdc = "sparse   steps  90,000 to 100,000  sparsity 0.1"
    assert acdc in said["acdc"] and "dense in total: 40,000" in said["acdc"]
    rising = "550 times, at steps 20,100 to 75,000, sparsity 0.000544 to 0.1"
    assert f"masks made {rising}" in said["gmp"]
    assert "masks made 750 times, at steps 0 to 74,900" in said["rigl"]
    assert "sparse   steps       0 to 100,000" in said["rigl"]


@pytest.mark.parametrize("text", ["{bad", '{"cluster": {"worker": ["a"]}}'])
def test_a_broken_cluster_description_is_told(tmp_path, monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match="TF_CONFIG must be JSON"):
        run(tiny_config(f"--run_dir={tmp_path / 'run'}"))


def test_nothing_is_written(tmp_path):
    result = subprocess.run(
        [
            sys.executable,
            "train_main.py",
            "--dataset=digits",
            f"--run_dir={tmp_path / 'run'}",
            "--dry_run",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "timetable" in result.stdout
    assert os.listdir(tmp_path) == []


def test_cifar10_without_download_says_how_to_pass_a_path(
    tmp_path, monkeypatch
):
    import keras

    def fail():
        raise OSError("no network")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fail)
    config = tiny_config("--dataset=cifar10", f"--run_dir={tmp_path / 'r'}")
    with pytest.raises(UserError, match="--data_path"):
        run(config)
    assert not os.path.exists(tmp_path / "r")
