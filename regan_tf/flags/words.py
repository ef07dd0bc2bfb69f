"""Words of a command line and of flag files, before absl reads them."""

import os

from regan_tf.errors import UserError


def expand_flagfiles(
    argv: list[str], base: str = "", seen: tuple[str, ...] = ()
) -> list[str]:
    """Replaces each `--flagfile=F` by the flags in F, nested ones too.

    absl resolves nested files against the working directory only; here a
    path is also looked for beside the file that names it.

    Args:
        argv: command-line words without the program's name.
        base: folder of the file that `argv` comes from.
        seen: files being expanded, to find a file that includes itself.

    Raises:
        UserError: a file is missing or includes itself.
    """
    words: list[str] = []
    for word in argv:
        name, _, value = word.lstrip("-").partition("=")
        if name != "flagfile" or not word.startswith("-"):
            words.append(word)
            continue
        path = value if os.path.exists(value) else os.path.join(base, value)
        if not os.path.isfile(path):
            raise UserError(
                f"--flagfile must be a file of flags, such as "
                f"configs/sngan.flags. Received: {value!r}"
            )
        if os.path.realpath(path) in seen:
            raise UserError(f"--flagfile={value} includes itself")
        try:
            with open(path, encoding="utf-8") as file:
                lines = [line.strip() for line in file]
        except (OSError, UnicodeDecodeError):
            raise UserError(
                f"--flagfile={value} is not a readable text file"
            ) from None
        lines = [line for line in lines if line and not line.startswith("#")]
        words += expand_flagfiles(
            lines, os.path.dirname(path), (*seen, os.path.realpath(path))
        )
    return words


def default_run_dir(argv: list[str]) -> str:
    """`runs/<name>` of the last flag file named in `argv`, or runs/default."""
    names = [w.partition("=")[2] for w in argv if "flagfile=" in w]
    stem = os.path.splitext(os.path.basename(names[-1]))[0] if names else ""
    return os.path.join("runs", stem or "default")


def joined(argv: list[str]) -> list[str]:
    """Words without the program's name, `--flagfile F` made one word."""
    joined, words = [], iter(argv[1:])
    for word in words:
        split = word in ("--flagfile", "-flagfile")
        joined.append(f"--flagfile={next(words, '')}" if split else word)
    return joined
