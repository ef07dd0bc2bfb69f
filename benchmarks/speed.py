"""How fast does it train? All figures of one run, on this machine.

    python -m benchmarks.speed                      # full-width SNGAN
    python -m benchmarks.speed --archs=all --parts=steps
    python -m benchmarks.speed --generator_width=64 --discriminator_width=64

Training steps of each precision, with fused resampling and without, in turn,
so that whatever else the machine does meets all of them. Prints tables; --json
writes them. Further flags are those of `train_main.py`.

images/s      real images shown to the discriminator in a second
useful        operations of the networks as published (without what fusing
              saves) over the rate of TensorFlow's matrix product
masks         time of a step over that of the same step without masks, and
              the peak memory of processes with masks and without
input         seconds that a step waits for images that are not ready when it
              asks for them
"""

import io
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from benchmarks.cases import (
    NUM_IMAGES,
    Case,
    batches_of,
    change,
    configuration,
    in_precision,
    in_turn,
    interval,
    matmul_rate,
    noise_images,
)
from regan_tf import flags as regan_flags
from regan_tf.data.known_sets import default_resolution
from regan_tf.errors import UserError
from regan_tf.precision import POLICIES

FLAGS = flags.FLAGS
_PARTS = ("processes", "steps", "masks", "input")


def define():
    """Defines the flags of this command."""
    regan_flags.define()
    flags.DEFINE_list("archs", [], 'To compare, or "all"; default: --arch.')
    flags.DEFINE_list("parts", list(_PARTS), "What to measure.")
    flags.DEFINE_list("precisions", ["float32", "bfloat16"], "To compare.")
    flags.DEFINE_integer("alternations", 5, "Of the cases, in turn.")
    flags.DEFINE_integer("mask_alternations", 20, "Of masks on and off.")
    flags.DEFINE_string("json", None, "File for all figures.")
    flags.DEFINE_string("serve", None, "For other processes: a precision.")


def step_table(config, precisions, rounds):
    """Rows of images/s and useful operations for each case."""
    from regan_tf.costs import RunCost

    cases = {}
    for precision in precisions:
        for fused in (True, False):
            changed = change(config, network={"fuse_resampling": fused})
            changed = in_precision(changed, precision)
            cases[precision, fused] = Case(changed, batches_of(config))
    rates = {precision: matmul_rate(precision) for precision in precisions}
    times = in_turn(cases, rounds)
    cost, first = RunCost(config), config.stages.last.fade_end
    flops = sum(vars(cost.at(first + 1).dense).values())
    flops -= sum(vars(cost.at(first).dense).values())
    rows = []
    for (precision, fused), values in times.items():
        median, low, high = interval(values)
        rows.append(
            {
                "arch": config.network.arch,
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
    dense = change(config, method={"prune": "none"})
    cases = {
        "masked": Case(config, batches_of(config)),
        "dense": Case(dense, batches_of(dense)),
    }
    # Each goes first as often: what follows what may matter.
    times = in_turn(cases, rounds, alternate=True)
    ratios = [
        masked / dense
        for masked, dense in zip(times["masked"], times["dense"], strict=True)
    ]
    gan = cases["masked"].gan
    pruner = Pruner(gan.generator, gan.generator_optimizer)
    pruner.prune(0.1)
    start = time.monotonic()
    pruner.prune(0.1)
    update = time.monotonic() - start
    median, low, high = interval(ratios)
    return {
        "overhead": median,
        "overhead_low": low,
        "overhead_high": high,
        "alternations": rounds,
        "mask_update_seconds": update,
        "step_seconds": statistics.median(times["masked"]),
    }


def mask_memory(words, rounds):
    """Peak memory of processes that step with masks and without, in bytes."""
    words = [*words, "--critic_steps=1", "--warmup=0", "--update_interval=1"]
    sides = {"masked": words, "dense": [*words, "--prune=none"]}
    peaks = {name: [] for name in sides}
    for _ in range(rounds):
        for name, mine in sides.items():
            figures = alone(mine, "float32")
            peaks[name].append(figures["peak_memory_bytes"])
    return peaks


def _write_zip(path, images):
    """The images as JPEG files of a zip."""
    from PIL import Image

    with zipfile.ZipFile(path, "w") as file:
        for i, pixels in enumerate(images):
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "JPEG", quality=75)
            file.writestr(f"{i % 10}/{i:05d}.jpg", data.getvalue())


def input_waits(config, steps):
    """Rows: what steps wait for images in memory, and streamed from a zip."""
    import keras

    from regan_tf.data import load_image_set

    size = config.data.resolution
    images = noise_images(NUM_IMAGES, size)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "images.zip")
        _write_zip(path, images)
        streamed = load_image_set(
            "images", path=path, resolution=size, memory_limit=0
        ).images
        sources = {"in memory": images, "streamed from a zip": streamed}
        rows = []
        for name, source in sources.items():
            case = Case(config, batches_of(config, source))
            case.seconds()  # traces
            waits = []

            def note(batch, logs, statistics=case.statistics, waits=waits):
                waits.append(statistics.read()["seconds/input_wait"])
                statistics.reset()

            watch = keras.callbacks.LambdaCallback(on_train_batch_end=note)
            case.statistics.reset()
            seconds = case.seconds(steps + 1, [watch])
            rows.append(
                {
                    "images": name,
                    "number": NUM_IMAGES,
                    "seconds_per_step": seconds,
                    "first_wait_seconds": waits[0],
                    "wait_seconds": waits[1:],
                    "wait_share": sum(waits[1:]) / (steps * seconds),
                }
            )
    return rows


