"""Sweeps over the tiny run, and commands that stand in for training."""

import sys

from regan_tf.sweep.grid import Grid, Run
from regan_tf.sweep.plan import make_plans
from tests.tiny import TINY

_TRAIN = """
import json, os, sys, time
run_dir, flags, behaviour = sys.argv[1:]
print("training")
if behaviour == "fail":
    sys.exit("a b|c")
os.makedirs(run_dir, exist_ok=True)
if behaviour == "slow":
    time.sleep(0.5)
if behaviour != "stop":
    with open(run_dir + "/result.json", "w") as file:
        json.dump({"flags": flags.splitlines()}, file)
"""


def seeds(run_root, *values, flags=()):
    """A grid of the tiny run with some seeds, called s<seed>."""
    words = *TINY, *flags
    runs = [Run(f"s{x}", {"seed": x}, (*words, f"--seed={x}")) for x in values]
    return Grid(str(run_root), tuple(runs))


def plans_of(run_root, *values, flags=()):
    """The checked runs of `seeds`."""
    return make_plans(seeds(run_root, *values, flags=flags))


def fake(**behaviours):
    """A command that writes a result at once.

    Args:
        behaviours: by name of a run: "train", or "slow", "fail" or "stop".
    """

    def command(plan, afresh):
        does = behaviours.get(plan.run.name, "train")
        flags = "\n".join(plan.flags)
        return (sys.executable, "-c", _TRAIN, plan.run_dir, flags, does)

    return command
