"""Hours that a run would take on an assumed GPU: an order of magnitude.

Importable without TensorFlow.
"""

# An assumption, not a measurement: an NVIDIA A100's peak in TF32, which is
# what TensorFlow multiplies float32 in there, and the share that is sustained.
GPU, PEAK, SHARE = "A100", 156e12, 0.3
ASSUMED = f"{GPU} at {SHARE:.0%} of its {PEAK / 1e12:g} TFLOP/s (TF32)"


def gpu_hours(flops: float) -> float:
    """Hours of so many operations at the assumed rate."""
    return flops / (SHARE * PEAK) / 3600


def said_hours(flops: float) -> str:
    """The same in words, to two digits, such as "2.1 h"."""
    hours = gpu_hours(flops)
    digits = max(0, 1 - _exponent(hours))
    return f"{round(hours, 1 - _exponent(hours)):,.{digits}f} h"


def _exponent(value: float) -> int:
    return int(f"{value:.1e}".partition("e")[2]) if value else 0
