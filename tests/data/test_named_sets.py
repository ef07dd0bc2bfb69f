"""Published sets in the layouts they are passed on in, tiny and made up."""

import numpy as np
import pytest

from regan_tf.data import known_sets, load_image_set
from regan_tf.errors import UserError
from tests.data.make import png, write_folder, write_zip
from tests.data.test_package import real_data

JUNK = {
    "__MACOSX/set/._a.png": b"junk",
    ".DS_Store": b"junk",
    "Thumbs.db": b"junk",
    "readme.txt": b"junk",
}
TINY = {
    "train/n01/images/n01_0.JPEG": png(1),
    "train/n01/n01_boxes.txt": b"n01_0.JPEG\t0\t0\t9\t9\n",
    "train/n02/images/n02_0.JPEG": png(2),
    "train/n02/images/n02_1.JPEG": png(3),
    "val/images/val_0.JPEG": png(4),
    "val/images/val_1.JPEG": png(5),
    "val/val_annotations.txt": b"val_1.JPEG\tn01\t0\t9\r\nval_0.JPEG\tn02\t0\n",
    "test/images/test_0.JPEG": png(6),
    "wnids.txt": b"n02\nn01\n",
}
ANNOTATIONS = "val/val_annotations.txt"
FLOWERS = {f"image_0000{i}.jpg": png(i) for i in range(1, 5)}
FACES = {f"0000{i}.png": png(i) for i in range(4)}
FIVE = {f"{i}.jpg": png(i) for i in range(5)}


def load(dataset, path, said=None, **options):
    options = {"resolution": 4, **options}
    said = [] if said is None else said
    return load_image_set(dataset, path=str(path), say=said.append, **options)


def below(prefix, files):
    return {prefix + name: data for name, data in files.items()}


def values(found):
    return np.asarray(found.images[:][:, 0, 0, 0]).tolist()


def refused(dataset, path, **options) -> str:
    """The message; always one line."""
    with pytest.raises(UserError) as caught:
        load(dataset, path, **options)
    message = str(caught.value)
    assert "\n" not in message and "Received: " in message
    return message


def alike(dataset, tmp_path, layouts, split="train"):
    """Loads each layout from a folder and a zip; all must be one set."""
    found = []
    for i, layout in enumerate(layouts):
        files = layout | JUNK
        root = tmp_path / str(i) / "100-shot-panda"
        root.mkdir(parents=True)
        for path in (
            write_folder(root, files),
            write_zip(root.with_suffix(".zip"), files),
            write_zip(root.with_suffix(".top.zip"), below("top/", files)),
        ):
            found.append(load(dataset, path, split=split))
    first, *others = found
    for other in others:
        assert other.fingerprint == first.fingerprint
        assert other.name == first.name
        assert other.class_names == first.class_names
        np.testing.assert_array_equal(other.images, first.images)
        np.testing.assert_array_equal(other.labels, first.labels)
    return first


@pytest.mark.parametrize("split", ["train", "test"])
def test_tiny_imagenet_in_its_layouts(tmp_path, split):
    val = {"val/n01/val_1.JPEG": png(5), "val/n02/val_0.JPEG": png(4)}
    train = {n.replace("images/", ""): TINY[n] for n in TINY if "train" in n}
    found = alike("tiny_imagenet", tmp_path, [TINY, train | val], split)
    expected = {"train": ([1, 2, 3], [0, 1, 1]), "test": ([5, 4], [0, 1])}
    assert (values(found), found.labels.tolist()) == expected[split]
    assert found.name == "tiny_imagenet"
    assert found.class_names == ("n01", "n02")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        (b"val_0.JPEG n02", "no line for 'val/images/val_1.JPEG'"),
        (TINY[ANNOTATIONS] + b"val_9.JPEG n01", "'val_9.JPEG', without such"),
        (b"val_0.JPEG n02\nval_1.JPEG n03", "line 2 .* out of train/"),
        (b"val_0.JPEG", "line 1 .* a file, then a class"),
        (b"\xff\0\n", "line 1 "),
        (bytes(2**26 + 1), "cannot be read: larger than"),
    ],
)
def test_annotations_that_do_not_fit(tmp_path, text, message):
    files = {n: data for n, data in TINY.items() if n != ANNOTATIONS}
    files |= {} if text is None else {ANNOTATIONS: text}
    path = write_zip(tmp_path / "a.zip", files, 8)
    with pytest.raises(UserError, match=message) as caught:
        load("tiny_imagenet", path, split="test")
    assert "\n" not in str(caught.value)
    assert len(load("tiny_imagenet", path)) == 3  # the others stand


def test_wrong_paths_of_tiny_imagenet(tmp_path):
    root = write_folder(tmp_path / "tiny-imagenet-200", TINY)
    assert len(load("tiny_imagenet", tmp_path)) == 3  # nothing else there
    assert "'n01/images', 'n02/images'" in refused(
        "tiny_imagenet", f"{root}/train"
    )
    write_folder(tmp_path / "other", FACES)
    message = refused("tiny_imagenet", tmp_path)
    assert "'other/00000.png'" in message and "holds train/ and val/" in message
    flat = {"train/1.JPEG": png(1), "val/2.JPEG": png(2)}
    assert "'train/1.JPEG', 'val/2.JPEG'" in refused(
        "tiny_imagenet", write_zip(tmp_path / "flat.zip", flat)
    )


def test_oxford_flowers_without_labels(tmp_path):
    extra = {"imagelabels.mat": b"MATLAB", "segmim/segmim_00001.jpg": png(9)}
    layouts = [below("jpg/", FLOWERS) | extra, FLOWERS]
    found = alike("oxford_flowers", tmp_path, layouts)
    assert (found.name, found.labels) == ("oxford_flowers", None)
    assert values(found) == [1, 2, 3, 4]
    said = []
    load("oxford_flowers", tmp_path / "0/100-shot-panda", said)
    assert said[0].startswith("oxford_flowers train: no labels")
    assert "imagelabels.mat is not read" in said[0]
    assert "4 images, the published set has 8,189" in said[1]


