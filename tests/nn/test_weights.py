"""Initial weights, as other programs write them."""

from __future__ import annotations

import re
from collections import OrderedDict

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from reidbench.errors import ReidbenchError
from reidbench.nn.backbones import Backbone, build_backbone
from reidbench.nn.weights import WeightsFile, find_weights, load_weights, match_weights

PROBES = ("conv1.weight", "bn1.running_var", "layer1.0.conv2.weight", "layer4.1.bn2.bias")


@pytest.fixture(scope="module")
def resnet():
    """Return the tensors of a ResNet-18 without its classifier, in half precision: small files."""
    torch.manual_seed(3)
    network = models.resnet18().half()
    for name, value in network.state_dict().items():
        if "running" in name or "bn" in name:
            value.copy_(torch.rand(value.shape))
    return {k: v for k, v in network.state_dict().items() if not k.startswith("fc.")}


@pytest.fixture(scope="module")
def mobile():
    torch.manual_seed(4)
    return models.mobilenet_v2().half().state_dict()


def named(tensors, prefix="", **others):
    return {f"{prefix}{k}": v for k, v in tensors.items()} | {
        k.replace("__", "."): torch.rand(shape) for k, shape in others.items()
    }


def layumi(tensors):
    """ft_net: torchvision's network as ``model``, its classifier still there, and a block."""
    head = {"classifier__add_block__0__weight": (512, 512), "model__fc__weight": (1000, 512)}
    return named(tensors, "model.", **head)


def fast_reid(tensors):
    heads = {"heads__bottleneck__0__bias": (512,), "heads__weight": (751, 512)}
    pixels = {"pixel_mean": (1, 3, 1, 1), "pixel_std": (1, 3, 1, 1)}
    return {"model": named(tensors, "backbone.", **heads, **pixels), "iteration": 9}


def strong_baseline(tensors):
    return named(tensors, "base.", bottleneck__weight=(512,), classifier__weight=(751, 512))


def openunreid(tensors):
    head = {"module__head__bnneck__weight": (512,), "module__classifier__weight": (700, 512)}
    return {"state_dict": named(tensors, "module.backbone.", **head), "epoch": 40}


def torchreid(tensors):
    head = {"module__classifier__weight": (751, 512), "module__fc__0__weight": (256, 512)}
    return {"state_dict": OrderedDict(named(tensors, "module.", **head)), "epoch": 60}


def numbered(tensors):
    """open-reid and MMT: ``nn.Sequential`` of the children, those without weights among them."""
    places = {"conv1": 0, "bn1": 1} | {f"layer{i}": i + 3 for i in range(1, 5)}
    renamed = {}
    for name, value in tensors.items():
        child, _, rest = name.partition(".")
        renamed[f"module.base.{places[child]}.{rest}"] = value
    return {"state_dict": renamed | {"module.feat.weight": torch.rand(256, 512)}}


KINDS = [
    (layumi, 120, 2, "after 'model.'"),
    (fast_reid, 120, 4, "after 'backbone.'"),
    (strong_baseline, 120, 2, "after 'base.'"),
    (openunreid, 120, 2, "after 'module.backbone.'"),
    (torchreid, 120, 2, "after 'module.'"),
    (numbered, 120, 1, r"with module.base.0 as conv1, module.base.1 as bn1, module.base.4 as"),
]


@pytest.mark.parametrize(("write", "count", "left", "rule"), KINDS, ids=lambda v: str(v)[:12])
def test_weights_of_other_programs_are_found_and_told(tmp_path, resnet, write, count, left, rule):
    path = tmp_path / "net.pth.tar"
    torch.save(write(resnet), path)
    backbone = build_backbone("resnet18")
    told = str(load_weights(backbone, find_weights("resnet18", str(path))))
    assert told.startswith(f"{count} tensors, ")
    assert rule in told
    assert f"; {left} left out, e.g. " in told
    own = backbone.network.state_dict()
    assert len(own) == 120
    assert all(torch.equal(own[k], v.to(own[k].dtype)) for k, v in resnet.items())
    assert str(match_weights("resnet18", find_weights("resnet18", str(path)))) == told


