"""What `--precision` changes, and what it leaves in float32."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from regan_tf import precision, strip_masks
from regan_tf.config import config_from_dict, differences
from regan_tf.errors import UserError
from regan_tf.export import export_generator
from regan_tf.precision import Machine, choose, computing_in, resolved
from regan_tf.regan.learning_rate import SwitchableDecay, set_factor
from regan_tf.train.callbacks import StopOnSignal
from regan_tf.train.gan import GAN, build
from regan_tf.train.loss_scale import LossScale
from regan_tf.train.strategy import choose_strategy
from tests.nets.conftest import scramble
from tests.tiny import joined_run, tiny_config

each_precision = pytest.mark.parametrize(
    "name", ["float32", "bfloat16", "float16"]
)
Z = np.random.default_rng(0).normal(size=(4, 128)).astype("float32")


@pytest.mark.parametrize(
    ("gpus", "flags", "expected"),
    [
        ([(9, 0)], "", "bfloat16"),
        ([(8, 0), (8, 6)], "", "bfloat16"),
        ([(8, 0), (7, 0)], "", "float16"),  # all of them must know it
        ([(7, 5)], "avx512_bf16", "float16"),
        ([(6, 1)], "avx512_bf16", "float32"),
        ([(0, 0)], "", "float32"),
        ([], "sse avx512_bf16", "bfloat16"),
        ([], "amx_bf16", "bfloat16"),
        ([], "avx512f", "float32"),
    ],
)
def test_choice_by_device(gpus, flags, expected):
    machine = Machine(tuple(gpus), frozenset(flags.split()))
    assert choose(machine)[0] == expected


def test_auto_is_resolved_said_and_recorded(monkeypatch, capsys):
    machine = Machine(((7, 5),), frozenset())
    monkeypatch.setattr(precision, "this_machine", lambda: machine)
    config = resolved(tiny_config("--precision=auto").at(40))
    assert config.as_dict()["training.precision"] == "float16"
    assert capsys.readouterr().out == (
        "--precision=auto: float16, for a GPU of compute capability 7.5\n"
    )
    other = tiny_config("--precision=bfloat16").at(40)
    assert differences(config.as_dict(), other.as_dict()) == [
        ("training.precision", "float16", "bfloat16")
    ]
    assert resolved(other) is other
    assert capsys.readouterr().out == ""


def test_this_machine_is_known():
    assert choose(precision.this_machine())[0] in precision.POLICIES


def test_auto_of_several_workers_is_refused(monkeypatch):
    task = {"type": "worker", "index": 0}
    cluster = {"cluster": {"worker": ["a:1", "b:1"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(UserError, match="name one of float32"):
        resolved(tiny_config("--precision=auto"))


def test_runs_of_before_were_float32():
    new = tiny_config().at(40)
    old = new.as_dict()
    del old["training.precision"]
    assert differences(old, new.as_dict()) == []
    assert config_from_dict(old).training.precision == "float32"
    other = tiny_config("--precision=bfloat16").at(40).as_dict()
    assert differences(old, other)


def test_no_policy_leaks_out():
    before = keras.config.dtype_policy()
    with pytest.raises(RuntimeError), computing_in("bfloat16"):
        assert keras.config.dtype_policy().compute_dtype == "bfloat16"
        raise RuntimeError
    build(tiny_config("--precision=float16"))
    assert keras.config.dtype_policy() is before
    with pytest.raises(ValueError, match="must be one of"):
        build(tiny_config("--precision=auto"))


@each_precision
def test_dtypes(name):
    gan = GAN(tiny_config(f"--precision={name}", "--ema_decay=0.9").at(40))
    networks = gan.generator, gan.discriminator, gan.average.average
    for variable in [v for network in networks for v in network.variables]:
        assert variable.dtype == "float32", variable.path
    for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer):
        scaled = isinstance(optimizer, LossScale)
        assert scaled == (name == "float16")
        kinds = {v.dtype for v in optimizer.variables}
        assert kinds <= {"float32", "int32", "int64"}
    for network in networks[:2]:
        inside = [
            layer.output.dtype
            for layer in network.layers
            if "conv" in layer.name or "_norm" in layer.name
        ]
        assert len(inside) >= 8
        assert set(inside) == {name}
    images = gan.generator(Z, training=True)
    logits = gan.discriminator(images, training=True)
    assert images.dtype == logits.dtype == tf.float32
    for layer in ("relu", "dense"):  # around the sum over pixels
        assert gan.discriminator.get_layer(layer).compute_dtype == "float32"


@each_precision
def test_exports_compute_in_float32(name, tmp_path):
    keras.utils.set_random_seed(0)
    plain = build(tiny_config()).generator
    model = build(tiny_config(f"--precision={name}")).generator
    scramble(plain)
    model.set_weights(plain.get_weights())
    copy = strip_masks(model)
    np.testing.assert_array_equal(copy(Z), strip_masks(plain)(Z))
    np.testing.assert_array_equal(copy(Z), plain(Z))
    differs = np.abs(model(Z) - copy(Z)).max()
    assert (differs == 0) == (name == "float32")
    assert differs < 0.1
    export_generator(copy, 128, str(tmp_path / "model"), {})
    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((tmp_path / "model/saved_model.pb").read_bytes())
    half = {tf.bfloat16.as_datatype_enum, tf.float16.as_datatype_enum}
    for function in saved.meta_graphs[0].graph_def.library.function:
        for node in function.node_def:
            assert not half & {a.type for a in node.attr.values()}


def _losses(run):
    with open(run.run_dir.metrics, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    names = "loss/generator", "loss/discriminator"
    return np.array([[row[name] for name in names] for row in rows])


def test_bfloat16_trains_as_float32_does(tiny, tmp_path):
    words = "--learning_rate=0.0005", "--sparsity=0.3"
    plain = joined_run(tiny(*words))
    plain.train(StopOnSignal())
    words = *words, "--precision=bfloat16", f"--run_dir={tmp_path / 'b'}"
    mixed = joined_run(tiny(*words))
    mixed.train(StopOnSignal())
    expected, got = _losses(plain), _losses(mixed)
    # bfloat16 has 8 significant bits: each of some 20 roundings on the way
    # to a loss moves it by up to 0.4%, together by about 2%; twice that
    # leaves room for what ten updates add.
    assert not np.array_equal(got, expected)
    np.testing.assert_allclose(
        got, expected, rtol=0, atol=0.04 * np.abs(expected).max()
    )


def test_float16_skips_an_overflow_and_halves_the_scale(tiny):
    words = "--precision=float16", "--steps=3"
    run = joined_run(tiny(*words))
    gan = run.gan
    optimizers = gan.generator_optimizer, gan.discriminator_optimizer
    for optimizer in optimizers:
        optimizer.dynamic_scale.assign(2.0**60)
    networks = gan.generator, gan.discriminator
    before = [v.numpy() for x in networks for v in x.trainable_variables]
    scales = []
    run.log.sources.append(lambda step: scales.append(gan.figures) or {})
    pruners, run.regan.pruners = run.regan.pruners, []  # weights stay still
    run.train(StopOnSignal())
    run.regan.pruners = pruners
    halved = [60 - np.log2(s["loss_scale/generator"]) for s in scales]
    assert halved == [1, 2, 3]
    assert gan.generator_optimizer.iterations.numpy() == 0
    # Of six critic updates some have a hinge loss of 0, which overflows never.
    scale = gan.discriminator_optimizer.dynamic_scale.numpy()
    applied = gan.discriminator_optimizer.iterations.numpy()
    assert 60 - np.log2(scale) == 6 - applied > 0
    after = [v.numpy() for x in networks for v in x.trainable_variables]
    for value, now in zip(before, after, strict=True):
        np.testing.assert_array_equal(now, value)
    run.checkpointer.save(3)
    run.run_dir.unlock()
    resumed = joined_run(tiny(*words))
    assert resumed.start == 3
    scale = resumed.gan.generator_optimizer.dynamic_scale
    assert scale.numpy() == 2.0**57


def test_an_overflow_on_any_device_is_seen():
    strategy = choose_strategy(2)  # one a process, see there
    with strategy.scope():
        weight = keras.Variable([1.0, 1.0])
        optimizer = LossScale(keras.optimizers.SGD(1.0), name="loss_scale")
        optimizer.build([weight])

    @tf.function
    def update(overflowing):
        def replica():
            context = tf.distribute.get_replica_context()
            here = context.replica_id_in_sync_group == overflowing
            gradient = tf.where(here, np.inf, 2.0**13) * tf.ones(2)
            optimizer.apply([gradient], [weight])

        strategy.run(replica)

    for overflowing, scale in ((0, 2.0**14), (1, 2.0**13)):
        update(tf.constant(overflowing))
        assert optimizer.dynamic_scale.numpy() == scale
        np.testing.assert_array_equal(weight.numpy(), 1)
    update(tf.constant(-1))  # 2·2^13 / 2^13
    np.testing.assert_array_equal(weight.numpy(), -1)
    assert optimizer.iterations.numpy() == 1


def test_the_phase_reaches_the_rate_through_a_loss_scale():
    rate = SwitchableDecay(0.01)
    optimizer = LossScale(keras.optimizers.Adam(rate))
    set_factor(optimizer, 0.1)
    assert rate.at(0) == pytest.approx(0.001)
    optimizer = LossScale(keras.optimizers.Adam(0.5))
    set_factor(optimizer, 0.1, base=0.01)
    assert float(optimizer.learning_rate.numpy()) == pytest.approx(0.001)
