from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

from reidbench.data.arrays import ImageArray
from reidbench.data.dataset import Split
from reidbench.evaluation.overlap import overlap
from reidbench.nn.unet import UNet
from reidbench.stages import Decode, LearnMasks, Masked
from reidbench.storage.artifacts import Store
from reidbench.testing.toys import ToyDataset
from tests.components.made import CPU, component, decoded, make
from tests.data.test_mask_pairs import tree

SIZE = (16, 8)
TINY = {"domains": ["a"], "ids": 4, "width": 2, "depth": 2, "epochs": 1, "batch": 8}


class Maskless(ToyDataset):
    """Its images are masked by nobody."""

    has_masks = False


class OddlyMasked(ToyDataset):
    """Its persons are in the lower half."""

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        return super().read_mask(split, index)[::-1].copy()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "cache")


def masked(dataset: ToyDataset, **parameters: Any) -> Masked:
    segmenter = component("upper-half", **parameters)
    return Masked(decoded(dataset, "train", SIZE), segmenter, None, "float32")


def told(store: Store, stage: Masked) -> dict[str, Any]:
    return json.loads((make(store, stage).path / "masks.json").read_text())


def test_masks_are_made_beside_the_same_images(store: Store) -> None:
    stage, seen = masked(ToyDataset()), []
    decoded_, artifact = make(store, stage.images), make(store, stage, lambda *p: seen.append(p))
    plain, images = ImageArray.open(decoded_.path), stage.open(artifact.path)
    for name in ("pixels", "pids", "cams"):
        assert np.array_equal(getattr(images, name), getattr(plain, name))
    assert images.masks.shape == (len(images), *SIZE)
    assert (images.masks[:, :8, :4] == 255).all()
    assert (images.masks[:, :8, 4:] == 128).all()  # one half, rounded
    assert (images.masks[:, 8:] == 0).all()
    assert os.stat(artifact.path / "pixels.npy").st_nlink == 2  # noqa: PTH116
    assert [p[:2] for p in seen if p[1] == len(images)][-1] == (len(images), len(images))
    assert store.damaged(artifact) == []


