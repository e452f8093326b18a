"""HHL, learning a re-ID model hetero- and homogeneously.

Zhong, Zheng, Li and Yang, "Generalizing a Person Retrieval Model Hetero- and Homogeneously",
ECCV 2018.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from reidbench.components.classifying_learner import (
    BatchNormOrAuto,
    ClassificationLearner,
    Normalisation,
)
from reidbench.data.arrays import ImageArray, TargetViews, person_rows, shuffled_rows
from reidbench.engine.descent import descend
from reidbench.engine.loop import Loop
from reidbench.engine.streams import generator
from reidbench.interfaces import Clock, Images, Log, at_least, within
from reidbench.nn.backbones import Backbone
from reidbench.nn.triplet import batch_hard
from reidbench.nn.weights import NONE
from reidbench_hhl.model import HHLModel

TARGET_PID = -1  # of the first target image; those of the source's persons are 0 and more


@dataclass(frozen=True)
class Draw:
    """The images of a step.

    Attributes:
        labelled: source images to classify.
        persons: source images of some persons, several of each.
        views: target images and their views; ``pid`` is the image, counted from 0.
    """

    labelled: Images
    persons: Images
    views: Images


@dataclass(kw_only=True)
class HHL(ClassificationLearner):
    """Learns persons of the source and, of the target, which views show one image.

    An image and its views in other cameras are positives (camera invariance); all other images of
    the target, and all of the source, are negatives (domain connectedness). Without a target, as
    where the source alone is learned, it classifies the persons and nothing else.

    Attributes:
        bottleneck: width of the layer under both branches; 0 leaves it out.
        triplet_features: width of the triplets' branch.
        batch: source images to classify in a step.
        persons_share: source images of the triplets, over ``batch``.
        instances: images of each person among them.
        target_share: target images, over ``batch``; each comes with a view of every camera.
        triplet: weight of the triplet loss (beta).
        margin: of the triplet loss.

    The other parameters are those of ``ClassificationLearner``.

    Raises:
        ValueError: if a value is out of range.
    """

    backbone: str = "resnet50"
    weights: str = NONE
    bottleneck: int = 1024
    triplet_features: int = 128
    dropout: float = 0.5
    batch_norm: BatchNormOrAuto = "learn"
    normalisation: Normalisation = "imagenet"
    lr: float = 0.1
    backbone_lr: float = 0.01
    decay_from: float = 2 / 3
    momentum: float = 0.9
    weight_decay: float = 5e-4
    batch: int = 128
    persons_share: float = 0.5
    instances: int = 8
    target_share: float = 0.125
    triplet: float = 0.5
    margin: float = 0.3
    epochs: int = 60
    flip: bool = True
    enlarge: float = 1.125

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        at_least(0, bottleneck=self.bottleneck, triplet=self.triplet, margin=self.margin)
        at_least(1, triplet_features=self.triplet_features, instances=self.instances)
        within(0, 1, persons_share=self.persons_share, target_share=self.target_share)

    def classifier(self, backbone: Backbone, num_pids: int) -> HHLModel:
        """Return a new model on top of a backbone."""
        return HHLModel(
            backbone,
            num_pids,
            bottleneck=self.bottleneck,
            triplet_features=self.triplet_features,
            dropout=self.dropout,
            normalisation=self.normalisation,
            batch_norm=self.resolved_batch_norm,
        )

    def adapt(self, model: nn.Module, source: ImageArray, target: TargetViews, loop: Loop) -> None:
        """Train ``model`` in place; an epoch passes over the source's images."""
        model.train()
        source = source.classes()
        optimizer = self.optimizer(model)

        def step(clock: Clock) -> Log:
            draw = self.draw(source, target, clock.step, loop)
            self.begin_step(model, optimizer, clock)
            return self.connect(model, optimizer, draw)

        loop.run(self.steps(source), step, {"model": model, "optimizer": optimizer}, "learner")

    def draw(self, source: ImageArray, target: TargetViews, step: int, loop: Loop) -> Draw:
        """Return the images of a step, as a function of the step alone."""
        # One of each would leave a loss without negatives.
        persons = max(2, round(self.batch * self.persons_share / self.instances))
        shown = max(2, round(self.batch * self.target_share))
        triplets = person_rows(source.pids, persons, self.instances, step, loop.seed, "persons")
        views = target.groups(shuffled_rows(len(target), shown, step, loop.seed, "target"))
        device = loop.hardware.device
        drawn = {
            "augment": source.images(self.rows(source, step, loop.seed), device),
            "persons": source.images(triplets, device),
            "views": views.images(np.arange(len(views)), device),
        }
        draws = {axis: generator(loop.seed, axis, step) for axis in drawn}
        return Draw(*(self.augment(images, draws[axis]) for axis, images in drawn.items()))

    def connect(self, model: nn.Module, optimizer: Optimizer, draw: Draw) -> Log:
        """Make one step down cross-entropy and beta times the triplet loss."""
        likely = self.log_likelihood(model, draw.labelled.pixels)
        pid = draw.labelled.pid
        identity = F.nll_loss(likely, pid)
        triplet = self.triplet * self.connection(model, draw.persons, draw.views)
        descend(optimizer, identity + triplet)
        right = (likely.argmax(1) == pid).float().mean()
        return {"loss": identity.detach(), "triplet": triplet.detach(), "accuracy": right}

    def connection(self, model: nn.Module, persons: Images, views: Images) -> Tensor:
        """Return the triplet loss of persons of the source and images of the target together.

        Each domain passes for itself, so that batch normalisation sees one at a time.
        """
        network = cast(HHLModel, model)
        features = torch.cat([network.embedded(x.pixels) for x in (persons, views)])
        return batch_hard(features, torch.cat([persons.pid, TARGET_PID - views.pid]), self.margin)
