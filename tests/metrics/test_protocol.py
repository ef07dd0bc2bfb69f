"""Protocols: the paper's figures, and names that say what was changed."""

import json

import pytest

from regan_tf.errors import UserError
from regan_tf.metrics.protocol import PROTOCOLS, Protocol, named_protocol


def test_paper_is_ten_thousand_against_the_test_images():
    found = named_protocol("paper", has_test=True)
    assert (found.num_fake, found.max_reference) == (10_000, 10_000)
    assert (found.reference, found.splits) == ("test", 10)
    assert found.resize == "tf2-bilinear"


def test_paper_without_test_images_is_the_few_shot_one():
    found = named_protocol("paper", has_test=False)
    assert (found.num_fake, found.max_reference) == (5_000, None)
    assert found.reference == "train"


def test_standard_and_fewshot():
    standard = named_protocol("standard", has_test=True)
    assert (standard.num_fake, standard.reference) == (50_000, "train")
    assert standard.resize == "tf1-bilinear"
    few = named_protocol("fewshot", has_test=True)
    assert (few.num_fake, few.reference) == (5_000, "training subset")
    assert few.resize == "clean"


def test_validation_is_the_papers_without_test_images():
    found = named_protocol("validation", has_test=True)
    paper = named_protocol("paper", has_test=True)
    assert found.reference == "held out"
    as_paper = {"name": "paper", "reference": "test"}
    assert found.as_dict() | as_paper == paper.as_dict()
    assert named_protocol("validation", has_test=False) == found


@pytest.mark.parametrize("name", PROTOCOLS)
def test_another_number_of_images_is_another_protocol(name):
    own = named_protocol(name, has_test=True)
    other = named_protocol(name, has_test=True, num_fake=1000)
    assert (other.name, other.num_fake) == (f"{name}@1000", 1000)
    same = named_protocol(name, has_test=True, num_fake=own.num_fake)
    assert same == own
    assert json.loads(json.dumps(own.as_dict())) == own.as_dict()
    assert own.as_dict()["rounding"].startswith("uint8")


@pytest.mark.parametrize(
    ("name", "num_fake", "message"),
    [
        ("best", None, "fewshot, validation. Received: 'best'"),
        ("paper", 9, "--eval_images must be at least 10.*Received: 9"),
    ],
)
def test_wrong_names_and_numbers(name, num_fake, message):
    with pytest.raises(UserError, match=message):
        named_protocol(name, has_test=True, num_fake=num_fake)


@pytest.mark.parametrize(
    ("reference", "resize", "message"),
    [("all", "clean", "reference"), ("test", "area", "resize mode")],
)
def test_wrong_parts(reference, resize, message):
    with pytest.raises(UserError, match=message):
        Protocol("own", 100, reference, None, resize)
