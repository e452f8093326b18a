"""The learner example.

Author et al., "Title", Venue Year. The README tells what departs from the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray, shuffled_rows
from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend, scale_rates
from reidbench.engine.loop import Loop
from reidbench.engine.streams import generator
from reidbench.interfaces import Clock, FeatureLearner, Log, at_least
from reidbench.nn.backbones import build_backbone, check_backbone


class Example(FeatureLearner):
    """Classifies the training persons on the features of a backbone, by SGD.

    Args:
        backbone: "small-resnet" or a name of torchvision's; benchmarks set it for all learners.
        epochs: passes over the images.
        batch: images in a step.
        lr: learning rate, held for two thirds of the run, then falling to zero.
        weight_decay: of all weights.

    Raises:
        ValueError: if a value is out of range.
    """

    def __init__(
        self,
        *,
        backbone: str = "resnet50",
        epochs: int = 60,
        batch: int = 32,
        lr: float = 0.05,
        weight_decay: float = 5e-4,
    ) -> None:
        check_backbone(backbone)
        at_least(1, epochs=epochs)
        at_least(2, batch=batch)
        at_least(0, lr=lr, weight_decay=weight_decay)
        self.backbone, self.epochs, self.batch = backbone, epochs, batch
        self.lr, self.weight_decay = lr, weight_decay
        self.augmentation = Augmentation(flip=True)

    def build(self, num_pids: int) -> nn.Module:
        """Return a backbone under a layer that tells the persons apart."""
        backbone = build_backbone(self.backbone)
        return nn.Sequential(backbone.network, nn.Linear(backbone.width, num_pids))

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on ``data``."""
        model.train()
        optimizer = self.optimizer(model)

        def step(clock: Clock) -> Log:
            rows = shuffled_rows(len(data), self.batch, clock.step, loop.seed, "example")
            images = data.images(rows, loop.hardware.device)
            images = self.augmentation(images, generator(loop.seed, "augment", clock.step))
            scale_rates(optimizer, clock.decay(2 / 3))
            loss = self.loss(model, images.pixels, images.pid)
            descend(optimizer, loss)
            return {"loss": loss.detach()}

        steps = -(-len(data) * self.epochs // self.batch)
        loop.run(steps, step, {"model": model, "optimizer": optimizer})

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the features ``[B, D]`` that are compared."""
        assert isinstance(model, nn.Sequential)
        features: Tensor = model[0](pixels)
        return features.float()

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the persons' logits ``[B, num_pids]``."""
        logits: Tensor = model(pixels)
        return logits.float()

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the cross-entropy of the persons."""
        return F.cross_entropy(self.classify(model, pixels), pid)

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Return SGD over all weights."""
        return torch.optim.SGD(
            model.parameters(), self.lr, momentum=0.9, weight_decay=self.weight_decay
        )
