import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from regan_tf.data import image_batches, load_image_set, shown_indices
from regan_tf.data.exit_gate import ExitGate
from regan_tf.errors import UserError
from tests.data.make import encoded, noise, png, write_zip


def first(dataset, count):
    return np.stack([b.numpy() for b in dataset.take(count)])


@pytest.mark.parametrize("num_images", [1, 2, 7, 100])
def test_each_epoch_is_a_permutation(num_images):
    shown = shown_indices(num_images, 3, 0, 5 * num_images)
    for epoch in shown.reshape(5, num_images):
        assert sorted(epoch.tolist()) == list(range(num_images))


def test_epochs_and_seeds_have_orders_of_their_own():
    epochs = shown_indices(100, 3, 0, 300).reshape(3, 100)
    other = shown_indices(100, 4, 0, 100)
    assert len({row.tobytes() for row in [*epochs, other]}) == 4


def test_order_is_tensorflow_s_index_shuffle():
    expected = [
        int(tf.random.experimental.index_shuffle(p % 7, [3, p // 7], 6))
        for p in range(20)
    ]
    assert shown_indices(7, 3, 0, 20).tolist() == expected


def test_shown_indices_may_start_anywhere():
    everything = shown_indices(7, 3, 0, 50)
    np.testing.assert_array_equal(shown_indices(7, 3, 20, 30), everything[20:])


@pytest.mark.parametrize("num_images", [1, 3, 10, 64])
def test_batches_follow_the_order_across_epochs(num_images):
    images = noise(num_images)
    dataset = image_batches(images, batch_size=8, seed=1)
    expected = images[shown_indices(num_images, 1, 0, 160)]
    np.testing.assert_array_equal(
        first(dataset, 20).reshape(expected.shape), expected
    )


def test_static_shape_and_no_end():
    dataset = image_batches(noise(5), batch_size=8, seed=1, num_replicas=2)
    assert dataset.element_spec == tf.TensorSpec((4, 2, 2, 3), tf.uint8)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


@pytest.mark.parametrize("start", [1, 8, 13, 1000])
def test_start_continues_exactly(start):
    images = noise(11)
    dataset = image_batches(images, batch_size=8, seed=1, start=start)
    expected = images[shown_indices(11, 1, 0, start + 40)][start:]
    np.testing.assert_array_equal(
        first(dataset, 5).reshape(expected.shape), expected
    )


@pytest.mark.parametrize("workers, local", [(1, 4), (2, 2), (4, 1)])
def test_slices_of_all_replicas_make_the_whole_batch(workers, local):
    images, options = noise(10), {"batch_size": 8, "seed": 2, "start": 3}
    whole = first(image_batches(images, **options), 6)
    slices = [
        first(
            image_batches(
                images,
                **options,
                num_replicas=4,
                first_replica=worker * local,
                local_replicas=local,
            ),
            6 * local,
        ).reshape(6, local * 2, 2, 2, 3)
        for worker in range(workers)
    ]
    np.testing.assert_array_equal(np.concatenate(slices, axis=1), whole)


def test_streamed_batches_equal_those_in_memory(tmp_path):
    path = write_zip(
        tmp_path / "a.zip", {f"{i:03}.png": png(i) for i in range(90)}
    )
    orders = []
    for limit in (0, 10**9):
        loaded = load_image_set(
            "images", path=path, resolution=2, memory_limit=limit
        )
        dataset = image_batches(loaded.images, batch_size=64, seed=1)
        orders.append(first(dataset, 10))
    np.testing.assert_array_equal(*orders)
    shown = orders[0][..., 0, 0, 0].ravel()
    np.testing.assert_array_equal(shown, shown_indices(90, 1, 0, 640))


def test_a_program_may_fail_while_reading(tmp_path):
    noisy = Image.effect_noise((128, 128), 50).convert("RGB")
    files = dict.fromkeys(
        map("{}.jpg".format, range(300)), encoded(noisy, "JPEG")
    )
    program = (
        "import sys\n"
        "from regan_tf.data import image_batches, load_image_set\n"
        "found = load_image_set('images', path=sys.argv[1], resolution=64,\n"
        "                       memory_limit=0)\n"
        "batches = iter(image_batches(found.images, batch_size=64, seed=1))\n"
        "for _ in range(5): next(batches)\n"
        "raise SystemExit(7)\n"
    )
    path = write_zip(tmp_path / "a.zip", files)
    script = tmp_path / "program.py"  # by -c it would not hang
    script.write_text(program)
    done = subprocess.run(
        [sys.executable, script, path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,  # raises: without the exit gate the program hangs
        check=False,
    )
    assert done.returncode == 7


def test_a_closed_gate_waits_for_reads_and_refuses_more():
    gate, inside, finished = ExitGate(), threading.Event(), []

    def read(value):
        inside.set()
        time.sleep(0.3)
        finished.append(value)
        return value

    guarded = gate.guard(read)
    threading.Thread(target=guarded, args=(1,)).start()
    inside.wait()
    gate.close()
    assert finished == [1]
    with pytest.raises(RuntimeError, match="ending"):
        guarded(2)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_replicas": 3}, "multiple"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"start": -1}, "start"),
        ({"num_replicas": 2, "local_replicas": 3}, "local_replicas=3"),
        ({"num_replicas": 2, "first_replica": 2}, "first_replica=2"),
    ],
)
def test_sizes_that_do_not_fit(options, message):
    with pytest.raises(UserError, match=message):
        image_batches(noise(4), **{"batch_size": 8, "seed": 0} | options)


@pytest.mark.parametrize("images", [noise(0), noise(3).astype(float)])
def test_no_images_or_another_type(images):
    with pytest.raises(UserError, match="images"):
        image_batches(images, batch_size=8, seed=0)
