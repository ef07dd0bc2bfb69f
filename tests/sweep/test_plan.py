"""Runs of a sweep before they start: flags that fit, and how far each is."""

import json
import os

import pytest

from regan_tf import flags
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.sweep.grid import Grid, Run
from regan_tf.sweep.plan import check_paths, make_plans
from tests.sweep.small import plans_of
from tests.tiny import TINY


def _write(plan, name, content):
    folder = plan.run_dir
    with open(f"{folder}/{name}", "w", encoding="utf-8") as file:
        file.write(content)


@pytest.fixture
def one(tmp_path):
    """Function of flags that gives the plan of a run in a folder."""
    (tmp_path / "s3").mkdir()

    def plan(*words):
        return plans_of(tmp_path, 3, flags=words)[0]

    return plan


def test_a_run_is_what_its_flags_say(one):
    plan = one("--sparsity=0.5", "--sparsity=0.25")
    assert plan.config.method.sparsity == 0.25
    assert plan.config.training.seed == 3
    assert plan.config.output.run_dir == plan.run_dir
    assert "--sparsity=0.25" in plan.flags and "--seed=3" in plan.flags
    assert plan.words[-1] == f"--run_dir={plan.run_dir}"
    assert plan.images_shown == 10 * 2 * 4
    assert not flags.FLAGS.is_parsed()


def test_checks_leave_gpus_to_the_runs(one, monkeypatch):
    seen = []

    def check(config):
        seen.append(os.environ["CUDA_VISIBLE_DEVICES"])
        return config

    monkeypatch.setattr("regan_tf.sweep.plan.checked_ahead", check)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    one()
    assert "CUDA_VISIBLE_DEVICES" not in os.environ
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    one()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert seen == ["", ""]


MISTAKES = [
    ("--sede=1", "run s3: Unknown command line flag 'sede'"),
    ("--sparsity=2", "run s3: --sparsity must be in (0, 1)"),
    ("--warmup=11", "run s3: --steps=10 completes no sparse phase"),
    ("--steps=1ep", "run s3: --steps=5 completes no sparse phase"),
    (
        "--flagfile=configs/sngan_ticket20.flags --steps=9 --rewind=9",
        "run s3: --rewind must be a point of training",
    ),
    ("--run_dir=x", "run s3: --run_dir must be left out"),
    (
        "--flagfile=configs/paper/table7_sngan.flags",
        "run s3: --run_dir must be left out here, in flag files too",
    ),
    ("--overwrite", "run s3: --overwrite must be left out"),
    ("--flagfile=no.flags", "run s3: --flagfile must be a file of flags"),
]


@pytest.mark.parametrize(("word", "message"), MISTAKES)
def test_a_mistake_names_the_run(one, word, message):
    with pytest.raises(UserError) as error:
        one("--warmup=4", *word.split())
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_epochs_of_unknown_images_wait_until_training(one):
    words = "--dataset=images", "--data_path=x", "--steps=3ep"
    run = Run("r", {}, (*words, "--warmup=5"))
    (plan,) = make_plans(Grid("runs", (run,)))
    assert plan.config.training.steps == Duration(3, "ep")
    assert plan.images_shown is None
    with pytest.raises(UserError, match="Received: 'x', where there is noth"):
        check_paths([plan])


def test_runs_that_are_the_same_are_refused(tmp_path):
    words = *TINY, "--seed=1"
    runs = Run("a", {}, words), Run("b", {}, (*TINY, "--seed=2", "--seed=1"))
    with pytest.raises(UserError, match="runs a and b are the same"):
        make_plans(Grid(str(tmp_path), runs))


def test_how_far_a_run_is(one):
    plan = one()
    assert plan.state == "new"
    _write(plan, "flags.txt", "\n".join(plan.flags))
    assert one().state == "begun"
    _write(plan, "result.json", json.dumps({"flags": plan.flags}))
    assert one().state == "done" and plan.is_done()
    _write(plan, "result.json", '{"flags": [')
    assert one().state == "begun"


@pytest.mark.parametrize(
    "words",
    [
        ("--method=ticket", "--rounds=1", "--warmup=0"),
        ("--method=gmp", "--update_interval=1"),
    ],
)
def test_methods_that_train_for_a_share_of_all_steps_do_not_go_on(one, words):
    plan = one(*words)
    _write(plan, "flags.txt", "\n".join(plan.flags))
    longer = one(*words, "--steps=20")
    assert longer.state == "changed"
    assert longer.changed == "--steps=10 → --steps=20"
    assert one(*words, "--steps=20", "--prune=none").state == "changed"
    assert one(*words, "--log_every=2").state == "begun"


def test_longer_training_goes_on_and_another_rate_does_not(one):
    plan = one()
    _write(plan, "flags.txt", "\n".join(plan.flags))
    _write(plan, "result.json", json.dumps({"flags": plan.flags}))
    assert one("--steps=20", "--log_every=2").state == "begun"
    other = one("--learning_rate=0.5", "--steps=20", "--flip")
    assert other.state == "changed"
    assert other.changed == (
        "--learning_rate=0.01 → --flip --learning_rate=0.5"
    )