def test_oxford_flowers_in_class_folders(tmp_path):
    folders = ("10/", "2/", "2/", "10/")
    splits = ("train/", "train/", "valid/", "test/")
    sorted_in, both = {}, {}
    for folder, above, name in zip(folders, splits, FLOWERS, strict=True):
        sorted_in[folder + name] = both[above + folder + name] = FLOWERS[name]
    found = alike("oxford_flowers", tmp_path, [sorted_in, both])
    assert found.class_names == ("10", "2")
    assert values(found) == [1, 4, 2, 3]
    assert found.labels.tolist() == [0, 0, 1, 1]
    said = []
    path = str(tmp_path / "1/100-shot-panda")
    assert load("oxford_flowers", path, said, split="test") is None
    load("oxford_flowers", path, said)
    assert "2 classes, the published set has 102" in said[1]


def test_ffhq_nested_and_flat(tmp_path):
    nested = {"00000/00000.png": png(0), "00000/00001.png": png(1)}
    nested |= {"01000/00002.png": png(2), "01000/00003.png": png(3)}
    nested |= {"LICENSE.txt": b"CC"}
    layouts = [below("images1024x1024/", nested), nested, FACES]
    found = alike("ffhq", tmp_path, layouts)
    assert (found.name, found.labels) == ("ffhq", None)
    assert values(found) == [0, 1, 2, 3]
    assert load("ffhq", tmp_path / "2/100-shot-panda", split="test") is None


def test_ffhq_at_two_sizes_is_refused(tmp_path):
    files = below("images1024x1024/00000/", FACES)
    files |= below("thumbnails128x128/00000/", FACES)
    message = refused("ffhq", write_folder(tmp_path, files))
    assert "'thumbnails128x128/00000/00000.png'; give the folder" in message


def test_few_shot_in_its_layouts(tmp_path):
    found = alike("few_shot", tmp_path, [FIVE, below("img/", FIVE)])
    assert (found.name, found.labels) == ("100-shot-panda", None)
    assert values(found) == [0, 1, 2, 3, 4]
    path = tmp_path / "1/100-shot-panda"
    assert load("few_shot", path, split="test") is None
    assert load("few_shot", path / "img").name == "100-shot-panda"
    inside = below("AnimalFace-cat/img/", FIVE)
    path = write_zip(tmp_path / "100-shot-obama.zip", inside)
    assert load("few_shot", path).name == "AnimalFace-cat"


def test_the_counts_of_the_animal_faces_are_not_those_printed(tmp_path):
    assert known_sets.FEW_SHOT_COUNTS["AnimalFace-cat"] == 160
    assert known_sets.FEW_SHOT_COUNTS["AnimalFace-dog"] == 389
    files = {f"{i}.jpg": png(i) for i in range(160)}
    said = []
    load("few_shot", write_zip(tmp_path / "AnimalFace-cat.zip", files), said)
    assert said == []
    load("few_shot", write_zip(tmp_path / "animalface_dog.zip", files), said)
    assert len(said) == 1 and "160 images, the published set has 389" in said[0]
    assert "Table 5 of the paper swaps" in said[0]


def test_few_shot_sets_that_cannot_be_told(tmp_path):
    root = write_folder(tmp_path / "mine", FIVE)
    assert "name of its folder or zip: 100-shot-obama, " in refused(
        "few_shot", root
    )
    several = below("100-shot-obama/", FIVE) | below("100-shot-panda/", FIVE)
    path = write_zip(tmp_path / "100-shot-panda.zip", several)
    assert "'100-shot-obama', '100-shot-panda'" in refused("few_shot", path)


@pytest.mark.parametrize("dataset", ["oxford_flowers", "ffhq"])
def test_other_names_are_another_set(tmp_path, dataset):
    message = refused(dataset, write_folder(tmp_path, FIVE))
    assert "'0.jpg', '1.jpg', '2.jpg' and 2 more" in message
    assert "--dataset=images" in message


@pytest.mark.parametrize("dataset", known_sets.KNOWN_SETS)
def test_nothing_there_or_no_path(tmp_path, dataset):
    write_folder(tmp_path, JUNK)
    with pytest.raises(UserError, match=r"no images in .*Expected files"):
        load(dataset, tmp_path)
    with pytest.raises(UserError, match="needs a folder or zip"):
        load_image_set(dataset, path=None, resolution=4)


def test_a_bad_image_is_named_and_may_be_skipped(tmp_path):
    path = write_folder(tmp_path, FACES | {"00002.png": b"", "00000.png": b""})
    with pytest.raises(
        UserError, match=r"2 of 4 images .*00000\.png: the file"
    ):
        load("ffhq", path)
    assert values(load("ffhq", path, skip_bad_images=True)) == [1, 3]


def test_enlarging_is_said(tmp_path, monkeypatch):
    counts = {"train": len(FACES)}
    known = known_sets.KnownSet(1024, counts)
    monkeypatch.setitem(known_sets.KNOWN_SETS, "ffhq", known)
    said = []
    path = write_zip(tmp_path / "a.zip", FACES)
    load("ffhq", path, said)
    assert said == []
    load("ffhq", path, said, resolution=8)
    assert len(said) == 1 and "first of 4×4, are enlarged to 8×8" in said[0]


def test_real_flowers_of_five_classes_are_not_oxfords():
    path = real_data("flowers-128.zip")
    assert "image_00001.jpg" in refused("oxford_flowers", path)
