"""The evaluate command: the scores of training again, and clear mistakes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from regan_tf.errors import UserError
from regan_tf.evaluate import Request, evaluate
from regan_tf.metrics.classifier_fit import FitSettings
from regan_tf.train.callbacks import StopOnSignal
from tests.tiny import TINY, config_of, joined_run

SCORING = {
    "protocol": "paper",
    "eval_images": 40,
    "features": "classifier",
    "inception_path": None,
    "inception_sha256": None,
}
DATA = {
    "dataset": "digits",
    "path": None,
    "resolution": 32,
    "fraction": None,
    "num_images": None,
    "skip_bad_images": False,
    "flip": None,
}


@pytest.fixture(scope="module", autouse=True)
def quick_classifier(tmp_path_factory):
    """An empty cache, and a classifier trained for one epoch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(FitSettings, "for_size", lambda *_: FitSettings(1))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of 8 steps, scored after 4 and 8."""
    run_dir = tmp_path_factory.mktemp("scored") / "run"
    words = (
        *("--steps=8", "--eval_every=4", f"--run_dir={run_dir}"),
        *("--features=classifier", "--eval_images=40"),
    )
    run = joined_run(config_of(*TINY, *words))
    run.train(StopOnSignal())
    run.finish(8)
    run.run_dir.unlock()
    return run


def _lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _request(subject, path, output=None, data=None, **scoring):
    data = {} if subject == "run_dir" else DATA | (data or {})
    scoring = scoring if subject == "run_dir" else SCORING | scoring
    return Request(subject, str(path), data, scoring, output and str(output))


def test_score_lines_of_training_say_all(run):
    rows = _lines(run.run_dir.scores)
    assert [(r["kind"], r["of_step"]) for r in rows[:4]] == [
        *(("sparse", 4), ("dense", 2), ("sparse", 8), ("dense", 6)),
    ]
    last = rows[2]
    assert last["images_shown"] == 8 * 2 * 4
    assert last["data_fraction"] == 40 / 1438
    assert last["protocol"]["name"] == "paper@40"
    assert last["protocol"]["reference_set"] == "digits test"
    assert len(last["protocol"]["feature_sha256"]) == 64
    assert last["theoretical_sparse_flops"] < last["theoretical_flops"]
    assert last["nonzero_parameters"] < last["parameters"]
    assert last["train_seconds"] > 0
    assert {"kd_digits_cnn", "precision_digits_cnn", "modes"} <= set(last)


def test_stability_is_the_mse_of_consecutive_grids(run):
    rows = {r["of_step"]: r for r in _lines(run.run_dir.scores)}
    assert "mse_to_previous" not in rows[4]
    assert rows[8]["previous_of_step"] == 4
    grids = []
    for step in (4, 8):
        path = f"{run.run_dir.samples}/step-{step:07d}-sparse.png"
        grids.append(np.asarray(Image.open(path)).astype(float) / 127.5)
    expected = np.mean((grids[0] - grids[1]) ** 2)
    assert rows[8]["mse_to_previous"] == pytest.approx(expected)


def test_summary_of_a_finished_run(run):
    with open(run.run_dir.summary, encoding="utf-8") as file:
        summary = json.load(file)
    assert summary["cost"]["images_shown"] == 64
    assert summary["cost"]["kind"] == "theoretical"
    assert summary["final"]["sparse"]["of_step"] == 8
    best = summary["best"]["sparse"]
    rows = [r for r in _lines(run.run_dir.scores) if r["kind"] == "sparse"]
    assert best["distance"] == min(r["fd_digits_cnn"] for r in rows)
    macs = sum(x["macs"] for x in summary["layers"] if x["masked"])
    assert macs > 0


def test_cost_of_a_run_by_hand(run):
    with open(run.run_dir.summary, encoding="utf-8") as file:
        summary = json.load(file)
    layers = summary["layers"]
    # 8 steps of 2 critic updates with 4 real and 4 fake images, and of one
    # generator update with 4; backward twice forward, but for D's weights in
    # generator updates. 4 of the steps are sparse.
    dense = sparse = 0
    for x in layers:
        if x["network"] == "generator":
            flops = 2 * x["macs"] * (12 + 2 * 4)
        else:
            flops = 2 * x["macs"] * (16 + 4 + 2 * 16 + 4)
        dense += 8 * flops
        pruned = x["kernel"] // 10 if x["network"] == "generator" else 0
        sparse += 8 * flops - 4 * flops * pruned / x["kernel"]
    last = summary["final"]["sparse"]
    assert last["theoretical_flops"] == dense
    expected = pytest.approx(sparse, rel=1e-9)
    assert last["theoretical_sparse_flops"] == expected
    assert last["paper_flops"] is None  # not identified for pruned runs


def test_scores_leave_training_alone(run):
    assert run.trainer.num_traces == 1
    held = [run.evaluator._reference, run.evaluator._training]
    assert all(len(x.rows) <= run.evaluator.protocol.max_rows for x in held)
    assert all(x.logits is None for x in held)


def test_training_time_is_without_scores(run):
    log = run.log
    before = log.seconds
    assert log.state["train_seconds"].numpy() == before  # in any checkpoint
    run.scorer._scored["sparse"].assign(-1)
    run.scorer.score(8)
    assert log.seconds == before


def test_a_signal_ends_an_evaluation(run, capsys):
    run.scorer._scored["sparse"].assign(-1)
    run.evaluator.interrupted = lambda: True
    assert run.scorer.score(8) == {}
    run.evaluator.interrupted = bool
    assert "no score of the sparse half: interrupted" in capsys.readouterr().out
    assert int(run.scorer._scored["sparse"].numpy()) == -1


def test_evaluating_a_run_gives_its_own_scores_again(run, tmp_path):
    lines = evaluate(_request("run_dir", run.run_dir.root, tmp_path))
    assert _lines(tmp_path / "scores.jsonl") == lines
    trained = {
        (r["kind"], r["of_step"]): r
        for r in _lines(run.run_dir.scores)
        if r["thorough"]
    }
    again = {(r["kind"], r["of_step"]): r for r in lines}
    for key in (("sparse", 8), ("dense", 6)):
        for name in ("protocol", "images_shown", "parameters", "paper_flops"):
            assert again[key][name] == trained[key][name]
        for name in ("fd_digits_cnn", "is_digits_cnn", "prd_f8_digits_cnn"):
            expected = pytest.approx(trained[key][name], rel=1e-3)
            assert again[key][name] == expected


def test_pictures_and_curves_are_written(run):
    files = os.listdir(run.run_dir.evaluation)
    assert "step-0000008-sparse-neighbours.png" in files
    with open(f"{run.run_dir.evaluation}/step-0000008-sparse-prd.json") as f:
        curve = json.load(f)
    assert len(curve["precision"]) == len(curve["recall"]) == 1001


def test_a_saved_model_of_the_run_scores_as_in_the_run(run, tmp_path):
    path = f"{run.run_dir.saved_model}/sparse"
    (line,) = evaluate(_request("saved_model", path, tmp_path))
    rows = {r["of_step"]: r for r in _lines(run.run_dir.scores)}
    trained = rows[8]
    assert line["protocol"] == trained["protocol"]
    expected = pytest.approx(trained["fd_digits_cnn"], rel=1e-3)
    assert line["fd_digits_cnn"] == expected


def _save_images(folder, count, size=32):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = rng.integers(0, 256, (size, size, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


def test_images_of_a_folder(tmp_path):
    folder = _save_images(tmp_path / "noise", 40)
    (line,) = evaluate(_request("images", folder, tmp_path / "out"))
    assert (line["kind"], line["source"]) == ("images", str(folder))
    assert line["fd_digits_cnn"] > 0
    assert line["protocol"]["num_fake"] == 40


@pytest.mark.parametrize(
    ("count", "size", "message"),
    [
        (5, 32, r"scores 40 images. Received: 5 .*--eval_images=5"),
        (5, 16, r"as large as.*Received: 16×16.*--resolution=16"),
    ],
)
def test_images_that_do_not_fit(tmp_path, count, size, message):
    folder = _save_images(tmp_path / "noise", count, size)
    with pytest.raises(UserError, match=message):
        evaluate(_request("images", folder, tmp_path / "out"))
    assert not os.listdir(tmp_path / "out")


def _save_module(path, function, shape):
    module = tf.Module()
    spec = tf.TensorSpec(shape, tf.float32)
    module.f = tf.function(function, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures=module.f)
    return path


def test_a_generator_of_nan_gets_no_score(tmp_path):
    def images(z):
        return tf.zeros((tf.shape(z)[0], 32, 32, 3)) * np.nan

    path = _save_module(tmp_path / "model", images, (None, 4))
    with pytest.raises(UserError, match=r"finite. Received: NaN"):
        evaluate(_request("saved_model", path, tmp_path / "out"))


def test_a_hash_of_inception_without_it_is_refused(run, tmp_path):
    path = f"{run.run_dir.saved_model}/sparse"
    request = _request(
        "saved_model", path, tmp_path / "out", inception_sha256="0" * 64
    )
    with pytest.raises(UserError, match="--inception_sha256 is for TF-GAN"):
        evaluate(request)


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (lambda z: tf.zeros((3, 8, 8, 1)), (None, 4), r"RGB.*8, 8, 1"),
        (lambda z: z, (None, 8, 8, 3), r"serving_default.*8, 8, 3"),
        (lambda z: z, (1, 4), r"serving_default.*\(1, 4\)"),
    ],
)
def test_saved_models_with_other_signatures(tmp_path, function, shape, message):
    path = _save_module(tmp_path / "model", function, shape)
    with pytest.raises(UserError, match=message):
        evaluate(_request("saved_model", path, tmp_path / "out"))


def test_a_resolution_that_is_not_the_generators(run, tmp_path):
    path = f"{run.run_dir.saved_model}/sparse"
    with pytest.raises(UserError, match=r"generator's, 32. Received: 64"):
        evaluate(_request("saved_model", path, data={"resolution": 64}))


def test_another_protocol_of_a_run(run, tmp_path):
    request = _request(
        "run_dir",
        run.run_dir.root,
        tmp_path,
        protocol="fewshot",
        eval_images=40,
    )
    line = evaluate(request)[0]
    assert line["protocol"]["name"] == "fewshot@40"
    assert line["protocol"]["num_reference"] == 40
    assert line["protocol"]["reference"] == "training subset"


def test_a_run_with_other_images_is_refused(run, tmp_path):
    with open(run.run_dir.config, encoding="utf-8") as file:
        document = json.load(file)
    document["config"]["data.fingerprint"] = "other"
    (tmp_path / "config.json").write_text(json.dumps(document))
    os.symlink(run.run_dir.saved_model, tmp_path / "saved_model")
    with pytest.raises(UserError, match=r"those that the run was trained on"):
        evaluate(_request("run_dir", tmp_path))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "pass one of --run_dir, --saved_model and --images"),
        (["--run_dir=a", "--images=b"], "--run_dir and --images"),
        (["--run_dir=none"], "'none', without a readable config.json"),
        (["--protocol=own", "--images=b"], "protocol"),
    ],
)
def test_mistakes_are_one_line(words, message):
    result = subprocess.run(
        [sys.executable, "-m", "regan_tf.evaluate", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_training_goes_on_without_a_score(tmp_path, capsys):
    words = ("--steps=6", "--eval_every=2", f"--run_dir={tmp_path / 'run'}")
    scoring = ("--features=classifier", "--eval_images=40")
    run = joined_run(config_of(*TINY, *words, *scoring))

    def fail(*args, **options):
        raise UserError("features must be finite")

    run.evaluator.score = fail
    assert run.train(StopOnSignal()) == 6
    run.finish(6)
    said = capsys.readouterr().out
    assert said.count("no score of the") >= 5  # at 2, twice at 4, 6, the end
    assert os.path.isdir(f"{run.run_dir.saved_model}/sparse")


def test_a_score_that_a_signal_ended_is_made_by_the_resumed_run(tmp_path):
    def start(name):
        words = "--steps=8", "--eval_every=4", f"--run_dir={tmp_path / name}"
        scoring = "--features=classifier", "--eval_images=40"
        return joined_run(config_of(*TINY, *words, *scoring))

    whole = start("whole")
    whole.train(StopOnSignal())
    first, stop = start("resumed"), StopOnSignal()

    def signalled(*args, **options):
        stop.received = "SIGTERM"
        raise UserError("interrupted")

    first.evaluator.score = signalled
    assert first.train(stop) == 4
    first.run_dir.unlock()
    second = start("resumed")
    assert second.train(StopOnSignal()) == 8
    asked = "step", "kind", "of_step", "thorough", "fd_digits_cnn"
    found, wanted = (
        [[line[x] for x in asked] for line in _lines(x.run_dir.scores)]
        for x in (second, whole)
    )
    assert found == wanted


def test_images_are_looked_at_before_a_classifier_is_trained(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("regan_tf.metrics.classifier.fit", None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = _save_images(tmp_path / "noise", 5)
    with pytest.raises(UserError, match=r"scores 40 images\. Received: 5"):
        evaluate(_request("images", folder, tmp_path / "out"))
