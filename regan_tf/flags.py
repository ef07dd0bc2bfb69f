"""Command-line flags and their way into an `ExperimentConfig`.

With `regan_tf.evaluate`, which adds its own, the only reader of
`absl.flags`. Importable without TensorFlow.
"""

import os

from absl import flags

from regan_tf.config import (
    FEATURE_CHOICES,
    LR_DECAYS,
    PRECISIONS,
    PRUNE_CHOICES,
    REGAN_STAGES,
    REGROW_CHOICES,
    DataConfig,
    ExperimentConfig,
    MethodConfig,
    NetworkConfig,
    OutputConfig,
    TrainingConfig,
)
from regan_tf.data.known_sets import DATASETS, default_resolution
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.metrics.protocol import PROTOCOLS
from regan_tf.recipes import RECIPES, Recipe
from regan_tf.stages import resolutions_to

FLAGS = flags.FLAGS

_RECIPE = " [default: the architecture's recipe]"
_LENGTH = " (steps, or as 20ep, 500kimg)"


def define() -> None:
    """Defines all flags of `train_main.py`."""
    define_data()
    _define_training()
    _define_method()
    _define_output()


def define_data() -> None:
    """Defines the flags that say which images."""
    flags.DEFINE_enum(
        "dataset",
        "cifar10",
        list(DATASETS),
        "Real images: scikit-learn's handwritten digits, CIFAR-10, a folder "
        "or zip of your own, or a published set that you downloaded, see "
        "docs/datasets.md.",
    )
    flags.DEFINE_string(
        "data_path",
        None,
        "Folder or zip of images, flat or in class folders, optionally below "
        "train/ and test/, or as a published set is passed on. For cifar10 it "
        "replaces the download; not for digits; all others need it.",
    )
    flags.DEFINE_integer(
        "resolution",
        None,
        "Image side in pixels. [default: the published set's; else 32]",
    )
    flags.DEFINE_float(
        "data_fraction",
        None,
        "Train on this fraction of the images: a fixed, class-stratified "
        "subset; smaller ones are parts of larger ones.",
    )
    flags.DEFINE_integer("num_images", None, "The same, as a count.")
    flags.DEFINE_bool(
        "skip_bad_images",
        False,
        "Leave unreadable files out (they are listed) instead of stopping.",
    )
    flags.DEFINE_bool("flip", None, "Mirror images at random." + _RECIPE)


