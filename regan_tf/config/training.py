"""The recipe of training."""

import math
from dataclasses import dataclass

from regan_tf.config.checks import check, check_choice
from regan_tf.duration import Duration
from regan_tf.errors import UserError

LR_DECAYS = ("none", "linear")
PRECISIONS = ("float32", "bfloat16", "float16", "auto")


@dataclass(frozen=True)
class TrainingConfig:
    """The recipe: a step is one generator update with its critic updates.

    `stage_lengths` and `stage_batch_sizes` are of the stages before the last
    resolution, where networks grow; `batch_size` is of the last. The
    generator is averaged with `ema_decay` a step, or with a half-life of
    `ema_kimg` thousand real images, at first `ema_rampup` times those shown so
    far. Fields with a default came later; runs recorded without them did that.
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
    ema_kimg: float = 0.0
    ema_rampup: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "batch_size generator_batch_size critic_steps grad_accumulation"
        ).split():
            check(
                getattr(self, name) >= 1, name, "at least 1", vars(self)[name]
            )
        check(
            0 < self.learning_rate < 1,
            "learning_rate",
            "in (0, 1)",
            self.learning_rate,
        )
        check_choice("lr_decay", self.lr_decay, LR_DECAYS)
        check(0 <= self.ema_decay < 1, "ema_decay", "in [0, 1)", self.ema_decay)
        for name in ("ema_kimg", "ema_rampup"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, "at least 0", value)
        check(
            self.ema_kimg > 0 or not self.ema_rampup,
            "ema_rampup",
            "left out, or go with --ema_kimg",
            self.ema_rampup,
        )
        if self.ema_kimg and self.ema_decay:
            raise UserError(
                "--ema_kimg and --ema_decay both say how the generator is "
                "averaged; set one of them to 0. Received: "
                f"--ema_kimg={self.ema_kimg:g}, --ema_decay={self.ema_decay:g}"
            )
        check(0 <= self.seed < 2**31, "seed", "in [0, 2147483648)", self.seed)
        check(self.devices >= 0, "devices", "0 (all) or more", self.devices)
        check_choice("precision", self.precision, PRECISIONS)
        for name in ("gradient_penalty", "drift"):
            check(vars(self)[name] >= 0, name, "at least 0", vars(self)[name])
        fade = self.fade_kimg
        check(0 <= fade < math.inf, "fade_kimg", "at least 0", fade)
        for value in self.stage_batch_sizes:
            check(value >= 1, "stage_batch_sizes", "at least 1 each", value)

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
            check(value % (devices * parts) == 0, name, by, value)
        for value in self.stage_batch_sizes:
            divides = value % (devices * parts) == 0
            check(divides, "stage_batch_sizes", by, value)

    def fakes_of(self, batch_size: int) -> float:
        """Fakes of a generator update in a stage of such real batches."""
        return self.generator_batch_size * batch_size / self.batch_size

    @property
    def averages(self) -> bool:
        """Whether the generator that is delivered is an average."""
        return bool(self.ema_decay or self.ema_kimg)

    @property
    def images_per_step(self) -> int:
        """Real images shown to the discriminator in one step of the last
        stage."""
        return self.critic_steps * self.batch_size
