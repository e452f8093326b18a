import copy

import pytest
import torch
from reidbench_pcb.learner import PCB
from reidbench_pcb.model import PCBModel
from torch import nn
from torch.nn import functional as F

from reidbench.config.recipe import Embedding
from reidbench.engine.embedding import Embedder, check_rows
from reidbench.nn.backbones import build_backbone, feature_map, keep_rows
from reidbench.nn.folding import fold_batch_norms


def model(**changes):
    pcb = PCB(**({"backbone": "small-resnet", "bottleneck": 16} | changes))
    return pcb.blank(5)


class Map(nn.Module):
    """Stands for a backbone: its map is the image."""

    def features(self, x):
        return x


def on_map(**changes):
    ours = model(normalisation="half", stretch=1.0, **changes).eval()
    ours.backbone = Map()
    return ours


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        # 2048 x 256 and 2 x 256 once, (256 + 1) x 751 six times.
        ({}, 23_508_032 + 524_288 + 512 + 6 * 257 * 751),
        ({"shared": False}, 23_508_032 + 6 * (524_288 + 512) + 6 * 257 * 751),
        ({"bottleneck": 0}, 23_508_032 + 6 * 2049 * 751),
    ],
)
def test_parameters_are_those_counted_by_hand(changes, count):
    with torch.device("meta"):
        ours = PCB(**changes).blank(751)
    assert sum(p.numel() for p in ours.parameters()) == count


def test_shapes_are_the_papers():
    with torch.device("meta"):
        ours, pixels = PCB().blank(751), torch.empty(2, 3, 256, 128)
        assert ours.feature_map(pixels).shape == (2, 2048, 24, 8)
        assert ours.features(pixels).shape == (2, 6 * 2048)
        assert ours(pixels).shape == (2, 6, 751)


@pytest.mark.parametrize(
    ("changes", "rows"), [({}, 24), ({"last_stride": 2}, 12), ({"stretch": 1.0}, 16)]
)
def test_stride_and_stretch_give_rows(changes, rows):
    assert model(**changes).feature_map(torch.rand(2, 3, 64, 32)).shape[2] == rows


def test_the_last_stage_keeps_its_weights_and_all_its_rows():
    backbone = build_backbone("resnet18")
    before = copy.deepcopy(backbone.network.state_dict())
    keep_rows(backbone.network)
    strides = {m.stride for m in backbone.network.layer4.modules() if isinstance(m, nn.Conv2d)}
    assert strides == {(1, 1)}
    assert backbone.network.layer3[0].conv1.stride == (2, 2)
    assert all(v.equal(before[k]) for k, v in backbone.network.state_dict().items())


@pytest.mark.parametrize(("backbone", "fits"), [("mobilenet_v2", False), ("resnext50_32x4d", True)])
def test_only_residual_networks_can_keep_their_rows(backbone, fits):
    PCB(backbone=backbone, last_stride=2)
    if fits:
        PCB(backbone=backbone)
        return
    with pytest.raises(
        ValueError, match=r"last_stride=1 .* not 'mobilenet_v2'; set last_stride to 2"
    ):
        PCB(backbone=backbone)


@pytest.mark.parametrize(("height", "width"), [(24, 8), (25, 8), (7, 1), (4, 3), (1, 1)])
def test_stripes_are_what_a_loop_averages(height, width):
    pixels = torch.randn(2, 3, height, width)
    stripes = on_map().stripes(pixels)
    assert stripes.shape == (2, 3, 6, 1)
    for i in range(6):
        rows = [r for r in range(height) if r < (i + 1) * height / 6 and r + 1 > i * height / 6]
        expected = sum(pixels[:, :, r, c] for r in rows for c in range(width))
        torch.testing.assert_close(stripes[:, :, i, 0], expected / (len(rows) * width))


