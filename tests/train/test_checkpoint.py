"""Checkpoints: what is kept, and damage."""

import os

import numpy as np
import pytest
import tensorflow as tf

from regan_tf.errors import Diverged, UserError
from regan_tf.train.checkpoint import Checkpointer


def _checkpointer(path, value=0.0, keep=2, name="x"):
    variable = tf.Variable([value] * 1000)
    checkpointer = Checkpointer(str(path), {name: variable}, keep)
    checkpointer.track()
    return checkpointer, variable


def _damage(path):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.truncate(size // 2)


def test_restores_the_newest_and_keeps_as_many_as_asked(tmp_path):
    checkpointer, variable = _checkpointer(tmp_path)
    for step in (10, 20, 30):
        variable.assign([float(step)] * 1000)
        checkpointer.save(step)
    fresh, restored = _checkpointer(tmp_path)
    assert fresh.restore() == 30
    assert restored[0] == 30
    indices = sorted(p for p in os.listdir(tmp_path) if p.endswith(".index"))
    assert indices == ["ckpt-20.index", "ckpt-30.index"]


def test_the_best_is_kept_beside_the_newest(tmp_path):
    checkpointer, _ = _checkpointer(tmp_path)
    checkpointer.save_best("sparse", 10)
    for step in (20, 30, 40):
        checkpointer.save(step)
    checkpointer.save_best("dense", 40)
    assert os.path.exists(tmp_path / "best_sparse" / "ckpt-10.index")
    assert os.path.exists(tmp_path / "best_dense" / "ckpt-40.index")
    assert _checkpointer(tmp_path)[0].restore() == 40


@pytest.mark.parametrize("part", ["data-00000-of-00001", "index"])
def test_a_damaged_newest_one_is_passed_over(tmp_path, capsys, part):
    checkpointer, variable = _checkpointer(tmp_path)
    checkpointer.save(10)
    variable.assign(np.ones(1000))
    checkpointer.save(20)
    _damage(tmp_path / f"ckpt-20.{part}")
    fresh, restored = _checkpointer(tmp_path, 7.0)
    assert fresh.restore() == 10
    assert restored[0] == 0
    said = capsys.readouterr().out
    assert "passing over damaged checkpoint" in said and "ckpt-20" in said


def test_a_flipped_bit_is_noticed(tmp_path):
    checkpointer, _ = _checkpointer(tmp_path, 1.0)
    checkpointer.save(10)
    checkpointer.save(20)
    path = tmp_path / "ckpt-20.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert _checkpointer(tmp_path)[0].restore() == 10


def test_nothing_to_restore(tmp_path):
    assert _checkpointer(tmp_path)[0].restore() is None


def test_all_damaged_is_an_error(tmp_path):
    checkpointer, _ = _checkpointer(tmp_path)
    checkpointer.save(10)
    _damage(tmp_path / "ckpt-10.index")
    with pytest.raises(UserError, match="none of the 1 checkpoints"):
        _checkpointer(tmp_path)[0].restore()


def test_other_names_do_not_restore(tmp_path):
    _checkpointer(tmp_path)[0].save(10)
    with pytest.raises(UserError, match="can be read"):
        _checkpointer(tmp_path, name="y")[0].restore()


def test_values_that_are_not_finite_are_never_saved(tmp_path):
    checkpointer, variable = _checkpointer(tmp_path)
    checkpointer.save(10)
    variable.assign([np.nan] * 1000)
    with pytest.raises(Diverged, match=r"x is not finite.*ckpt-10"):
        checkpointer.save(20)
    assert _checkpointer(tmp_path)[0].restore() == 10
