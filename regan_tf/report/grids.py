"""Sample grids of runs side by side, from the PNG files that they wrote."""

import os
from collections.abc import Sequence
from typing import Any

from regan_tf.report.group import Group, Section
from regan_tf.report.read import LeftOut, Run

_SIDE = 256  # pixels of what is shown of a grid
_IMAGES = 4  # of the 8 in a row and a column of a grid
_GAP, _TEXT = 8, 18
_COLUMNS = 4
_GREY = (90, 90, 90)


def sample_sheet(section: Section, left_out: list[LeftOut]) -> Any | None:
    """The first 4 × 4 images of each group's last generators, of its first
    seed: the same latents in all runs of one latent size.

    Args:
        section: of one reference, so that all show the same kind of images.
        left_out: takes what cannot be read.

    Returns:
        A PIL image, or None where no run has a grid.
    """
    tiles = []
    for group in section.groups:
        for kind in group.kinds:
            tile = _tile_of(group, kind, left_out)
            if tile is not None:
                tiles.append((f"{group.label}, {kind}", tile))
    return _sheet(tiles) if tiles else None


def _tile_of(group: Group, kind: str, left_out: list[LeftOut]) -> Any | None:
    for run in group.runs:
        path = _grid_of(run, kind)
        if path is None:
            continue
        try:
            return _tile(path)
        except (OSError, SyntaxError, ValueError):  # Pillow's, of damage
            name = os.path.basename(path)
            left_out.append(LeftOut(run.label, f"samples/{name} is damaged"))
    return None


def _grid_of(run: Run, kind: str) -> str | None:
    """The file of the run's last grid of a half."""
    folder = os.path.join(run.path, "samples")
    if not run.lines or not os.path.isdir(folder):
        return None
    end = f"-{kind}.png"
    names = [x for x in os.listdir(folder) if x.endswith(end)]
    return os.path.join(folder, max(names)) if names else None


def _tile(path: str) -> Any:
    from PIL import Image

    with Image.open(path) as file:
        grid = file.convert("RGB")
    side = min(grid.size) * _IMAGES // 8
    part = grid.crop((0, 0, side, side))
    # Whole pixels stay whole.
    smooth = _SIDE % max(side, 1) != 0
    how = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return part.resize((_SIDE, _SIDE), how)


def _sheet(tiles: Sequence[tuple[str, Any]]) -> Any:
    from PIL import Image, ImageDraw, ImageFont

    columns = min(_COLUMNS, len(tiles))
    rows = -(-len(tiles) // columns)
    width, height = _SIDE + _GAP, _SIDE + _TEXT + _GAP
    size = columns * width + _GAP, rows * height + _GAP
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (label, tile) in enumerate(tiles):
        x = _GAP + number % columns * width
        y = _GAP + number // columns * height
        pen.text((x, y), _fitting(label, font), _GREY, font)
        sheet.paste(tile, (x, y + _TEXT))
    return sheet


def _fitting(label: str, font: Any) -> str:
    """The end of a label that is too long, which tells more."""
    if font.getlength(label) <= _SIDE:
        return label
    while font.getlength(f"…{label}") > _SIDE:
        label = label[1:]
    return f"…{label}"
