import pytest
import torch
from torch import nn

from reidbench.nn.backbones import backbone_names, build_backbone, check_backbone, feature_map

WIDTHS = {
    "small-resnet": 128,
    "resnet18": 512,
    "mobilenet_v2": 1280,
    "mobilenet_v3_small": 576,
    "efficientnet_b0": 1280,
    "densenet121": 1024,
    "convnext_tiny": 768,
    "shufflenet_v2_x0_5": 1024,
    "mnasnet0_5": 1280,
    "regnet_y_400mf": 440,
    "swin_t": 768,
}


@pytest.mark.parametrize("name", WIDTHS)
def test_backbones_give_one_vector_an_image(name):
    backbone = build_backbone(name)
    backbone.network.eval()
    with torch.no_grad():
        features = backbone.network(torch.rand(2, 3, 64, 32))
    assert features.shape == (2, WIDTHS[name]) == (2, backbone.width)


def test_resnet50_gives_the_papers_2048_values():
    backbone = build_backbone("resnet50")
    assert backbone.width == 2048
    assert sum(p.numel() for p in backbone.network.parameters()) == 23_508_032
    assert not any(isinstance(m, nn.Linear) for m in backbone.network.modules())


def test_layers_before_the_classifier_are_kept():
    classifier = build_backbone("convnext_tiny").network.classifier
    assert [type(m).__name__ for m in classifier] == ["LayerNorm2d", "Flatten"]


@pytest.mark.parametrize(
    ("wrong", "hint"), [("resnet5", "resnet50"), ("vit_b_16", "known"), ("", "known")]
)
def test_unknown_names_are_refused_with_the_nearest(wrong, hint):
    with pytest.raises(ValueError, match=rf"no backbone '{wrong}'.*{hint}"):
        check_backbone(wrong)


# The builder of the regnets computes with tensors, which have no values there; all are alike.
@pytest.mark.parametrize("name", [n for n in backbone_names() if not n.startswith("regnet")])
def test_every_name_that_is_offered_can_be_built(name, monkeypatch):
    for same_shape in (nn.BatchNorm2d, nn.LayerNorm):  # half of the time goes into these
        monkeypatch.setattr(same_shape, "forward", lambda _, maps: maps)
    with torch.device("meta"):  # shapes without the arithmetic
        backbone = build_backbone(name)
        network, pixels = backbone.network.eval(), torch.empty(2, 3, 64, 32)
        assert network(pixels).shape == (2, backbone.width)
        maps = feature_map(network, pixels)
    assert maps.shape[:2] == (2, backbone.width)
    assert maps.shape[2] == 2 * maps.shape[3]


ROWS = {  # of the last feature map at 64x32 pixels
    **dict.fromkeys(WIDTHS, 2),
    "small-resnet": 8,
    "wide_resnet50_2": 2,
    "resnext50_32x4d": 2,
    "regnet_x_400mf": 2,
    "mobilenet_v3_large": 2,
    "efficientnet_v2_s": 2,
    "swin_v2_t": 2,
}


@pytest.mark.parametrize("name", ROWS)
def test_the_feature_map_is_what_is_pooled(name):
    backbone = build_backbone(name)
    backbone.network.eval()
    pixels = torch.rand(2, 3, 64, 32)
    with torch.no_grad():
        maps = feature_map(backbone.network, pixels)
        features = backbone.network(pixels)
    assert maps.shape == (2, backbone.width, ROWS[name], ROWS[name] // 2)
    average = maps.mean((2, 3))
    if name.startswith("convnext"):  # it normalises what it has pooled
        average = backbone.network.classifier(average[:, :, None, None])
    torch.testing.assert_close(average, features)
