"""What a run computes: equal for runs that differ by their seed only."""

import functools
import os
from collections.abc import Sequence
from typing import Any

from regan_tf import flags
from regan_tf.config import ExperimentConfig, config_from_dict
from regan_tf.data.known_layouts import few_shot_set
from regan_tf.errors import UserError
from regan_tf.flags import output

Config = dict[str, Any]

# The seed, where images are, and how a step is spread over a machine.
_ASIDE = frozenset(
    "training.seed training.devices training.deterministic training.jit "
    "data.path data.fingerprint data.skip_bad_images".split()
)
# What a run directory records of files beside its settings.
_CONTENTS = frozenset(
    "data.fingerprint method.masks_content "
    "method.initial_weights_content".split()
)
# Sets that only their folder tells apart.
_NAMED_BY_PATH = ("images", "few_shot")
# Flags whose file must exist; a result has only the file's name.
_FILES = {
    "perceptual_path": "penalty.perceptual_path",
    "masks": "method.masks",
    "initial_weights": "method.initial_weights",
}


def identity(config: Config) -> Config:
    """Settings that two runs share if only their seed differs.

    Left out are the seed, all of the output, and what does not change what a
    step computes: devices, determinism, compilation. Of paths the last part
    counts. Without pruning no setting of the method counts.

    Args:
        config: as of `recorded` or `asked`.
    """
    kept = {
        name: _last_part(value)
        for name, value in config.items()
        if name not in _ASIDE and not name.startswith("output.")
    }
    if config["data.dataset"] in _NAMED_BY_PATH:
        path = config["data.path"]
        name = _last_part(path).removesuffix(".zip")
        kept["data.name"] = few_shot_set(path) or name
    if config["data.num_images"] is None:
        kept["data.fraction"] = config["data.fraction"] or 1.0
    if config["method.prune"] == "none":
        kept = {n: x for n, x in kept.items() if not n.startswith("method.")}
        kept["method.prune"] = "none"
    return kept


def _last_part(value: Any) -> Any:
    # A slash in a schedule's text is none of a path's, but stays unlike.
    path = isinstance(value, str) and "/" in value
    return os.path.basename(value.rstrip("/")) if path else value


def recorded(config: Config, flags_text: str) -> Config:
    """The settings of a run directory, with defaults for later ones.

    Args:
        config: of its `config.json`.
        flags_text: its `flags.txt`; `--precision=auto` is taken from it, so
            that a run is what it was asked to be, as in a result file.

    Raises:
        UserError: settings of another version.
    """
    known = config_from_dict(config).as_dict()
    unknown = sorted({*config} - {*known} - _CONTENTS)
    if unknown:
        raise UserError(
            "the configuration is of another version of regan_tf: it has "
            f"{unknown[0]}"
        )
    if "--precision=auto" in flags_text.split():
        known["training.precision"] = "auto"
    return known


def asked(words: Sequence[str], num_images: int) -> Config:
    """The settings that flags ask for, in steps.

    Args:
        words: flags; those of the output are passed over, but for the
            interval of scores.
        num_images: images of the training subset.

    Raises:
        UserError: they make no run, as those of another version.
    """
    config, files = _parsed(tuple(words))
    return config.at(num_images).as_dict() | files


@functools.cache
def _parsed(words: tuple[str, ...]) -> tuple[ExperimentConfig, Config]:
    if "steps" not in flags.FLAGS:
        flags.define()
    by_module = flags.FLAGS.flags_by_module_dict()
    aside = {flag.name for flag in by_module[output.__name__]} - {"eval_every"}
    given, files = [], {}
    # Of a flag file too: one that shares another run's directory names it.
    for word in flags.expand_flagfiles(list(words)):
        name, _, value = word.lstrip("-").partition("=")
        if name in _FILES:
            files[_FILES[name]] = value
            given.append(f"--{name}={os.curdir}")
        elif name not in aside:
            given.append(word)
    config, _ = flags.read(given, run_dir="unused")
    return config, files
