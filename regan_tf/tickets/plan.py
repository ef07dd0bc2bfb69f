"""The rounds of a ticket: how much each removes, and what run each is.

Importable without TensorFlow.
"""

import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass

from regan_tf.config import ExperimentConfig
from regan_tf.errors import UserError
from regan_tf.train.run_dir import RunDir

# Flags that a round of masks has not, or has with other values.
_OWN_FLAGS = "method rounds rewind prune_scope sparsity masks initial_weights"


def wants_ticket(config: ExperimentConfig) -> bool:
    """Whether a run is a ticket. Its dense round, with `--prune=none`, is an
    ordinary run."""
    return config.method.method == "ticket" and config.method.prune != "none"


def removed_after(number: int, rounds: int, sparsity: float) -> float:
    """Fraction of the weights that is removed after some rounds.

    Every round removes the same share of what is left, so that all of them
    remove `sparsity` together: 1 − (1 − sparsity)^(number/rounds).

    Args:
        number: rounds done, from 0.
        rounds: of the ticket.
        sparsity: removed after all of them, in (0, 1).
    """
    # Twelve digits: far below one weight, and 0.2 stays 0.2.
    return round(1 - (1 - sparsity) ** (number / rounds), 12)


@dataclass(frozen=True)
class Round:
    """One training of a ticket.

    Attributes:
        number: 0 is the dense training.
        removed: fraction of the prunable weights that it trains without.
        config: of the ordinary run that it is.
    """

    number: int
    removed: float
    config: ExperimentConfig

    @property
    def run_dir(self) -> str:
        """Its run directory."""
        return self.config.output.run_dir

    @property
    def finished(self) -> bool:
        """Whether it is trained, scored and exported."""
        # The last file that a run writes.
        return os.path.exists(RunDir(self.run_dir).result)

    def flags_text(self, text: str) -> str:
        """This round as a flag file.

        Args:
            text: the ticket as a flag file.
        """
        method = self.config.method
        if method.prune == "none":
            return text + "--prune=none\n"
        left_out = tuple(f"--{flag}=" for flag in _OWN_FLAGS.split())
        lines = [x for x in text.splitlines() if not x.startswith(left_out)]
        for name in ("initial_weights", "masks", "method"):
            lines.append(f"--{name}={getattr(method, name)}")
        return "\n".join(sorted(lines)) + "\n"


def rounds_of(config: ExperimentConfig) -> Iterator[Round]:
    """All trainings of a ticket, the dense one first.

    Args:
        config: of the ticket, durations in steps.

    Raises:
        UserError: training ends before the point that it rewinds to.
    """
    method, steps = config.method, config.training.steps
    if method.rewind >= steps:
        raise UserError(
            f"--rewind must be a point of training, which has {steps} steps. "
            f"Received: {method.rewind}"
        )
    dense = dataclasses.replace(method, prune="none")
    yield Round(0, 0.0, _in_folder(config, dense, 0))
    for number in range(1, method.rounds + 1):
        removed = removed_after(number, method.rounds, method.sparsity)
        masked = dataclasses.replace(
            method,
            method="fixed",
            sparsity=removed,
            prune_scope="layer",
            rounds=0,
            rewind=0,
            masks=masks_path(config, number),
            initial_weights=rewind_path(config),
        )
        yield Round(number, removed, _in_folder(config, masked, number))


def _in_folder(config, method, number):
    run_dir = os.path.join(config.output.run_dir, f"round_{number}")
    output = dataclasses.replace(config.output, run_dir=run_dir)
    return dataclasses.replace(config, method=method, output=output)


def masks_path(config: ExperimentConfig, number: int) -> str:
    """Where the masks of a round are; absolute, as flags give paths."""
    name = f"masks_{number}.npz"
    return os.path.abspath(os.path.join(config.output.run_dir, name))


def rewind_path(config: ExperimentConfig) -> str:
    """Where the dense round leaves the weights that all others start from."""
    dense = RunDir(os.path.join(config.output.run_dir, "round_0"))
    return os.path.abspath(dense.rewind)
