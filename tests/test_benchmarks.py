"""The benchmarks' arithmetic and protocol; whole runs are slow tests."""

import json
import subprocess
import sys

import pytest

from benchmarks.cases import interval
from benchmarks.peer import Side
from benchmarks.scaling import settings
from benchmarks.zeros import exported, held, sizes
from tests.tiny import tiny_config

ECHO = (
    "import sys, json\n"
    "for i, _ in enumerate(sys.stdin):\n"
    "    print(json.dumps({'seconds': i}), flush=True)\n"
)
TOY = (
    "--dataset=digits --generator_width=4 --discriminator_width=4 "
    "--batch_size=4 --generator_batch_size=4 --alternations=1 "
    "--mask_alternations=3"
)


def test_interval_is_of_order_statistics():
    values = list(range(21, 0, -1))
    # The 6th and the 16th of 21 enclose the median with a chance of 97%, the
    # 7th and the 15th with one of 92%.
    assert interval(values) == (11, 6, 16)
    assert interval([3.0]) == (3.0, 3.0, 3.0)
    assert interval([1, 2]) == (1.5, 1, 2)


@pytest.mark.parametrize(
    "module",
    "benchmarks.speed benchmarks.profile_step benchmarks.zeros "
    "regan_tf.train_main regan_tf.evaluate regan_tf.generate "
    "regan_tf.paper.write".split(),
)
def test_a_command_s_own_flags_are_none_of_training_s(module):
    command = [sys.executable, "-m", module, "--nosuch"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Unknown command line flag 'nosuch'" in said.stderr
    assert "defined twice" not in said.stderr


def test_sides_step_when_they_are_told():
    sides = [Side([sys.executable, "-c", ECHO]) for _ in range(2)]
    for side in sides:
        side.warm_up()
    for _ in range(3):
        for side in sides:
            side.step()
    for side in sides:
        side.end()
        assert [f["seconds"] for f in side.figures] == [2, 3, 4]
        assert side.process.returncode == 0
        assert side.first_step_seconds > 0


def test_a_side_that_ends_is_named():
    side = Side([sys.executable, "-c", "pass"])
    side.process.wait()
    with pytest.raises((SystemExit, BrokenPipeError)):
        side.step()


def test_scaling_grows_one_thing_at_a_time():
    rows = list(settings())
    base = rows[0][1] | {"generator_width": 64}
    for name, setting in rows:
        differing = {k for k in base if setting[k] != base[k]}
        assert differing <= {name}


def test_zeros_save_bytes_where_they_are_compressed_only(tmp_path):
    config = tiny_config("--run_dir=unused", "--generator_width=8")
    paths = exported(config, [0.0, 0.5], str(tmp_path))
    plain, sparse = map(sizes, paths)
    assert held(paths[0]) == held(paths[1]) > 50_000
    assert abs(plain[0] - sparse[0]) < 0.01 * plain[0]
    assert sparse[1] < 0.75 * plain[1]


@pytest.mark.slow
def test_speed_gives_its_figures(tmp_path):
    path = tmp_path / "speed.json"
    command = [sys.executable, "-m", "benchmarks.speed", *TOY.split()]
    subprocess.run([*command, f"--json={path}"], check=True, timeout=600)
    found = json.loads(path.read_text())
    cases = [(r["precision"], r["fused"]) for r in found["steps"]]
    assert len(set(cases)) == 4
    for row in found["steps"]:
        seconds = row["seconds_per_step"]
        assert row["images_per_second"] == pytest.approx(5 * 4 / seconds)
    assert found["masks"]["alternations"] == 3
    shares = [r["wait_share"] for r in found["input"]]
    assert all(0 <= share < 1 for share in shares)
    assert len(found["processes"]) == 2