def test_files_are_copied_where_they_cannot_be_linked(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    stage = masked(ToyDataset())
    artifact = make(store, stage)
    assert (artifact.path / "pixels.npy").stat().st_nlink == 1
    assert np.array_equal(
        stage.open(artifact.path).pixels, stage.images.open(make(store, stage.images).path).pixels
    )


def test_they_are_measured_against_the_known_ones(store: Store) -> None:
    right, wrong = (told(store, masked(d)) for d in (ToyDataset(), OddlyMasked(domain="b")))
    assert right["iou"] == {"mean": 1.0, "pooled": 1.0, "images": 24}
    assert wrong["iou"]["mean"] == 0
    assert right["coverage"] == pytest.approx((255 + 128) / 255 / 4)
    assert right["from"] == "upper-half with thin air"
    assert right["learned_iou"] is None


def test_where_no_masks_are_known_nothing_is_measured(store: Store) -> None:
    assert told(store, masked(Maskless()))["iou"] is None


def test_the_manifest_tells_of_the_masks(store: Store) -> None:
    stage = masked(ToyDataset())
    artifact = make(store, stage)
    assert artifact.manifest["masks"] == told(store, stage)
    assert artifact.manifest["values"]["provenance"] == {"weights": "thin air"}


def test_a_masked_split_is_a_decoded_one_with_other_masks() -> None:
    stage = masked(ToyDataset())
    assert (stage.data, stage.split, stage.size) == (stage.images.data, "train", SIZE)
    assert stage.title == "mask toy train by upper-half"
    assert stage.key.startswith("masked/")


def test_the_key_follows_from_segmenter_images_and_precision() -> None:
    stage = masked(ToyDataset())
    others = (
        masked(ToyDataset(), sure=0.5),
        masked(ToyDataset(domain="b")),
        replace(stage, precision="bf16"),
        replace(stage, images=decoded(ToyDataset(), "query", SIZE)),
        replace(stage, learned=LearnMasks.of(component("unet", **TINY), SIZE, 0, "float32")),
    )
    keys = {s.key for s in (stage, *others)}
    assert len(keys) == 1 + len(others)


def test_what_learns_nothing_has_no_stage() -> None:
    assert LearnMasks.of(component("upper-half"), SIZE, 0, "float32") is None


def test_a_unet_learns_once_and_masks_what_it_never_saw(store: Store) -> None:
    segmenter = component("unet", **TINY)
    learned = LearnMasks.of(segmenter, (32, 16), 0, "float32")
    assert learned is not None
    stage = Masked(decoded(ToyDataset(), "train", (32, 16)), segmenter, learned, "float32")
    found = told(store, stage)
    artifact = store.find(learned.key)
    assert artifact is not None
    assert learned.title == "learn masks by unet from synthetic:a"
    assert found["from"] == "unet learned from synthetic:a"
    assert found["learned_iou"] == artifact.manifest["iou"]
    assert found["learned_iou"]["images"] == 2 * 6
    model = segmenter.build().build()
    assert artifact.manifest["parameters"] == sum(p.numel() for p in model.parameters())
    made, known = (s.open(make(store, s).path).masks for s in (stage, stage.images))
    assert found["iou"] == overlap(made, known).to_dict()


def test_what_learning_masks_costs_is_counted(store: Store) -> None:
    learned = LearnMasks.of(component("unet", **TINY), (32, 16), 0, "float32")
    assert learned is not None
    cost = make(store, learned).manifest["cost"]
    with FlopCounterMode(display=False) as counter:
        UNet(2, 2)(torch.zeros(TINY["batch"], 3, 32, 16)).sum().backward()
    images = len(learned.images.data.dataset.samples("train"))
    assert cost == {
        "steps": -(-images // TINY["batch"]),
        "flops_a_step": counter.get_total_flops(),
    }


def test_counting_leaves_the_training_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = LearnMasks.of(component("unet", **TINY), SIZE, 0, "float32")
    assert learned is not None
    counted = make(Store(tmp_path / "counted"), learned).manifest["files"]
    monkeypatch.setattr("reidbench.stages.masks.of_training", lambda *_: {})
    assert make(Store(tmp_path / "not"), learned).manifest["files"] == counted


def test_the_weights_that_were_written_make_the_masks(store: Store) -> None:
    segmenter = component("unet", **TINY)
    learned = LearnMasks.of(segmenter, SIZE, 0, "float32")
    assert learned is not None
    stage = Masked(learned.held_out, segmenter, learned, "float32")
    found = told(store, stage)
    assert found["iou"] == found["learned_iou"]
    model = UNet(2, 2)
    model.load_state_dict(load_file(make(store, learned).path / "model.safetensors"))
    images = stage.open(make(store, stage).path)
    with torch.no_grad():
        logits = model(images.images(np.arange(len(images)), CPU.device).pixels)
    assert np.abs(logits.sigmoid().squeeze(1).numpy() * 255 - images.masks).max() < 0.51


def test_learning_again_gives_the_same_weights(tmp_path: Path) -> None:
    learned = LearnMasks.of(component("unet", **TINY), SIZE, 0, "float32")
    assert learned is not None
    files = [make(Store(tmp_path / n), learned).manifest["files"] for n in ("one", "two")]
    assert files[0] == files[1]
    other = make(Store(tmp_path / "one"), replace(learned, seed=1))
    assert other.manifest["files"]["model.safetensors"] != files[0]["model.safetensors"]


def test_a_folder_of_pairs_is_learned_from_wherever_it_lies(tmp_path: Path, store: Store) -> None:
    stages = []
    for place in ("here", "there"):
        tree(tmp_path / place / "LIP")
        segmenter = component("unet", **{**TINY, "data": str(tmp_path / place / "LIP")})
        stages.append(LearnMasks.of(segmenter, SIZE, 0, "float32"))
    assert stages[0].key == stages[1].key
    artifact = make(store, stages[0])
    assert artifact.manifest["iou"]["images"] == 2
    assert str(tmp_path) not in json.dumps(artifact.manifest)
    assert stages[0].title == "learn masks by unet from LIP"
    assert isinstance(stages[0].images, Decode)
