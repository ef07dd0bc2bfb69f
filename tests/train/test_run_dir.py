"""Run directories and what is written in them."""

import json
import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator,
)
from tensorflow import make_ndarray

from regan_tf.errors import UserError
from regan_tf.train.records import Recorder
from regan_tf.train.run_dir import (
    RunDir,
    folder_atomically,
    write_atomically,
    writing,
)
from tests.tiny import tiny_config


def _open(tmp_path, *words, overwrite=False, **facts):
    run_dir = RunDir(str(tmp_path / "run"))
    facts = tiny_config(*words).at(40).as_dict() | facts
    resume = not overwrite and run_dir.holds(facts)
    run_dir.create(facts, "--seed=0\n", overwrite)
    return run_dir, resume


def test_a_second_opening_resumes(tmp_path):
    assert _open(tmp_path)[1] is False
    assert _open(tmp_path, "--steps=20", "--log_every=7")[1] is True


def test_a_longer_run_under_a_decay_is_told(tmp_path, capsys):
    _open(tmp_path)
    _open(tmp_path, "--steps=20")
    assert "--steps was 10 and is 20" in capsys.readouterr().out


def test_fewer_steps_than_trained_are_refused_and_nothing_is_written(tmp_path):
    run_dir, _ = _open(tmp_path)
    run_dir.unlock()
    config, checkpoints = Path(run_dir.config), Path(run_dir.checkpoints)
    before = config.read_bytes()
    checkpoints.mkdir()
    for step in 5, 10:
        (checkpoints / f"ckpt-{step}.index").touch()
    with pytest.raises(UserError, match="--steps=8 is less than the 10 steps"):
        _open(tmp_path, "--steps=8")
    assert config.read_bytes() == before
    assert _open(tmp_path, "--steps=10")[1]


def test_another_configuration_is_refused_and_listed(tmp_path):
    _open(tmp_path)
    with pytest.raises(UserError) as error:
        _open(tmp_path, "--seed=5", "--sparsity=0.2")
    assert "training.seed: 0 → 5" in str(error.value)
    assert "method.sparsity: 0.1 → 0.2" in str(error.value)
    assert "--overwrite" in str(error.value)


def test_other_images_are_refused(tmp_path):
    _open(tmp_path, fingerprint="a")
    with pytest.raises(UserError, match="fingerprint: 'a' → 'b'"):
        _open(tmp_path, fingerprint="b")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_process_is_kept_out(tmp_path, overwrite):
    first, _ = _open(tmp_path)
    with pytest.raises(UserError, match="another process is training in"):
        _open(tmp_path, overwrite=overwrite)
    assert os.path.exists(first.config)
    first.unlock()
    assert _open(tmp_path)[1] is True


def test_overwrite_moves_the_old_run_aside(tmp_path):
    run_dir, _ = _open(tmp_path)
    write_atomically(run_dir.metrics, "old")
    run_dir.unlock()
    assert _open(tmp_path, "--seed=5", overwrite=True)[1] is False
    (aside,) = (p for p in tmp_path.iterdir() if ".old-" in p.name)
    assert (aside / "metrics.jsonl").read_text() == "old"
    assert not os.path.exists(run_dir.metrics)


def test_a_folder_that_is_no_run_is_left_alone(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        _open(tmp_path)
    assert os.listdir(tmp_path / "run") == ["thesis.txt"]


@pytest.mark.parametrize("text", ["{", "[]", '{"config": 3}'])
def test_a_damaged_configuration_is_told(tmp_path, text):
    run_dir, _ = _open(tmp_path)
    run_dir.unlock()
    write_atomically(run_dir.config, text)
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        _open(tmp_path)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match="cannot be made"):
        _open(tmp_path)


def test_an_interrupted_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "f"
    with folder_atomically(str(path)) as folder:
        open(f"{folder}/a", "w").close()
    with pytest.raises(KeyError), folder_atomically(str(path)) as folder:
        open(f"{folder}/b", "w").close()
        raise KeyError
    assert os.listdir(path) == ["a"]
    assert os.listdir(tmp_path) == ["f"]


def test_a_resumed_run_takes_back_later_lines(tmp_path):
    run_dir, _ = _open(tmp_path)
    first = Recorder(run_dir)
    for step in (1, 2, 3):
        first.figures(step, {"loss": step / 2, "phase": "sparse"})
    with open(run_dir.metrics, "a") as file:
        file.write('{"step": 3, "lo')  # killed while writing
    second = Recorder(run_dir, step=2)
    second.figures(3, {"loss": 9.0, "phase": "dense"})
    with open(run_dir.metrics) as file:
        rows = [json.loads(line) for line in file]
    assert [(r["step"], r["loss"]) for r in rows] == [
        (1, 0.5),
        (2, 1.0),
        (3, 9.0),
    ]


def test_a_run_killed_before_its_first_checkpoint_starts_clean(tmp_path):
    run_dir, _ = _open(tmp_path)
    Recorder(run_dir).figures(1, {"loss": 1.0})
    Recorder(run_dir).figures(1, {"loss": 2.0})
    events = EventAccumulator(run_dir.tensorboard)
    events.Reload()
    values = [make_ndarray(e.tensor_proto) for e in events.Tensors("loss")]
    assert values == [2]
    with open(run_dir.metrics) as file:
        assert [json.loads(line)["loss"] for line in file] == [2.0]


def test_scores_of_both_halves_are_told_apart(tmp_path):
    run_dir, _ = _open(tmp_path)
    recorder = Recorder(run_dir)
    for kind, value in (("sparse", 1.5), ("dense", 2.5)):
        scores = {"of_step": 4, "fid": value, "modes": 3, "splits": 10}
        recorder.scores(5, kind, scores)
    events = EventAccumulator(run_dir.tensorboard)
    events.Reload()
    assert sorted(events.Tags()["tensors"]) == [
        "scores/dense/fid",
        "scores/dense/modes",
        "scores/sparse/fid",
        "scores/sparse/modes",
    ]
    assert recorder.scores_of("dense", 4)["fid"] == 2.5
    assert recorder.scores_of("dense", 5) is None


def test_a_full_disk_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError) as error, writing("runs/x"):
        raise OSError(28, "No space left on device")
    assert "cannot write to runs/x" in str(error.value)
    with pytest.raises(KeyError), writing("runs/x"):
        raise KeyError  # a bug stays a bug


def test_leftovers_of_a_killed_process_are_swept(tmp_path):
    run_dir, _ = _open(tmp_path)
    os.makedirs(f"{run_dir.saved_model}/best_sparse.12.tmp/variables")
    open(f"{run_dir.samples}/a.png.tmp", "w").close()
    run_dir.unlock()
    _open(tmp_path)
    assert os.listdir(run_dir.saved_model) == os.listdir(run_dir.samples) == []


def test_tensorboard_shows_what_the_resumed_run_wrote(tmp_path):
    run_dir, _ = _open(tmp_path)
    first = Recorder(run_dir)
    for step in (1, 2, 3):
        first.figures(step, {"loss": 1.0})
    second = Recorder(run_dir, step=2)
    second.figures(3, {"loss": 9.0, "phase": "dense"})
    events = EventAccumulator(run_dir.tensorboard)
    events.Reload()
    steps = [e.step for e in events.Tensors("loss")]
    assert steps == [1, 2, 3]
    values = [make_ndarray(e.tensor_proto) for e in events.Tensors("loss")]
    assert values == [1, 1, 9]
    assert make_ndarray(events.Tensors("phase")[0].tensor_proto) == 2
