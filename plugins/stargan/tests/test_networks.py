import pytest
import torch
from reidbench_stargan.networks import Discriminator, Generator
from torch import nn


def count(network):
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("domains", [5, 7])
def test_generator_has_the_released_number_of_parameters(domains):
    stem = (3 + domains) * 64 * 49 + 2 * 64
    down = 64 * 128 * 16 + 2 * 128 + 128 * 256 * 16 + 2 * 256
    middle = 6 * 2 * (256 * 256 * 9 + 2 * 256)
    up = 256 * 128 * 16 + 2 * 128 + 128 * 64 * 16 + 2 * 64
    assert count(Generator(domains)) == stem + down + middle + up + 64 * 3 * 49
    if domains == 5:  # printed by the release
        assert count(Generator(domains)) == 8_430_528


def test_discriminator_has_the_released_number_of_parameters():
    assert count(Discriminator(5, (128, 128))) == 44_762_048
    channels = [3, 64, 128, 256, 512, 1024, 2048]
    layers = sum(channels[i] * channels[i + 1] * 16 + channels[i + 1] for i in range(6))
    heads = 2048 * 9 + 2048 * 7 * 2 * 1
    assert count(Discriminator(7, (128, 64))) == layers + heads


@pytest.mark.parametrize(
    ("size", "layers", "patches"),
    [((128, 64), 6, (2, 1)), ((256, 128), 6, (4, 2)), ((64, 32), 5, (2, 1)), ((8, 12), 3, (1, 1))],
)
def test_discriminator_has_as_many_layers_as_the_image_allows(size, layers, patches):
    discriminator = Discriminator(3, size, width=2)
    strided = [m for m in discriminator.layers if isinstance(m, nn.Conv2d)]
    assert [m.stride for m in strided] == [(2, 2)] * layers
    assert all(m.negative_slope == 0.01 for m in discriminator.layers[1::2])
    scores, domains = discriminator(torch.rand(2, 3, *size))
    assert scores.shape == (2, 1, *patches)
    assert domains.shape == (2, 3)
    assert len(Discriminator(3, size, width=2, layers=2).layers) == 4


def test_generator_keeps_the_size_and_normalises_all_but_the_last_layer():
    generator = Generator(3, width=4, blocks=6)
    fake = generator(torch.rand(2, 3, 20, 12), torch.tensor([0, 2]))
    assert fake.shape == (2, 3, 20, 12)
    assert fake.abs().max() <= 1
    norms = [m for m in generator.modules() if isinstance(m, nn.GroupNorm)]
    convolutions = [m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(norms) == len(convolutions) - 1 == 17
    assert all(n.num_groups == n.num_channels and n.affine for n in norms)
    assert all(bool((n.weight == 1).all()) and not n.bias.any() for n in norms)
    assert all(c.bias is None for c in convolutions)


def test_the_domain_is_seen_as_maps_beside_the_image():
    generator = Generator(3, width=4, blocks=1)
    seen = []
    generator.layers.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    pixels = torch.rand(2, 3, 8, 8)
    generator(pixels, torch.tensor([2, 0]))
    assert torch.equal(seen[0][:, :3], pixels)
    expected = torch.tensor([[0.0, 0, 1], [1, 0, 0]])[:, :, None, None].expand(2, 3, 8, 8)
    assert torch.equal(seen[0][:, 3:], expected)


def test_rows_do_not_depend_on_their_neighbours():
    generator = Generator(3, width=4, blocks=1)
    pixels, domains = torch.rand(3, 3, 16, 8), torch.tensor([0, 1, 2])
    alone = [generator(pixels[i : i + 1], domains[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(generator(pixels, domains), torch.cat(alone))
