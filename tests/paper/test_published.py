"""The published figures: package data, complete and as printed."""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import pytest

from regan_tf.paper import published, rows, rows_of


def test_the_figures_are_package_data():
    text = (files("regan_tf.paper") / "published.json").read_text("utf-8")
    assert json.loads(text) == published()
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["regan_tf"]
    assert any(fnmatch("paper/published.json", p) for p in patterns)


def test_reading_them_loads_neither_tensorflow_nor_flags():
    code = (
        "import sys; from regan_tf.paper import rows; rows()\n"
        "from regan_tf.paper.runs import runs; runs()\n"
        "print(*{'tensorflow', 'numpy', 'absl'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ""


def test_every_row_of_the_paper_is_there():
    count = Counter(row.where for row in rows())
    # Table 1: 2 sets of 4 methods; 2: of 3 parts; 5: 6 sets of 8 methods; …
    expected = {1: 8, 2: 24, 3: 6, 4: 6, 5: 48, 6: 8, 7: 7}
    expected = {f"Table {n}": rows for n, rows in expected.items()}
    assert count == expected | {"Figure 1": 8}
    for row in rows():
        trained = row.table and row.method != "real-images"
        assert ("fid" in row.metrics) == bool(trained)


@pytest.mark.parametrize(
    ("config", "metric", "value", "std"),
    [
        ("table1_cifar10_re_progan", "flops_per_image", 10.53e9, None),
        ("table1_tiny_imagenet_stylegan2", "train_hours", 52.5, None),
        ("table2_cifar10_10_re_stylegan2", "is", 7.35, 0.13),
        ("table2_tiny_imagenet_10_re_stylegan2", "images_shown", 1.3e6, None),
        ("table3_re_autogan_a", "flops_total", 1.65e16, None),
        ("table4_st_sngan_46", "images_shown", 150e6, None),
        ("table5_animal_face_dog_stylegan2_apa", "fid", 81.13, None),
        ("table6_ffhq_5000_re_stylegan2", "fid", 19.13, None),
        ("table7_re_sngan_1e-5", "is", 8.01, 0.25),
        ("figure1_10_stylegan2", "flops_total", 0.9e16, None),
    ],
)
def test_figures_as_printed(config, metric, value, std):
    (row,) = rows_of(config)
    assert row.metrics[metric].value == value
    assert row.metrics[metric].std == std


@pytest.mark.parametrize(
    ("claim", "less", "more", "metric"),
    [
        ("vs_ticket", "table4_re_sngan", "table4_st_sngan_46", "flops_total"),
        (
            "progan_cifar10",
            "table1_cifar10_re_progan",
            "table1_cifar10_progan",
            "flops_per_image",
        ),
        (
            "stylegan2_cifar10",
            "table1_cifar10_re_stylegan2",
            "table1_cifar10_stylegan2",
            "flops_per_image",
        ),
    ],
)
def test_claims_follow_from_the_rows(claim, less, more, metric):
    (small,), (large,) = rows_of(less), rows_of(more)
    saved = 1 - small.metrics[metric].value / large.metrics[metric].value
    claimed = published()["claims"][f"flops_saving_{claim}"]
    assert saved == pytest.approx(claimed, abs=1e-4)


def test_counts_of_animal_face_are_the_true_ones():
    (cat,), (dog,) = (
        rows_of(f"table5_animal_face_{name}_progan") for name in ("cat", "dog")
    )
    assert (cat.num_images, dog.num_images) == (160, 389)
    (said,) = (x for x in published()["conflicts"] if x["where"] == "Table 5")
    assert "389" in said["printed"] and "160 cats" in said["read_as"]
