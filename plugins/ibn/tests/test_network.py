import copy

import pytest
import torch
from reidbench_ibn.learner import IBN
from reidbench_ibn.network import HalfInstanceNorm, SumNormalised, add_instance_norms
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from reidbench.config.recipe import Embedding
from reidbench.engine.embedding import Embedder
from reidbench.nn.backbones import build_backbone, feature_map
from reidbench.nn.folding import fold_batch_norms
from reidbench.nn.norm import InstanceNorm

VARIANTS = ["ipgan", "ipgan-after-relu", "ibn-a", "ibn-b"]
BASELINE = 23_508_032 + 2_098_176 + 2_048 + 769_775  # ResNet-50, FC 1024 with its norm, FC 751


def settled(name):
    """Return a backbone whose batch normalisation does something, in evaluation mode."""
    network = build_backbone(name).network
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.3)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.3)
    return network.eval()


def changed(name, variant):
    plain = settled(name)
    ours = copy.deepcopy(plain)
    add_instance_norms(ours, variant)
    return plain, ours.eval()


def row_normalised(maps, epsilon=1e-5):
    mean, variance = maps.mean((2, 3), keepdim=True), maps.var((2, 3), False, keepdim=True)
    return (maps - mean) / (variance + epsilon).sqrt()


def test_normalises_each_channel_of_each_row():
    maps = torch.randn(2, 4, 6, 3)
    torch.testing.assert_close(InstanceNorm(4, 4)(maps), row_normalised(maps))


@pytest.mark.parametrize(
    ("variant", "more"),
    # Two for each channel; "ibn-b" gives up the 128 of conv1's batch normalisation for its own.
    [
        ("ipgan", 2 * (64 + 256 + 512)),
        ("ipgan-after-relu", 2 * (64 + 256 + 512)),
        ("ibn-a", 0),
        ("ibn-b", 2 * (256 + 512)),
    ],
)
def test_parameters_are_those_counted_by_hand(variant, more):
    with torch.device("meta"):
        model = IBN(variant=variant).blank(751)
    assert sum(p.numel() for p in model.parameters()) == BASELINE + more


@pytest.mark.parametrize(
    ("variant", "more"),
    [
        ("ipgan", 2 * (32 + 32 + 64)),
        ("ipgan-after-relu", 2 * (32 + 32 + 64)),
        ("ibn-a", 0),
        ("ibn-b", 2 * (32 + 64)),
    ],
)
def test_so_are_those_of_the_small_network(variant, more):
    plain, ours = changed("small-resnet", variant)
    first, second = (sum(p.numel() for p in n.parameters()) for n in (plain, ours))
    assert second - first == more


@pytest.mark.parametrize("variant", VARIANTS)
def test_shapes_are_the_baselines(variant):
    with torch.device("meta"):
        model, pixels = IBN(variant=variant).blank(751), torch.empty(2, 3, 128, 64)
        assert model.feature_map(pixels).shape == (2, 2048, 4, 2)
        assert model.features(pixels).shape == (2, 2048)
        assert model(pixels).shape == (2, 751)


def names(network, kind):
    return [name for name, layer in network.named_modules() if isinstance(layer, kind)]


@pytest.mark.parametrize(
    ("backbone", "variant", "expected"),
    [
        ("resnet50", "ipgan", ["bn1.1", "layer1.2.norm", "layer2.3.norm"]),
        ("resnet50", "ipgan-after-relu", ["relu.1", "layer1.2.1", "layer2.3.1"]),
        ("resnet50", "ibn-b", ["bn1", "layer1.2.norm", "layer2.3.norm"]),
        ("resnet18", "ipgan", ["bn1.1", "layer1.1.norm", "layer2.1.norm"]),
        ("resnext50_32x4d", "ipgan", ["bn1.1", "layer1.2.norm", "layer2.3.norm"]),
        ("small-resnet", "ipgan", ["stem.1.1", "stages.0.norm", "stages.1.norm"]),
        ("small-resnet", "ipgan-after-relu", ["stem.2.1", "stages.0.1", "stages.1.1"]),
        ("small-resnet", "ibn-a", ["stages.0.bn1.instance", "stages.1.bn1.instance"]),
    ],
)
def test_where_instance_normalisation_stands(backbone, variant, expected):
    with torch.device("meta"):
        network = build_backbone(backbone).network
        add_instance_norms(network, variant)
    assert names(network, InstanceNorm) == expected


