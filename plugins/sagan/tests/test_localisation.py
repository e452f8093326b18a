import pytest
import torch
from reidbench_sagan.localisation import Localisation
from torch import nn

from reidbench.testing.tensors import fixed_seed

SIZES = [(32, 16), (64, 32), (128, 64), (256, 128), (48, 20), (33, 17), (16, 64)]


def network(size=(32, 16), *, channels=4, code_size=3, moving=True):
    """Return a network whose last layer, if ``moving``, is no longer zero."""
    with fixed_seed(0):
        built = Localisation(size, channels, code_size, 8, 8)
        if moving:
            nn.init.normal_(built.last.weight)
    return built


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [3, 4])
def test_takes_images_of_many_sizes_and_starts_at_zero(size, channels):
    built = network(size, channels=channels, moving=False)
    raw = built(drawn(2, channels, *size), drawn(2, 3))
    assert torch.equal(raw, torch.zeros(2, 8))


@pytest.mark.parametrize("size", SIZES)
def test_first_step_moves_the_last_layer(size):
    """Zeros would stay where they are if the layer before were zero too."""
    built = network(size, moving=False)
    (built(drawn(4, 4, *size), drawn(4, 3)) - 1).square().mean().backward()
    assert built.last.weight.grad.abs().min(1).values.max() > 0
    assert built.last.bias.grad.all()


@pytest.mark.parametrize("size", SIZES)
def test_every_number_of_the_code_gets_through(size):
    """None is lost on the way down, however deep: it moves the outputs as an image does."""
    built, code = network(size), drawn(64, 3)
    coarse = torch.nn.functional.interpolate(drawn(64, 4, 4, 2), size=size)
    with torch.no_grad():
        of_images = built(coarse, torch.zeros(64, 3)).std(0).mean()
        for place in range(3):
            single = torch.zeros(64, 3)
            single[:, place] = code[:, place]
            assert built(coarse[:1].expand(64, -1, -1, -1), single).std(0).mean() > 0.2 * of_images


def test_rows_are_apart():
    built, images, code = network(), drawn(4, 4, 32, 16), drawn(4, 3)
    whole = built(images, code)
    alone = torch.cat([built(images[i : i + 1], code[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(whole, alone)


def test_tells_places_apart():
    """The means over the whole image, which would not, are equal in both."""
    built, code = network(), torch.zeros(1, 3)
    images = torch.zeros(2, 4, 32, 16)
    images[0, :, 4:12, 4:12] = 1
    images[1, :, 20:28, 4:12] = 1
    upper, lower = built(images, code.expand(2, 3))
    assert (upper - lower).abs().max() > 0.01


def test_goes_without_a_code():
    built = network(code_size=0)
    assert built(drawn(2, 4, 32, 16), torch.zeros(2, 0)).shape == (2, 8)


def test_widths_double_up_to_eight_times_before_a_4x2_raster():
    built = network((256, 128))
    assert [layer[0].out_channels for layer in built.convolutions] == [8, 16, 32, 64, 64]
    assert built.hidden.in_features == 64 * 4 * 2
