"""The command, and the files of configs/sweeps/."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from regan_tf.sweep import read_grid
from regan_tf.sweep.__main__ import main
from regan_tf.sweep.execute import last_step
from regan_tf.sweep.plan import make_plans
from tests.tiny import TINY

SMALL = "configs/sweeps/small.toml"
FEW_SHOT = "configs/sweeps/fewshot.toml"


def _file(tmp_path, *words, seeds="[1, 2]"):
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"flags = {json.dumps([*TINY, *words])}\n"
        f"run_root = {json.dumps(str(tmp_path / 'root'))}\n"
        f"[axes]\nseed = {seeds}\n"
    )
    return str(path)


def test_few_shot_runs_have_one_seed_of_pseudo_augmentation(monkeypatch):
    monkeypatch.setenv("IMAGES", "somewhere.zip")
    configs = [x.config for x in make_plans(read_grid(FEW_SHOT))]
    assert len(configs) == 14
    apa = [x for x in configs if x.augment.apa]
    assert sorted(x.method.prune for x in apa) == ["generator", "none"]
    assert [x.augment.policy for x in apa] == [(), ()]


def test_the_study_has_as_many_trials_of_both(monkeypatch):
    monkeypatch.setenv("IMAGES", "somewhere.zip")
    trials = [
        [x.config for x in make_plans(read_grid(f"configs/sweeps/{name}.toml"))]
        for name in ("scarce_dense", "scarce_re")
    ]
    assert [len(some) for some in trials] == [6, 6]
    assert {x.output.protocol for some in trials for x in some} == {
        "validation"
    }
    final = make_plans(read_grid("configs/sweeps/scarce.toml"))
    assert len(final) == 26
    seeds = {x.config.training.seed for x in final}
    assert not seeds & {x.training.seed for some in trials for x in some}
    assert {x.config.output.protocol for x in final} == {"paper"}


def test_the_example_spans_twelve_runs(monkeypatch):
    monkeypatch.setenv("IMAGES", "somewhere.zip")
    plans = make_plans(read_grid(SMALL))
    assert [plan.run.name for plan in plans[:7:3]] == [
        "re-data_fraction_0.1-seed_0",
        "re-data_fraction_1.0-seed_0",
        "dense-data_fraction_0.1-seed_0",
    ]
    configs = [plan.config for plan in plans]
    assert {
        (x.method.prune, x.data.fraction, x.training.seed) for x in configs
    } == {
        (prune, fraction, seed)
        for prune in ("generator", "none")
        for fraction in (0.1, 1.0)
        for seed in (0, 1, 2)
    }
    assert {x.data.path for x in configs} == {"somewhere.zip"}
    assert {x.training.steps for x in configs} == {2000}


def test_a_dry_run_prints_commands_and_writes_nothing(tmp_path, capsys):
    path = _file(tmp_path)
    assert main([path, "--dry_run", "--only=2$"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "# seed_2: new"
    assert said[1].startswith("python -m regan_tf.train_main --dataset=digits")
    assert said[1].endswith(f"--seed=2 --run_dir={tmp_path}/root/seed_2")
    assert said[2] == "# 1 runs, 0 of them done, 80 images to show"
    assert os.listdir(tmp_path) == ["tiny.toml"]


MISTAKES = [
    ((), "required: FILE"),
    (("no.toml",), "Received: 'no.toml'"),
    (("FILE", "--jobs=0"), "--jobs must be at least 1"),
    (("FILE", "--jobs=x"), "invalid int value: 'x'"),
    (("FILE", "--only=("), "--only must be a regular expression"),
    (("FILE", "--only=re"), "--only must match the name of a run, such as s"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES)
def test_each_mistake_is_one_line(tmp_path, words, message, capsys):
    path = _file(tmp_path)
    assert main([path if word == "FILE" else word for word in words]) == 2
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1
    assert error.startswith("error: ") and message in error


def test_one_bad_run_stops_all_before_they_start(tmp_path, capsys):
    assert main([_file(tmp_path, seeds="[1, -1]")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: run seed_-1: --seed must be in [0, ")
    assert not (tmp_path / "root").exists()


def test_the_command_loads_no_tensorflow(tmp_path):
    code = (
        "import sys; from regan_tf.sweep.__main__ import main; "
        "sys.exit(main(sys.argv[1:]) + ('tensorflow' in sys.modules))"
    )
    words = [sys.executable, "-c", code, _file(tmp_path), "--dry_run"]
    result = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "# seed_1: new" in result.stdout and result.stderr == ""


@pytest.mark.slow
def test_training_is_stopped_and_goes_on(tmp_path):
    path = _file(tmp_path, "--steps=400", "--warmup=20", "--log_every=5")
    command = [sys.executable, "-m", "regan_tf.sweep", path, "--jobs=2"]
    root = tmp_path / "root"
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while process.poll() is None and not (last_step(f"{root}/seed_1") or 0) > 9:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate()
    assert process.returncode == 1
    assert "stopped by SIGINT" in said and "Traceback" not in said
    runs = json.loads((root / "sweep.json").read_text())["runs"]
    assert runs["seed_1"]["state"] == "interrupted"
    assert "saved; the same command" in (root / "seed_1.log").read_text()
    assert main(command[3:]) == 0
    assert "going on after step" in (root / "seed_1.log").read_text()
    for name in ("seed_1", "seed_2"):
        assert (root / name / "saved_model" / "sparse").is_dir()
    logs = [(root / f"seed_{i}.log").read_text() for i in (1, 2)]
    assert main(command[3:]) == 0
    assert [(root / f"seed_{i}.log").read_text() for i in (1, 2)] == logs
