"""What becomes of the runs of a sweep, with commands that train nothing."""

import json
from pathlib import Path

import pytest

from regan_tf.errors import UserError
from regan_tf.sweep import execute as module
from regan_tf.sweep.execute import execute, last_step, train_command
from regan_tf.sweep.processes import Child
from regan_tf.sweep.slots import Slot
from regan_tf.train.run_dir import lock_folder
from tests.sweep.small import fake, plans_of


@pytest.fixture
def sweep(tmp_path):
    """Function that runs seeds 1, 2 and 3 by fake commands."""

    def run(chosen="s1 s2 s3", flags=(), overwrite=False, **behaviours):
        plans = plans_of(tmp_path, 1, 2, 3, flags=flags)
        return execute(
            str(tmp_path),
            plans,
            [Slot()] * 2,
            chosen=chosen.split(),
            overwrite=overwrite,
            command=fake(**behaviours),
        )

    return run


def _runs(tmp_path):
    return json.loads((tmp_path / "sweep.json").read_text("utf-8"))["runs"]


def _states(tmp_path):
    return " ".join(run["state"] for run in _runs(tmp_path).values())


def _starts(tmp_path):
    logs = [Path(tmp_path, f"s{i}.log") for i in (1, 2, 3)]
    texts = [x.read_text() if x.exists() else "" for x in logs]
    return [text.count("training\n") for text in texts]


def test_failures_are_collected_and_the_others_go_on(sweep, tmp_path, capsys):
    assert not sweep(s1="fail", s2="stop")
    assert _states(tmp_path) == "failed interrupted done"
    run = _runs(tmp_path)["s1"]
    assert run["choices"] == {"seed": 1}
    assert run["reason"] == "a b|c (status 1)"
    assert run["last_lines"] == ["training", "a b|c"]
    assert run["seconds"] > 0 and "pid" not in run
    said = capsys.readouterr().out
    assert said.startswith(f"3 runs: 3 waiting, in {tmp_path}\n")
    assert "s1 failed after 0.0 min: a b|c (status 1)" in said
    assert r"| s1  | failed      |     0.0 | a b\|c (status 1) |" in said
    assert said.endswith("3 runs: 1 failed, 1 interrupted, 1 done\n")


def test_reasons_stay_until_a_run_starts_again(sweep, tmp_path, monkeypatch):
    sweep(s1="fail", s2="stop")
    monkeypatch.setattr(module, "run_all", lambda *_, **__: None)
    assert not sweep()
    assert _states(tmp_path) == "failed interrupted done"
    assert _runs(tmp_path)["s1"]["reason"] == "a b|c (status 1)"
    monkeypatch.undo()
    assert sweep()
    assert "reason" not in _runs(tmp_path)["s1"]
    assert "last_lines" not in _runs(tmp_path)["s1"]


def test_a_log_that_is_gone_stops_no_other_run(sweep, tmp_path, monkeypatch):
    before = Child.last_lines

    def last_lines(child, count=10):
        Path(child.job.log).unlink()
        return before(child, count)

    monkeypatch.setattr(Child, "last_lines", last_lines)
    assert not sweep(s1="fail")
    assert _states(tmp_path) == "failed done done"
    assert _runs(tmp_path)["s1"]["reason"] == "it said nothing (status 1)"


def test_what_is_done_is_not_run_again(sweep, tmp_path):
    assert not sweep(s1="fail", s2="stop")
    seconds = _runs(tmp_path)["s1"]["seconds"]
    assert sweep()
    assert _states(tmp_path) == "done done done"
    assert _starts(tmp_path) == [2, 2, 1]
    assert _runs(tmp_path)["s1"]["seconds"] >= seconds
    assert "reason" not in _runs(tmp_path)["s1"]
    assert sweep()
    assert _starts(tmp_path) == [2, 2, 1]


def test_some_are_run_and_the_rest_stays_as_it_was(sweep, tmp_path):
    assert not sweep("s1", s1="fail")
    assert _states(tmp_path) == "failed waiting waiting"
    assert sweep("s3")
    assert _states(tmp_path) == "failed waiting done"
    assert _runs(tmp_path)["s1"]["reason"] == "a b|c (status 1)"


def test_a_sweep_that_was_killed_goes_on(sweep, tmp_path):
    document = {"s1": {"state": "running", "seconds": 60.0, "pid": 1}, "s2": 3}
    (tmp_path / "sweep.json").write_text(json.dumps({"runs": document}))
    assert sweep("s2")
    assert _states(tmp_path) == "interrupted done waiting"
    assert sweep("s1 s2 s3")
    assert _runs(tmp_path)["s1"]["seconds"] >= 60


def test_a_changed_run_is_refused(sweep, tmp_path, capsys):
    (tmp_path / "s2").mkdir()
    (tmp_path / "s2" / "flags.txt").write_text("--seed=2\n--apa\n")
    assert not sweep(flags=["--learning_rate=0.5"])
    assert _states(tmp_path) == "done refused done"
    assert _starts(tmp_path) == [1, 0, 1]
    reason = _runs(tmp_path)["s2"]["reason"]
    assert "its directory holds a run with other flags (--apa → " in reason
    assert "--learning_rate=0.5" in reason and "--overwrite" in reason
    assert sweep(flags=["--learning_rate=0.5"], overwrite=True)
    assert _starts(tmp_path) == [1, 1, 1]


def test_the_command_of_a_run(tmp_path):
    (plan,) = plans_of(tmp_path, 5)
    _, *words = train_command(plan)
    assert words[:2] == ["-m", "regan_tf.train_main"]
    assert words[-2:] == ["--seed=5", f"--run_dir={tmp_path}/s5"]
    assert train_command(plan, overwrite=True)[-1] == "--overwrite"


def test_two_sweeps_in_a_folder_are_refused(sweep, tmp_path):
    lock = lock_folder(tmp_path, "")
    with pytest.raises(UserError, match=f"another sweep runs in {tmp_path}"):
        sweep()
    assert not (tmp_path / "sweep.json").exists()
    lock.close()
    assert sweep()


def test_where_runs_are_is_told(sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "_TELL", 0.0)
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1" / "metrics.jsonl").write_text('{"step": 4}\n{"st')
    assert sweep("s1", s1="slow")
    assert " s1 step 4 of 10\n" in capsys.readouterr().out


def test_the_round_of_a_ticket_is_told(sweep, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "_TELL", 0.0)
    for name, step in (("round_0", 10), ("round_1", 4)):
        (tmp_path / "s1" / name).mkdir(parents=True)
        path = tmp_path / "s1" / name / "metrics.jsonl"
        path.write_text(json.dumps({"step": step}))
    words = "--method=ticket", "--rounds=2", "--sparsity=0.2", "--warmup=0"
    assert sweep("s1", flags=words, s1="slow")
    assert " s1 round 1 of 2, step 4 of 10\n" in capsys.readouterr().out


def test_the_last_step_of_a_log(tmp_path):
    assert last_step(str(tmp_path)) is None
    path = tmp_path / "metrics.jsonl"
    path.write_text("x" * 70_000 + '\n{"step": 7}\n{"step": ')
    assert last_step(str(tmp_path)) == 7
    path.write_text('{"other": 7}\n')
    assert last_step(str(tmp_path)) is None
