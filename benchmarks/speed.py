"""How fast does it train? All figures of one run, on this machine.

    python -m benchmarks.speed                      # full-width SNGAN
    python -m benchmarks.speed --generator_width=64 --discriminator_width=64

Training steps of each precision, with fused resampling and without, in turn,
so that whatever else the machine does meets all of them. Prints tables; --json
writes them. Further flags are those of `train_main.py`.

images/s      real images shown to the discriminator in a second
useful        operations of the networks as published (without what fusing
              saves) over the rate of TensorFlow's matrix product
overhead      time of a step over that of the same step without masks
stall         share of a step that waits for images
"""

import dataclasses
import json
import os
import resource
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from regan_tf import flags as regan_flags

FLAGS = flags.FLAGS
_IMAGES = 5000


def define():
    """Defines the flags of this command."""
    regan_flags.define()
    flags.DEFINE_integer("rounds", 5, "Alternations of the cases.")
    flags.DEFINE_integer("mask_rounds", 20, "Alternations, masks on and off.")
    flags.DEFINE_list("precisions", ["float32", "bfloat16"], "To compare.")
    flags.DEFINE_string("json", None, "File for all figures.")
    flags.DEFINE_string("only", None, "For one process alone: a precision.")


def matmul_rate(precision, size=2048, seconds=2.0):
    """Operations a second of a matrix product, 2 a multiply-accumulate."""
    import tensorflow as tf

    a = tf.cast(tf.random.normal((size, size)), precision)
    product = tf.function(lambda x: x @ a)
    product(a).numpy()
    best, end = float("inf"), time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        tf.reduce_sum(product(a)).numpy()
        best = min(best, time.monotonic() - start)
    return 2 * size**3 / best


class Case:
    """Networks and loop of one configuration.

    Args:
        config: `ExperimentConfig` in steps.
        batches: function of the number of batches shown that gives a dataset.
    """

    def __init__(self, config, batches):
        import tensorflow as tf

        from regan_tf.train.gan import GAN
        from regan_tf.train.loop import Trainer
        from regan_tf.train.statistics import Statistics
        from regan_tf.train.step import GANStep

        self.config = config
        strategy = tf.distribute.get_strategy()
        self.gan, self.statistics = GAN(config), Statistics()
        self.trainer = Trainer(
            strategy,
            GANStep(self.gan, config, 1),
            self.statistics,
            batches,
            config.training.critic_steps,
            self.gan.average,
            steps_per_call=1,
        )
        self.done = 0

    def seconds(self, steps=1):
        """Seconds of a step, from a run of `steps`."""
        start = time.monotonic()
        end = self.done + steps
        self.done = self.trainer.train(self.gan, self.done, end, [])
        self.statistics.read()  # waits for the device
        return (time.monotonic() - start) / steps


def in_turn(cases, rounds, steps=1):
    """Seconds of a step of each case, `rounds` of each, in turn."""
    for case in cases.values():
        case.seconds()  # traces
        case.seconds()
    times = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            times[name].append(case.seconds(steps))
    return times


def interval(values):
    """Median and a 95% interval of it, by the binomial order statistics."""
    ordered = sorted(values)
    n = len(ordered)
    reach = 0.98 * n**0.5
    low = max(0, int(n / 2 - reach))
    high = min(n - 1, int(n / 2 + reach))
    return statistics.median(ordered), ordered[low], ordered[high]


def change(config, **parts):
    """`config` with fields changed: training={...}, network={...}, ..."""
    changed = {
        name: dataclasses.replace(getattr(config, name), **fields)
        for name, fields in parts.items()
    }
    return dataclasses.replace(config, **changed)


def batches_of(config, images=None):
    """Function of the batches shown: the pipeline, or one batch for ever."""
    import numpy as np
    import tensorflow as tf

    from regan_tf.data import image_batches

    size, batch = config.data.resolution, config.training.batch_size
    if images is None:
        shape = (_IMAGES, size, size, 3)
        images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    def pipeline(shown):
        return image_batches(
            images, batch_size=batch, seed=0, start=shown * batch
        )

    def constant(shown):
        del shown
        return tf.data.Dataset.from_tensors(images[:batch]).repeat()

    return pipeline, constant


