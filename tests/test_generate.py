"""The command that makes pictures, on an exported tiny StyleGAN2."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from regan_tf.export import export_generator
from regan_tf.regan.layers import strip_masks
from regan_tf.saved_generator import SavedGenerator
from tests.nets.conftest import scramble
from tests.nets.small import latents, small


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    generator, _ = small("stylegan2", 8, masked=(True, False))
    scramble(generator)
    path = str(tmp_path_factory.mktemp("generator") / "sparse")
    export_generator(strip_masks(generator), 5, path, {})
    return path, generator


def _generate(*words):
    command = [sys.executable, "-m", "regan_tf.generate", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_styles_are_exported(exported):
    path, generator = exported
    saved, z = SavedGenerator(path), latents()
    styles = saved.mapping(tf.constant(z))
    assert styles.shape == (3, 4, 5)
    images = saved.synthesis(styles)
    np.testing.assert_allclose(images, generator(z), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(saved(tf.constant(z)), images, 1e-4, 1e-4)


def test_the_command_writes_images_and_sheets(exported, tmp_path):
    found = _generate(
        f"--saved_model={exported[0]}",
        f"--output={tmp_path}",
        *("--count=3", "--truncation=0.5", "--interpolate=4"),
        *("--mix=2", "--mix_layers=2"),
    )
    assert found.returncode == 0, found.stderr
    assert sorted(os.listdir(tmp_path / "images")) == [
        f"{i:06d}.png" for i in range(3)
    ]
    sizes = {"sheet": (16, 16), "interpolation": (32, 24), "mixing": (24, 24)}
    for name, size in sizes.items():
        assert Image.open(tmp_path / f"{name}.png").size == size


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--saved_model must be the folder of a generator"),
        (("--saved_model=nowhere",), "Received: 'nowhere'"),
        (("--saved_model=.", "--truncation=2"), "--truncation must be in"),
        (("--saved_model=.", "--count=0"), "--count must be at least 1"),
    ],
)
def test_mistakes_are_one_line(words, message):
    found = _generate(*words)
    assert found.returncode == 2
    assert message in found.stderr
    assert len(found.stderr.splitlines()) == 1
