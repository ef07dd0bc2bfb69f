"""Everything that a run is made from, and what must fit together."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from regan_tf.config.augment import AugmentConfig
from regan_tf.config.checks import check
from regan_tf.config.data import DataConfig
from regan_tf.config.method import MethodConfig
from regan_tf.config.network import NetworkConfig
from regan_tf.config.output import OutputConfig
from regan_tf.config.penalty import PenaltyConfig
from regan_tf.config.training import TrainingConfig
from regan_tf.duration import Duration
from regan_tf.recipes import RECIPES, Recipe
from regan_tf.stages import Stages, make_stages, resolutions_to

MAX_STEPS = 100_000_000


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything that a run is made from."""

    data: DataConfig
    network: NetworkConfig
    method: MethodConfig
    training: TrainingConfig
    output: OutputConfig
    penalty: PenaltyConfig
    augment: AugmentConfig

    @property
    def recipe(self) -> Recipe:
        """The defaults of this architecture."""
        return RECIPES[self.network.arch]

    def __post_init__(self) -> None:
        known = self.recipe.resolutions
        check(
            self.data.resolution in known,
            "resolution",
            f"one of {', '.join(map(str, known))} for {self._said_arch}",
            self.data.resolution,
        )
        devices = max(1, self.training.devices)
        self.check_divides(devices, f"--devices={devices}")
        self._check_stages()
        self._check_parts()

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
            check(
                fakes == int(fakes) and fakes >= 1 and fakes % slices == 0,
                "generator_batch_size",
                f"such that a stage with {size} real images has a multiple "
                f"of {slices} fakes, not {fakes:g}",
                training.generator_batch_size,
            )
            for batch in (size, int(fakes)):
                check(
                    batch % least == 0,
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
                check(value == nothing, name, said, value)
        halvings = max(1, self.data.resolution // 32) if earlier else 1
        for name in ("generator_width", "discriminator_width"):
            width = getattr(self.network, name)
            check(
                width % halvings == 0,
                name,
                f"a multiple of {halvings} at {self.data.resolution} pixels, "
                "where the last layers are so much narrower",
                width,
            )
        for name in ("stage_lengths", "stage_batch_sizes"):
            value = getattr(self.training, name)
            check(
                len(value) == earlier,
                name,
                f"{earlier} values, of the stages before {self._sides[-1]} "
                "pixels, or one for all"
                if earlier
                else f"left out: {self._said_arch} has no earlier stage",
                ",".join(map(str, value)),
            )

    def _check_parts(self) -> None:
        """What asks for a part that not every architecture has."""
        penalty, recipe = self.penalty, self.recipe
        for name, value, there, part in (
            ("path_length", penalty.path_length, recipe.styles, "styles"),
            (
                "perceptual_path",
                penalty.perceptual_path,
                recipe.reconstructs,
                "reconstructions",
            ),
        ):
            said = f"left out: {self._said_arch} has no {part}"
            check(there or not value, name, said, value)

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
                check(
                    value >= minimum, name, f"at least {minimum} step(s)", value
                )
                changes[name] = value
            return dataclasses.replace(part, **changes)

        training = resolve(self._staged(num_images), steps=1)
        check(
            training.steps <= MAX_STEPS,
            "steps",
            f"at most {MAX_STEPS:,}",
            training.steps,
        )
        resolved = dataclasses.replace(
            self,
            training=training,
            method=resolve(self.method, warmup=0, update_interval=1, rewind=0),
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
                flat[f"{part.name}.{name}"] = plain(value)
        return flat


def plain(value: Any) -> Any:
    """A setting as JSON has it: durations are text, tuples lists."""
    if isinstance(value, Duration):
        return str(value)
    return [plain(v) for v in value] if isinstance(value, tuple) else value
