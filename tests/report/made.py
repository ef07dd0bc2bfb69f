"""Run directories and results as runs write them, made by hand."""

import json

import numpy as np
from PIL import Image

from regan_tf.flags import expand_flagfiles
from regan_tf.train.result import curves_of
from tests.tiny import config_of

PROTOCOL = {
    "name": "paper",
    "num_fake": 10_000,
    "reference": "test",
    "max_reference": 10_000,
    "resize": "tf2-bilinear",
    "latent_seed": 2,
    "num_reference": 10_000,
    "reference_set": "cifar10 test",
    "reference_sha256": "ab12cd34" * 8,
    "resolution": 32,
    "feature_network": "inception",
    "feature_sha256": "21daff93" * 8,
}
VERSIONS = {"python": "3.11.7", "tensorflow": "2.21.0", "keras": "3.15.1"}
FLAGS = ("--steps=40", "--warmup=10", "--update_interval=10")
TICKET = ("--method=ticket", "--rounds=2", "--sparsity=0.2")


def line(kind, step, fid, *, name="fid", protocol=(), **figures):
    """A score line; of a network with a name of its own, by `name`."""
    known = PROTOCOL | dict(protocol)
    if name != "fid":
        known["feature_network"] = name.removeprefix("fd_")
    return {
        "step": step,
        "kind": kind,
        "of_step": step,
        name: fid,
        "images_shown": 1000 * step,
        "theoretical_sparse_flops": 10**12 * step,
        "train_seconds": 60.0 * step,
        "data_fraction": 1.0,
        "num_training": 50_000,
        "thorough": False,
        **figures,
        "protocol": known,
    }


def dense(*fids, **more):
    """Lines of a dense run, one each ten steps."""
    return [line("dense", 10 * i, x, **more) for i, x in enumerate(fids, 1)]


def halves(sparse, dense, **more):
    """A line of each half at step 40."""
    return [
        line("sparse", 40, sparse, **more),
        line("dense", 40, dense, **more),
    ]


def documents(lines, *words):
    """config.json, flags.txt, summary.json and result.json of lines."""
    words = expand_flagfiles([*FLAGS, *words])
    config = config_of(*words, "--run_dir=made").at(lines[0]["num_training"])
    final = {x["kind"]: x for x in lines}
    name = next(n for n in lines[0] if n == "fid" or n.startswith("fd_"))
    best = {
        kind: {"distance": x[name], **x}
        for kind in final
        for x in [min(_of(kind, lines), key=lambda one: one[name])]
    }
    record = {
        "config": config.as_dict() | {"data.fingerprint": "ab12"},
        "versions": VERSIONS,
    }
    summary = {"steps": config.training.steps, "final": final, "best": best}
    result = {
        "flags": words,
        "versions": VERSIONS,
        **summary,
        "curves": curves_of(lines, final),
    }
    return record, "\n".join(words) + "\n", summary, result


def _of(kind, lines):
    return [x for x in lines if x["kind"] == kind]


def made_run(folder, lines, *words):
    """Writes a run directory; returns its path as text."""
    record, flags, summary, _ = documents(lines, *words)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(record))
    (folder / "flags.txt").write_text(flags)
    (folder / "summary.json").write_text(json.dumps(summary))
    text = "".join(json.dumps(x) + "\n" for x in lines)
    (folder / "scores.jsonl").write_text(text)
    return str(folder)


def made_result(path, lines, *words):
    """Writes a result file; returns its path as text."""
    path.write_text(json.dumps(documents(lines, *words)[-1]))
    return str(path)


def made_ticket(folder, *words, steps=120):
    """Writes a ticket's directory with one of its rounds."""
    made_run(folder / "round_0", dense(9.0), "--prune=none")
    (folder / "ticket.json").write_text('{"prune_scope": "global"}')
    lines = [line("sparse", 40, 5.0, images_shown=120_000)]
    _, flags, _, result = documents(lines, *TICKET, *words)
    (folder / "flags.txt").write_text(flags)
    text = json.dumps(result | {"steps": steps})
    (folder / "result.json").write_text(text)


def add_masked_round(folder):
    """Writes the last round of the ticket in a folder."""
    lines = [line("sparse", 40, 5.0)]
    # Files that only the configuration's check needs.
    words = [f"--{x}={__file__}" for x in ("masks", "initial_weights")]
    fixed = "--method=fixed", "--warmup=0", "--sparsity=0.2"
    path = made_run(folder / "round_2", lines, *fixed, *words)
    record = json.loads((folder / "round_2/config.json").read_text())
    for name in ("masks", "initial_weights"):
        record["config"][f"method.{name}_content"] = "ab12"
    (folder / "round_2/config.json").write_text(json.dumps(record))
    return path


def add_grid(folder, kind, step=40):
    """Writes a grid of 8 × 8 images of 2 pixels, in colours of their own."""
    samples = folder / "samples"
    samples.mkdir(exist_ok=True)
    grid = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    Image.fromarray(grid).save(samples / f"step-{step:07d}-{kind}.png")


def add_curve(folder, kind, step=40):
    """Writes a precision-recall curve; its F8 is 0.5."""
    evaluation = folder / "evaluation"
    evaluation.mkdir(exist_ok=True)
    curve = {"precision": [0.5] * 21, "recall": [0.5] * 21}
    path = evaluation / f"step-{step:07d}-{kind}-prd.json"
    path.write_text(json.dumps(curve))
