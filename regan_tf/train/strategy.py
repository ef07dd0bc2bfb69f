"""Which devices a run trains on."""

import functools
import json
import os

from regan_tf.errors import UserError


@functools.cache
def choose_strategy(devices):
    """The distribution strategy for a number of devices.

    One a process: each strategy numbers its collectives from the start, and
    TensorFlow's runtime remembers the shapes of the numbers it has seen.

    To be called before anything else makes TensorFlow look for devices.

    Args:
        devices: 0 for every GPU (or one CPU); a number of GPUs; or, on a
            machine without, of virtual CPU devices. Where `TF_CONFIG` names
            several workers, each uses all its GPUs.

    Raises:
        UserError: more GPUs are asked for than there are.
    """
    import tensorflow as tf

    if num_workers() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and devices > len(gpus):
        raise UserError(
            f"--devices must be at most {len(gpus)}, the GPUs of this "
            f"machine. Received: {devices}"
        )
    count = devices or max(1, len(gpus))
    if count == 1 and not gpus:
        return tf.distribute.get_strategy()
    if count == 1:
        # Unlike the default strategy it copies images to the GPU ahead.
        return tf.distribute.OneDeviceStrategy("GPU:0")
    kind = "GPU" if gpus else "CPU"
    if not gpus:
        _split_cpu(count)
    return tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)])


def local_devices(strategy):
    """Names of the devices that this process trains on; None is the default.

    Args:
        strategy: from `choose_strategy`.
    """
    if strategy.num_replicas_in_sync == 1:
        return [None]
    return list(strategy.extended.worker_devices)


def _cluster():
    text = os.environ.get("TF_CONFIG") or "{}"
    try:
        value = json.loads(text)
        if value.get("cluster"):
            value["task"]["type"], int(value["task"]["index"])
        return value
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(
            'TF_CONFIG must be JSON such as {"cluster": {"worker": '
            '["host:port", …]}, "task": {"type": "worker", "index": 0}}. '
            f"Received: {text!r}"
        ) from None


def num_workers():
    """Processes that train together, from `TF_CONFIG`; 1 without it."""
    cluster = _cluster().get("cluster", {})
    return max(1, sum(len(cluster.get(k, ())) for k in ("chief", "worker")))


def worker_index():
    """This process's rank; 0, the chief, writes the run directory."""
    if num_workers() == 1:
        return 0
    task = _cluster()["task"]
    if task["type"] == "chief":
        return 0
    return int(task["index"]) + len(_cluster()["cluster"].get("chief", ()))


def any_worker(strategy):
    """Function of a bool that tells whether it is true of any worker.

    All workers must call it at the same point; alone, it is `bool`.
    """
    if num_workers() == 1:
        return bool
    import tensorflow as tf

    @tf.function
    def total(value):
        per_replica = strategy.run(tf.identity, args=(value,))
        return strategy.reduce("SUM", per_replica, axis=None)

    return lambda value: bool(total(tf.constant(float(value))) > 0)


def _split_cpu(count):
    import tensorflow as tf

    cpu = tf.config.list_physical_devices("CPU")[0]
    present = tf.config.get_logical_device_configuration(cpu)
    if not present or len(present) != count:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
