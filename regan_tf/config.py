"""The configuration of a run: frozen dataclasses, checked where they are made.

Flags become an `ExperimentConfig` (`regan_tf.flags`), which `at` completes
with what only the data tell (epochs in steps); nobody below reads flags.
Importable without TensorFlow.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from regan_tf.data.known_sets import DATASETS, NEED_PATH, default_resolution
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.metrics.protocol import named_protocol
from regan_tf.recipes import RECIPES, Recipe
from regan_tf.regan.schedule import parse_schedule
from regan_tf.stages import Stages, make_stages, resolutions_to

PRUNE_CHOICES = ("generator", "discriminator", "both", "none")
REGROW_CHOICES = ("zero", "random")
REGAN_STAGES = ("last", "all")
LR_DECAYS = ("none", "linear")
PRECISIONS = ("float32", "bfloat16", "float16", "auto")
FEATURE_CHOICES = ("auto", "inception", "classifier", "none")

MAX_STEPS = 100_000_000

# What a resumed run may change: how long and how it is watched, not what it
# computes. Total steps move the end of a linear decay, which is said then.
MAY_CHANGE = frozenset(
    "training.steps output.run_dir output.log_every output.eval_every "
    "output.checkpoint_every output.keep_checkpoints output.eval_images "
    "output.protocol output.features output.inception_path "
    "output.inception_sha256 data.path".split()
)


def _check(condition: bool, flag: str, expected: str, value: Any) -> None:
    if not condition:
        raise UserError(f"--{flag} must be {expected}. Received: {value!r}")


def _check_choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    _check(value in choices, flag, "one of " + ", ".join(choices), value)


@dataclass(frozen=True)
class DataConfig:
    """Which images. Sides in pixels; `fraction` in (0, 1].

    `resolution` is an int once made; None becomes the data set's own.
    """

    dataset: str
    path: str | None
    resolution: int | None
    fraction: float | None
    num_images: int | None
    skip_bad_images: bool
    flip: bool
    dequantize: bool

    def __post_init__(self) -> None:
        _check_choice("dataset", self.dataset, DATASETS)
        if self.resolution is None:
            side = default_resolution(self.dataset)
            object.__setattr__(self, "resolution", side)  # it is frozen
        if self.dataset in NEED_PATH and not self.path:
            raise UserError(
                f"--dataset={self.dataset} needs --data_path=FOLDER_OR_ZIP. "
                "Received: no --data_path"
            )
        if self.dataset == "digits" and self.path:
            raise UserError(
                "--dataset=digits comes with scikit-learn and takes no "
                f"--data_path. Received: {self.path!r}; for own images pass "
                "--dataset=images"
            )
        if self.fraction is not None:
            _check(
                0 < self.fraction <= 1,
                "data_fraction",
                "in (0, 1]",
                self.fraction,
            )
        if self.num_images is not None:
            _check(
                self.num_images >= 1,
                "num_images",
                "at least 1",
                self.num_images,
            )
        if self.fraction is not None and self.num_images is not None:
            raise UserError(
                "--data_fraction and --num_images both choose a subset; "
                "pass one of them. Received: both"
            )


@dataclass(frozen=True)
class NetworkConfig:
    """Which networks; widths in channels.

    `fuse_resampling` computes the same with fewer multiplications.
    """

    arch: str
    latent_dim: int
    generator_width: int
    discriminator_width: int
    fuse_resampling: bool

    def __post_init__(self) -> None:
        for name in ("generator_width", "discriminator_width"):
            value = getattr(self, name)
            _check(1 <= value <= 4096, name, "in [1, 4096]", value)


@dataclass(frozen=True)
class MethodConfig:
    """Re-GAN (paper section 3): what is pruned, how much and when.

    `warmup` and `update_interval` are durations until `ExperimentConfig.at`
    turns them into steps; they count from the start of the stages that
    `regan_stages` names. `sparsity_schedule` is the text of a schedule of
    tensorflow-model-optimization, or None for the paper's alternation.
    """

    prune: str
    sparsity: float
    warmup: Duration | int
    update_interval: Duration | int
    regrow: str
    grow_lr_factor: float
    mask_exclude: tuple[str, ...]
    sparsity_schedule: str | None
    regan_stages: str = "last"

    def __post_init__(self) -> None:
        _check_choice("prune", self.prune, PRUNE_CHOICES)
        _check_choice("regrow", self.regrow, REGROW_CHOICES)
        _check_choice("regan_stages", self.regan_stages, REGAN_STAGES)
        _check(0 < self.sparsity < 1, "sparsity", "in (0, 1)", self.sparsity)
        _check(
            0 < self.grow_lr_factor <= 1,
            "grow_lr_factor",
            "in (0, 1]",
            self.grow_lr_factor,
        )
        if self.sparsity_schedule is not None:
            parse_schedule(self.sparsity_schedule)
            if self.regan_stages == "all":
                raise UserError(
                    "--sparsity_schedule counts from step 0 and cannot start "
                    "anew in stages. Received: --regan_stages=all"
                )

    def prunes(self, network: str) -> bool:
        """Whether `network` ("generator" or "discriminator") is pruned."""
        return self.prune in (network, "both")


@dataclass(frozen=True)
class TrainingConfig:
    """The recipe: a step is one generator update with its critic updates.

    `stage_lengths` and `stage_batch_sizes` are of the stages before the last
    resolution, where networks grow; `batch_size` is of the last. Fields with
    a default came later; runs recorded without them did that.
    """

    steps: Duration | int
    batch_size: int
    generator_batch_size: int
    critic_steps: int
    loss: str
    learning_rate: float
    beta1: float
    beta2: float
    lr_decay: str
    ema_decay: float
    seed: int
    devices: int
    deterministic: bool
    precision: str = "float32"
    grad_accumulation: int = 1
    jit: bool = False
    gradient_penalty: float = 0.0
    drift: float = 0.0
    stage_lengths: tuple[Duration | int, ...] = ()
    stage_batch_sizes: tuple[int, ...] = ()
    fade_kimg: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "batch_size generator_batch_size critic_steps grad_accumulation"
        ).split():
            _check(
                getattr(self, name) >= 1, name, "at least 1", vars(self)[name]
            )
        _check(
            0 < self.learning_rate < 1,
            "learning_rate",
            "in (0, 1)",
            self.learning_rate,
        )
        _check_choice("lr_decay", self.lr_decay, LR_DECAYS)
        _check(
            0 <= self.ema_decay < 1, "ema_decay", "in [0, 1)", self.ema_decay
        )
        _check(0 <= self.seed < 2**31, "seed", "in [0, 2147483648)", self.seed)
        _check(self.devices >= 0, "devices", "0 (all) or more", self.devices)
        _check_choice("precision", self.precision, PRECISIONS)
        for name in ("gradient_penalty", "drift"):
            _check(vars(self)[name] >= 0, name, "at least 0", vars(self)[name])
        fade = self.fade_kimg
        _check(0 <= fade < math.inf, "fade_kimg", "at least 0", fade)
        for value in self.stage_batch_sizes:
            _check(value >= 1, "stage_batch_sizes", "at least 1 each", value)

    def check_divides(self, devices: int, said: str) -> None:
        """Checks that batches divide by devices and microbatches.

        Args:
            devices: in use.
            said: they, in words.

        Raises:
            UserError: they do not.
        """
        parts = self.grad_accumulation
        by = f"a multiple of {said}"
        if parts > 1:
            by += f" times --grad_accumulation={parts}"
        for name in ("batch_size", "generator_batch_size"):
            value = getattr(self, name)
            _check(value % (devices * parts) == 0, name, by, value)
        for value in self.stage_batch_sizes:
            divides = value % (devices * parts) == 0
            _check(divides, "stage_batch_sizes", by, value)

    def fakes_of(self, batch_size: int) -> float:
        """Fakes of a generator update in a stage of such real batches."""
        return self.generator_batch_size * batch_size / self.batch_size

    @property
    def images_per_step(self) -> int:
        """Real images shown to the discriminator in one step of the last
        stage."""
        return self.critic_steps * self.batch_size


@dataclass(frozen=True)
class OutputConfig:
    """Where a run writes, and how often (in steps, once resolved)."""

    run_dir: str
    log_every: Duration | int
    eval_every: Duration | int
    checkpoint_every: Duration | int
    keep_checkpoints: int
    protocol: str
    eval_images: int | None
    features: str
    inception_path: str | None
    inception_sha256: str | None

    def __post_init__(self) -> None:
        _check(bool(self.run_dir), "run_dir", "a folder's name", self.run_dir)
        _check(
            self.keep_checkpoints >= 2,
            "keep_checkpoints",
            "at least 2 (the newest may be damaged)",
            self.keep_checkpoints,
        )
        named_protocol(self.protocol, has_test=True, num_fake=self.eval_images)
        _check(bool(self.features), "features", "a choice", self.features)


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything that a run is made from."""

    data: DataConfig
    network: NetworkConfig
    method: MethodConfig
    training: TrainingConfig
    output: OutputConfig

    @property
    def recipe(self) -> Recipe:
        """The defaults of this architecture."""
        return RECIPES[self.network.arch]

    def __post_init__(self) -> None:
        known = self.recipe.resolutions
        _check(
            self.data.resolution in known,
            "resolution",
            f"one of {', '.join(map(str, known))} for {self._said_arch}",
            self.data.resolution,
        )
        devices = max(1, self.training.devices)
        self.check_divides(devices, f"--devices={devices}")
        self._check_stages()

    def check_divides(self, devices: int, said: str) -> None:
        """Checks that batches divide by devices, microbatches and groups.

        Args:
            devices: in use.
            said: they, in words.

        Raises:
            UserError: they do not.
        """
        training, group = self.training, self.recipe.batch_group
        training.check_divides(devices, said)
        slices = devices * training.grad_accumulation
        least = slices * group
        sizes = (*training.stage_batch_sizes, training.batch_size)
        for size in sizes:
            fakes = training.fakes_of(size)
            _check(
                fakes == int(fakes) and fakes >= 1 and fakes % slices == 0,
                "generator_batch_size",
                f"such that a stage with {size} real images has a multiple "
                f"of {slices} fakes, not {fakes:g}",
                training.generator_batch_size,
            )
            for batch in (size, int(fakes)):
                # One device alone may have less than a group.
                _check(
                    batch % least == 0 or (slices == 1 and batch < group),
                    "batch_size",
                    f"such that all batches are multiples of {least} for "
                    f"{self._said_arch}, {group} on each device",
                    batch,
                )

    @property
    def _said_arch(self) -> str:
        """The flags that choose the architecture."""
        name, _, variant = self.network.arch.partition("_")
        if name != "progan":
            return f"--arch={self.network.arch}"
        return f"--arch={name}" + f" --progan_variant={variant}" * bool(variant)

    def _check_stages(self) -> None:
        earlier = len(self._sides) - 1
        if not self.recipe.grows:
            for part, name, nothing in (
                (self.training, "fade_kimg", 0),
                (self.method, "regan_stages", "last"),
            ):
                value = getattr(part, name)
                said = f"left out: {self._said_arch} has no earlier stage"
                _check(value == nothing, name, said, value)
        halvings = max(1, self.data.resolution // 32) if earlier else 1
        for name in ("generator_width", "discriminator_width"):
            width = getattr(self.network, name)
            _check(
                width % halvings == 0,
                name,
                f"a multiple of {halvings} at {self.data.resolution} pixels, "
                "where the last layers are so much narrower",
                width,
            )
        for name in ("stage_lengths", "stage_batch_sizes"):
            value = getattr(self.training, name)
            _check(
                len(value) == earlier,
                name,
                f"{earlier} values, of the stages before {self._sides[-1]} "
                "pixels, or one for all"
                if earlier
                else f"left out: {self._said_arch} has no earlier stage",
                ",".join(map(str, value)),
            )

    @property
    def _sides(self) -> tuple[int, ...]:
        """Resolutions that training passes."""
        last = self.data.resolution
        return resolutions_to(last) if self.recipe.grows else (last,)

    @property
    def stages(self) -> Stages:
        """The stages of the run, whose durations must be steps.

        Raises:
            UserError: training never reaches the last stage, or leaves a
                stage while it fades in.
        """
        training = self.training
        lengths = training.stage_lengths
        return make_stages(
            self._sides,
            (*training.stage_batch_sizes, training.batch_size),
            (*lengths, training.steps - sum(lengths)),
            fade_images=1000 * training.fade_kimg,
            critic_steps=training.critic_steps,
            fakes_per_image=training.fakes_of(1),
        )

    def at(self, num_images: int) -> "ExperimentConfig":
        """This configuration with every duration in steps.

        Args:
            num_images: images of the training subset.

        Raises:
            UserError: a length that must be positive is 0.
        """
        per_step = self.training.images_per_step

        def resolve(part: Any, **least: int) -> Any:
            changes = {}
            for name, minimum in least.items():
                value = getattr(part, name)
                if isinstance(value, Duration):
                    value = value.steps(per_step, num_images)
                _check(
                    value >= minimum, name, f"at least {minimum} step(s)", value
                )
                changes[name] = value
            return dataclasses.replace(part, **changes)

        training = resolve(self._staged(num_images), steps=1)
        _check(
            training.steps <= MAX_STEPS,
            "steps",
            f"at most {MAX_STEPS:,}",
            training.steps,
        )
        resolved = dataclasses.replace(
            self,
            training=training,
            method=resolve(self.method, warmup=0, update_interval=1),
            output=resolve(
                self.output, log_every=1, eval_every=0, checkpoint_every=1
            ),
        )
        resolved.stages  # noqa: B018 - raises where they do not fit
        return resolved

    def _staged(self, num_images: int) -> TrainingConfig:
        """The training with the lengths of earlier stages, and what of
        `steps` depends on their batches, in steps."""
        training, steps, images = self.training, [], 0
        for length, batch in zip(
            training.stage_lengths, training.stage_batch_sizes, strict=True
        ):
            per_step = training.critic_steps * batch
            steps.append(
                length.steps(per_step, num_images)
                if isinstance(length, Duration)
                else length
            )
            images += steps[-1] * per_step
        total = training.steps
        if steps and isinstance(total, Duration) and total.unit:
            shown = total.images(num_images) - images
            left = math.floor(shown / training.images_per_step + 0.5)
            total = sum(steps) + max(0, left)
        return dataclasses.replace(
            training, steps=total, stage_lengths=tuple(steps)
        )

    def as_dict(self) -> dict[str, Any]:
        """Flat `{"training.steps": 100000, ...}`, JSON-ready."""
        flat = {}
        for part in dataclasses.fields(self):
            for name, value in vars(getattr(self, part.name)).items():
                flat[f"{part.name}.{name}"] = _plain(value)
        return flat


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
        f"{part}.{field.name}": _plain(field.default)
        for part, kind in _parts().items()
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Duration):
        return str(value)
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


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
    names = [n for n in {**old, **new} if n not in MAY_CHANGE]
    return [
        (name, old.get(name), new.get(name))
        for name in names
        if old.get(name, missing) != new.get(name, missing)
    ]
