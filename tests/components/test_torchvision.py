from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models

from reidbench.components.segmenters.pretrained import TorchvisionSegmenter
from reidbench.engine.streams import stream
from reidbench.errors import ReidbenchError, UsageError
from reidbench.stages import LearnMasks, Masked
from reidbench.storage.artifacts import Store
from reidbench.testing.toys import ToyDataset
from tests.components.made import component, decoded, make

NAME = "lraspp_mobilenet_v3_large"


def network() -> nn.Module:
    """Return a network with random weights and measured statistics, so that masks differ."""
    with stream("network"):
        model = models.get_model(NAME, weights=None, weights_backbone=None)
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.momentum = 1.0
        with torch.no_grad():
            model.train()(torch.rand(8, 3, 64, 32) * 4 - 2)
    return model.eval()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(network().state_dict(), path)
    return path


def pixels() -> torch.Tensor:
    return torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("person", [15, 3])
def test_masks_are_the_probability_of_the_class(weights: Path, person: int) -> None:
    segmenter = TorchvisionSegmenter(weights=str(weights), height=0, person=person)
    given = pixels()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.no_grad():
        logits = network()(((given + 1) / 2 - mean) / deviation)["out"]
        found = segmenter.masks(segmenter.build(), given)
    expected = logits.exp()[:, person] / logits.exp().sum(1)
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-4, atol=1e-5)
    assert found.std() > 1e-3


def test_images_are_enlarged_before_and_masks_reduced_after(weights: Path) -> None:
    seen = []

    class Sees(nn.Module):
        def forward(self, given: torch.Tensor) -> dict[str, torch.Tensor]:
            seen.append(given.shape)
            return {"out": torch.zeros(len(given), 21, *given.shape[2:])}

    found = TorchvisionSegmenter(weights=str(weights)).masks(Sees(), pixels())
    assert seen == [(2, 3, 256, 128)]
    assert found.shape == (2, 1, 64, 32)
    torch.testing.assert_close(found, torch.full_like(found, 1 / 21))


def test_what_only_helps_training_is_left_out(tmp_path: Path) -> None:
    with stream("network"):
        whole = models.get_model("fcn_resnet50", weights=None, weights_backbone=None, aux_loss=True)
    save_file(whole.state_dict(), tmp_path / "whole.safetensors")
    segmenter = TorchvisionSegmenter(
        model="fcn_resnet50", weights=str(tmp_path / "whole.safetensors"), height=0
    )
    model = segmenter.build()
    assert not model.training
    assert model.backbone.conv1.weight.equal(whole.backbone.conv1.weight)
    assert model.classifier[4].weight.equal(whole.classifier[4].weight)


def test_the_provenance_is_the_files_hash(weights: Path) -> None:
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    found = TorchvisionSegmenter(weights=str(weights)).provenance()
    assert found == {"weights": "mine.pth", "sha256": digest}


def test_without_weights_nothing_is_masked(tmp_path: Path) -> None:
    segmenter = component("torchvision")
    images = decoded(ToyDataset(), "train", (16, 8))
    with pytest.raises(UsageError, match=r"none are downloaded: --set torchvision\.weights=FILE"):
        Masked(images, segmenter, None, "float32").key  # noqa: B018 - asked for before any work
    assert LearnMasks.of(segmenter, (16, 8), 0, "float32") is None


def test_weights_that_do_not_fit_are_named(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"mine.pth does not fit .*in other shapes"):
        TorchvisionSegmenter(weights=str(weights), classes=2, person=1).build()
    with pytest.raises(ReidbenchError, match="no file of weights at"):
        TorchvisionSegmenter(weights=str(tmp_path / "gone.pth")).provenance()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": "fcn_resnet5"}, "did you mean 'fcn_resnet50'"),
        ({"model": "resnet50"}, "there is no network 'resnet50'"),
        ({"person": 21}, "person"),
        ({"classes": 1}, "classes"),
        ({"height": -1}, "height"),
    ],
)
def test_refuses_values_out_of_range(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TorchvisionSegmenter(**wrong)


def test_a_stage_masks_with_the_weights_and_says_which(tmp_path: Path, weights: Path) -> None:
    segmenter = component("torchvision", weights=str(weights), height=64)
    stage = Masked(decoded(ToyDataset(), "query", (32, 16)), segmenter, None, "float32")
    artifact = make(Store(tmp_path), stage)
    told = json.loads((artifact.path / "masks.json").read_text())
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert told["from"] == "torchvision with mine.pth"
    assert artifact.manifest["values"]["provenance"]["sha256"] == digest
    assert told["learned_iou"] is None
    assert str(weights.parent) not in json.dumps(artifact.manifest)
    masks = np.load(artifact.path / "masks.npy")
    assert told["coverage"] == pytest.approx(masks.mean() / 255)
    assert masks.std() > 0
    other = component("torchvision", weights=str(weights), height=64, person=1)
    assert Masked(stage.images, other, None, "float32").key != stage.key
