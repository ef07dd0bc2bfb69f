"""The runs of Tables 1 to 7. Importable without TensorFlow."""

from collections.abc import Iterator

from regan_tf.paper.lengths import (
    EPOCHS,
    EPOCHS_NOTE,
    PUBLISHED_NOTE,
    published_length,
)
from regan_tf.paper.run_file import Run, pair

# Where `--data_path` looks unless told otherwise: the published archives,
# under their published names (docs/datasets.md), in a folder `data`.
DATA = {
    "tiny_imagenet": ("data_path=data/tiny-imagenet-200.zip",),
    "ffhq": ("data_path=data/images1024x1024",),
}
_SETS = {
    "cifar10": "CIFAR-10",
    "tiny_imagenet": "Tiny-ImageNet",
}
_BASES = {
    ("cifar10", "ProGAN"): "progan",
    ("cifar10", "StyleGAN2"): "stylegan2_cifar10",
    ("tiny_imagenet", "ProGAN"): "progan_tiny_imagenet",
    ("tiny_imagenet", "StyleGAN2"): "stylegan2_tiny_imagenet",
}

FEW_SHOT = {
    "obama": ("100-shot-obama", "100 images of Obama"),
    "grumpy_cat": ("100-shot-grumpy_cat", "100 images of Grumpy Cat"),
    "panda": ("100-shot-panda", "100 images of pandas"),
    "animal_face_cat": ("AnimalFace-cat", "160 faces of cats"),
    "animal_face_dog": ("AnimalFace-dog", "389 faces of dogs"),
}
_TABLE_5 = {
    "ProGAN": "progan_fewshot",
    "StyleGAN2": "stylegan2_fewshot",
    "StyleGAN2 + APA": "stylegan2_fewshot_apa",
    "StyleGAN2 + DiffAug": "stylegan2_fewshot_diffaug",
}
_KARRAS = (
    "Network: the ProGAN paper's own. That of the Re-GAN authors, which Tables "
    "1 and 2 train, ends at 64 pixels in their code."
)
_FLOWERS = (
    "Which 1,000 of the 8,189 images the paper does not say: a fixed choice. "
    "Scored against these by protocol fewshot, whose resize is antialiased; "
    "protocol paper would take all 8,189."
)


def table_1() -> Iterator[Run]:
    """All of CIFAR-10 and Tiny-ImageNet."""
    for (dataset, network), base in _BASES.items():
        yield from pair(
            "Table 1",
            f"table1_{dataset}",
            network,
            base,
            _SETS[dataset],
            flags=DATA.get(dataset, ()),
        )


def table_2() -> Iterator[Run]:
    """Parts of both."""
    for (dataset, network), base in _BASES.items():
        for percent in (50, 20, 10):
            fraction = percent / 100
            length = published_length(dataset, network, fraction)
            yield from pair(
                "Table 2",
                f"table2_{dataset}_{percent}",
                network,
                base,
                f"{percent}% of {_SETS[dataset]}",
                flags=(
                    f"data_fraction={fraction}",
                    *DATA.get(dataset, ()),
                    *length,
                ),
                notes=(PUBLISHED_NOTE,),
            )


def table_3() -> Iterator[Run]:
    """AutoGAN."""
    for top in "ABC":
        base = f"autogan_{top.lower()}"
        network = f"AutoGAN Top {top}"
        yield from pair("Table 3", "table3", network, base, "CIFAR-10")


def table_4() -> Iterator[Run]:
    """Tickets and variants of SNGAN."""
    dense, regan = pair("Table 4", "table4", "SNGAN", "sngan", "CIFAR-10")
    yield dense
    for percent, rounds in ((20, 2), (46, 4)):
        yield _ticket(percent, rounds)
    yield _variant(
        "lr",
        ("grow_lr_factor=1", "steps=160000"),
        "without the lower rate of dense phases",
        "49.4M",
    )
    yield _variant(
        "RI",
        ("regrow=random", "steps=110000"),
        "regrown from random values",
        "33.1M",
    )
    yield regan


def _ticket(percent: int, rounds: int) -> Run:
    return Run(
        f"table4_st_sngan_{percent}",
        "Table 4",
        f"SNGAN ticket at {percent}%, CIFAR-10",
        "sngan",
        flags=(
            "mask_exclude=dense",
            "method=ticket",
            "prune_scope=global",
            f"rounds={rounds}",
            f"sparsity={percent / 100}",
            "warmup=0",
        ),
        notes=(
            f"Iterative magnitude pruning of the convolutions: a dense round "
            f"and {rounds} pruned ones, each of full length from the first "
            "weights. The paper gives no rounds; its images shown are those "
            f"of {rounds + 1} trainings.",
        ),
    )


def _variant(name: str, flags: tuple, how: str, best: str) -> Run:
    note = f"Longer than sngan.flags: its best score is printed at {best}."
    return Run(
        f"table4_re_sngan_{name.lower()}",
        "Table 4",
        f"Re-SNGAN-{name}, {how}, CIFAR-10",
        "sngan",
        flags=flags,
        notes=(note,),
    )


def table_5() -> Iterator[Run]:
    """A few images, 256 pixels."""
    for network, base in _TABLE_5.items():
        notes = (_KARRAS,) * (network == "ProGAN")
        for name, (archive, data) in FEW_SHOT.items():
            yield from pair(
                "Table 5",
                f"table5_{name}",
                network,
                base,
                data,
                flags=(f"data_path=data/{archive}.zip", "protocol=paper"),
                notes=notes,
            )
        yield from pair(
            "Table 5",
            "table5_oxford_flowers",
            network,
            base,
            "1,000 of Oxford Flowers",
            flags=(
                "data_path=data/102flowers",
                "dataset=oxford_flowers",
                "num_images=1000",
            ),
            notes=(*notes, _FLOWERS),
        )


def table_6() -> Iterator[Run]:
    """FFHQ at 1024 pixels."""
    for count in (70_000, 10_000, 5_000, 1_000):
        part = count < 70_000
        yield from pair(
            "Table 6",
            f"table6_ffhq_{count}",
            "StyleGAN2",
            "stylegan2_ffhq1024",
            f"{count:,} images of FFHQ",
            flags=DATA["ffhq"] + (f"num_images={count}", *EPOCHS) * part,
            notes=(EPOCHS_NOTE,) * part,
        )


def table_7() -> Iterator[Run]:
    """Learning rates of SNGAN."""
    dense, *_, regan = table_4()
    yield dense.alias("table7_sngan", "Table 7")
    for rate in ("7e-4", "5e-4", "2e-4", "1e-4", "1e-5"):
        name = f"table7_re_sngan_{rate}"
        if rate == "2e-4":
            yield regan.alias(name, "Table 7")
            continue
        title = f"Re-SNGAN at a rate of {rate}, CIFAR-10"
        yield Run(
            name, "Table 7", title, "sngan", flags=(f"learning_rate={rate}",)
        )
