import pytest
import torch
from reidbench_spgan.network import LEAST_SIDE, SiameseNetwork
from torch import nn


def pools(network):
    return sum(isinstance(m, nn.MaxPool2d) for m in network.modules())


def test_layers_are_the_papers_at_its_size():
    network = SiameseNetwork((256, 128))
    layers = [m for m in network.maps if not isinstance(m, nn.LeakyReLU)]
    kinds = ["C" if isinstance(m, nn.Conv2d) else "P" for m in layers]
    assert "".join(kinds) == "CPCPCPP"
    convs = [m for m in layers if isinstance(m, nn.Conv2d)]
    assert [m.out_channels for m in convs] == [64, 128, 256]
    assert {(m.kernel_size, m.stride) for m in convs} == {((4, 4), (2, 2))}
    linears = [m for m in network.head if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linears] == [(512, 256), (256, 128)]


@pytest.mark.parametrize(
    ("size", "wanted", "kept", "inputs"),
    [
        ((256, 128), 4, 4, 512),
        ((256, 128), 3, 3, 2048),
        ((128, 64), 4, 3, 512),
        ((64, 32), 4, 2, 512),
        ((64, 32), 3, 2, 512),
        ((384, 128), 4, 4, 768),
        ((256, 256), 4, 4, 1024),
        ((LEAST_SIDE, LEAST_SIDE), 4, 1, 256),
    ],
)
def test_poolings_that_would_empty_the_map_are_left_out(size, wanted, kept, inputs):
    network = SiameseNetwork(size, wanted)
    assert pools(network) == kept
    assert network.head[0].in_features == inputs
    assert network(torch.rand(2, 3, *size)).shape == (2, 128)


def count(module):
    return sum(p.numel() for p in module.parameters())


def test_networks_have_the_sizes_of_their_tables():
    convolutions = [(16 * i + 1) * o for i, o in ((3, 64), (64, 128), (128, 256), (256, 512))]
    paper = SiameseNetwork((256, 128))
    assert count(paper) == sum(convolutions[:3]) + 513 * 256 + 257 * 128
    released = {"hidden": 128, "embedding": 64, "dropout": 0.5}
    tensorflow = SiameseNetwork((256, 256), 4, convolutions=4, **released)
    assert count(tensorflow) == sum(convolutions) + 513 * 128 + 129 * 64
    pytorch = SiameseNetwork((256, 128), 3, bias=False, **released)
    assert count(pytorch) == sum(convolutions[:3]) + 2048 * 128 + 128 * 64


@pytest.mark.parametrize("size", [(256, 256), (256, 128), (64, 32), (LEAST_SIDE, LEAST_SIDE)])
@pytest.mark.parametrize("pools", [3, 4])
def test_four_convolutions_leave_something_too(size, pools):
    network = SiameseNetwork(size, pools, convolutions=4, embedding=64)
    assert network(torch.rand(2, 3, *size)).shape == (2, 64)


def test_dropout_draws_for_each_image():
    network = SiameseNetwork((32, 16), dropout=0.5)
    a, b = network(torch.rand(1, 3, 32, 16).expand(2, -1, -1, -1))
    assert not torch.equal(a, b)


def test_xavier_weights_are_uniform_with_the_papers_bound():
    head = SiameseNetwork((256, 128), init="xavier").head
    bound = (6 / (512 + 256)) ** 0.5
    assert head[0].weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
    assert head[0].weight.std().item() == pytest.approx(bound / 3**0.5, rel=1e-2)
    assert not head[0].bias.any()


def test_embeddings_have_unit_length_and_float32_under_bf16():
    network, x = SiameseNetwork((32, 16)), torch.rand(3, 3, 32, 16)
    torch.testing.assert_close(network(x).norm(dim=1), torch.ones(3))
    with torch.autocast("cpu", torch.bfloat16):
        assert network(x).dtype == torch.float32
