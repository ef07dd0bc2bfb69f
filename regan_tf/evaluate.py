"""Scores generators, or a set of images, and writes a line for each.

    python -m regan_tf.evaluate --run_dir=runs/sngan
    python -m regan_tf.evaluate --saved_model=DIR --dataset=cifar10
    python -m regan_tf.evaluate --images=FOLDER_OR_ZIP --dataset=cifar10

The measures, protocols and references of training. A run's own data set,
protocol and feature network are taken unless a flag names others.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from absl import flags

from regan_tf import flags as regan_flags
from regan_tf.command import run_command
from regan_tf.config import (
    DataConfig,
    ExperimentConfig,
    config_from_dict,
)
from regan_tf.errors import UserError

FLAGS = flags.FLAGS
SUBJECTS = ("run_dir", "saved_model", "images")
_HALVES = ("sparse", "dense", "best_sparse", "best_dense")
_SCORING = (
    *("protocol", "eval_images", "features"),
    *("inception_path", "inception_sha256"),
)
# What of the data a run fixes, and where its images are may change.
_RUNS_OWN = ("fraction", "num_images", "resolution", "flip")


def define() -> None:
    """Defines the flags of this command."""
    regan_flags.define_data()
    regan_flags.define_scores()
    flags.DEFINE_string(
        "run_dir", None, "Score the generators of this run directory."
    )
    flags.DEFINE_string(
        "saved_model", None, "Score the generator in this SavedModel folder."
    )
    flags.DEFINE_string(
        "images", None, "Score the images in this folder or zip."
    )
    flags.DEFINE_string(
        "output",
        None,
        "Folder for scores.jsonl, curves and pictures. [default: evaluation/ "
        "in the run directory, or here]",
    )
    flags.DEFINE_integer("devices", 0, "GPUs to use; 0: all.")


@dataclass(frozen=True)
class Request:
    """What to score, and how.

    Attributes:
        subject: one of `SUBJECTS`.
        path: of the subject.
        data: fields of `DataConfig`; for a run only those that were given.
        scoring: protocol, eval_images, features, inception_path and
            inception_sha256; for a run only those that were given.
        output: folder for the results, or None for the default.
        devices: GPUs to use; 0: all.
    """

    subject: str
    path: str
    data: dict[str, Any]
    scoring: dict[str, Any]
    output: str | None = None
    devices: int = 0


def request_from_flags() -> Request:
    """What the parsed flags ask for.

    Raises:
        UserError: not exactly one subject.
    """
    given = [name for name in SUBJECTS if FLAGS[name].value]
    if len(given) != 1:
        raise UserError(
            "pass one of --run_dir, --saved_model and --images. Received: "
            + (" and ".join(f"--{name}" for name in given) or "none of them")
        )

    def wanted(flag: str) -> bool:
        return given[0] != "run_dir" or FLAGS[flag].present

    names = [f.name for f in dataclasses.fields(DataConfig)]
    flag_of = {n: n for n in names if n in FLAGS}
    flag_of |= {"path": "data_path", "fraction": "data_fraction"}
    if given[0] == "saved_model" and not FLAGS["resolution"].present:
        del flag_of["resolution"]
    return Request(
        given[0],
        os.path.expanduser(FLAGS[given[0]].value),
        data={n: FLAGS[f].value for n, f in flag_of.items() if wanted(f)},
        scoring={n: FLAGS[n].value for n in _SCORING if wanted(n)},
        output=FLAGS.output and os.path.expanduser(FLAGS.output),
        devices=FLAGS.devices,
    )


def evaluate(request: Request) -> list[dict[str, Any]]:
    """Scores what is asked for and writes the results.

    Returns:
        The lines, as appended to `scores.jsonl`.

    Raises:
        UserError: something to score, or to score with, cannot be had.
    """
    run = None
    os.environ.pop("TF_CONFIG", None)  # this is one process, whatever trains
    if request.subject == "run_dir":
        run = _Run.read(request.path)
        config = run.scoring_config(request)
    # Heavy imports wait until the request is known to be right.
    from regan_tf.evaluation import make_evaluator
    from regan_tf.run import load_images
    from regan_tf.train.run_dir import writing
    from regan_tf.train.strategy import choose_strategy, local_devices

    output = request.output or os.path.join(
        request.path if run is not None else "", "evaluation"
    )
    with writing(output):
        os.makedirs(output, exist_ok=True)
    devices = local_devices(choose_strategy(request.devices))
    generators = _load_generators(request, devices)
    if run is None:
        config = _config(request, generators)
    images = load_images(config)
    if run is not None:
        run.check_images(images.train)
    if request.subject == "images":  # a network may have to be trained first
        subjects = [_images(request, config, images, len(devices))]
    evaluator = make_evaluator(config, images, devices)
    if evaluator is None:
        raise UserError(
            "no feature network to score with. Received: --features="
            f"{config.output.features}; pass classifier, inception or a path"
        )
    if request.subject != "images":
        subjects = _generators(generators, evaluator, run, images)
    return [_score(subject, evaluator, output) for subject in subjects]


@dataclass(frozen=True)
class _Run:
    """A run that was trained before."""

    root: str
    config: ExperimentConfig
    facts: dict[str, Any]

    @classmethod
    def read(cls, root: str) -> "_Run":
        from regan_tf.train.run_dir import RunDir

        try:
            with open(os.path.join(root, "config.json"), "rb") as file:
                facts = dict(json.load(file)["config"])
        except (OSError, ValueError, KeyError, TypeError):
            raise UserError(
                f"--run_dir must be the directory of a run. Received: "
                f"{root!r}, without a readable config.json"
            ) from None
        if "ticket.steps" in facts:
            raise UserError(
                f"--run_dir must be a single run. Received: {root!r}, a "
                "ticket; pass one of its rounds, such as "
                + os.path.join(root, "round_0")
            )
        masks = RunDir(root).masks
        if os.path.exists(masks):  # the file that was given may be gone
            facts["method.masks"] = masks
        return cls(root, config_from_dict(facts), facts)

    def scoring_config(self, request: Request) -> Any:
        for name in _RUNS_OWN:
            if name in request.data:
                raise UserError(
                    f"the data's {name} is the run's own. Received: "
                    f"{request.data[name]!r} beside --run_dir; leave it out"
                )
        scoring = dict(request.scoring)
        if "protocol" in scoring:
            scoring.setdefault("eval_images", None)  # the protocol's own
        # Another network than the run's leaves out what was said of that.
        if "inception_path" in scoring:
            scoring.setdefault("features", "auto")
            scoring.setdefault("inception_sha256", None)
        elif scoring.get("features", "auto") not in ("auto", "inception"):
            scoring |= {"inception_path": None}
            scoring.setdefault("inception_sha256", None)
        return SimpleNamespace(
            data=dataclasses.replace(self.config.data, **request.data),
            output=dataclasses.replace(self.config.output, **scoring),
        )

    def check_images(self, train: Any) -> None:
        if self.facts.get("data.fingerprint") != train.fingerprint:
            raise UserError(
                "the images must be those that the run was trained on. "
                f"Received: {train.name} with other contents than "
                f"{self.root}/config.json notes; pass their --data_path"
            )

    def facts_until(self, step: int, images: Any) -> dict[str, Any]:
        from regan_tf.costs import RunCost

        return {
            **RunCost(self.config).until(step),
            "data_fraction": len(images.train) / len(images.full),
            "num_training": len(images.train),
        }


def _config(request: Request, generators: dict[str, list]) -> Any:
    """What to score with, where no run says it."""
    data = {"flip": False, "dequantize": False} | request.data
    data["flip"] = bool(data["flip"])
    for copies in generators.values():
        size = copies[0].resolution
        if data.setdefault("resolution", size) != size:
            raise UserError(
                f"--resolution must be the generator's, {size}. "
                f"Received: {data['resolution']}"
            )
    output = SimpleNamespace(**request.scoring)
    return SimpleNamespace(data=DataConfig(**data), output=output)


def _load_generators(request: Request, devices: list) -> dict[str, list]:
    """`SavedGenerator`s by name, one a device, of what is to be scored."""
    import tensorflow as tf

    from regan_tf.saved_generator import SavedGenerator

    if request.subject == "images":
        return {}
    paths = {"saved_model": request.path}
    if request.subject == "run_dir":
        root = os.path.join(request.path, "saved_model")
        paths = {name: os.path.join(root, name) for name in _HALVES}
        paths = {n: p for n, p in paths.items() if os.path.isdir(p)}
        if not paths:
            raise UserError(
                f"{root} must hold generators. Received: none yet; they are "
                "written at a score and at the end of training"
            )
    loaded, seen = {}, set()
    for name, path in paths.items():
        copies = []
        for device in devices:
            with tf.device(device):
                copies.append(SavedGenerator(path))
        about = copies[0].about
        known = about.get("kind"), about.get("step")
        if None not in known and known in seen:
            continue  # a best generator that is the final one
        seen.add(known)
        loaded[name] = copies
    # The last line of a half is taken for that of its final generator.
    best_first = sorted(loaded, key=lambda name: not name.startswith("best"))
    return {name: loaded[name] for name in best_first}


@dataclass(frozen=True)
class _Subject:
    """Name for files, facts for the line, and a source for each device."""

    name: str
    facts: dict[str, Any]
    sources: list


def _generators(
    generators: dict[str, list], evaluator: Any, run: _Run | None, images: Any
) -> list[_Subject]:
    subjects = []
    for name, copies in generators.items():
        about = copies[0].about
        facts = {"kind": about.get("kind", "saved_model")}
        facts |= {"of_step": about.get("step"), "source": copies[0].path}
        for key in ("parameters", "nonzero_parameters"):
            if key in about:
                facts[key] = about[key]
        if "train_seconds" in (about.get("scores") or {}):
            facts["train_seconds"] = about["scores"]["train_seconds"]
        if run is not None and about.get("step") is not None:
            facts |= run.facts_until(about["step"], images)
        seed = evaluator.protocol.latent_seed
        sources = [copy.sampler(seed) for copy in copies]
        subjects.append(_Subject(name, facts, sources))
    return subjects


def _images(
    request: Request, config: Any, images: Any, copies: int
) -> _Subject:
    """A set of images, in an order of its own: the splits of the Inception
    score must not be classes."""
    import numpy as np

    from regan_tf.data import first_image_size, load_image_set
    from regan_tf.metrics.protocol import named_protocol

    resolution = config.data.resolution
    _check_size(first_image_size(request.path), resolution, request.path)
    found = load_image_set(
        "images",
        path=request.path,
        resolution=resolution,
        skip_bad_images=config.data.skip_bad_images,
    )
    needed = named_protocol(
        config.output.protocol,
        has_test=images.test is not None,
        num_fake=config.output.eval_images,
    ).num_fake
    if len(found) < needed:
        raise UserError(
            f"--protocol={config.output.protocol} scores {needed:,} images. "
            f"Received: {len(found):,} in {request.path}; add images, or pass "
            f"--eval_images={len(found)}"
        )
    order = np.random.RandomState(0).permutation(len(found))[:needed]

    def source(count: int, start: int) -> np.ndarray:
        return found.images[order[start : start + count]]

    facts = {"kind": "images", "source": request.path}
    facts["source_sha256"] = found.fingerprint
    return _Subject(found.name, facts, [source] * copies)


def _check_size(size: tuple[int, int], resolution: int, path: str) -> None:
    """Refuses images to enlarge, and says where images are made smaller."""
    found = f"{size[0]}×{size[1]}"
    if min(size) < resolution:
        raise UserError(
            f"--images must be as large as the reference's, {resolution}×"
            f"{resolution}. Received: {found} in {path}; pass --resolution="
            f"{min(size)} to compare both at that size"
        )
    if size != (resolution, resolution):
        print(
            f"note: images of {path}, the first of {found}, are cut to "
            f"squares and made {resolution}×{resolution} like the reference"
        )


def _score(subject: _Subject, evaluator: Any, output: str) -> dict[str, Any]:
    from regan_tf.experiment import short
    from regan_tf.train.records import write_evaluation
    from regan_tf.train.run_dir import writing

    found = evaluator.score(subject.sources)
    line = {**subject.facts, **found.figures, "thorough": True}
    line["protocol"] = evaluator.record
    step = line.get("of_step")
    name = f"{subject.name}-{evaluator.protocol.name}"
    name += "" if step is None else f"-step-{step:07d}"
    write_evaluation(output, name, found)
    path = os.path.join(output, "scores.jsonl")
    with writing(path), open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(f"{subject.name}: {short(line)}")
    return line


def main(argv: list[str]) -> None:
    """Runs the command."""
    del argv
    request = request_from_flags()
    evaluate(request)
    root = request.path if request.subject == "run_dir" else ""
    output = request.output or os.path.join(root, "evaluation")
    print(f"score lines: {os.path.join(output, 'scores.jsonl')}")


if __name__ == "__main__":
    run_command(define, main)
