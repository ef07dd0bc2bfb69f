"""What is read of run directories and results, and what is not believed."""

import json
import math
import shutil

import pytest

from regan_tf.errors import UserError
from regan_tf.report.find import find_sources
from regan_tf.report.read import read_runs
from tests.report.made import (
    add_masked_round,
    dense,
    halves,
    line,
    made_result,
    made_run,
    made_ticket,
)


def _reasons(*paths):
    runs, left_out = read_runs([str(path) for path in paths])
    assert runs == []
    return [reason for _, reason in left_out]


def test_a_run_directory_and_its_result_are_the_same_run(tmp_path):
    lines = [*halves(3.0, 4.0), line("dense", 40, 2.0, thorough=True)]
    words = "--seed=3", "--data_fraction=0.5"
    made_run(tmp_path / "a", lines, *words)
    made_result(tmp_path / "b.json", lines, *words)
    (a, b), left_out = read_runs(
        [str(tmp_path / "a"), str(tmp_path / "b.json")]
    )
    assert left_out == []
    assert (a.label, b.label) == ("a", "b")
    assert a.config == b.config
    assert (a.seed, b.seed) == (3, 3)
    assert a.chosen == b.chosen
    assert a.chosen["dense", "best"] == lines[2]
    assert a.chosen["sparse", "last"] == lines[0]
    drawn = {"kind": "dense", "images_shown": 40_000, "fid": 2.0}
    assert len(a.lines) == 3 and b.lines[1] == drawn


def test_results_once_had_no_curves(tmp_path):
    path = made_result(tmp_path / "a.json", halves(3.0, 4.0))
    with open(path, encoding="utf-8") as file:
        result = json.load(file)
    del result["curves"]
    (tmp_path / "a.json").write_text(json.dumps(result))
    (run,), left_out = read_runs([path])
    assert run.lines == [] and left_out == []


def test_seed_output_and_machine_are_not_what_a_run_computes(tmp_path):
    first = made_run(tmp_path / "a", dense(1.0, 2.0, 3.0, 4.0))
    others = [
        "--seed=1 --eval_every=7 --devices=1 --deterministic".split(),
        "--data_fraction=1.0 --data_path=elsewhere --skip_bad_images".split(),
    ]
    paths = [
        made_run(tmp_path / f"b{i}", dense(1.0), *words)
        for i, words in enumerate(others)
    ]
    runs, _ = read_runs([first, *paths])
    assert all(run.config == runs[0].config for run in runs)
    different = made_run(tmp_path / "c", dense(1.0), "--learning_rate=0.01")
    runs, _ = read_runs([first, different])
    assert runs[0].config != runs[1].config


def test_without_pruning_the_method_says_nothing(tmp_path):
    words = "--prune=none", "--sparsity=0.5"
    paths = [
        made_run(tmp_path / "a", dense(1.0), "--prune=none"),
        made_run(tmp_path / "b", dense(1.0), *words),
    ]
    a, b = read_runs(paths)[0]
    assert a.config == b.config


def test_the_precision_is_as_it_was_asked_for(tmp_path):
    path = made_run(tmp_path / "a", dense(1.0), "--precision=auto")
    record = json.loads((tmp_path / "a/config.json").read_text())
    record["config"]["training.precision"] = "bfloat16"
    (tmp_path / "a/config.json").write_text(json.dumps(record))
    other = made_result(tmp_path / "b.json", dense(1.0), "--precision=auto")
    a, b = read_runs([path, other])[0]
    assert a.config == b.config


@pytest.mark.parametrize(
    "name", ["config.json", "flags.txt", "scores.jsonl", "summary.json"]
)
def test_a_missing_file_is_named(tmp_path, name):
    path = made_run(tmp_path / "a", dense(1.0))
    (tmp_path / "a" / name).unlink()
    (reason,) = _reasons(path)
    assert reason.startswith(f"has no {name}")