def _define_training() -> None:
    archs = sorted(set(RECIPES) - {"progan_karras"})
    flags.DEFINE_enum("arch", "sngan", archs, "Architecture.")
    flags.DEFINE_enum(
        "progan_variant",
        "regan",
        ["regan", "karras"],
        "--arch=progan as the Re-GAN authors ran it, or as in its own paper.",
    )
    flags.DEFINE_integer(
        "generator_width", None, "Channels of the generator." + _RECIPE
    )
    flags.DEFINE_integer(
        "discriminator_width", None, "Channels of the discriminator." + _RECIPE
    )
    flags.DEFINE_bool(
        "fuse_resampling",
        True,
        "Compute a convolution and the up- or downsampling beside it as one "
        "operation: the same within rounding, faster.",
    )
    flags.DEFINE_string(
        "steps", None, "Length of training" + _LENGTH + "." + _RECIPE
    )
    flags.DEFINE_integer(
        "batch_size", None, "Real images per critic update." + _RECIPE
    )
    flags.DEFINE_integer(
        "generator_batch_size", None, "Fakes per generator update." + _RECIPE
    )
    flags.DEFINE_integer(
        "critic_steps", None, "Critic updates per generator update." + _RECIPE
    )
    flags.DEFINE_list(
        "stage_lengths",
        None,
        "Networks that grow: length of each stage before the last, which "
        "takes the rest; one for all, or one each" + _LENGTH + "." + _RECIPE,
    )
    flags.DEFINE_list(
        "stage_batch_sizes", None, "Their --batch_size, likewise." + _RECIPE
    )
    flags.DEFINE_float(
        "fade_kimg",
        None,
        "Thousands of images in which the layers of a stage fade in." + _RECIPE,
    )
    flags.DEFINE_float("learning_rate", None, "Adam's." + _RECIPE)
    flags.DEFINE_enum(
        "lr_decay", None, list(LR_DECAYS), "Over all steps." + _RECIPE
    )
    flags.DEFINE_float(
        "ema_decay",
        None,
        "Per-step decay of the averaged generator; 0 for none." + _RECIPE,
    )
    flags.DEFINE_integer("seed", 0, "Seed of weights, latents and data order.")
    flags.DEFINE_integer(
        "devices",
        0,
        "Devices to train on: 0 means every GPU, or one CPU; more than one "
        "on a machine without GPU makes virtual CPU devices, for tests.",
    )
    flags.DEFINE_enum(
        "precision",
        "float32",
        list(PRECISIONS),
        "What the networks compute in; weights, losses, averages, optimisers "
        "and whatever is scored or exported stay float32. bfloat16: faster "
        "on GPUs of compute capability 8 and more and on CPUs with its "
        "instructions; float16: with a dynamic loss scale, for older GPUs, "
        "slow on CPUs; auto: chosen from the device found, and recorded.",
    )
    flags.DEFINE_integer(
        "grad_accumulation",
        1,
        "Make each update from this many parts of its batch, one after the "
        "other: less memory, the same gradients but for batch statistics, "
        "which are then those of the parts. Batch sizes must be multiples.",
    )
    flags.DEFINE_bool(
        "jit",
        False,
        "Compile losses and gradients with XLA; on one device only. On CPUs "
        "it was measured to be slower for convolutions.",
    )
    flags.DEFINE_bool(
        "deterministic", False, "Force deterministic kernels (slower on GPU)."
    )


def _define_method() -> None:
    flags.DEFINE_enum(
        "prune",
        "generator",
        list(PRUNE_CHOICES),
        "Networks that Re-GAN prunes; none is the dense baseline.",
    )
    flags.DEFINE_float(
        "sparsity", 0.1, "Fraction of each kernel that a sparse phase removes."
    )
    flags.DEFINE_string(
        "warmup", "20000", "Dense training before pruning" + _LENGTH + "."
    )
    flags.DEFINE_string(
        "update_interval", "100", "Length g of each phase" + _LENGTH + "."
    )
    flags.DEFINE_enum(
        "regan_stages",
        "last",
        list(REGAN_STAGES),
        "Networks that grow: stages that --warmup and phases are counted in.",
    )
    flags.DEFINE_enum(
        "regrow",
        "zero",
        list(REGROW_CHOICES),
        "What pruned weights start from in a dense phase.",
    )
    flags.DEFINE_float(
        "grow_lr_factor",
        0.1,
        "Learning rate of the pruned networks in a dense phase, relative.",
    )
    flags.DEFINE_list(
        "mask_exclude", [], "Layers never pruned: parts of their names."
    )
    flags.DEFINE_string(
        "sparsity_schedule",
        None,
        "A tensorflow-model-optimization schedule instead of the "
        "alternation: 'polynomial(initial,final,begin,end)' or "
        "'constant(sparsity,begin)'. --sparsity, --warmup, --update_interval "
        "and --grow_lr_factor then have no say.",
    )


def _define_output() -> None:
    flags.DEFINE_string(
        "run_dir", None, "Run directory. [default: runs/<flag file's name>]"
    )
    flags.DEFINE_bool(
        "overwrite", False, "Start afresh; moves an old run directory aside."
    )
    flags.DEFINE_bool("dry_run", False, "Print what would be run, and stop.")
    flags.DEFINE_string("log_every", "100", "Between log lines" + _LENGTH)
    flags.DEFINE_string(
        "eval_every", "5000", "Between scores; 0: only at the end" + _LENGTH
    )
    flags.DEFINE_string(
        "checkpoint_every", "1000", "Between checkpoints" + _LENGTH
    )
    flags.DEFINE_integer("keep_checkpoints", 3, "Newest checkpoints to keep.")
    define_scores()


