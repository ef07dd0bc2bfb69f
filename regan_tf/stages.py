"""Stages of training: resolutions that networks grow through.

Every architecture has stages; all but the progressively grown have one. Plain
Python, importable without TensorFlow.
"""

import bisect
from dataclasses import dataclass
from typing import NamedTuple

from regan_tf.errors import UserError


class View(NamedTuple):
    """What networks compute at a time.

    Attributes:
        resolution: image side in pixels.
        fading: whether the layers of this resolution fade in.
    """

    resolution: int
    fading: bool = False


@dataclass(frozen=True)
class Stage:
    """Training at one resolution, from step `start` to step `end`.

    Attributes:
        resolution: image side in pixels.
        batch_size: real images of a critic update, over all devices.
        generator_batch_size: fakes of a generator update, over all devices.
        start, end: completed steps when it begins and ends (exclusive).
        fade_end: step at which the layers of this resolution have faded in;
            `start` where nothing fades.
        images_before: real images shown before the stage.
        images_per_step: real images shown in one of its steps.
    """

    resolution: int
    batch_size: int
    generator_batch_size: int
    start: int
    end: int
    fade_end: int
    images_before: int
    images_per_step: int


@dataclass(frozen=True)
class Piece:
    """A stretch of steps [start, end) of one `View`, within a stage."""

    stage: Stage
    view: View
    start: int
    end: int


class Stages(tuple):
    """The `Stage`s of a run, in turn."""

    @property
    def last(self) -> Stage:
        """The stage of the full resolution."""
        return self[-1]

    @property
    def pieces(self) -> list[Piece]:
        """All stretches in which networks compute the same way."""
        found = []
        for stage in self:
            bounds = (
                (True, stage.start, stage.fade_end),
                (False, stage.fade_end, stage.end),
            )
            found += [
                Piece(stage, View(stage.resolution, fading), start, end)
                for fading, start, end in bounds
                if start < end
            ]
        return found

    def piece_at(self, step: int) -> Piece:
        """The piece of step `step` (from 0); of a later one, the last."""
        pieces = self.pieces
        starts = [piece.start for piece in pieces]
        return pieces[bisect.bisect_right(starts, step) - 1]

    def images_at(self, step: int) -> int:
        """Real images shown when `step` steps are completed."""
        stage = self.piece_at(step).stage
        return stage.images_before + (step - stage.start) * (
            stage.images_per_step
        )


def resolutions_to(last: int, first: int = 4) -> tuple[int, ...]:
    """`first`, doubled until `last`."""
    sides = [first]
    while sides[-1] < last:
        sides.append(2 * sides[-1])
    return tuple(sides)


def make_stages(
    sides: tuple[int, ...],
    batch_sizes: tuple[int, ...],
    lengths: tuple[int, ...],
    *,
    fade_images: float,
    critic_steps: int,
    fakes_per_image: float,
) -> Stages:
    """Stages of given lengths; the last ends where training does.

    Args:
        sides: resolutions, in turn.
        batch_sizes: real images of a critic update, for each resolution.
        lengths: steps of each stage.
        fade_images: real images over which the layers of a stage fade in;
            the first stage has nothing to fade from.
        critic_steps: critic updates of a step.
        fakes_per_image: size of a generator batch over that of a real one.

    Raises:
        UserError: a stage without steps, or a last one that ends fading.
    """
    stages, start, before = [], 0, 0
    for i, (side, batch, steps) in enumerate(
        zip(sides, batch_sizes, lengths, strict=True)
    ):
        if steps < 1:
            raise UserError(
                f"training must reach {sides[-1]} pixels: the {side}-pixel "
                f"stage has {steps} steps; raise --steps or lower "
                "--stage_lengths"
            )
        per_step = critic_steps * batch
        fading = round(fade_images / per_step) if i else 0
        if i and fading >= steps:
            raise UserError(
                f"the {side}-pixel stage must leave its fade-in of {fading} "
                f"steps: it has {steps}; lower --fade_kimg, or raise "
                + ("--steps" if i + 1 == len(sides) else "--stage_lengths")
            )
        stages.append(
            Stage(
                resolution=side,
                batch_size=batch,
                generator_batch_size=round(fakes_per_image * batch),
                start=start,
                end=start + steps,
                fade_end=start + fading,
                images_before=before,
                images_per_step=per_step,
            )
        )
        start, before = start + steps, before + steps * per_step
    return Stages(stages)
