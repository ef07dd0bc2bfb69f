"""Parameters, operations and prunable weights of the networks as published,
counted in the authors' PyTorch models."""

import pytest

from regan_tf.metrics.flops import count_parameters, layer_costs, total_macs
from regan_tf.recipes import RECIPES
from regan_tf.regan.layers import masked_layers
from regan_tf.regan.masks import magnitude_mask
from tests.nets.small import small

# (parameters, multiply-accumulates of an image, weights in kernels)
RESNET = 1_053_824, 272_072_832, 1_052_544
CNN = 5_860_865, 215_687_168, 5_859_008
COUNTS = {
    ("dcgan", 32, 100): (
        (11_429_632, 102_645_760, 11_425_792),
        (4_309_441, 40_552_448, 4_307_648),
    ),
    ("dcgan", 64, 100): (
        (12_658_432, 410_583_040, 12_654_592),
        (4_315_585, 162_209_792, 4_313_792),
    ),
    ("sngan", 32, 128): ((4_276_739, 1_681_129_472, 4_266_752), RESNET),
    ("sngan_cnn", 32, 100): ((3_584_003, 103_251_968, 3_573_440), CNN),
    ("sngan_cnn", 32, 128): ((3_813_379, 103_481_344, 3_802_816), CNN),
    ("sngan_cnn", 48, 128): (
        (5_134_339, 232_833_024, 5_113_536),
        (5_871_105, 485_296_128, 5_869_248),
    ),
    ("sngan_cnn", 64, 128): (
        (6_983_683, 413_925_376, 6_948_544),
        (5_885_441, 862_748_672, 5_883_584),
    ),
    ("autogan_a", 32, 128): ((4_405_251, 1_765_015_552, 4_397_824), RESNET),
    ("autogan_b", 32, 128): ((4_471_043, 1_832_124_416, 4_463_360), RESNET),
    ("autogan_c", 32, 128): ((4_406_275, 1_765_015_552, 4_397_824), RESNET),
}


def _published(arch, resolution, latent_dim, masked):
    recipe = RECIPES[arch]
    widths = recipe.generator_width, recipe.discriminator_width
    both = masked, masked
    return small(arch, resolution, latent_dim, widths, both, fused=False)


@pytest.mark.parametrize("case", COUNTS, ids=str)
def test_counts_equal_the_published_networks(case):
    for model, counts in zip(
        _published(*case, masked=False), COUNTS[case], strict=True
    ):
        costs = layer_costs(model)
        kernels = sum(layer.kernel for layer in costs)
        parameters, _ = count_parameters(model)
        assert (parameters, total_macs(costs), kernels) == counts


@pytest.mark.parametrize("arch", sorted({arch for arch, *_ in COUNTS}))
def test_a_tenth_of_each_kernel_rounded_down_is_pruned(arch):
    latent_dim = RECIPES[arch].latent_dim
    pair = _published(arch, 32, latent_dim, masked=True)
    counts = COUNTS[arch, 32, latent_dim]
    for model, (_, _, kernels) in zip(pair, counts, strict=True):
        expected = 0
        for layer in masked_layers(model):
            for kernel, mask in layer.masked_weights:
                mask.assign(magnitude_mask(kernel.numpy(), 0.1))
                expected += kernel.numpy().size // 10
        live = sum(layer.live for layer in layer_costs(model))
        assert kernels - live == expected
