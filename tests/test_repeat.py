"""Training a kept result again: what is run, and what counts as the same."""

import json
import sys

import pytest

from regan_tf import repeat
from regan_tf.errors import UserError

FIGURES = {"fd_x": 3.25, "modes": 5, "train_seconds": 7.0, "protocol": {}}
RESULT = {
    "flags": ["--data_path=a.zip", "--seed=3"],
    "threads": 2,
    "versions": {"keras": "3"},
    "final": {"sparse": FIGURES},
    "best": {"sparse": FIGURES},
}


def _with(**figures):
    return RESULT | {"final": {"sparse": FIGURES | figures}}


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "kept.json"
    path.write_text(json.dumps(RESULT))
    return str(path)


def _repeat(kept, tmp_path, again, status=0):
    """Repeats with a training that leaves `again`; what it was asked for."""
    asked = []

    def train(words, threads):
        asked.append((words, threads))
        (tmp_path / "result.json").write_text(json.dumps(again))
        return status

    same = repeat.repeat(kept, [f"--data_path={kept}"], str(tmp_path), train)
    return same, asked


def test_the_same_scores(kept, tmp_path, capsys):
    same, [(words, threads)] = _repeat(kept, tmp_path, _with(train_seconds=9))
    assert same
    assert threads == 2
    flags = ["--seed=3", f"--data_path={kept}", f"--run_dir={tmp_path}"]
    assert words[-3:] == flags
    assert "4 of 4 figures are the same" in capsys.readouterr().out


@pytest.mark.parametrize("changed", [{"fd_x": 3.2501}, {"kd_x": 1.0}])
def test_other_scores_are_listed(kept, tmp_path, capsys, changed):
    again = _with(**changed) | {"versions": {"keras": "4"}, "commit": "ab1+"}
    same, _ = _repeat(kept, tmp_path, again)
    assert not same
    out = capsys.readouterr().out
    (name, value), *_ = changed.items()
    assert f"| final  | sparse | {name} " in out
    assert f"{value} |" in out
    assert "versions: {'keras': '3'} then, {'keras': '4'} now" in out
    assert "commit: None then, ab1+ now" in out


def test_another_feature_network_is_told(kept, tmp_path, capsys):
    hashed = {"feature_network": "x_cnn", "feature_sha256": "ab" * 32}
    _repeat(kept, tmp_path, _with(protocol=hashed))
    said = "feature network: unknown then, x_cnn abababababab now, whose"
    assert said in capsys.readouterr().out


def test_a_half_that_is_gone(kept, tmp_path):
    same, _ = _repeat(kept, tmp_path, RESULT | {"best": {}})
    assert not same
    compared, table = repeat.differences(RESULT, RESULT | {"best": {}})
    assert (compared, len(table.rows)) == (4, 2)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["--data_path=DIR", "--seed=4"], r"only paths.*Received: --seed=4"),
        (["--data_path"], r"only paths.*Received: --data_path"),
        ([], r"'--data_path=a.zip' is not here; pass --data_path=PATH"),
    ],
)
def test_flags_that_do_not_repeat_it(tmp_path, paths, message):
    with pytest.raises(UserError, match=message):
        repeat.command_of(RESULT, paths, str(tmp_path))


def test_a_training_that_fails(kept, tmp_path):
    with pytest.raises(UserError, match="ended with status 3"):
        _repeat(kept, tmp_path, RESULT, status=3)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"flags": [], "final": 1}'])
def test_files_that_are_no_results(tmp_path, capsys, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    assert repeat.main([str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_files_that_are_not_there(tmp_path, capsys):
    for path in tmp_path / "x.json", tmp_path:
        assert repeat.main([str(path)]) == 2
        assert "error: FILE must be a result.json" in capsys.readouterr().err


def test_a_finished_run_is_not_taken_for_a_new_one(kept, tmp_path):
    (tmp_path / "result.json").write_text(json.dumps(RESULT))
    with pytest.raises(UserError, match="holds a finished run"):
        _repeat(kept, tmp_path, RESULT)


def test_a_training_that_is_stopped(kept, tmp_path):
    with pytest.raises(UserError, match="stopped before its end"):
        paths = [f"--data_path={kept}"]
        repeat.repeat(kept, paths, str(tmp_path / "r"), lambda *_: 0)


def test_ctrl_c_waits_for_training_to_save():
    code = (
        "import os, signal, time\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "time.sleep(0.5)\n"
        "raise SystemExit(5)"
    )
    assert repeat._train([sys.executable, "-c", code], 0) == 5


def test_more_threads_than_cores():
    with pytest.raises(UserError, match=r"result is of 9999 threads"):
        repeat._train(["true"], 9999)