def test_images_are_stretched_in_height_and_normalised():
    ours, pixels = model(), torch.rand(2, 3, 64, 32) * 2 - 1
    mean, std = ([v] for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    seen = (pixels / 2 + 0.5 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    seen = F.interpolate(seen, size=(96, 32), mode="bilinear")
    ours.eval()
    torch.testing.assert_close(ours.feature_map(pixels), feature_map(ours.backbone, seen))


def test_features_are_stripes_of_length_1_from_top_to_bottom():
    ours, pixels = model().eval(), torch.rand(2, 3, 64, 32)
    g = ours.stripes(pixels)
    features = ours.features(pixels)
    for i in range(6):
        expected = g[:, :, i, 0] / g[:, :, i, 0].norm(dim=1, keepdim=True)
        torch.testing.assert_close(features[:, 128 * i : 128 * (i + 1)], expected)


def test_reduced_features_are_what_classifiers_see():
    ours, pixels = model(descriptor="reduced").eval(), torch.rand(2, 3, 64, 32)
    features = ours.features(pixels).view(2, 6, 16)
    convolution, norm, _ = ours.reductions[0]
    h = norm(torch.einsum("bdpx,kd->bkpx", ours.stripes(pixels), convolution.weight[:, :, 0, 0]))
    h = h.clamp(min=0).squeeze(3).transpose(1, 2)
    torch.testing.assert_close(features, F.normalize(h, dim=2))
    logits = [layer(h[:, i]) for i, layer in enumerate(ours.classifiers)]
    torch.testing.assert_close(ours(pixels), torch.stack(logits, 1))


def test_without_a_reduction_both_features_are_the_same():
    ours, pixels = model(bottleneck=0).eval(), torch.rand(2, 3, 64, 32)
    pooled = ours.features(pixels)
    ours.descriptor = "reduced"
    assert torch.equal(ours.features(pixels), pooled)


def test_stripes_are_reduced_by_one_layer_or_each_by_its_own():
    g = torch.rand(2, 128, 1, 1).expand(2, 128, 6, 1)
    shared, own = model().eval().reduced(g), model(shared=False).eval().reduced(g)
    torch.testing.assert_close(shared, shared[:, :, :1].expand_as(shared))
    assert own.shape == shared.shape
    assert len({own[0, :, i].sum().item() for i in range(6)}) == 6


def test_dropout_comes_before_the_reduction():
    ours = model(dropout=1.0).train()
    seen = []
    ours.reductions[0].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    ours(torch.rand(2, 3, 64, 32))
    assert not seen[0].any()


def test_frozen_batch_normalisation_is_the_backbones_only():
    ours = model(batch_norm="frozen").train()
    norms = {n for n, m in ours.named_modules() if isinstance(m, nn.BatchNorm2d) and m.training}
    assert norms == {"reductions.0.1"}


def test_batch_normalisation_is_folded_when_images_are_embedded():
    pcb = PCB(backbone="small-resnet", descriptor="reduced", bottleneck=16)
    embedder = Embedder(pcb, pcb.blank(5).eval(), Embedding())
    pixels = torch.rand(2, 3, 64, 32)
    before = embedder(pixels)
    assert fold_batch_norms(embedder) == 10  # nine of the backbone and the reduction's
    torch.testing.assert_close(embedder(pixels), before, rtol=1e-3, atol=1e-5)


def test_the_map_can_be_pooled_otherwise():
    pcb, pixels = PCB(backbone="small-resnet"), torch.rand(2, 3, 64, 32)
    ours = pcb.blank(5).eval()
    local = Embedding(pool="max", parts=8)
    check_rows(local, pcb, ours, (64, 32), "pcb")
    expected = ours.feature_map(pixels).unflatten(2, (8, 3)).amax((3, 4))
    assert torch.equal(Embedder(pcb, ours, local)(pixels), expected.transpose(1, 2).flatten(1))


def test_under_bf16_features_and_logits_are_float32():
    with torch.autocast("cpu", torch.bfloat16):
        ours, pixels = model(), torch.rand(2, 3, 32, 16)
        assert ours(pixels).dtype == ours.features(pixels).dtype == torch.float32


def test_the_model_is_the_one_that_is_asked_for():
    assert isinstance(model(), PCBModel)
    assert len(model(parts=3, shared=False).reductions) == len(model(parts=3).classifiers) == 3
