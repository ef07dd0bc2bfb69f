"""Pruning while training: the method, what it prunes, how much and when."""

from dataclasses import dataclass

from regan_tf.config.checks import check, check_choice
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.regan.schedule import parse_schedule

METHODS = tuple("regan acdc gmp one_shot random set rigl fixed ticket".split())
PRUNE_CHOICES = ("generator", "discriminator", "both", "none")
PRUNE_SCOPES = ("layer", "global")
REGROW_CHOICES = ("zero", "random", "kept")
REGAN_STAGES = ("last", "all")

# Settings that only some methods heed, with what leaves them out.
_HEEDED_BY = {
    "prune_scope": ("layer", ("regan", "acdc", "gmp", "one_shot", "ticket")),
    "regrow": ("zero", ("regan", "acdc")),
    "grow_lr_factor": (0.1, ("regan",)),
    "sparsity_schedule": (None, ("regan",)),
    "regan_stages": ("last", ("regan",)),
    "masks": (None, ("fixed",)),
    "initial_weights": (None, ("fixed",)),
    "rounds": (0, ("ticket",)),
    "rewind": (0, ("ticket",)),
}


@dataclass(frozen=True)
class MethodConfig:
    """How networks are pruned while they train.

    `warmup` and `update_interval` are durations until `ExperimentConfig.at`
    turns them into steps; they count from the start of the stages that
    `regan_stages` names. `sparsity_schedule` is the text of a schedule of
    tensorflow-model-optimization, or None for the paper's alternation.
    Fields with a default came later; runs recorded without them did that.

    Attributes:
        prune: networks that are pruned; "none" is dense training, whatever
            the method.
        method: "regan" (Saxena et al. 2023, section 3), or what it is
            compared with, see `regan_tf.regan.methods`.
        prune_scope: whether magnitudes are compared within a "layer" or over
            all kernels of a network, "global".
        regrow: what pruned weights start from in a dense phase: "zero",
            "random" values of their initialiser, or "kept": the values that
            they had.
        masks, initial_weights: files of `method` "fixed".
        rounds, rewind: of `method` "ticket": rounds of pruning, and the point
            of training, a duration as above, that survivors go back to.
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
    method: str = "regan"
    prune_scope: str = "layer"
    masks: str | None = None
    initial_weights: str | None = None
    rounds: int = 0
    rewind: Duration | int = 0

    def __post_init__(self) -> None:
        check_choice("method", self.method, METHODS)
        check_choice("prune", self.prune, PRUNE_CHOICES)
        check_choice("prune_scope", self.prune_scope, PRUNE_SCOPES)
        check_choice("regrow", self.regrow, REGROW_CHOICES)
        check_choice("regan_stages", self.regan_stages, REGAN_STAGES)
        check(0 < self.sparsity < 1, "sparsity", "in (0, 1)", self.sparsity)
        factor = self.grow_lr_factor
        check(0 < factor <= 1, "grow_lr_factor", "in (0, 1]", factor)
        if self.sparsity_schedule is not None:
            parse_schedule(self.sparsity_schedule)
            if self.regan_stages == "all":
                raise UserError(
                    "--sparsity_schedule counts from step 0 and cannot start "
                    "anew in stages. Received: --regan_stages=all"
                )
        self._check_heeded()

    def _check_heeded(self) -> None:
        """What the method does not heed must be left out, and what it needs
        be there."""
        for name, (left_out, methods) in _HEEDED_BY.items():
            value = getattr(self, name)
            said = f"left out: only --method={'|'.join(methods)} heeds it"
            unsaid = str(value) == str(left_out)  # of durations too
            check(self.method in methods or unsaid, name, said, str(value))
        if self.method == "fixed" and not self.masks:
            raise UserError(
                "--method=fixed needs --masks=FILE.npz. Received: no --masks"
            )
        if self.method == "ticket":
            said = "at least 1 with --method=ticket"
            check(self.rounds >= 1, "rounds", said, self.rounds)

    @property
    def trainings(self) -> int:
        """Trainings of a run: of a ticket one more than rounds, else one."""
        return 1 if self.prune == "none" else 1 + self.rounds

    def prunes(self, network: str) -> bool:
        """Whether `network` ("generator" or "discriminator") is pruned."""
        return self.prune in (network, "both")
