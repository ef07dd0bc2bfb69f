"""Re-GAN: what is pruned, how much and when."""

from dataclasses import dataclass

from regan_tf.config.checks import check, check_choice
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.regan.schedule import parse_schedule

PRUNE_CHOICES = ("generator", "discriminator", "both", "none")
REGROW_CHOICES = ("zero", "random")
REGAN_STAGES = ("last", "all")


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
        check_choice("prune", self.prune, PRUNE_CHOICES)
        check_choice("regrow", self.regrow, REGROW_CHOICES)
        check_choice("regan_stages", self.regan_stages, REGAN_STAGES)
        check(0 < self.sparsity < 1, "sparsity", "in (0, 1)", self.sparsity)
        check(
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