def define_scores() -> None:
    """Defines the flags that say how generators are scored."""
    flags.DEFINE_enum(
        "protocol",
        "paper",
        list(PROTOCOLS),
        "How generators are scored. paper: 10k samples against the test "
        "images, without any 5k against the training images; standard: 50k "
        "against the whole training split; fewshot: 5k against the images "
        "trained on.",
    )
    flags.DEFINE_integer(
        "eval_images",
        None,
        "Score another number of samples; the protocol is then called "
        "<name>@<number>.",
    )
    flags.DEFINE_string(
        "features",
        "auto",
        "Feature network of the scores: inception (TF-GAN's), classifier "
        "(trained on the data set's labels), none, or the path of a Keras "
        "file or SavedModel of your own; auto: Inception if --inception_path "
        "is given, else the classifier.",
    )
    flags.DEFINE_string(
        "inception_path", None, "SavedModel folder of TF-GAN's Inception."
    )
    flags.DEFINE_string(
        "inception_sha256", None, "The hash that its SavedModel must have."
    )


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


def parse(argv: list[str]) -> list[str]:
    """As `parse_words`, and names the run directory after the flag file."""
    rest = parse_words(argv)
    if FLAGS.run_dir is None:
        FLAGS.run_dir = default_run_dir(_joined(argv))
    return rest


def _joined(argv: list[str]) -> list[str]:
    """Words without the program's name, `--flagfile F` made one word."""
    joined, words = [], iter(argv[1:])
    for word in words:
        split = word in ("--flagfile", "-flagfile")
        joined.append(f"--flagfile={next(words, '')}" if split else word)
    return joined


def parse_words(argv: list[str]) -> list[str]:
    """Parses `argv` (with the program's name), absl's parser for `app.run`.

    Returns:
        What absl leaves over: the program's name.

    Raises:
        UserError: a flag is unknown or its value is of the wrong kind.
    """
    try:
        rest = FLAGS([argv[0], *expand_flagfiles(_joined(argv))])
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    if len(rest) > 1:
        raise UserError(
            "every argument must be a flag, --name=value. "
            f"Received: {rest[1]!r}"
        )
    return rest


def as_text() -> str:
    """The run as a flag file: flags that differ from their defaults."""
    # Where the run is and whether to start it are not part of what it is.
    left_out = {"run_dir", "overwrite", "dry_run", "flagfile"}
    own = FLAGS.flags_by_module_dict()[__name__]
    chosen = [
        flag.serialize()
        for flag in own
        if flag.value != flag.default and flag.name not in left_out
    ]
    return "\n".join(sorted(line for line in chosen if line)) + "\n"


def _or_recipe(name: str, recipe: Recipe) -> object:
    value = FLAGS[name].value
    return getattr(recipe, name) if value is None else value


def config_from_flags() -> ExperimentConfig:
    """Builds and checks the configuration from the parsed flags.

    Raises:
        UserError: flags that are out of range or contradict each other.
    """
    arch = _arch()
    recipe = RECIPES[arch]
    return ExperimentConfig(
        data=_data(recipe),
        network=_network(arch, recipe),
        method=_method(),
        training=_training(recipe),
        output=_output(),
    )


def _arch() -> str:
    """The name of the recipe."""
    if FLAGS.progan_variant == "regan":
        return FLAGS.arch
    if FLAGS.arch != "progan":
        raise UserError(
            f"--progan_variant is for --arch=progan. Received: --arch="
            f"{FLAGS.arch}"
        )
    return f"progan_{FLAGS.progan_variant}"


def _data(recipe: Recipe) -> DataConfig:
    return DataConfig(
        dataset=FLAGS.dataset,
        path=FLAGS.data_path,
        resolution=FLAGS.resolution,
        fraction=FLAGS.data_fraction,
        num_images=FLAGS.num_images,
        skip_bad_images=FLAGS.skip_bad_images,
        flip=_or_recipe("flip", recipe),
        dequantize=recipe.dequantize,
    )


