"""What networks compute in; whatever is kept stays float32.

Importable without TensorFlow.
"""

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any

from regan_tf.config import ExperimentConfig
from regan_tf.errors import UserError
from regan_tf.train.strategy import num_workers

# Keras' policies: the dtype of layers' computations beside float32 variables.
POLICIES = {
    "float32": "float32",
    "bfloat16": "mixed_bfloat16",
    "float16": "mixed_float16",
}


@dataclass(frozen=True)
class Machine:
    """What the choice of a precision depends on.

    Attributes:
        gpus: compute capability (major, minor) of each GPU; (0, 0) where it
            is not known.
        cpu_flags: names of the CPU's extensions, as Linux gives them.
    """

    gpus: tuple[tuple[int, int], ...]
    cpu_flags: frozenset[str]


def this_machine() -> Machine:
    """What TensorFlow and Linux say of this machine."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    gpus = tf.config.list_physical_devices("GPU")
    found = [details(gpu).get("compute_capability") for gpu in gpus]
    capabilities = tuple(tuple(c) if c else (0, 0) for c in found)
    return Machine(capabilities, frozenset(_cpu_flags()))


def _cpu_flags():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = [x for x in file if x.startswith(("flags", "Features"))]
    except OSError:  # not Linux
        return []
    return lines[0].partition(":")[2].split() if lines else []


def choose(machine: Machine) -> tuple[str, str]:
    """The fastest precision that training is safe in.

    Returns:
        (precision, what of the machine speaks for it).
    """
    if machine.gpus:
        least = min(machine.gpus)
        found = f"GPU of compute capability {least[0]}.{least[1]}"
        if least[0] >= 8:
            return "bfloat16", found
        return ("float16" if least[0] == 7 else "float32"), found
    for flag in ("amx_bf16", "avx512_bf16"):
        if flag in machine.cpu_flags:
            return "bfloat16", f"CPU with {flag}"
    return "float32", "CPU without bfloat16 instructions"


def resolved(config: ExperimentConfig) -> ExperimentConfig:
    """`config` with a precision in place of "auto", which is said.

    Raises:
        UserError: "auto" for several workers, which might choose differently.
    """
    if config.training.precision != "auto":
        return config
    if num_workers() > 1:
        raise UserError(
            "--precision=auto chooses for one machine, and TF_CONFIG names "
            f"several workers; name one of {', '.join(POLICIES)}"
        )
    precision, found = choose(this_machine())
    print(f"--precision=auto: {precision}, for a {found}")
    training = dataclasses.replace(config.training, precision=precision)
    return dataclasses.replace(config, training=training)


@contextlib.contextmanager
def computing_in(precision: str) -> Any:
    """Layers made inside compute in `precision`, a name of `POLICIES`.

    Raises:
        ValueError: another name, such as an "auto" that is not `resolved`.
    """
    import keras

    if precision not in POLICIES:
        raise ValueError(
            f"`precision` must be one of {', '.join(POLICIES)}. Received: "
            f"precision={precision!r}"
        )
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(POLICIES[precision])
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
