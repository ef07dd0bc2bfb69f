"""Which runs are the paper's rows, and which rows have none."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from regan_tf.errors import UserError
from regan_tf.metrics.protocol import named_protocol
from regan_tf.paper import Row
from regan_tf.report.group import Group, Section
from regan_tf.report.identity import asked, identity

FOLDER = os.path.join("configs", "paper")


@dataclass(frozen=True, eq=False)
class Part:
    """Rows of one table whose figures compare: one data set, one fraction.

    Attributes:
        where: such as "Table 2".
        data: the images in words.
        found: each row with its groups, by section number.
    """

    where: str
    data: str
    found: list[tuple[Row, dict[int, Group]]]

    @property
    def sections(self) -> list[int]:
        """Numbers of the sections that any of the rows has a run in."""
        return sorted({n for _, groups in self.found for n in groups})


def parts_of(
    rows: Sequence[Row], sections: Sequence[Section], folder: str = FOLDER
) -> list[Part]:
    """Finds the runs of published rows.

    A run is a row's if its settings are those of the row's flag file, seed
    and output aside, and it has an FID under the row's protocol.

    Args:
        rows: in the order of the paper.
        sections: of our runs.
        folder: where the rows' flag files are.
    """

    parts: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.table:  # bars of figures are rows of tables, too
            parts.setdefault((row.where, _data(row)), []).append(row)
    return [
        Part(*key, [(row, groups_of(row, sections, folder)) for row in some])
        for key, some in parts.items()
    ]


def _data(row: Row) -> str:
    if row.data_fraction is None:
        return f"{row.dataset}, {row.num_images} images"
    if row.data_fraction == 1:
        return f"{row.dataset}, all images"
    return f"{row.dataset}, {100 * row.data_fraction:.3g}% of the images"


def groups_of(
    row: Row, sections: Sequence[Section], folder: str
) -> dict[int, Group]:
    """The groups that are a row's runs, by section number."""
    return {
        section.number: group
        for section in sections
        if scored_as(row, section)
        for group in section.groups
        if trained_as(row.config, group, folder)
    }


def scored_as(row: Row, section: Section) -> bool:
    """Whether a section's scores are FIDs under the row's protocol: all of
    it, not its name alone, and the reference as large as it asks for."""
    if "fid" not in section.scores:
        return False
    found = section.line["protocol"]
    known = named_protocol(
        row.protocol, has_test=found.get("reference") == "test"
    )
    wanted = known.as_dict()
    if known.max_reference is not None:
        wanted["num_reference"] = known.max_reference
    del wanted["latent_seed"]
    return all(found.get(name, x) == x for name, x in wanted.items())


def trained_as(config: str | None, group: Group, folder: str) -> bool:
    """Whether a group's settings are those of a row's flag file.

    Args:
        config: stem of the file, or None for no run.
        group: of our runs.
        folder: where the file is.
    """
    path = os.path.join(folder, f"{config}.flags")
    line = group.runs[0].line
    if config is None or not os.path.exists(path):
        return False
    try:
        asked_for = asked([f"--flagfile={path}"], line["num_training"])
    except UserError:  # lengths that do not fit so few images
        return False
    return identity(asked_for) == group.config


def method_of(row: Row) -> str:
    """The row's method, with the learning rate where the table varies it."""
    rate = row.learning_rate
    return row.method if rate is None else f"{row.method}, rate {rate:g}"


def missing_figures(
    wanted: Iterable[tuple[str, str]],
    sections: Sequence[Section],
    folder: str = FOLDER,
) -> list[str]:
    """A line for each figure that some run is missing for.

    Args:
        wanted: figures with the stems of their runs' flag files.
        sections: of our runs.
        folder: where the flag files are.
    """
    groups = [group for section in sections for group in section.groups]
    lacking: dict[str, list[str]] = {}
    for where, stem in wanted:
        if not any(trained_as(stem, group, folder) for group in groups):
            lacking.setdefault(where, []).append(f"`{stem}`")
    return [
        f"{where}: no run of {', '.join(stems)}"
        for where, stems in lacking.items()
    ]


def missing_rows(
    parts: Sequence[Part], sections: Sequence[Section], folder: str = FOLDER
) -> list[str]:
    """A line for each part whose rows have no run, and for each row whose
    runs are scored otherwise than the paper's."""
    found = []
    for part in parts:
        lacking = [
            row
            for row, groups in part.found
            if row.config is not None and not groups
        ]
        without = []
        for row in lacking:
            others = [
                f"{group.label} (section {section.number})"
                for section in sections
                for group in section.groups
                if trained_as(row.config, group, folder)
            ]
            if others:
                found.append(
                    f"{part.where}, {part.data}, {method_of(row)}: no FID "
                    f"under protocol {row.protocol}; scored otherwise: "
                    + ", ".join(others)
                )
            else:
                without.append(f"`{row.config}`")
        if without:
            found.append(
                f"{part.where}, {part.data}: no run of {', '.join(without)}"
            )
    return found
