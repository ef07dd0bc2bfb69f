"""Two virtual CPU devices for every test; they must exist before TensorFlow
looks for devices."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
import tensorflow as tf

_CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(
    _CPU, [tf.config.LogicalDeviceConfiguration()] * 2
)


@pytest.fixture
def tiny(tmp_path):
    """Function of flags that gives the configuration of a tiny run."""
    from tests.tiny import tiny_config

    return lambda *words: tiny_config(f"--run_dir={tmp_path / 'run'}", *words)