@pytest.mark.parametrize(
    "name", ["config.json", "scores.jsonl", "summary.json"]
)
@pytest.mark.parametrize("damage", ["cut", "list", "noise", "empty"])
def test_a_damaged_file_is_one_line(tmp_path, name, damage):
    path = made_run(tmp_path / "a", dense(1.0))
    file = tmp_path / "a" / name
    text = file.read_bytes()
    cut = text[: len(text) // 2] + b"\n"
    damaged = {"cut": cut, "list": b"[1]\n", "noise": b"\xff\xfe", "empty": b""}
    file.write_bytes(damaged[damage])
    reasons = _reasons(path)
    assert reasons and all(reason and "\n" not in reason for reason in reasons)


def _edited(tmp_path, name, change):
    path = made_run(tmp_path / "a", dense(4.0, 3.0, 2.0, 2.5), "--prune=none")
    file = tmp_path / "a" / name
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return path


LIES = [
    ("summary.json", lambda x: x.update(steps=20), "40 steps, summary.json 20"),
    (
        "summary.json",
        lambda x: x["final"]["dense"].update(fid=1.0),
        "a last score of the dense half that scores.jsonl lacks",
    ),
    (
        "summary.json",
        lambda x: x["final"]["dense"]["protocol"].update(num_fake=1000),
        "or has under another protocol",
    ),
    (
        "summary.json",
        lambda x: x["best"].update(dense=x["final"]["dense"] | {"step": 20}),
        "a best score of the dense half that scores.jsonl lacks",
    ),
    ("summary.json", lambda x: x.update(final={}, best={}), "has no scores"),
    ("summary.json", lambda x: x.update(final=7), "damaged (AttributeError"),
    ("summary.json", lambda x: x.pop("best"), "damaged (KeyError"),
    (
        "summary.json",
        lambda x: x["final"]["dense"].update(kind="sparse"),
        "the last dense score is no score line of it",
    ),
    (
        "config.json",
        lambda x: x["config"].update({"method.novel": 1}),
        "of another version of regan_tf: it has method.novel",
    ),
    (
        "config.json",
        lambda x: x["config"].pop("training.beta1"),
        "one without training.beta1",
    ),
    (
        "config.json",
        lambda x: x["config"].update({"training.batch_size": "many"}),
        "damaged (TypeError",
    ),
]


@pytest.mark.parametrize(("name", "change", "message"), LIES)
def test_a_lying_directory_is_left_out(tmp_path, name, change, message):
    (reason,) = _reasons(_edited(tmp_path, name, change))
    assert message in reason


def test_a_best_that_is_worse_than_the_last_is_no_best(tmp_path):
    def swap(x):
        x["best"]["dense"], x["final"]["dense"] = (
            x["final"]["dense"],
            x["best"]["dense"],
        )

    (reason,) = _reasons(_edited(tmp_path, "summary.json", swap))
    assert reason == "the best fid of the dense half is 2.5, and its last 2"


def test_scores_of_another_protocol_are_left_out_of_a_run(tmp_path):
    lines = dense(3.0, 2.0, 1.0)
    lines[0]["protocol"] = lines[0]["protocol"] | {"num_fake": 1000}
    path = made_run(tmp_path / "a", lines)
    (run,), left_out = read_runs([path])
    assert [x["fid"] for x in run.lines] == [2.0, 1.0]
    assert "1 of 3 lines" in left_out[0].reason
    assert "protocol.num_fake" in left_out[0].reason


def test_a_result_of_mixed_protocols_is_left_out(tmp_path):
    lines = halves(3.0, 2.0)
    lines[1]["protocol"] = lines[1]["protocol"] | {"resize": "clean"}
    (reason,) = _reasons(made_result(tmp_path / "a.json", lines))
    assert "protocol.resize is tf2-bilinear and clean" in reason


def test_a_figure_that_is_not_finite_is_left_out(tmp_path):
    lines = halves(3.0, 2.0, recall=math.nan, precision=0.5)
    (run,), left_out = read_runs([made_run(tmp_path / "a", lines[:1])])
    assert "recall" not in run.line and run.line["precision"] == 0.5
    assert left_out[0].reason.startswith("of the best sparse score: recall")


def test_a_result_that_is_none_is_left_out(tmp_path):
    (tmp_path / "a.json").write_text('{"flags": []}')
    (tmp_path / "b.json").write_text('{"flags": ["--ste')
    made_result(tmp_path / "c.json", dense(1.0), "--seed=1")
    text = (tmp_path / "c.json").read_text()
    (tmp_path / "c.json").write_text(text.replace("--seed=1", "--nope=1"))
    (tmp_path / "d.json").write_text(text.replace("steps=40", "steps=50"))
    none, cut, flag, steps = _reasons(tmp_path)
    assert none == "no result of a run: it has no 'final'"
    assert cut == "b.json is cut off, or no JSON"
    assert "Unknown command line flag 'nope'" in flag
    assert steps == "its flags say 50 steps, the result 40"


def test_results_of_old_name_their_reference_by_their_flags(tmp_path):
    names = ("name", "num_fake", "reference", "num_reference")
    for name in "ab":
        lines = dense(3.0, name="fd_own")
        known = lines[0]["protocol"]
        lines[0]["protocol"] = {x: known[x] for x in names}
        words = "--dataset=images", f"--data_path=/x/{name}.zip"
        made_result(tmp_path / f"{name}.json", lines, *words)
    (a, b), _ = read_runs([str(tmp_path)])
    assert a.line["protocol"]["reference_set"] == "a.zip test"
    assert a.line["protocol"]["feature_network"] == "own"
    assert a.line["protocol"] != b.line["protocol"]


def test_folders_stand_for_the_runs_in_them(tmp_path):
    made_run(tmp_path / "sweep/a", dense(1.0))
    made_run(tmp_path / "sweep/ticket/round_0", dense(1.0))
    (tmp_path / "sweep/ticket/ticket.json").write_text("{}")
    (tmp_path / "sweep/sweep.json").write_text("{}")
    (tmp_path / "sweep/b").mkdir()
    (tmp_path / "sweep/c.old-20250101-000000").mkdir()
    (tmp_path / "sweep/a/evaluation").mkdir()
    (tmp_path / "sweep/a/evaluation/scores.jsonl").write_text("")
    found = find_sources([str(tmp_path / "sweep"), str(tmp_path / "sweep/a/")])
    ends = [path.removeprefix(f"{tmp_path}/sweep/") for path in found]
    assert ends == ["a", "b", "ticket", "ticket/round_0"]
    _, left_out = read_runs([str(tmp_path / "sweep")])
    assert [x.source for x in left_out] == ["b", "ticket"]
    assert left_out[0].reason.startswith("no run directory")
    assert left_out[1].reason.endswith("the ticket has not finished")


def test_a_ticket_is_a_run_beside_its_rounds(tmp_path):
    made_ticket(tmp_path / "t", "--seed=4")
    (ticket, round_), left_out = read_runs([str(tmp_path / "t")])
    assert left_out == []
    assert (ticket.label, round_.label) == ("t", "round_0")
    assert (ticket.seed, ticket.config["method.rounds"]) == (4, 2)
    assert ticket.chosen["sparse", "last"]["images_shown"] == 120_000
    assert round_.config["method.prune"] == "none"


def test_a_ticket_whose_rounds_are_not_all_counted(tmp_path):
    made_ticket(tmp_path / "t", steps=80)
    _, left_out = read_runs([str(tmp_path)])
    reason = "its flags say 120 steps, the result 80"
    assert left_out == [("t", reason)]


def test_a_masked_round_knows_what_its_ticket_pruned(tmp_path):
    for name, scope in (("a", "global"), ("b", "layer")):
        made_ticket(tmp_path / name)
        text = json.dumps({"prune_scope": scope, "rewind": 0})
        (tmp_path / name / "ticket.json").write_text(text)
        add_masked_round(tmp_path / name)
    runs, left_out = read_runs([str(tmp_path)])
    assert left_out == []
    configs = {run.label: run.config for run in runs}
    a, b = configs["a/round_2"], configs["b/round_2"]
    assert {x for x in a if a[x] != b[x]} == {"method.prune_scope"}
    assert configs["a/round_0"] == configs["b/round_0"]


def test_a_ticket_with_the_result_of_another_run(tmp_path):
    made_ticket(tmp_path / "t")
    (tmp_path / "t/result.json").unlink()
    made_result(tmp_path / "t/result.json", dense(1.0), "--prune=none")
    _, left_out = read_runs([str(tmp_path)])
    assert left_out == [("t", "result.json and flags.txt are of unlike runs")]


def test_a_path_with_nothing_is_a_mistake(tmp_path):
    with pytest.raises(UserError, match="no such file or directory"):
        find_sources([str(tmp_path / "nowhere")])
    path = made_run(tmp_path / "a", dense(1.0))
    shutil.rmtree(path)
    (tmp_path / "a").write_text("no JSON")
    assert _reasons(path) == ["a is cut off, or no JSON"]
