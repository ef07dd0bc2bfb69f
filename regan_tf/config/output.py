"""Where a run writes, and how it is scored."""

from dataclasses import dataclass

from regan_tf.config.checks import check
from regan_tf.duration import Duration
from regan_tf.metrics.protocol import named_protocol

FEATURE_CHOICES = ("auto", "inception", "classifier", "none")


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
        check(bool(self.run_dir), "run_dir", "a folder's name", self.run_dir)
        check(
            self.keep_checkpoints >= 2,
            "keep_checkpoints",
            "at least 2 (the newest may be damaged)",
            self.keep_checkpoints,
        )
        named_protocol(self.protocol, has_test=True, num_fake=self.eval_images)
        check(bool(self.features), "features", "a choice", self.features)
