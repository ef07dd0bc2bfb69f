"""Augmentations that a training step makes of images, and their names.

Plain Python, importable without TensorFlow; the operations themselves are in
the modules.
"""

from regan_tf.errors import UserError

# What a name in a policy stands for: operations of `diffaugment`, in order.
POLICIES: dict[str, tuple[str, ...]] = {
    "color": ("brightness", "saturation", "contrast"),
    "translation": ("translation",),
    "cutout": ("cutout",),
    "brightness": ("brightness",),
    "saturation": ("saturation",),
    "contrast": ("contrast",),
}


def parse_policy(text: str) -> tuple[str, ...]:
    """Reads `"color,translation,cutout"` into operations, in order.

    Args:
        text: names of `POLICIES`, joined by commas; "" is no augmentation.

    Returns:
        What `diffaugment.augment` takes: here brightness, saturation,
        contrast, translation and cutout.

    Raises:
        UserError: another name, or an operation that comes twice (color has
            brightness, saturation and contrast).
    """
    names = [name.strip() for name in text.split(",")] if text.strip() else []
    known = all(name in POLICIES for name in names)
    found = [part for name in names if known for part in POLICIES[name]]
    if not known or len(set(found)) < len(found):
        raise UserError(
            "--diffaugment must be names joined by commas, each operation "
            "once: color (which is brightness,saturation,contrast), "
            f"translation, cutout; or empty. Received: {text!r}"
        )
    return tuple(found)