def _network(arch: str, recipe: Recipe) -> NetworkConfig:
    return NetworkConfig(
        arch=arch,
        latent_dim=recipe.latent_dim,
        generator_width=_or_recipe("generator_width", recipe),
        discriminator_width=_or_recipe("discriminator_width", recipe),
        fuse_resampling=FLAGS.fuse_resampling,
    )


def _method() -> MethodConfig:
    return MethodConfig(
        prune=FLAGS.prune,
        sparsity=FLAGS.sparsity,
        warmup=Duration.parse(FLAGS.warmup, "warmup"),
        update_interval=Duration.parse(
            FLAGS.update_interval, "update_interval"
        ),
        regrow=FLAGS.regrow,
        grow_lr_factor=FLAGS.grow_lr_factor,
        mask_exclude=tuple(FLAGS.mask_exclude),
        sparsity_schedule=FLAGS.sparsity_schedule,
        regan_stages=FLAGS.regan_stages,
    )


def _training(recipe: Recipe) -> TrainingConfig:
    names = (
        "batch_size generator_batch_size critic_steps learning_rate "
        "lr_decay ema_decay fade_kimg"
    ).split()
    steps = recipe.steps if FLAGS.steps is None else FLAGS.steps
    values = {name: _or_recipe(name, recipe) for name in names}
    if recipe.grows and FLAGS.generator_batch_size is None:
        values["generator_batch_size"] = values["batch_size"]
    return TrainingConfig(
        steps=Duration.parse(steps, "steps"),
        **_stages(recipe),
        loss=recipe.loss,
        gradient_penalty=recipe.gradient_penalty,
        drift=recipe.drift,
        beta1=recipe.beta1,
        beta2=recipe.beta2,
        seed=FLAGS.seed,
        devices=FLAGS.devices,
        deterministic=FLAGS.deterministic,
        precision=FLAGS.precision,
        grad_accumulation=FLAGS.grad_accumulation,
        jit=FLAGS.jit,
        **values,
    )


def _stages(recipe: Recipe) -> dict[str, tuple]:
    """Lengths and batch sizes of the stages before the last."""
    earlier = 0
    if recipe.grows:
        last = FLAGS.resolution or default_resolution(FLAGS.dataset)
        earlier = len(resolutions_to(last)) - 1
    lengths = FLAGS.stage_lengths or [recipe.stage_length] * bool(earlier)
    batches = FLAGS.stage_batch_sizes or recipe.stage_batch_sizes[:earlier]
    try:
        batches = [int(b) for b in batches]
    except ValueError:
        raise UserError(
            "--stage_batch_sizes must be integers. Received: "
            + ",".join(batches)
        ) from None
    parsed = {
        "stage_lengths": [Duration.parse(x, "stage_lengths") for x in lengths],
        "stage_batch_sizes": batches,
    }
    return {
        name: tuple(
            values * earlier if len(values) == 1 and earlier else values
        )
        for name, values in parsed.items()
    }


def _output() -> OutputConfig:
    lengths = {
        name: Duration.parse(FLAGS[name].value, name)
        for name in ("log_every", "eval_every", "checkpoint_every")
    }
    features = FLAGS.features
    if features not in FEATURE_CHOICES:
        features = os.path.abspath(os.path.expanduser(features))
        if not os.path.exists(features):
            raise UserError(
                f"--features must be one of {', '.join(FEATURE_CHOICES)}, or "
                f"the path of a network. Received: {FLAGS.features!r}"
            )
    return OutputConfig(
        run_dir=FLAGS.run_dir,
        keep_checkpoints=FLAGS.keep_checkpoints,
        protocol=FLAGS.protocol,
        eval_images=FLAGS.eval_images,
        features=features,
        inception_path=FLAGS.inception_path,
        inception_sha256=FLAGS.inception_sha256,
        **lengths,
    )
