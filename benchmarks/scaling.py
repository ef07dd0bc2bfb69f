"""How does the cost of training grow?

    python -m benchmarks.scaling

From a small SNGAN, one thing at a time grows: width, resolution, batch, number
of images. Prints seconds of a step, images a second and peak memory, each
setting in a process of its own; --json writes them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

_BASE = {
    "generator_width": 64,
    "discriminator_width": 32,
    "resolution": 32,
    "batch_size": 16,
    "images": 1_000,
}
_GROWING = {
    "generator_width": (32, 64, 128),
    "discriminator_width": (16, 32, 64),
    "resolution": (32, 48, 64),
    "batch_size": (8, 16, 32, 64),
    "images": (100, 1_000, 10_000, 100_000),
}
_STEPS = 5


def settings():
    """(what grows, setting) of each row."""
    for name, values in _GROWING.items():
        for value in values:
            yield name, _BASE | {name: value}


def measure(setting):
    """Seconds of a step and peak memory, in this process."""
    import resource

    import numpy as np

    from benchmarks import cases, speed
    from regan_tf import flags as regan_flags

    speed.define()
    flags = {k: v for k, v in setting.items() if k != "images"}
    flags |= {"generator_batch_size": setting["batch_size"]}
    flags |= {"critic_steps": 1, "dataset": "digits", "warmup": 0}
    words = [f"--{name}={value}" for name, value in flags.items()]
    regan_flags.parse(["scaling", *words])
    config = regan_flags.config_from_flags().at(setting["images"])
    shape = (setting["images"], *[setting["resolution"]] * 2, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    case = cases.Case(config, cases.batches_of(config, images))
    case.seconds()
    times = [case.seconds() for _ in range(_STEPS + 1)][1:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds_per_step": statistics.median(times),
        "images_per_second": setting["batch_size"] / statistics.median(times),
        "peak_memory_bytes": peak,
    }


def main():
    """Runs the command."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(measure(json.loads(args.one))))
        return
    rows = []
    print("| grows | to | s/step | images/s | memory |\n|---|---|---|---|---|")
    for name, setting in settings():
        command = [sys.executable, "-m", "benchmarks.scaling"]
        result = subprocess.run(
            [*command, f"--one={json.dumps(setting)}"],
            capture_output=True,
            text=True,
            check=True,
        )
        row = json.loads(result.stdout.strip().splitlines()[-1])
        rows.append({"grows": name, **setting, **row})
        print(
            f"| {name} | {setting[name]:,} | {row['seconds_per_step']:.3f} | "
            f"{row['images_per_second']:.1f} | "
            f"{row['peak_memory_bytes'] / 2**30:.2f} GiB |",
            flush=True,
        )
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