def alone(words, precision):
    """Start to first step, and peak memory, of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.speed", *words]
    start = time.monotonic()
    process = subprocess.Popen(
        [*command, f"--serve={precision}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    lines, seconds = [], None
    for _ in range(2):
        process.stdin.write("step\n")
        process.stdin.flush()
        lines.append(json.loads(process.stdout.readline()))
        seconds = seconds or time.monotonic() - start
    process.stdin.close()
    process.wait()
    return {
        "precision": lines[-1]["precision"],
        "peak_memory_bytes": lines[-1]["peak_memory_bytes"],
        "first_step_seconds": seconds,
    }


def serve(config):
    """Makes a step for each line of standard input, and says how it went."""
    case = Case(config, batches_of(config))
    for _ in sys.stdin:
        seconds = case.seconds()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        figures = {
            "seconds": seconds,
            "peak_memory_bytes": peak,
            "precision": config.training.precision,
        }
        print(json.dumps(figures), flush=True)


def _configurations(archs):
    """Of each architecture, at the flag's side or the least that it has."""
    from regan_tf.recipes import RECIPES

    asked = FLAGS.resolution
    least = asked or default_resolution(FLAGS.dataset)
    found = []
    for arch in RECIPES if archs == ["all"] else archs or [FLAGS.arch]:
        FLAGS.arch = arch.removesuffix("_karras")
        variant = "karras" if arch.endswith("_karras") else "regan"
        FLAGS.progan_variant = variant
        sides = RECIPES[arch].resolutions
        FLAGS.resolution = next((s for s in sides if s >= least), asked)
        found.append(configuration())
    FLAGS.resolution = asked
    return found


def _print_steps(rows):
    print("| arch | precision | fused | images/s | s/step | useful |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['arch']} | {row['precision']} | "
            f"{'yes' if row['fused'] else 'no'} | "
            f"{row['images_per_second']:.1f} | {row['seconds_per_step']:.2f} | "
            f"{row['useful_share']:.0%} |",
            flush=True,
        )


def _print_rest(found):
    for process in found.get("processes", ()):
        print(
            f"{process['precision']}: first step after "
            f"{process['first_step_seconds']:.0f} s, peak memory "
            f"{process['peak_memory_bytes'] / 2**30:.2f} GiB"
        )
    if masks := found.get("masks"):
        print(
            f"masks: a step takes {masks['overhead']:.3f} "
            f"({masks['overhead_low']:.3f} to {masks['overhead_high']:.3f}) of "
            f"one without, {masks['alternations']} alternations; all masks "
            f"anew in {masks['mask_update_seconds']:.2f} s, a step takes "
            f"{masks['step_seconds']:.2f} s"
        )
        for name, peaks in masks["peak_memory_bytes"].items():
            shown = ", ".join(f"{peak / 2**20:,.0f}" for peak in peaks)
            print(f"peak memory of processes, {name}, float32: {shown} MiB")
    for row in found.get("input", ()):
        print(
            f"input, {row['number']:,} images {row['images']}: steps of "
            f"{row['seconds_per_step']:.2f} s wait "
            f"{1000 * statistics.mean(row['wait_seconds']):.3f} ms "
            f"({row['wait_share']:.3%}), the first of a run "
            f"{1000 * row['first_wait_seconds']:.0f} ms"
        )


def measure(words):
    """All figures asked for, as a dict for JSON."""
    found = {}
    if "processes" in FLAGS.parts:
        found["processes"] = [alone(words, p) for p in FLAGS.precisions]
    if "steps" in FLAGS.parts:
        found["steps"] = [
            row
            for config in _configurations(FLAGS.archs)
            for row in step_table(config, FLAGS.precisions, FLAGS.alternations)
        ]
    config = _configurations(FLAGS.archs)[0]
    found["config"] = config.as_dict()
    if "masks" in FLAGS.parts:
        found["masks"] = mask_overhead(config, FLAGS.mask_alternations)
        found["masks"]["peak_memory_bytes"] = mask_memory(words, 3)
    if "input" in FLAGS.parts:
        found["input"] = input_waits(config, FLAGS.alternations)
    return found


def main(argv):
    """Runs the command."""
    del argv
    if FLAGS.serve:
        serve(in_precision(configuration(), FLAGS.serve))
        return
    if "auto" in FLAGS.precisions:
        raise SystemExit(f"--precisions must be of {', '.join(POLICIES)}")
    unknown = set(FLAGS.parts) - set(_PARTS)
    if unknown:
        raise SystemExit(f"--parts must be of {_PARTS}. Received: {unknown}")
    words = [
        word
        for before, word in itertools.pairwise(sys.argv)
        if not word.startswith("--json") and before != "--json"
    ]
    found = measure(words)
    if "steps" in found:
        _print_steps(found["steps"])
    _print_rest(found)
    if FLAGS.json:
        with open(FLAGS.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    define()
    try:
        app.run(main, flags_parser=regan_flags.parse)
    except UserError as error:
        sys.exit(f"error: {error}")
