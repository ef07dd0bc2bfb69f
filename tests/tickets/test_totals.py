"""Sums over the rounds of a ticket."""

import json
from types import SimpleNamespace

from regan_tf.tickets.totals import document, entry_of, ticket_result, total


def _entry(tmp_path, number, kind, fid):
    """A round of 10 steps, 80 images and 4 + number seconds."""
    line = {
        "of_step": 8,
        "fid": fid,
        "images_shown": 64,
        "train_seconds": 3.5,
        "theoretical_flops": 500,
        "theoretical_sparse_flops": 400,
        "paper_flops": None,
        "protocol": {"name": "paper"},
    }
    summary = {
        "steps": 10,
        "train_seconds": 4.0 + number,
        "cost": {
            "images_shown": 80,
            "dense": {"total": 1000},
            "weighted": {"total": 1000 - 100 * number},
        },
        "final": {kind: line},
        "best": {},
    }
    folder = tmp_path / f"round_{number}"
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    curves = {kind: {"images_shown": [32, 64], "fid": [fid + 1, fid]}}
    (folder / "result.json").write_text(json.dumps({"curves": curves}))
    round_ = SimpleNamespace(
        number=number, removed=0.1 * number, run_dir=str(folder)
    )
    return entry_of(round_, {"generator": 0.1 * number})


def test_totals_are_sums(tmp_path):
    entries = [_entry(tmp_path, 0, "dense", 30.0)]
    entries += [_entry(tmp_path, n, "sparse", 20.0 - n) for n in (1, 2)]
    assert total(entries) == {
        "steps": 30,
        "images_shown": 240,
        "train_seconds": 15.0,
        "theoretical_flops": 3000,
        "theoretical_sparse_flops": 2700,
    }
    result = ticket_result("t", "--rounds=2\n", entries)
    assert (result["steps"], result["images_shown"]) == (30, 240)
    assert (result["train_seconds"], result["rounds"]) == (15, 2)
    assert result["cost"] == total(entries)
    assert list(result["final"]) == ["sparse"] and result["best"] == {}
    assert result["curves"] == {
        "sparse": {"images_shown": [192, 224], "fid": [19.0, 18.0]}
    }
    scores = result["final"]["sparse"]
    # Those of the last round, which the two before it had cost, too.
    assert scores["fid"] == 18.0
    assert scores["images_shown"] == 2 * 80 + 64
    assert scores["train_seconds"] == 4 + 5 + 3.5
    assert scores["theoretical_flops"] == 2 * 1000 + 500
    assert scores["theoretical_sparse_flops"] == 1000 + 900 + 400


def test_a_ticket_without_scores_has_totals(tmp_path):
    entries = [_entry(tmp_path, n, "sparse", 1.0) for n in (0, 1)]
    entries[-1]["final"] = {"sparse": None}
    result = ticket_result("t", "", entries)
    assert result["final"] == {} and result["images_shown"] == 160


def test_a_ticket_is_finished_with_its_last_round(tmp_path):
    method = SimpleNamespace(
        trainings=2,
        prune="both",
        prune_scope="layer",
        mask_exclude=("dense",),
        sparsity=0.2,
        rewind=3,
    )
    entries = [_entry(tmp_path, n, "sparse", 1.0) for n in (0, 1)]
    config = SimpleNamespace(method=method)
    assert not document(config, entries[:1])["finished"]
    whole = document(config, entries)
    assert whole["finished"] and whole["rewind"] == 3
    assert [x["run_dir"] for x in whole["rounds"]] == ["round_0", "round_1"]
    assert [x["sparsity"]["generator"] for x in whole["rounds"]] == [0, 0.1]
