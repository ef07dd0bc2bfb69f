"""The folder of a report: a page, figures, and the figures' numbers."""

import json
import os
from collections.abc import Sequence
from importlib.util import find_spec

from regan_tf.errors import UserError
from regan_tf.metrics.score_lines import in_words, unlike
from regan_tf.paper import Row
from regan_tf.report.bars import cost_by_fraction
from regan_tf.report.curves import Picture, all_points
from regan_tf.report.draw import draw
from regan_tf.report.grids import sample_sheet
from regan_tf.report.group import Section, sections_of
from regan_tf.report.missing import missing_in
from regan_tf.report.out import MARK, check_out, write
from regan_tf.report.paper import all_rows, paper_table
from regan_tf.report.pictures import pictures_of
from regan_tf.report.read import LeftOut, read_runs
from regan_tf.report.rows import (
    FOLDER,
    Part,
    missing_figures,
    missing_rows,
    parts_of,
)
from regan_tf.report.tables import (
    MISSING,
    all_runs,
    all_scores,
    score_table,
    shortened,
)
from regan_tf.train.run_dir import folder_atomically

PAGE = "report.md"
_HEAD = f"""\
# Report

Scores are means over seeds ± their sample standard deviation; \
"{MISSING}" stands for what is listed under Missing. Sections hold what \
compares: one protocol, reference, feature network and fraction of the images. \
Best is the checkpoint of the least distance, chosen on the reference that it \
is scored against; last is the end of training. Every digit is in scores.csv, \
paper.csv and figures.csv, and runs.csv says which run is in which line."""
_PAPER = """\
## Beside the paper

Published FID and IS stand beside `fid` and `is` of TF-GAN's Inception under \
the protocol of their table, nowhere else: scores of other networks are in the \
sections below, without published ones. Differences are ours less theirs. The \
published deviation of IS is that of its ten splits, ours is over seeds. \
Published images and hours are those until the best score, on other machines; \
FLOPs are compared where the paper's count is identified."""


def make_report(
    paths: Sequence[str],
    out: str,
    rows: Sequence[Row],
    *,
    wanted: Sequence[tuple[str, str]] = (),
    folder: str = FOLDER,
    figures: bool = True,
) -> tuple[list[Section], list[LeftOut]]:
    """Reads runs and writes their report; the same runs, the same bytes.

    Args:
        paths: run directories, result files, or folders of such.
        out: folder to make; one that a report made is replaced.
        rows: of the paper.
        wanted: the paper's figures with the flag files of their runs, by
            stem; those that are missing are named.
        folder: where the flag files are.
        figures: whether to draw.

    Returns:
        The sections, and what was left out.

    Raises:
        UserError: nothing to report, or `out` is something else.
    """
    check_out(out)
    if figures and find_spec("matplotlib") is None:
        raise UserError(
            "figures are drawn by matplotlib, which is not installed; install "
            "it, or pass --nofigures"
        )
    runs, left_out = read_runs(paths)
    if not runs:
        more = "".join(f"; {x.source}: {x.reason}" for x in left_out[:3])
        raise UserError(
            f"no finished run to report at {', '.join(paths)}{more}"
        )
    sections, again = sections_of(runs)
    parts = parts_of(rows, sections, folder)
    pictures, damaged = pictures_of(sections)
    pictures += cost_by_fraction(rows, sections, folder)
    left_out += again + damaged
    if not os.path.isdir(folder):
        reason = "no such folder: which runs are the paper's is not known"
        left_out.append(LeftOut(folder, reason))
    try:
        with folder_atomically(os.path.normpath(out)) as made:
            names = []
            if figures:
                names = _draw_all(made, sections, pictures, left_out)
            missing = missing_rows(parts, sections, folder)
            missing += missing_figures(wanted, sections, folder)
            for section in sections:
                missing += [
                    f"Section {section.number}, {line}"
                    for line in missing_in(section)
                ]
            page = _page(sections, parts, pictures, names, missing, left_out)
            for name, text in {
                PAGE: page,
                "scores.csv": all_scores(sections).csv(),
                "runs.csv": all_runs(sections).csv(),
                "paper.csv": all_rows(parts).csv(),
                "figures.csv": all_points(pictures).csv(),
            }.items():
                write(os.path.join(made, name), text)
            listed = sorted([*os.listdir(made), MARK])
            write(os.path.join(made, MARK), json.dumps(listed) + "\n")
    except OSError as error:
        raise UserError(
            f"--out={out} cannot be written ({error.strerror or error}); name "
            "a folder in one that may be written to"
        ) from None
    return sections, left_out


def _draw_all(
    made: str,
    sections: Sequence[Section],
    pictures: Sequence[Picture],
    left_out: list[LeftOut],
) -> list[str]:
    """Draws figures and sheets of samples; returns the sheets' names."""
    for picture in pictures:
        draw(picture, os.path.join(made, f"{picture.name}.png"))
    names = []
    for section in sections:
        sheet = sample_sheet(section, left_out)
        if sheet is not None:
            names.append(f"section-{section.number}-samples.jpg")
            sheet.save(os.path.join(made, names[-1]), quality=90)
    return names


def _page(
    sections: Sequence[Section],
    parts: Sequence[Part],
    pictures: Sequence[Picture],
    sheets: Sequence[str],
    missing: Sequence[str],
    left_out: Sequence[LeftOut],
) -> str:
    blocks = [_HEAD, *_paper_blocks(parts)]
    for section in sections:
        blocks += _section_blocks(section, sections)
        start = f"section-{section.number}-"
        blocks += [_image(x) for x in pictures if x.name.startswith(start)]
        if f"{start}samples.jpg" in sheets:
            said = "Samples of the last generators, of the first seed"
            blocks.append(f"![{said}]({start}samples.jpg)")
    across = [x for x in pictures if x.name.startswith("sections-")]
    if across:
        blocks += ["## Across sections", *map(_image, across)]
    blocks += ["## Missing", _listing(missing)]
    lines = [f"{source}: {reason}" for source, reason in left_out]
    blocks += ["## Left out", _listing(lines)]
    return "\n\n".join(blocks) + "\n"


def _paper_blocks(parts: Sequence[Part]) -> list[str]:
    blocks = []
    for part in parts:
        for number in part.sections:
            blocks += [
                f"### {part.where}: {part.data} (section {number})",
                paper_table(part, number).markdown(),
            ]
    return (
        [_PAPER, *blocks]
        if blocks
        else [_PAPER, "None of these runs is one of the paper's and scored so."]
    )


def _section_blocks(section: Section, sections: Sequence[Section]) -> list[str]:
    said = section.title
    for other in sections[: section.number - 1]:
        if other.title == said:
            found = unlike(other.line, section.line)
            names = ", ".join(f"{x} is {in_words(b)}" for x, _, b in found)
            said += f"; unlike section {other.number}: {names}"
    network = section.line["protocol"].get("feature_network")
    short = any(shortened(section, x) != x for x in section.scores)
    note = f" In names of scores … stands for {network}." if short else ""
    return [
        f"## Section {section.number}",
        f"{said[:1].upper()}{said[1:]}.{note}",
        score_table(section).markdown(),
    ]


def _image(picture: Picture) -> str:
    return f"![{picture.caption}]({picture.name}.png)"


def _listing(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "Nothing."
