"""Configurations as a run directory records them, and what may change."""

import dataclasses
from typing import Any

from regan_tf.config.experiment import ExperimentConfig, plain
from regan_tf.errors import UserError

# What a resumed run may change: how long and how it is watched, not what it
# computes. Total steps move the end of a linear decay, which is said then.
MAY_CHANGE = frozenset(
    "training.steps output.run_dir output.log_every output.eval_every "
    "output.checkpoint_every output.keep_checkpoints output.eval_images "
    "output.protocol output.features output.inception_path "
    "output.inception_sha256 data.path "
    # What these files hold is compared, see `regan_tf.weight_files.contents`.
    "method.masks method.initial_weights".split()
)

# Methods whose phases are a share of all steps.
_OF_ALL_STEPS = ("acdc", "gmp", "set", "rigl")


def config_from_dict(flat: dict[str, Any]) -> ExperimentConfig:
    """The configuration of `ExperimentConfig.as_dict` with durations in steps.

    Raises:
        UserError: settings missing or unknown, as in a run of another
            version, or out of range.
    """
    flat = _settings_since() | flat
    made = {}
    for part, kind in _parts().items():
        names = [f.name for f in dataclasses.fields(kind)]
        missing = [n for n in names if f"{part}.{n}" not in flat]
        if missing:
            raise UserError(
                "the configuration of the run must be of this version of "
                f"regan_tf. Received: one without {part}.{missing[0]}; train "
                "it anew, or score its saved_model/ folders one by one"
            )
        values = {n: flat[f"{part}.{n}"] for n in names}
        made[part] = kind(
            **{
                n: tuple(v) if isinstance(v, list) else v
                for n, v in values.items()
            }
        )
    return ExperimentConfig(**made)


def _parts() -> dict[str, Any]:
    return {f.name: f.type for f in dataclasses.fields(ExperimentConfig)}


def _settings_since() -> dict[str, Any]:
    """Settings that older runs do not record, with what those runs did."""
    return {
        f"{part}.{field.name}": plain(field.default)
        for part, kind in _parts().items()
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }


def may_change(prune: str, method: str) -> frozenset[str]:
    """Settings that a resume may change of a run that prunes so."""
    of_all_steps = prune != "none" and method in _OF_ALL_STEPS
    return MAY_CHANGE - {"training.steps"} if of_all_steps else MAY_CHANGE


def differences(
    old: dict[str, Any], new: dict[str, Any]
) -> list[tuple[str, Any, Any]]:
    """What a resume must not change: `(name, old, new)` of each difference.

    Args:
        old: `ExperimentConfig.as_dict` of the run on disk.
        new: the same of the command that wants to go on.
    """
    missing = object()
    old = _settings_since() | old
    free = may_change(old.get("method.prune"), old.get("method.method"))
    names = [n for n in {**old, **new} if n not in free]
    return [
        (name, old.get(name), new.get(name))
        for name in names
        if old.get(name, missing) != new.get(name, missing)
    ]