def timm_mobile(mobile):
    """timm's mobilenetv2_100: the same layers in the same order, under names of their own."""
    plain = ("conv_dw", "bn1", "conv_pw", "bn2")
    inverted = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
    stages, names = (1, 2, 3, 4, 3, 3, 1), ["conv_stem", "bn1"]
    for stage, blocks in enumerate(stages):
        for block in range(blocks):
            names += [f"blocks.{stage}.{block}.{p}" for p in (inverted if stage else plain)]
    layers = list(dict.fromkeys(k.rpartition(".")[0] for k in mobile))
    renamed = dict(zip(layers, [*names, "conv_head", "bn2", "classifier"], strict=True))
    return {f"{renamed[k.rpartition('.')[0]]}.{k.rpartition('.')[2]}": v for k, v in mobile.items()}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_timms_mobilenet_is_mapped_by_order_whatever_order_its_file_has(
    tmp_path, mobile, suffix, prefix
):
    path = tmp_path / f"timm{suffix}"
    (torch.save if suffix == ".pth" else save_file)(named(timm_mobile(mobile), prefix), path)
    backbone = build_backbone("mobilenet_v2")
    told = str(load_weights(backbone, WeightsFile("timm", path)))
    assert told.startswith("312 tensors, by order and shape alone (")
    assert told.endswith(f"2 left out, e.g. {prefix}classifier.{_first(suffix)}")
    own = backbone.network.state_dict()
    assert all(torch.equal(v, mobile[k].to(v.dtype)) for k, v in own.items())


def test_a_mapping_by_order_shows_a_name_that_differs(tmp_path, mobile):
    """As in an older file of torchvision's order, whose blocks are one level less deep."""
    flat = {k.replace("conv.0.0.", "conv.0.") if ".1.conv" in k else k: mobile[k] for k in mobile}
    assert len(flat) == len(mobile)
    torch.save(flat, tmp_path / "flat.pth")
    told = str(match_weights("mobilenet_v2", WeightsFile("flat", tmp_path / "flat.pth")))
    assert "(features.1.conv.0.weight as features.1.conv.0.0.weight)" in told


def _first(suffix):
    return "weight" if suffix == ".pth" else "bias"


def refused(tmp_path, content, message, backbone="resnet18"):
    torch.save(content, tmp_path / "w.pth")
    fresh = build_backbone(backbone)
    before = {k: v.clone() for k, v in fresh.network.state_dict().items()}
    with pytest.raises(ReidbenchError, match=message):
        load_weights(fresh, WeightsFile("w", tmp_path / "w.pth"))
    assert all(torch.equal(v, before[k]) for k, v in fresh.network.state_dict().items())


def test_two_networks_in_one_file_are_refused(tmp_path, resnet):
    both = named(resnet, "net.backbone.") | named(resnet, "mean_net.backbone.")
    refused(tmp_path, both, r"2 ways \(by their names after 'net\.backbone\.' or .*; save one")
    refused(
        tmp_path,
        {"state_dict_1": resnet, "state_dict_2": resnet},
        r"several networks \(state_dict_1, state_dict_2\); save one",
    )


def test_a_child_that_stands_twice_is_refused(tmp_path, resnet):
    doubled = numbered(resnet)["state_dict"]
    twins = {k.replace("base.1.", "base.9."): v for k, v in doubled.items() if ".base.1." in k}
    refused(tmp_path, doubled | twins, r"it has bn1 as module\.base\.1 and as module\.base\.9")


def test_one_shape_out_of_order_is_no_order(tmp_path, mobile):
    foreign = timm_mobile(mobile)
    name = "blocks.3.1.bn2.bias"
    refused(
        tmp_path,
        foreign | {name: foreign[name][:-1]},
        r"it lacks features\.0\.0\.weight, .* more",
        "mobilenet_v2",
    )
    moved = {k: v for k, v in foreign.items() if k != name} | {name: foreign[name]}
    refused(tmp_path, moved, r"it lacks features\.0\.0\.weight", "mobilenet_v2")


@pytest.mark.parametrize(
    "more", ["layer1.0.se.fc1.weight", "layer2.1.conv3.weight", "NL_2.0.theta.weight"]
)
def test_layers_that_the_backbone_lacks_show_that_it_is_another(tmp_path, resnet, more):
    content = named(resnet, "backbone.") | {f"backbone.{more}": torch.rand(2)}
    refused(tmp_path, content, f"it has besides {re.escape(f'backbone.{more}')}$")


@pytest.mark.parametrize("wrapper", ["", "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "base.", "module.model.backbone."])
def test_weights_are_found_in_what_training_programs_write(tmp_path, wrapper, prefix):
    network, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    named = {f"{prefix}{k}": v for k, v in other.state_dict().items()}
    torch.save({wrapper: named, "epoch": 60} if wrapper else named, tmp_path / "w.pth")
    load_weights(Backbone(network, 2, "none"), WeightsFile("w", tmp_path / "w.pth"))
    assert torch.equal(network.weight, other.weight)


def test_a_pickled_network_is_refused_in_plain_words(tmp_path):
    network = torch.nn.Linear(2, 2)
    torch.save(network, tmp_path / "w.pth")
    with pytest.raises(ReidbenchError, match=r"pickled Python objects.* alone") as e:
        load_weights(Backbone(network, 2, "none"), WeightsFile("w", tmp_path / "w.pth"))
    assert "\x1b" not in str(e.value)
    assert "weights_only" not in str(e.value)
