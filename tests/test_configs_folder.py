"""Every file of configs/ gives a run that fits itself."""

import glob
import os
from pathlib import Path

import pytest

from regan_tf.regan.methods import make_schedule
from regan_tf.regan.timetable import check_timetable
from regan_tf.run import KNOWN_COUNTS
from regan_tf.tickets.plan import rounds_of, wants_ticket
from tests.tiny import config_of

FILES = sorted(glob.glob("configs/*.flags"))
DENSE = [path for path in FILES if path.endswith("_dense.flags")]
NEEDS_PATH = "tiny_imagenet", "fewshot", "ffhq", "small_"


def _words(path):
    needs = any(part in path for part in NEEDS_PATH)
    return [f"--flagfile={path}"] + ["--data_path=somewhere"] * needs


def _config(path):
    config = config_of(*_words(path))
    return config.at(KNOWN_COUNTS.get(config.data.dataset, 4000))


@pytest.mark.parametrize("path", sorted(set(FILES) - set(DENSE)))
def test_its_phases_fit(path):
    config = _config(path)
    if wants_ticket(config):
        assert len(list(rounds_of(config))) == config.method.rounds + 1
    else:
        start = config.stages.last.fade_end
        check_timetable(make_schedule(config), config.training.steps, start)
    name = os.path.basename(path)
    lines = Path(path).read_text("utf-8").splitlines()
    assert any(f" --flagfile=configs/{name}" in line for line in lines)
    flags = [line for line in lines if not line.startswith("#")]
    flags = [line for line in flags if not line.startswith("--flagfile=")]
    assert flags == sorted(flags)


@pytest.mark.parametrize("path", DENSE)
def test_a_dense_twin_differs_by_its_pruning(path):
    twin = path.replace("_dense.flags", ".flags")
    dense, sparse = (config_of(*_words(p)).as_dict() for p in (path, twin))
    differing = {k for k in dense if dense[k] != sparse[k]}
    assert differing == {"method.prune", "output.run_dir"}


def test_published_recipes_have_a_dense_twin():
    names = {os.path.basename(p).removesuffix(".flags") for p in FILES}
    for name in (
        "sngan sngan_cnn dcgan progan autogan_a stylegan2_cifar10 "
        "stylegan2_fewshot_apa fastgan_fewshot"
    ).split():
        assert {name, f"{name}_dense"} <= names
