"""A run of the paper: one small flag file on top of another.

Importable without TensorFlow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

FOLDER = "configs/paper"


@dataclass(frozen=True)
class Run:
    """What a flag file of `configs/paper/` holds.

    Attributes:
        name: the file's stem.
        where: "Table 2", "Figure 6" or "Supplement".
        title: method and data in words.
        base: stem of the file in `configs/` that it changes.
        flags: the changes, "name=value" each.
        notes: sentences about what the paper leaves open here.
        same_as: name of a run that is the same training; its run directory
            then serves both.
    """

    name: str
    where: str
    title: str
    base: str
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    same_as: str | None = None

    @property
    def path(self) -> str:
        """Of the file, from the root of the repository."""
        return f"{FOLDER}/{self.name}.flags"

    @property
    def lines(self) -> list[str]:
        """Its flags, a line each."""
        if self.same_as:
            shared = f"--run_dir=runs/{self.same_as}"
            return [f"--flagfile={self.same_as}.flags", shared]
        return [f"--flagfile=../{self.base}.flags", *self._changes]

    @property
    def words(self) -> list[str]:
        """The same run as a command line that needs no file of this folder."""
        return [f"--flagfile=configs/{self.base}.flags", *self._changes]

    @property
    def _changes(self) -> list[str]:
        return sorted(f"--{flag}" for flag in self.flags)

    def alias(self, name: str, where: str, *notes: str) -> "Run":
        """This run as a row of another table."""
        first = self.same_as or self.name
        return replace(self, name=name, where=where, notes=notes, same_as=first)


def pair(
    where: str, stem: str, network: str, base: str, data: str, **more: tuple
) -> Iterator[Run]:
    """A network trained densely, and with Re-GAN.

    Args:
        where: of both.
        stem: that names start with.
        network: as the paper names it, such as "StyleGAN2 + APA".
        base: stem of Re-GAN's file in `configs/`, which has a dense twin.
        data: the training images in words.
        more: `flags` and `notes` of both.
    """
    low = network.lower().replace(" top", "").replace(" + ", "_")
    low = low.replace(" ", "_")
    for prefix, suffix in (("", "_dense"), ("Re-", "")):
        name = f"{stem}_{prefix.lower().replace('-', '_')}{low}"
        title = f"{prefix}{network}, {data}"
        yield Run(name, where, title, f"{base}{suffix}", **more)
