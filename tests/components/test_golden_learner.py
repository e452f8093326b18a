"""Two epochs of the classifying learners' loop on fixed images.

Where these rows, names or numbers move, those of every such learner do: ``Learn.version`` has to
rise, lest models of before pass for those of now.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD

from reidbench.components import classifying_learner
from reidbench.components.classifying_learner import ClassificationLearner, Classifier, person_layer
from reidbench.engine import loop as engine_loop
from reidbench.engine import streams
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.interfaces import Images, Log
from reidbench.nn.backbones import Backbone
from reidbench.stages import Learn
from tests.engine.golden import SEED, wave_images

RAISE = "numbers of the learners' loop have moved: raise Learn.version, then record anew"
IMAGES, BATCH, EPOCHS = 9, 4, 2
SETTINGS: dict[str, Any] = {
    "backbone": "small-resnet",
    "weights": "none",
    "dropout": 0.0,
    "batch_norm": "learn",
    "normalisation": "half",
    "lr": 0.1,
    "backbone_lr": 0.05,
    "momentum": 0.9,
    "weight_decay": 0.01,
    "batch": BATCH,
    "epochs": EPOCHS,
    "flip": True,
    "enlarge": 1.5,
    "decay_from": 0.5,
}


class Linear(Classifier):
    """A layer on the mean colour, noise that the loop's stream gives, and a layer of persons."""

    def __init__(self, num_pids: int, **how: Any) -> None:
        network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
        super().__init__(Backbone(network, 2, ""), **how)
        self.persons = person_layer(2, num_pids, std=0.5)

    def forward(self, pixels: Tensor) -> Tensor:
        noise = torch.rand(len(pixels), 2)
        logits: Tensor = self.persons(self.features(pixels) + 0.1 * noise)
        return logits


@dataclass
class Seen:
    """What a step learned from, and at which rates."""

    rows: list[list[int]] = field(default_factory=list)
    pids: list[list[int]] = field(default_factory=list)
    rates: list[list[float]] = field(default_factory=list)
    logs: list[dict[str, float]] = field(default_factory=list)
    streams: list[tuple[Any, ...]] = field(default_factory=list)
    model: Classifier | None = None


class Watched(ClassificationLearner):
    def __init__(self, seen: Seen) -> None:
        vars(self).update(SETTINGS)
        self.__post_init__()
        self.seen = seen

    def build(self, num_pids: int) -> Classifier:
        return Linear(num_pids, normalisation=self.normalisation, batch_norm=self.batch_norm)

    def classifier(self, backbone: Backbone, num_pids: int) -> Classifier:
        raise NotImplementedError

    def learn_images(self, model: nn.Module, optimizer: SGD, images: Images) -> Log:
        self.seen.rows.append(images.cam.tolist())
        self.seen.pids.append(images.pid.tolist())
        self.seen.rates.append([group["lr"] for group in optimizer.param_groups])
        log = super().learn_images(model, optimizer, images)
        self.seen.logs.append({k: float(v) for k, v in log.items()})
        return log


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    seen = Seen()
    data = wave_images(0, IMAGES)
    data = replace(data, pids=10 * data.pids)  # persons need not count from 0
    learner = Watched(seen)
    with streams.stream(SEED, "build"):
        seen.model = learner.build(data.num_pids)

    def noting(real: Any) -> Any:
        def asked(*axis: Any) -> Any:
            seen.streams.append(axis)
            return real(*axis)

        return asked

    loop = Loop(tmp_path_factory.mktemp("golden"), SEED, Hardware(torch.device("cpu")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_loop, "stream", noting(streams.stream))
        patch.setattr(classifying_learner, "generator", noting(streams.generator))
        learner.fit(seen.model, data, loop)
    return seen


def test_the_version_is_that_of_the_numbers_below() -> None:
    assert Learn.version == 1, "record the numbers of this file anew, and the version here"


def test_every_epoch_shows_every_image_once(seen: Seen) -> None:
    shown = [row for rows in seen.rows for row in rows]
    assert len(seen.rows) == 5  # two epochs of nine images in fours, the last batch whole
    for epoch in range(EPOCHS):
        assert sorted(shown[epoch * IMAGES : (epoch + 1) * IMAGES]) == list(range(IMAGES)), RAISE


def test_the_steps_take_these_rows(seen: Seen) -> None:
    assert seen.rows == ROWS, RAISE
    assert seen.pids == [[row // 3 for row in rows] for rows in ROWS], RAISE


def test_a_step_draws_from_these_streams_in_this_order(seen: Seen) -> None:
    names: list[tuple[Any, ...]] = []
    for step in range(5):
        names += [(SEED, "learner", step), (SEED, "augment", step)]
    assert seen.streams == names, RAISE


def test_both_rates_fall_once(seen: Seen) -> None:
    for rates, recorded in zip(seen.rates, [[0.05, 0.1]] * 3 + [[0.005, 0.01]] * 2, strict=True):
        assert rates == pytest.approx(recorded), RAISE


def test_five_steps_give_the_recorded_numbers(seen: Seen) -> None:
    assert [log["loss"] for log in seen.logs] == pytest.approx(LOSSES, rel=1e-4), RAISE
    assert [log["accuracy"] for log in seen.logs] == ACCURACIES, RAISE
    assert seen.model is not None
    found = torch.cat([p.flatten() for p in seen.model.parameters()]).tolist()
    assert found == pytest.approx(WEIGHTS, rel=1e-4), RAISE


ROWS = [[6, 0, 7, 8], [1, 2, 3, 5], [4, 1, 5, 6], [4, 7, 2, 0], [8, 3, 7, 6]]
LOSSES = [1.151200, 1.124382, 1.125621, 1.079599, 1.139321]
ACCURACIES = [0.25, 0.5, 0.25, 0.5, 0.0]
WEIGHTS = [
    *(0.2712477, -0.5215728, 0.5649694, 0.2523251, -0.3766080, -0.4547119),
    *(-0.5268111, -0.1416723),
    *(-0.001994063, -0.2306886, 0.3884133, -0.7713254, 0.3670636, -0.1446568),
    *(-0.03251539, -0.02338625, 0.05590162),
]