def step_table(config, precisions, rounds):
    """Rows of images/s and useful operations for each case."""
    from regan_tf.costs import RunCost

    pipeline, _ = batches_of(config)
    cases = {}
    for precision in precisions:
        for fused in (True, False):
            cases[precision, fused] = Case(
                change(
                    config,
                    training={"precision": precision},
                    network={"fuse_resampling": fused},
                ),
                pipeline,
            )
    rates = {precision: matmul_rate(precision) for precision in precisions}
    times = in_turn(cases, rounds)
    flops = sum(vars(RunCost(config).at(1).dense).values())
    rows = []
    for (precision, fused), values in times.items():
        median, low, high = interval(values)
        rows.append(
            {
                "precision": precision,
                "fused": fused,
                "seconds_per_step": median,
                "seconds_low": low,
                "seconds_high": high,
                "images_per_second": config.training.images_per_step / median,
                "useful_flops": flops / median,
                "matmul_flops": rates[precision],
                "useful_share": flops / median / rates[precision],
            }
        )
    return rows


def mask_overhead(config, rounds):
    """Masked over dense steps, and the time of computing all masks."""
    from regan_tf.regan.pruner import Pruner

    config = change(config, training={"critic_steps": 1})
    pipeline, _ = batches_of(config)
    dense = change(config, method={"prune": "none"})
    cases = {"masked": Case(config, pipeline), "dense": Case(dense, pipeline)}
    times = in_turn(cases, rounds)
    ratios = [
        masked / dense
        for masked, dense in zip(times["masked"], times["dense"], strict=True)
    ]
    gan = cases["masked"].gan
    pruner = Pruner(gan.generator, gan.generator_optimizer)
    pruner.prune(0.1)
    start = time.monotonic()
    pruner.prune(0.1)
    median, low, high = interval(ratios)
    return {
        "overhead": median,
        "overhead_low": low,
        "overhead_high": high,
        "alternations": rounds,
        "mask_update_seconds": time.monotonic() - start,
        "step_seconds": statistics.median(times["masked"]),
    }


def stall(config, rounds, images=None):
    """Share of a step's time that waits for images: pipeline over a batch
    that is there already."""
    pipeline, constant = batches_of(config, images)
    cases = {
        "pipeline": Case(config, pipeline),
        "there": Case(config, constant),
    }
    times = in_turn(cases, rounds, steps=2)
    ratios = [
        1 - there / pipeline
        for pipeline, there in zip(
            times["pipeline"], times["there"], strict=True
        )
    ]
    return statistics.median(ratios)


def alone(argv, precision):
    """Start to first step, and peak memory, of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed", *argv[1:]]
    start = time.monotonic()
    result = subprocess.run(
        [*command, f"--only={precision}"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(result.stdout.strip().splitlines()[-1])
    figures["first_step_seconds"] = figures.pop("first_step_at") - start
    return figures


def _only(config, precision):
    """What the process of `alone` does: two steps."""
    config = change(config, training={"precision": precision})
    case = Case(config, batches_of(config)[0])
    case.seconds()
    first = time.monotonic()  # one clock for all processes of a machine
    case.seconds()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"first_step_at": first, "peak_memory_bytes": peak}))


def _configuration():
    config = regan_flags.config_from_flags().at(_IMAGES)
    return change(config, output={"features": "none"})


def main(argv):
    """Runs the command."""
    del argv
    config = _configuration()
    if FLAGS.only:
        _only(config, FLAGS.only)
        return
    words = [a for a in sys.argv if not a.startswith("--json")]
    processes = {p: alone(words, p) for p in FLAGS.precisions}
    rows = step_table(config, FLAGS.precisions, FLAGS.rounds)
    print("| precision | fused | images/s | s/step | useful | memory | start |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        process = processes[row["precision"]] if row["fused"] else None
        memory, start = "", ""
        if process:
            memory = f"{process['peak_memory_bytes'] / 2**30:.2f} GiB"
            start = f"{process['first_step_seconds']:.0f} s"
        print(
            f"| {row['precision']} | {'yes' if row['fused'] else 'no'} | "
            f"{row['images_per_second']:.1f} | {row['seconds_per_step']:.2f} | "
            f"{row['useful_share']:.0%} | {memory} | {start} |",
            flush=True,
        )
    masks = mask_overhead(config, FLAGS.mask_rounds)
    print(
        f"masks: a step takes {masks['overhead']:.3f} "
        f"({masks['overhead_low']:.3f} to {masks['overhead_high']:.3f}) of "
        f"one without, {FLAGS.mask_rounds} alternations; all masks anew in "
        f"{masks['mask_update_seconds']:.2f} s, a step takes "
        f"{masks['step_seconds']:.2f} s",
        flush=True,
    )
    waits = stall(change(config, training={"critic_steps": 1}), FLAGS.rounds)
    print(f"stall, images in memory: {waits:.1%}")
    if FLAGS.json:
        document = {
            "config": config.as_dict(),
            "processes": processes,
            "steps": rows,
            "masks": masks,
            "stall": waits,
        }
        with open(FLAGS.json, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)


if __name__ == "__main__":
    define()
    app.run(main, flags_parser=regan_flags.parse)
