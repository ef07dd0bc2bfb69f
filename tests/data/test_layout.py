import pytest

from regan_tf.data.layout import split_files
from regan_tf.errors import UserError


def labelled(names, split="train"):
    """{name: class or None}, in order; None without such a split."""
    found = split_files(names, split)
    if found is None:
        return None
    if found.labels is None:
        return dict.fromkeys(found.names)
    classes = [found.class_names[i] for i in found.labels]
    return dict(zip(found.names, classes, strict=True))


@pytest.mark.parametrize("wrap", ["", "data/", "a/b/"])
@pytest.mark.parametrize(
    "layout",
    [
        {"cat/1.png": "cat", "dog/1.png": "dog"},
        {"1.png": None, "a/2.png": None},
        {"a/b/3.png": "a", "c/2.png": "c"},
        {"bus/1.png": "bus", "train/1.png": "train"},
    ],
)
def test_layouts_without_splits(layout, wrap):
    names = {wrap + name: label for name, label in layout.items()}
    assert labelled(list(names)) == names
    assert labelled(list(names), "test") is None


def test_flat_and_single_class_folder():
    assert labelled(["b.png", "a.png"]) == {"a.png": None, "b.png": None}
    assert labelled(["x/1.png", "x/2.png"]) == {"x/1.png": "x", "x/2.png": "x"}
    assert labelled(["w/x/1.png"]) == {"w/x/1.png": "x"}


@pytest.mark.parametrize("wrap", ["", "data/"])
@pytest.mark.parametrize("test", ["test", "val", "valid", "validation", "Test"])
def test_splits(wrap, test):
    train = [f"{wrap}train/{c}/1.png" for c in ("a", "b")]
    held_out = [f"{wrap}{test}/b/9.png"]
    names = train + held_out
    assert labelled(names) == dict(zip(train, "ab", strict=True))
    assert labelled(names, "test") == {held_out[0]: "b"}
    assert split_files(names, "test").labels == (1,)


def test_splits_without_classes():
    names = ["train/1.png", "test/2.png"]
    assert labelled(names) == {"train/1.png": None}
    assert labelled(names, "test") == {"test/2.png": None}
    assert labelled(["train/1.png"], "test") is None


def test_of_several_test_folders_the_first_counts():
    names = ["train/1.png", "val/2.png", "test/3.png"]
    assert labelled(names, "test") == {"test/3.png": None}


def test_everything_that_is_no_image_is_ignored():
    junk = ["__MACOSX/a/._1.png", ".git/1.png", "a/.hidden.png", "Thumbs.db"]
    junk += ["a/notes.txt", "a/1.gif", "a/png", "archive.png.zip"]
    assert labelled([*junk, "a/1.png"]) == {"a/1.png": "a"}
    assert labelled(junk) is None


@pytest.mark.parametrize("suffix", ["JPG", "jpe", "jpeg", "Webp", "BMP"])
def test_suffixes(suffix):
    assert labelled([f"1.{suffix}"]) == {f"1.{suffix}": None}


def test_hostile_names_are_only_names():
    names = ["../../a/1.png", "/a/1.png", "./a/1.png", "b/2.png"]
    assert labelled(names) == dict(zip(names, "aaab", strict=True))


def test_order_and_keys_do_not_depend_on_the_listing():
    names = ["w/b/2.png", "w/a/10.png", "w/a/1.png"]
    found = split_files(names, "train")
    assert found == split_files(names[::-1], "train")
    assert found.keys == ("a/1.png", "a/10.png", "b/2.png")


@pytest.mark.parametrize(
    "names, message",
    [
        (["train/a/1.png", "test/b/1.png"], "class 'b'.*lacks"),
        (["test/a/1.png"], "no folder 'train'"),
        (["train/1.png", "test/1.png", "new/1.png"], "outside them.*'new'"),
    ],
)
def test_layouts_that_make_no_sense(names, message):
    with pytest.raises(UserError, match=message):
        split_files(names, "test")
