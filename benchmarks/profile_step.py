"""Where does the time of a training step go?

    python -m benchmarks.profile_step --precision=auto

Prints the kinds of operations of one full-width step by the time that threads
spend in them. Several threads work at once, so the times add up to more than
the step takes. Flags are those of `train_main.py`.
"""

import collections
import glob
import os
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags

from benchmarks.cases import Case, batches_of, configuration, in_precision
from regan_tf import flags as regan_flags

FLAGS = flags.FLAGS


def operations(folder):
    """{kind of operation: (seconds, calls)} of the trace in a folder."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (path,) = glob.glob(f"{folder}/**/*.xplane.pb", recursive=True)
    space = xplane_pb2.XSpace()
    with open(path, "rb") as file:
        space.ParseFromString(file.read())
    found = collections.defaultdict(lambda: [0.0, 0])
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                name = plane.event_metadata[event.metadata_id].name
                # Operations are "node:Kind"; the rest is TensorFlow's own.
                node, _, kind = name.rpartition(":")
                if node and "::" not in name and " " not in name:
                    found[kind][0] += event.duration_ps / 1e12
                    found[kind][1] += 1
    return {kind: tuple(value) for kind, value in found.items()}


def main(argv):
    """Runs the command."""
    del argv
    import tensorflow as tf

    config = configuration()
    config = in_precision(config, config.training.precision)
    case = Case(config, batches_of(config))
    case.seconds()
    case.seconds()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        seconds = case.seconds()
        tf.profiler.experimental.stop()
        found = operations(folder)
    total = sum(time for time, _ in found.values())
    print(f"a step in {config.training.precision}: {seconds:.2f} s")
    print("| operation | seconds of threads | share | calls |")
    print("|---|---|---|---|")
    ordered = sorted(found.items(), key=lambda item: -item[1][0])
    for kind, (time, calls) in ordered[:20]:
        print(f"| {kind} | {time:.3f} | {time / total:.1%} | {calls:,} |")


if __name__ == "__main__":
    regan_flags.define()
    app.run(main, flags_parser=regan_flags.parse)