def test_half_of_the_channels_in_13_blocks_of_16():
    with torch.device("meta"):
        network = build_backbone("resnet50").network
        add_instance_norms(network, "ibn-a")
    blocks = [f"layer{k}.{i}.bn1" for k, n in ((1, 3), (2, 4), (3, 6)) for i in range(n)]
    assert names(network, HalfInstanceNorm) == blocks
    assert [network.get_submodule(f"layer{k}.0.bn1").by_row for k in (1, 2, 3)] == [32, 64, 128]


def outputs(network, pixels, *layers):
    """Return what passes through some layers."""
    seen = {}
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: seen.update({name: output.clone()})
        )
        for name in layers
    ]
    network(pixels)
    for handle in handles:
        handle.remove()
    return [seen[name] for name in layers]


@torch.no_grad()
@pytest.mark.parametrize("backbone", ["resnet50", "resnet18"])
def test_the_paper_normalises_before_the_relus(backbone):
    plain, ours = changed(backbone, "ipgan")
    pixels = torch.randn(2, 3, 64, 32)
    block = names(ours, SumNormalised)[0]
    stem, entry, ended = outputs(ours, pixels, "maxpool", "layer1.0", block)
    conv1 = row_normalised(plain.bn1(plain.conv1(pixels)))
    torch.testing.assert_close(stem, F.max_pool2d(conv1.relu(), 3, 2, 1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(entry, plain.layer1[0](stem), rtol=1e-4, atol=1e-5)
    # The shortcut into a group's last block is the block before; what is added is the rest.
    before = plain.layer1[:-1](stem)
    last = plain.layer1[-1]
    last.relu = nn.Identity()
    layers = [last.conv1, last.bn1, nn.ReLU(), last.conv2, last.bn2]
    layers += [nn.ReLU(), last.conv3, last.bn3] if backbone == "resnet50" else []
    summed = nn.Sequential(*layers)(before) + before
    expected = row_normalised(summed).relu()
    torch.testing.assert_close(ended, expected, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_other_reading_normalises_after_them():
    plain, ours = changed("resnet18", "ipgan-after-relu")
    pixels = torch.randn(2, 3, 64, 32)
    maps = row_normalised(plain.relu(plain.bn1(plain.conv1(pixels))))
    for layer, normalised in (("layer1", True), ("layer2", True), ("layer3", False)):
        maps = getattr(plain, layer)(plain.maxpool(maps) if layer == "layer1" else maps)
        maps = row_normalised(maps) if normalised else maps
    torch.testing.assert_close(feature_map(ours, pixels), plain.layer4(maps), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_of_the_small_network_the_third_stage_stays():
    plain, ours = changed("small-resnet", "ipgan-after-relu")
    pixels = torch.randn(2, 3, 32, 16)
    maps = row_normalised(plain.stem(pixels))
    for stage in plain.stages[:2]:
        maps = row_normalised(stage(maps))
    torch.testing.assert_close(
        feature_map(ours, pixels), plain.stages[2](maps), rtol=1e-3, atol=1e-4
    )


@torch.no_grad()
def test_ibn_b_and_the_paper_can_compute_the_same():
    """Batch normalisation scales and shifts a channel; instance normalisation undoes both."""
    network = settled("resnet18")
    ours, other = copy.deepcopy(network), copy.deepcopy(network)
    add_instance_norms(ours, "ipgan")
    add_instance_norms(other, "ibn-b")
    other.bn1.weight.fill_(1)
    other.bn1.bias.zero_()
    pixels = torch.randn(2, 3, 64, 32)
    first, second = (n.eval()(pixels) for n in (ours, other))
    torch.testing.assert_close(first, second, rtol=1e-2, atol=1e-3)


@torch.no_grad()
def test_half_is_normalised_by_row_and_half_by_batch():
    norm = nn.BatchNorm2d(6)
    for tensor in (norm.weight, norm.running_var):
        nn.init.uniform_(tensor, 0.5, 1.5)
    norm.running_mean.normal_()
    norm.bias.normal_()
    ours, maps = HalfInstanceNorm(norm).eval(), torch.randn(2, 6, 5, 4)
    scale, offset = norm.weight[:3, None, None], norm.bias[:3, None, None]
    given = ours(maps.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(given[:, :3], row_normalised(maps[:, :3]) * scale + offset)
    torch.testing.assert_close(given[:, 3:], norm.eval()(maps)[:, 3:])


@torch.no_grad()
@pytest.mark.parametrize("variant", ["ipgan", "ibn-b"])
def test_contrast_leaves_the_features_as_they_are(variant):
    """The first convolution is linear; its batch normalisation alone would keep the contrast."""
    plain, ours = changed("small-resnet", variant)
    pixels = torch.randn(4, 3, 64, 32)
    torch.testing.assert_close(ours(0.5 * pixels), ours(pixels), rtol=1e-2, atol=1e-3)
    assert not torch.allclose(plain(0.5 * pixels), plain(pixels), rtol=0.1, atol=0.01)


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_of_the_plain_network_fit(variant, tmp_path):
    path, network = tmp_path / "weights.safetensors", settled("small-resnet")
    save_file(network.state_dict(), path)
    given = IBN(backbone="small-resnet", variant=variant, weights=str(path)).build(3)
    add_instance_norms(network, variant)
    state = given.backbone.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())


def test_weights_that_a_layer_gives_up_are_taken_over():
    network = settled("resnet18")
    norm = network.bn1
    add_instance_norms(network, "ibn-b")
    assert torch.equal(network.bn1.weight, norm.weight)
    assert torch.equal(network.bn1.bias, norm.bias)


@pytest.mark.parametrize("variant", VARIANTS)
def test_batch_normalisation_is_folded_when_images_are_embedded(variant):
    ibn = IBN(backbone="small-resnet", variant=variant)
    model = ibn.blank(5)
    model.backbone = settled("small-resnet")
    add_instance_norms(model.backbone, variant)
    embedder = Embedder(ibn, model.eval(), Embedding())
    pixels = torch.rand(2, 3, 64, 32)
    before = embedder(pixels)
    # Nine in all: "ibn-b" has one less, and half of one cannot be folded.
    assert fold_batch_norms(embedder) == {"ibn-a": 7, "ibn-b": 8}.get(variant, 9)
    torch.testing.assert_close(embedder(pixels), before, rtol=1e-3, atol=1e-4)


def test_frozen_batch_normalisation_leaves_instance_normalisation_learning():
    model = IBN(backbone="small-resnet", variant="ibn-a", batch_norm="frozen").blank(5).train()
    half = model.backbone.stages[0].bn1
    assert not half.batch.training
    assert not half.batch.weight.requires_grad
    assert half.instance.weight.requires_grad


@pytest.mark.parametrize("variant", VARIANTS)
def test_under_bf16_features_and_logits_are_float32(variant):
    model = IBN(backbone="small-resnet", variant=variant).blank(5)
    pixels = torch.rand(2, 3, 32, 16)
    with torch.autocast("cpu", torch.bfloat16):
        assert model(pixels).dtype == model.features(pixels).dtype == torch.float32
    model(pixels).sum().backward()
