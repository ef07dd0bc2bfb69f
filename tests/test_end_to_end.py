"""The program as a user runs it: killed, stopped, broken, continued."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from absl.testing import flagsaver

import train_main
from regan_tf import flags
from regan_tf.errors import Diverged
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import TINY, joined_run

COMMAND = [
    sys.executable,
    "train_main.py",
    *TINY,
    "--steps=60",
    "--warmup=10",
    "--update_interval=10",
    "--log_every=2",
    "--checkpoint_every=7",
    "--learning_rate=0.001",
]


def _run(run_dir, *words, **options):
    return subprocess.run(
        [*COMMAND, f"--run_dir={run_dir}", *words],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def _start_and_signal(run_dir, number, line_of_step):
    """Starts a run, signals it once it has logged `line_of_step`."""
    process = subprocess.Popen(
        [*COMMAND, f"--run_dir={run_dir}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while process.poll() is None and _last_step(run_dir) < line_of_step:
        time.sleep(0.02)
    process.send_signal(number)
    output, _ = process.communicate()
    return process.returncode, output


def _rows(run_dir):
    path = os.path.join(run_dir, "metrics.jsonl")
    if not os.path.exists(path):
        return []
    rows = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.endswith("\n"):
                rows.append(json.loads(line))
    return rows


def _last_step(run_dir):
    rows = _rows(run_dir)
    return rows[-1]["step"] if rows else 0


def _figures(run_dir):
    timed = ("train_seconds", "images_per_second", "seconds/input_wait")
    return [
        {k: v for k, v in row.items() if k not in timed}
        for row in _rows(run_dir)
    ]


def _checkpoint(run_dir):
    import tensorflow as tf

    path = tf.train.latest_checkpoint(f"{run_dir}/checkpoints")
    reader = tf.train.load_checkpoint(path)
    names = reader.get_variable_to_shape_map()
    return {
        n: reader.get_tensor(n)
        for n in names
        if "OBJECT_GRAPH" not in n
        and "train_seconds" not in n
        and "save_counter" not in n
    }


def _assert_same(expected_dir, got_dir):
    assert _figures(got_dir) == _figures(expected_dir)
    expected, got = _checkpoint(expected_dir), _checkpoint(got_dir)
    assert expected.keys() == got.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    result = _run(run_dir)
    assert result.returncode == 0, result.stderr
    return run_dir, result


def test_a_run_says_where_everything_is(whole):
    run_dir, result = whole
    for part in ("sparse", "dense"):
        assert (
            f"{part} generator: {run_dir}/saved_model/{part}" in result.stdout
        )
    assert result.stdout.count(f"run directory {run_dir}") == 2
    assert "Traceback" not in result.stderr


def test_killed_in_a_sparse_phase_it_goes_on_as_if_never(whole, tmp_path):
    run_dir = tmp_path / "killed"
    code, _ = _start_and_signal(run_dir, signal.SIGKILL, 36)
    assert code == -signal.SIGKILL
    result = _run(run_dir)
    assert result.returncode == 0, result.stderr
    assert "going on after step" in result.stdout
    _assert_same(whole[0], run_dir)


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)],
)
def test_a_signal_saves_and_exits(whole, tmp_path, number):
    run_dir = tmp_path / "stopped"
    code, output = _start_and_signal(run_dir, number, 16)
    assert code == 0, output
    assert "stopped by SIG" in output and "Traceback" not in output
    assert _run(run_dir).returncode == 0
    _assert_same(whole[0], run_dir)


def test_a_finished_run_is_not_trained_again(whole):
    run_dir, _ = whole
    before = _figures(run_dir)
    result = _run(run_dir)
    assert result.returncode == 0, result.stderr
    assert _figures(run_dir) == before


def test_another_configuration_is_refused_in_one_line(whole):
    run_dir, _ = whole
    result = _run(run_dir, "--seed=4")
    assert result.returncode == 2
    assert "training.seed: 0 → 4" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_divergence_names_the_step_and_keeps_the_last_good(tiny):
    run = joined_run(tiny("--steps=9", "--log_every=3", "--checkpoint_every=3"))
    kernel = run.gan.generator.get_layer("to_rgb")._kernel
    save = run.checkpointer.save

    def poison(step):
        save(step)
        kernel.assign(np.full(kernel.shape, np.nan))

    run.checkpointer.save = poison
    with pytest.raises(Diverged) as error:
        run.train(StopOnSignal())
    assert "not finite in step 4 (noticed after step 6)" in str(error.value)
    assert "ckpt-3" in str(error.value)
    assert _checkpoint(run.run_dir.root)["step/.ATTRIBUTES/VARIABLE_VALUE"] == 3


def test_divergence_exits_with_1_and_one_line(monkeypatch):
    def diverge(*args, **kwargs):
        raise Diverged("losses were not finite in step 4")

    monkeypatch.setattr("regan_tf.run.run", diverge)
    with flagsaver.flagsaver(), pytest.raises(SystemExit) as exit_:
        flags.parse(["train_main"])
        train_main.main([])
    assert exit_.value.code == (
        "training diverged: losses were not finite in step 4"
    )


def test_the_pair_loads_with_tensorflow_alone(whole, tmp_path):
    run_dir, _ = whole
    code = f"""
import tensorflow as tf, numpy as np, sys
for kind in ("sparse", "dense"):
    m = tf.saved_model.load(r"{run_dir}/saved_model/" + kind)
    z = tf.zeros((3, 128))
    x = m.signatures["serving_default"](latents=z)["images"].numpy()
    assert x.shape == (3, 32, 32, 3) and abs(x).max() <= 1, x.shape
    s = m.signatures["sample"](seed=tf.constant(1), count=tf.constant(5))
    s = s["images"].numpy()
    assert s.shape == (5, 32, 32, 3) and s.dtype == np.uint8
    again = m.signatures["sample"](seed=tf.constant(1), count=tf.constant(5))
    assert (again["images"].numpy() == s).all()
assert not any(n.startswith("regan_tf") for n in sys.modules)
print("loaded")
"""
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert result.stdout.strip() == "loaded", result.stderr
