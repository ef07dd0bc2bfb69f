"""Are we faster than the same networks in PyTorch? Steps side by side.

    python -m benchmarks.peer --networks=model.py --peer_python=venv/bin/python

`--networks` is a file with PyTorch's `ResGenerator32(z_dim)` and
`ResDiscriminator32()`, such as SNGAN/model.py of the authors' repository
(github.com/IntellicentAI-Lab/Re-GAN); `--peer_python` a Python that has
PyTorch. Each side is a process of its own; they step in turn, and the ones
that wait are stopped, so that whatever else the machine does meets all.
Full-width SNGAN at 32 pixels, five critic updates and one generator update a
step, batches of 64, spectral normalisation on both sides.

`theirs`: as the authors' script drives them: two passes of the discriminator,
fakes with their graph. `theirs, one pass`: as ours, the faster way.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import time

from benchmarks.cases import interval

_OURS = (
    "--arch=sngan --dataset=digits --generator_batch_size={batch} "
    "--batch_size={batch} --critic_steps={critics} --warmup=0 "
    "--update_interval=1 --steps=4"
)


class Side:
    """A process that makes a step for each line it gets."""

    def __init__(self, command):
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.figures = []

    def step(self):
        """One step, while all other sides are stopped."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args} ended; run it to see why")
        self.figures.append(json.loads(line))
        self.process.send_signal(signal.SIGSTOP)

    def warm_up(self):
        """Two steps, the first from a cold start; says when it was done."""
        self.step()
        self.first_step_seconds = time.monotonic() - self.started
        self.step()
        self.figures.clear()

    def end(self):
        """Ends the process."""
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def commands(args):
    """Command of each side, by its name."""
    ours = _OURS.format(batch=args.batch_size, critics=args.critic_steps)
    sides = {
        f"ours, {precision}": [
            *[sys.executable, "-m", "benchmarks.speed", *ours.split()],
            f"--serve={precision}",
        ]
        for precision in args.precisions.split(",")
    }
    peer = [
        args.peer_python,
        os.path.join(os.path.dirname(__file__), "torch_step.py"),
        f"--networks={args.networks}",
        f"--batch_size={args.batch_size}",
        f"--critic_steps={args.critic_steps}",
        f"--threads={os.cpu_count()}",
    ]
    sides["theirs"] = [*peer, "--halves=two"]
    sides["theirs, one pass"] = [*peer, "--halves=one"]
    return sides


def measure(args):
    """Figures of each side, from `args.rounds` alternations."""
    sides = {}
    for name, command in commands(args).items():
        sides[name] = Side(command)  # one starts at a time
        sides[name].warm_up()
    for _ in range(args.rounds):
        for side in sides.values():
            side.step()
    for side in sides.values():
        side.end()
    theirs = [f["seconds"] for f in sides["theirs"].figures]
    rows = []
    for name, side in sides.items():
        seconds = [f["seconds"] for f in side.figures]
        ratio, low, high = interval(
            [t / s for t, s in zip(theirs, seconds, strict=True)]
        )
        rows.append(
            {
                "side": name,
                "seconds_per_step": statistics.median(seconds),
                "speed_to_theirs": ratio,
                "low": low,
                "high": high,
                "peak_memory_bytes": side.figures[-1]["peak_memory_bytes"],
                # Import, build and trace: the first step is a step besides.
                "start_seconds": side.first_step_seconds
                - statistics.median(seconds),
                "all_seconds": seconds,
            }
        )
    return rows


def main():
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", required=True)
    parser.add_argument("--peer_python", default=sys.executable)
    parser.add_argument("--precisions", default="float32,auto")
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--critic_steps", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", help="file for all figures")
    args = parser.parse_args()
    rows = measure(args)
    print("| | s/step | speed to theirs (95%) | peak memory | start |")
    print("|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['side']} | {row['seconds_per_step']:.2f} | "
            f"{row['speed_to_theirs']:.2f} ({row['low']:.2f} to "
            f"{row['high']:.2f}) | {row['peak_memory_bytes'] / 2**30:.2f} GiB "
            f"| {row['start_seconds']:.0f} s |"
        )
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)


if __name__ == "__main__":
    main()
