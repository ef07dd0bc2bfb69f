"""Command-line flags and their way into an `ExperimentConfig`.

With `regan_tf.evaluate`, which adds its own, the only reader of
`absl.flags`. Importable without TensorFlow.
"""

from absl import flags

from regan_tf.config import ExperimentConfig
from regan_tf.errors import UserError
from regan_tf.flags import data, method, output, penalty, training
from regan_tf.flags.common import FLAGS
from regan_tf.flags.words import default_run_dir, expand_flagfiles, joined
from regan_tf.recipes import RECIPES

define_data, define_scores = data.define, output.define_scores

PARTS = (data, training, penalty, method, output)


def define() -> None:
    """Defines all flags of `train_main.py`."""
    for part in PARTS:
        part.define()


def parse(argv: list[str]) -> list[str]:
    """As `parse_words`, and names the run directory after the flag file."""
    rest = parse_words(argv)
    if FLAGS.run_dir is None:
        FLAGS.run_dir = default_run_dir(joined(argv))
    return rest


def parse_words(argv: list[str]) -> list[str]:
    """Parses `argv` (with the program's name), absl's parser for `app.run`.

    Returns:
        What absl leaves over: the program's name.

    Raises:
        UserError: a flag is unknown or its value is of the wrong kind.
    """
    try:
        rest = FLAGS([argv[0], *expand_flagfiles(joined(argv))])
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    if len(rest) > 1:
        raise UserError(
            "every argument must be a flag, --name=value. "
            f"Received: {rest[1]!r}"
        )
    return rest


def read(words: list[str], run_dir: str) -> tuple[ExperimentConfig, str]:
    """The run that some flags describe; leaves none of them parsed.

    Args:
        words: flags as on a command line, all but those that say where the
            run is and whether to start it.
        run_dir: where it is.

    Returns:
        Its configuration, and the run as a flag file.

    Raises:
        UserError: flags that do not make a run.
    """
    try:
        parse_words(["", *words])
        for name in ("run_dir", "overwrite", "dry_run"):
            if FLAGS[name].present:
                raise UserError(
                    f"--{name} must be left out here, in flag files too"
                )
        FLAGS.run_dir = run_dir
        return config_from_flags(), as_text()
    finally:
        FLAGS.unparse_flags()


def as_text() -> str:
    """The run as a flag file: flags that differ from their defaults."""
    # Where the run is and whether to start it are not part of what it is.
    left_out = {"run_dir", "overwrite", "dry_run", "flagfile"}
    by_module = FLAGS.flags_by_module_dict()
    chosen = [
        flag.serialize()
        for part in PARTS
        for flag in by_module[part.__name__]
        if flag.value != flag.default and flag.name not in left_out
    ]
    return "\n".join(sorted(line for line in chosen if line)) + "\n"


def config_from_flags() -> ExperimentConfig:
    """Builds and checks the configuration from the parsed flags.

    Raises:
        UserError: flags that are out of range or contradict each other.
    """
    arch = training.arch_name()
    recipe = RECIPES[arch]
    return ExperimentConfig(
        data=data.make(recipe),
        network=training.make_network(arch, recipe),
        method=method.make(recipe),
        training=training.make(recipe),
        output=output.make(),
        penalty=penalty.make_penalty(recipe),
        augment=penalty.make_augment(recipe),
    )
