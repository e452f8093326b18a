import pytest
import torch
from reidbench_ide.learner import IDE
from reidbench_ide.model import IDEModel
from safetensors.torch import save_file
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.transforms.v2 import functional as VF

from reidbench.nn.backbones import build_backbone
from reidbench.nn.small_resnet import SmallResNet


def model(**changes):
    options = {
        "bottleneck": 512,
        "dropout": 0.5,
        "normalisation": "imagenet",
        "batch_norm": "learn",
    }
    return IDEModel(build_backbone("small-resnet"), 5, **(options | changes))


class Whole(nn.Module):
    def forward(self, x):
        return x.flatten(1)


def test_the_backbone_sees_imagenet_normalised_pixels():
    ours = model()
    ours.backbone = Whole()
    pixels = torch.rand(2, 3, 8, 4)
    expected = VF.normalize(pixels, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    torch.testing.assert_close(ours.features(pixels * 2 - 1), expected.flatten(1))


def test_half_normalisation_leaves_the_pixels_as_they_are():
    ours = model(normalisation="half")
    ours.backbone = Whole()
    pixels = torch.rand(2, 3, 8, 4) * 2 - 1
    torch.testing.assert_close(ours.features(pixels), pixels.flatten(1))


def test_head_is_the_released_one():
    kinds = [type(m).__name__ for m in model().head]
    assert kinds == ["Linear", "BatchNorm1d", "LeakyReLU", "Dropout", "Linear"]
    assert [type(m).__name__ for m in model(bottleneck=0).head] == ["Dropout", "Linear"]
    assert model().head[2].negative_slope == 0.1
    assert model().head[-1].weight.std().item() == pytest.approx(0.001, rel=0.1)


def test_features_are_what_stands_before_the_head():
    ours = model().eval()
    pixels = torch.rand(2, 3, 32, 16)
    features = ours.features(pixels)
    assert features.shape == (2, 128)
    torch.testing.assert_close(ours.head(features), ours(pixels))
    assert torch.equal(IDE(backbone="small-resnet").embed(ours, pixels), features)


def after_training(batch_norm):
    """Return which of the backbone's normalisation changed in one step: statistics, affine."""
    ours = model(batch_norm=batch_norm).train()
    layer = ours.backbone.stem[1]
    before = [layer.running_mean.clone(), layer.weight.detach().clone()]
    learning = [p for p in ours.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learning, lr=1.0)
    ours(torch.rand(4, 3, 32, 16)).square().sum().backward()
    optimizer.step()
    after = [layer.running_mean, layer.weight]
    return [not torch.equal(a, b) for a, b in zip(before, after, strict=True)]


@pytest.mark.parametrize(
    ("batch_norm", "changed"),
    [("learn", [True, True]), ("statistics", [False, True]), ("frozen", [False, False])],
)
def test_batch_normalisation_learns_as_much_as_is_asked(batch_norm, changed):
    assert after_training(batch_norm) == changed


def test_the_heads_own_batch_normalisation_always_learns():
    ours = model(batch_norm="frozen").train()
    assert ours.head[1].training
    assert ours.head[3].training
    assert not any(m.training for m in ours.backbone.modules() if isinstance(m, _BatchNorm))


def test_auto_freezes_batch_normalisation_only_with_weights_to_keep(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(SmallResNet().state_dict(), path)
    assert IDE(backbone="small-resnet").build(2).batch_norm == "learn"
    assert IDE(backbone="small-resnet", weights=str(path)).build(2).batch_norm == "frozen"


def test_under_bf16_features_and_logits_are_float32():
    with torch.autocast("cpu", torch.bfloat16):
        ours, pixels = model(), torch.rand(2, 3, 32, 16)
        assert ours(pixels).dtype == ours.features(pixels).dtype == torch.float32
