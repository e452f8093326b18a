import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reidbench.nn.norm import instance_norm
from reidbench.nn.patchgan import LEAST_SIDE, PatchGAN
from reidbench.nn.resnet_generator import ResidualBlock, ResNetGenerator
from reidbench.nn.small_resnet import SmallResNet


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_networks_have_the_published_sizes():
    assert count(ResNetGenerator()) == 11_378_179
    assert count(PatchGAN()) == 2_764_737
    assert count(PatchGAN(norm=True)) == 2_764_737


def published_generator(network, x):
    """Compute the release's generator from the layers' names in its paper, on our weights."""
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    stem, down1, down2, *middle, up1, up2, head = convs

    def norm(y):
        return F.instance_norm(y)

    def conv3(y, layer):
        return F.conv2d(F.pad(y, [1] * 4, mode="reflect"), layer.weight, layer.bias)

    y = F.conv2d(F.pad(x, [3] * 4, mode="reflect"), stem.weight, stem.bias)
    y = F.relu(norm(y))
    for layer in (down1, down2):
        y = F.relu(norm(F.conv2d(y, layer.weight, layer.bias, stride=2, padding=1)))
    for first, second in zip(middle[::2], middle[1::2], strict=True):
        y = y + norm(conv3(F.relu(norm(conv3(y, first))), second))
    for layer in (up1, up2):
        up = F.conv_transpose2d(y, layer.weight, layer.bias, stride=2, padding=1, output_padding=1)
        y = F.relu(norm(up))
    y = F.conv2d(F.pad(y, [3] * 4, mode="reflect"), head.weight, head.bias)
    return y.tanh()


@pytest.mark.parametrize("blocks", [0, 2])
def test_generator_equals_the_published_one(blocks):
    network = ResNetGenerator(width=8, blocks=blocks)
    network.apply(lambda m: m.weight.data.mul_(5) if isinstance(m, nn.Conv2d) else None)
    x = torch.rand(2, 3, 32, 16) * 2 - 1
    ours = network(x)
    assert ours.shape == x.shape
    assert ours.std() > 0.01
    torch.testing.assert_close(ours, published_generator(network, x), atol=1e-5, rtol=1e-4)


def test_generator_width_and_blocks_scale_it():
    assert len([m for m in ResNetGenerator(4, 3).modules() if isinstance(m, ResidualBlock)]) == 3
    assert ResNetGenerator(4, 1).layers[1].out_channels == 4


def test_rows_do_not_mix():
    network = ResNetGenerator(8, 1)
    a, b = torch.rand(2, 1, 3, 32, 16)
    both = network(torch.cat([a, b]))
    torch.testing.assert_close(both, torch.cat([network(a), network(b)]), atol=1e-6, rtol=1e-5)


def test_discriminator_judges_patches_of_70_pixels():
    network = PatchGAN(width=4).double()
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.01)
    x = torch.ones(1, 3, 160, 160, dtype=torch.double, requires_grad=True)
    scores = network(x)
    assert scores.shape == (1, 1, 18, 18)
    scores[0, 0, 9, 9].backward()
    seen = x.grad[0].abs().sum(0) > 0
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (70, 70)


def test_discriminator_normalises_only_if_asked():
    def norms(network):
        return sum(isinstance(m, nn.GroupNorm) for m in network.modules())

    assert (norms(PatchGAN(4)), norms(PatchGAN(4, norm=True))) == (0, 3)


def test_least_side_of_the_discriminator_is_the_least():
    assert PatchGAN(4)(torch.rand(1, 3, LEAST_SIDE, LEAST_SIDE)).numel() == 1
    with pytest.raises(RuntimeError):
        PatchGAN(4)(torch.rand(1, 3, LEAST_SIDE - 8, LEAST_SIDE - 8))


def test_initial_weights_are_normal_with_deviation_002():
    weights = ResNetGenerator(32, 2).layers[10].layers[1].weight
    assert weights.shape == (128, 128, 3, 3)
    assert abs(weights.std().item() - 0.02) < 2e-4
    assert abs(weights.mean().item()) < 2e-4


def test_instance_norm_equals_torchs():
    x = torch.rand(3, 5, 6, 7) * 4 - 1
    ours = instance_norm(5)
    assert count(ours) == 0
    torch.testing.assert_close(ours(x), nn.InstanceNorm2d(5)(x))


@pytest.mark.parametrize("network", [ResNetGenerator(4, 1), PatchGAN(4)])
def test_outputs_are_float32_under_bf16(network):
    with torch.autocast("cpu", torch.bfloat16):
        assert network(torch.rand(1, 3, 32, 32)).dtype == torch.float32


def test_small_resnet():
    network = SmallResNet(num_classes=7)
    assert network(torch.rand(2, 3, 64, 32)).shape == (2, 7)
    assert count(network) - count(network.fc) == 307_360


def test_a_residual_generator_that_draws_nothing_gives_the_image_back():
    generator = ResNetGenerator(4, 1, residual=True)
    torch.nn.init.zeros_(generator.layers[-1].weight)
    torch.nn.init.zeros_(generator.layers[-1].bias)
    pixels = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
    with torch.no_grad():
        given = generator(pixels)
    torch.testing.assert_close(given, pixels, rtol=0, atol=1 / 255 + 1e-6)
    assert torch.isfinite(given).all()


def test_a_residual_generator_adds_before_tanh_what_the_published_one_draws():
    published, residual = ResNetGenerator(4, 1), ResNetGenerator(4, 1, residual=True)
    residual.load_state_dict(published.state_dict())
    pixels = torch.rand(1, 3, 16, 16) - 0.5
    with torch.no_grad():
        expected = torch.tanh(torch.atanh(pixels) + torch.atanh(published(pixels)))
        torch.testing.assert_close(residual(pixels), expected, rtol=1e-4, atol=1e-5)
