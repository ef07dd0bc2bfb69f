"""What is kept of a finished run."""

import json
import os
import shutil
import subprocess

import pytest

from regan_tf.train import result

SCORES = {
    "of_step": 8,
    "fd_x": 12.3456789,
    "class_histogram": [1, 2],
    "thorough": True,
    "protocol": {"name": "paper", "num_fake": 10, "latent_seed": 2},
}
SUMMARY = {
    "steps": 8,
    "train_seconds": 3.7,
    "cost": {"images_shown": 64, "dense": {}},
    "final": {"sparse": SCORES, "dense": None},
    "best": {},
}


def test_a_result_is_short_and_names_no_folder():
    flags = "--data_path=/some/where/set.zip\n--learning_rate=1e-3\n"
    found = result.result_of("mine", flags, SUMMARY, {})
    assert found["flags"] == ["--data_path=set.zip", "--learning_rate=1e-3"]
    assert found["final"]["sparse"] == {
        "of_step": 8,
        "fd_x": 12.346,
        "thorough": True,
        "protocol": {"name": "paper", "num_fake": 10, "latent_seed": 2},
    }
    assert list(found["final"]) == ["sparse"]
    assert (found["train_seconds"], found["images_shown"]) == (4, 64)
    assert found["threads"] >= 1
    assert len(json.dumps(found)) < 1500


def test_curves_are_columns_of_one_protocol():
    def line(kind, step, fd, num_fake=10, **more):
        protocol = SCORES["protocol"] | {"num_fake": num_fake}
        known = {"kind": kind, "of_step": step, "images_shown": 4 * step}
        return known | {"fd_x": fd, "modes": 3, "protocol": protocol} | more

    last = line("sparse", 8, 5.0, is_x_std=1.0)
    early = line("sparse", 4, 7.000001, mse_to_previous=0.25)
    lines = [line("sparse", 8, 6.0), early, last]
    lines += [line("dense", 9, 1.0), line("sparse", 12, 1.0, num_fake=9)]
    assert result.curves_of(lines, {"sparse": last, "dense": None}) == {
        "sparse": {
            "images_shown": [16, 32],
            "fd_x": [7.0, 5.0],
            "mse_to_previous": [0.25, None],
        }
    }


def test_a_run_that_trains_no_more_keeps_its_commit(tmp_path):
    origin = {"commit": "old", "threads": 3, "versions": {}}
    known = {"flags": ["--seed=1"], "images_shown": 8}
    path = tmp_path / "result.json"
    now = {"commit": "new", "threads": 1, "versions": {"python": "3"}}
    for before, kept in (
        (json.dumps(origin | known), origin),
        (json.dumps(origin | known | {"images_shown": 4}), now),
        ("{", now),
    ):
        path.write_text(before)
        found = known | now
        result.keep_origin(found, str(path))
        assert found == known | kept


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
def test_the_commit_says_whether_files_differ(tmp_path, monkeypatch):
    def git(*words):
        identity = "-c", "user.name=n", "-c", "user.email=e"
        command = ["git", "-C", str(tmp_path), *identity, *words]
        subprocess.run(command, check=True, capture_output=True)

    monkeypatch.setattr(result, "__file__", os.path.join(tmp_path, "a.py"))
    assert result.commit() is None
    (tmp_path / "a.py").write_text("1")
    git("init")
    git("add", "a.py")
    git("commit", "-m", "first")
    clean = result.commit()
    assert clean and not clean.endswith("+")
    (tmp_path / "a.py").write_text("2")
    assert result.commit() == clean + "+"
