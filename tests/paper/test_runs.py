"""Every row of the paper has a flag file, and every file is a run."""

import dataclasses

import pytest

from regan_tf.paper import rows
from regan_tf.paper.expected import config_of as config_of_run
from regan_tf.paper.lengths import FULL, published_length
from regan_tf.paper.runs import runs
from regan_tf.paper.tables import _BASES
from regan_tf.run import dry_run, planned
from tests.tiny import config_of

ROWS = [row for row in rows() if row.config]


def _read(run):
    return config_of(f"--flagfile={run.path}")


@pytest.mark.parametrize("name", runs())
def test_each_file_is_the_run_of_the_table(name):
    run = runs()[name]
    config = _read(run)
    assert config.output.run_dir == f"runs/{run.same_as or name}"
    assert config == dataclasses.replace(
        config_of_run(run), output=config.output
    )
    assert planned(config).training.steps > 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.config)
def test_each_row_has_a_file_that_does_what_it_says(row):
    config = _read(runs()[row.config])
    assert config.output.protocol == row.protocol
    assert (config.method.prune == "none") == (
        not row.method.startswith(("Re-", "ST_"))
    )
    if row.table not in (5, 6):
        assert (config.data.fraction or 1.0) == row.data_fraction
    elif row.dataset == "oxford_flowers" or row.data_fraction != 1.0:
        assert config.data.num_images == row.num_images
    if row.learning_rate:
        assert config.training.learning_rate == row.learning_rate
    for word in ("APA", "DiffAug"):
        on = {"APA": config.augment.apa, "DiffAug": config.augment.diffaugment}
        assert bool(on[word]) == (word in row.method)


@pytest.mark.parametrize(
    "row",
    [x for x in ROWS if "images_shown" in x.metrics and x.method[:3] != "ST_"],
    ids=lambda row: row.config,
)
def test_the_published_best_lies_between_first_pruning_and_end(row):
    config = planned(_read(runs()[row.config]))
    best, stage = row.metrics["images_shown"].value, config.stages.last
    assert best <= config.stages.images_at(config.training.steps)
    if config.method.prune != "none":
        assert best > config.stages.images_at(
            stage.start + config.method.warmup
        )


def test_dense_twins_differ_by_their_pruning():
    for name, run in runs().items():
        dense = name.replace("_re_", "_", 1)
        if dense == name or run.same_as or dense not in runs():
            continue
        one, other = _read(run).as_dict(), _read(runs()[dense]).as_dict()
        differing = {key for key in one if one[key] != other[key]}
        assert differing == {"method.prune", "output.run_dir"}


def test_full_lengths_are_those_of_the_files_that_are_changed():
    for key, base in _BASES.items():
        words = f"--flagfile=configs/{base}.flags", "--data_path=somewhere"
        config = config_of(*words)
        length = config.training.steps.amount, config.method.warmup.amount
        assert length == FULL[key]


def test_lengths_shrink_as_the_published_ones():
    # 25,000·3.2/17.7 = 4,520; 12,000·9.6/9.4 is more than the whole.
    short = published_length("cifar10", "StyleGAN2", 0.1)
    assert short == ("steps=5000kimg", "warmup=1000kimg")
    whole = published_length("tiny_imagenet", "ProGAN", 0.5)
    assert whole == ("steps=12000kimg", "warmup=2000kimg")


@pytest.mark.parametrize(
    ("name", "count"), [("AnimalFace-cat", 160), ("100-shot-panda", 100)]
)
def test_few_shot_sets_need_no_images_to_be_planned(name, count):
    words = "--flagfile=configs/fastgan_fewshot.flags", "--steps=50ep"
    path = f"--data_path=nowhere/{name}.zip"
    config = planned(config_of(*words, path, "--warmup=1ep"))
    assert config.training.steps == round(50 * count / 8)


def _networks(config):
    # What a dry run builds depends on these only.
    method = config.method
    ticket = method.method == "ticket"
    return config.network, config.data.resolution, ticket, method.prune


DISTINCT = {
    _networks(_read(run)): run for run in runs().values() if not run.same_as
}


def _slow(key):
    # The dense networks are those that costs are counted on, in test_write.
    return [pytest.mark.slow] if key[-1] == "none" else []


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run, id=run.name, marks=_slow(key))
        for key, run in DISTINCT.items()
    ],
)
def test_a_dry_run_of_all_distinct_networks(run, capsys):
    dry_run(_read(run))
    assert " h on one A100 " in capsys.readouterr().out
