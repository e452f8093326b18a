"""Mistakes in learners and segmenters."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reidbench.data.arrays import shuffled_rows
from reidbench.engine.descent import descend
from reidbench.interfaces import Segmenter
from reidbench.testing.toys import ToyLearner
from tests.testing.planted import defect


@defect("learner", "embeds-a-matrix", "embed gives Tensor\\[4, 8, 1, 1\\] of 4 images")
class EmbedsAMap(ToyLearner):
    def embed(self, model, pixels):
        return super().embed(model, pixels)[:, :, None, None]


@defect("learner", "embeds-a-matrix", "embed gives Tensor\\[8\\] of 1 images")
class SqueezesOneImage(ToyLearner):
    def embed(self, model, pixels):
        return super().embed(model, pixels).squeeze()


@defect("learner", "embeds-a-matrix", "features are not finite")
class EmbedsNaN(ToyLearner):
    def embed(self, model, pixels):
        return super().embed(model, pixels) * 0 / 0


@defect("learner", "steps-by-the-loop", "fit makes no step by loop.run")
class HasALoopOfItsOwn(ToyLearner):
    def fit(self, model, data, loop):
        optimiser = self.optimizer(model)
        for step in range(4):
            rows = shuffled_rows(len(data), self.batch, step, loop.seed, "fit")
            images = data.images(rows, loop.hardware.device)
            descend(optimiser, self.loss(model, images.pixels, images.pid))


@defect("learner", "steps-by-the-loop", "fit changes no weight")
class NeverSteps(ToyLearner):
    def fit(self, model, data, loop):
        images = data.images(np.arange(4), loop.hardware.device)
        loop.run(
            4, lambda clock: {"loss": self.loss(model, images.pixels, images.pid)}, {"model": model}
        )


@defect("learner", "beats-chance", "it names .* of six persons it learned; chance is 17%")
class GuessesLabels(ToyLearner):
    def loss(self, model, pixels, pid):
        logits = self.classify(model, pixels)
        return F.cross_entropy(logits, torch.randint(logits.shape[1], (len(pid),)))


@defect("learner", "beats-chance", "the nearest image shows the same person in")
class EmbedsNoise(ToyLearner):
    def embed(self, model, pixels):
        scale = torch.arange(1, 9) * 1e4
        return torch.sin(pixels.mean((1, 2, 3))[:, None] * scale)


@defect("learner", "every-parameter-is-optimised-or-frozen", "optimiser does not hold 1.weight")
class ForgetsItsClassifier(ToyLearner):
    def optimizer(self, model):
        return torch.optim.SGD(model[0].parameters(), self.lr, momentum=0.9)


@defect("learner", "is-deterministic", "the same training gives: another")
class ShufflesByPython(ToyLearner):
    def loss(self, model, pixels, pid):
        return super().loss(model, pixels, pid) * random.random()


@defect("learner", "resumes-at-every-step", "resumed at step")
class KeepsItsOptimiserToItself(ToyLearner):
    def fit(self, model, data, loop):
        optimiser = self.optimizer(model)

        def step(clock):
            rows = shuffled_rows(len(data), 4, clock.step, loop.seed, "fit")
            images = data.images(rows, loop.hardware.device)
            descend(optimiser, self.loss(model, images.pixels, images.pid))
            return {}

        loop.run(4, step, {"model": model})


@defect("learner", "resumes-at-every-step", "resumed at step")
class WarmsUpByACounter(ToyLearner):
    seen = 0

    def loss(self, model, pixels, pid):
        self.seen += 1
        return super().loss(model, pixels, pid) * self.seen


@defect("learner", "remembers-nothing", "a loaded model gives other features")
class KeepsTheMean(ToyLearner):
    mean: torch.Tensor | float = 0.0

    def fit(self, model, data, loop):
        super().fit(model, data, loop)
        self.mean = torch.tensor(float(data.pixels.mean()))

    def embed(self, model, pixels):
        return super().embed(model, pixels) - self.mean


@defect("learner", "remembers-nothing", "blank\\(\\) gives another network")
class AnotherBlank(ToyLearner):
    def blank(self, num_pids):
        return nn.Linear(3, num_pids)


@defect("learner", "embeds-rows-apart", "depends on the other rows")
class CentresTheBatch(ToyLearner):
    def embed(self, model, pixels):
        features = super().embed(model, pixels)
        return features - features.mean(0)


@defect("learner", "embed-is-repeatable", "embed gives other values at the second call")
class DropsOutForEver(ToyLearner):
    def embed(self, model, pixels):
        return F.dropout(super().embed(model, pixels), 0.5)


@defect("learner", "leaves-its-images-alone", "fit changes the images or labels")
class Relabels(ToyLearner):
    def fit(self, model, data, loop):
        super().fit(model, data, loop)
        data.pids[:] = 0


@defect("learner", "what-else-it-offers-fits", "classify gives Tensor\\[4, 8\\]")
class ClassifiesByFeatures(ToyLearner):
    def classify(self, model, pixels):
        return self.embed(model, pixels)


@defect("learner", "what-else-it-offers-fits", "loss gives Tensor\\[4\\]")
class LosesRows(ToyLearner):
    def loss(self, model, pixels, pid):
        losses = F.cross_entropy(self.classify(model, pixels), pid, reduction="none")
        return losses.mean() if model.training else losses


@defect("learner", "sizes-obey-the-benchmark", "backbone=small-resnet and .* of the same size")
class IgnoresTheBackbone(ToyLearner):
    def __init__(self, *, backbone: str = "resnet50") -> None:
        super().__init__()


@defect("learner", "sizes-obey-the-benchmark", "epochs=1 and epochs=2 both make 8 steps")
class IgnoresTheEpochs(ToyLearner):
    def __init__(self, *, epochs: int = 1) -> None:
        super().__init__(epochs=4)


@defect("learner", "trains-in-bf16", "raised TypeError: Got unsupported ScalarType BFloat16")
class LeavesForNumpy(ToyLearner):
    def loss(self, model, pixels, pid):
        self.classify(model, pixels).detach().numpy()
        return super().loss(model, pixels, pid)


class ToySegmenter(Segmenter):
    """One layer, whose masks are a sigmoid."""

    def build(self):
        return nn.Conv2d(3, 1, 1)

    def masks(self, model, pixels):
        return torch.sigmoid(model(pixels))


@defect("segmenter", "masks-are-in-range", "masks are in \\[.*not \\[0, 1\\]")
class GivesLogits(ToySegmenter):
    def masks(self, model, pixels):
        return 20 * model(pixels)


@defect("segmenter", "masks-are-in-range", "masks gives Tensor\\[4, 32, 24\\], not")
class LosesAChannel(ToySegmenter):
    def masks(self, model, pixels):
        return super().masks(model, pixels).squeeze(1)


@defect("segmenter", "masks-are-in-range", "masks gives Tensor\\[4, 1, 16, 12\\], not")
class HalvesMasks(ToySegmenter):
    def masks(self, model, pixels):
        return F.avg_pool2d(super().masks(model, pixels), 2)


@defect("segmenter", "masks-rows-apart", "the mask of an image depends on the other rows")
class ScalesByTheBatch(ToySegmenter):
    def masks(self, model, pixels):
        made = super().masks(model, pixels)
        return made / made.max()


@defect("segmenter", "masks-are-repeatable", "masks gives other values at the second call")
class NoisyMasks(ToySegmenter):
    def masks(self, model, pixels):
        return F.dropout(super().masks(model, pixels), 0.2).clamp(0, 1)
