"""Flags of the recipe: networks and training."""

from absl import flags

from regan_tf.config import NetworkConfig, TrainingConfig
from regan_tf.config.training import LR_DECAYS, PRECISIONS
from regan_tf.data.known_sets import default_resolution
from regan_tf.duration import Duration
from regan_tf.errors import UserError
from regan_tf.flags.common import (
    FLAGS,
    FROM_RECIPE,
    LENGTH,
    from_flags,
    or_recipe,
)
from regan_tf.recipes import RECIPES, Recipe
from regan_tf.stages import resolutions_to


def define() -> None:
    """Defines them."""
    archs = sorted(set(RECIPES) - {"progan_karras"})
    flags.DEFINE_enum("arch", "sngan", archs, "Architecture.")
    flags.DEFINE_enum(
        "progan_variant",
        "regan",
        ["regan", "karras"],
        "--arch=progan as the Re-GAN authors ran it, or as in its own paper.",
    )
    flags.DEFINE_integer(
        "generator_width", None, "Channels of the generator." + FROM_RECIPE
    )
    flags.DEFINE_integer(
        "discriminator_width",
        None,
        "Channels of the discriminator." + FROM_RECIPE,
    )
    flags.DEFINE_bool(
        "fuse_resampling",
        True,
        "Compute a convolution and the up- or downsampling beside it as one "
        "operation: the same within rounding, faster.",
    )
    flags.DEFINE_string(
        "steps", None, "Length of training" + LENGTH + "." + FROM_RECIPE
    )
    flags.DEFINE_integer(
        "batch_size", None, "Real images per critic update." + FROM_RECIPE
    )
    flags.DEFINE_integer(
        "generator_batch_size",
        None,
        "Fakes per generator update." + FROM_RECIPE,
    )
    flags.DEFINE_integer(
        "critic_steps",
        None,
        "Critic updates per generator update." + FROM_RECIPE,
    )
    flags.DEFINE_list(
        "stage_lengths",
        None,
        "Networks that grow: length of each stage before the last, which "
        "takes the rest; one for all, or one each" + LENGTH + "." + FROM_RECIPE,
    )
    flags.DEFINE_list(
        "stage_batch_sizes", None, "Their --batch_size, likewise." + FROM_RECIPE
    )
    flags.DEFINE_float(
        "fade_kimg",
        None,
        "Thousands of images in which the layers of a stage fade in."
        + FROM_RECIPE,
    )
    flags.DEFINE_float("learning_rate", None, "Adam's." + FROM_RECIPE)
    flags.DEFINE_enum(
        "lr_decay", None, list(LR_DECAYS), "Over all steps." + FROM_RECIPE
    )
    flags.DEFINE_float(
        "ema_decay",
        None,
        "Per-step decay of the averaged generator; 0 for none." + FROM_RECIPE,
    )
    flags.DEFINE_float(
        "ema_kimg",
        None,
        "Half-life of the averaged generator in thousands of images, instead "
        "of --ema_decay." + FROM_RECIPE,
    )
    flags.DEFINE_float(
        "ema_rampup",
        None,
        "At first the half-life is this share of the images shown; 0: none."
        + FROM_RECIPE,
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


def arch_name() -> str:
    """The name of the recipe."""
    if FLAGS.progan_variant == "regan":
        return FLAGS.arch
    if FLAGS.arch != "progan":
        raise UserError(
            f"--progan_variant is for --arch=progan. Received: --arch="
            f"{FLAGS.arch}"
        )
    return f"progan_{FLAGS.progan_variant}"


def make_network(arch: str, recipe: Recipe) -> NetworkConfig:
    """The networks that they ask for."""
    return NetworkConfig(
        arch=arch,
        latent_dim=recipe.latent_dim,
        generator_width=or_recipe("generator_width", recipe),
        discriminator_width=or_recipe("discriminator_width", recipe),
        fuse_resampling=FLAGS.fuse_resampling,
    )


def make(recipe: Recipe) -> TrainingConfig:
    """The training that they ask for."""
    names = (
        "batch_size generator_batch_size critic_steps learning_rate "
        "lr_decay fade_kimg"
    )
    steps = recipe.steps if FLAGS.steps is None else FLAGS.steps
    values = from_flags(names, recipe) | _average(recipe)
    alike = recipe.generator_batch_size == recipe.batch_size
    if alike and FLAGS.generator_batch_size is None:
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


def _average(recipe: Recipe) -> dict[str, float]:
    """How the generator is averaged: the one given stands for the other."""
    given = {n: FLAGS[n].value for n in ("ema_decay", "ema_kimg")}
    if any(value is not None for value in given.values()):
        average = {name: value or 0.0 for name, value in given.items()}
    else:
        average = {name: getattr(recipe, name) for name in given}
    rampup = FLAGS.ema_rampup
    if rampup is None:
        rampup = recipe.ema_rampup if average["ema_kimg"] else 0.0
    return average | {"ema_rampup": rampup}


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
