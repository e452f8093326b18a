"""The base of learners that classify the training persons: network, weights, descent."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Literal, cast

from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import SGD, Optimizer

from reidbench.data.arrays import ImageArray, Rows, shuffled_rows
from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend, scale_rates
from reidbench.engine.loop import Loop
from reidbench.engine.streams import generator
from reidbench.interfaces import Clock, FeatureLearner, Images, Log, at_least, within
from reidbench.nn.backbones import Backbone, build_backbone, check_backbone, feature_map
from reidbench.nn.pixels import scale_and_shift
from reidbench.nn.timm_networks import PREFIX, timm_version
from reidbench.nn.weights import NONE, find_weights, load_weights, match_weights
from reidbench.storage.checkpoint import State

Normalisation = Literal["imagenet", "half"]
BatchNorm = Literal["learn", "statistics", "frozen"]
BatchNormOrAuto = Literal["auto", "learn", "statistics", "frozen"]

DECAY = 0.1  # of all rates, once


class Classifier(nn.Module):
    """A backbone under layers that tell the training persons apart.

    A subclass adds those layers, under any names, and gives logits from ``forward``.

    Args:
        backbone: gives the features.
        normalisation: of the pixels that the backbone sees.
        batch_norm: "learn" if the backbone's batch normalisation learns; if not, its running
            statistics stay as they are ("statistics"), or its affine weights as well ("frozen").
    """

    scale: Tensor
    shift: Tensor

    def __init__(
        self, backbone: Backbone, *, normalisation: Normalisation, batch_norm: BatchNorm
    ) -> None:
        super().__init__()
        self.backbone = backbone.network
        self.batch_norm = batch_norm
        scale, shift = scale_and_shift(normalisation)
        self.register_buffer("scale", scale, persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        if batch_norm == "frozen":
            for layer in self._batch_norms():
                layer.requires_grad_(False)

    def features(self, pixels: Tensor) -> Tensor:
        """Return what is compared, ``[B, D]``, of images ``[B, 3, H, W]`` in [-1, 1]."""
        pooled: Tensor = self.backbone(pixels * self.scale + self.shift)
        return pooled.float()

    def feature_map(self, pixels: Tensor) -> Tensor:
        """Return the last feature map ``[B, D, h, w]``, which the backbone pools."""
        return feature_map(self.backbone, pixels * self.scale + self.shift).float()

    def train(self, mode: bool = True) -> Classifier:
        """Switch as every module, but for batch normalisation that is not to learn."""
        super().train(mode)
        if self.batch_norm != "learn":
            for layer in self._batch_norms():
                layer.eval()
        return self

    def _batch_norms(self) -> list[nn.Module]:
        return [m for m in self.backbone.modules() if isinstance(m, _BatchNorm)]


def person_layer(width: int, num_pids: int, std: float = 0.001) -> nn.Linear:
    """Return a new layer that gives the persons' logits, nearly alike at first."""
    layer = nn.Linear(width, num_pids)
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
    return layer


def bottleneck_layers(width: int, bottleneck: int, activation: nn.Module | None) -> list[nn.Module]:
    """Return a new linear layer, as the releases draw it, batch normalisation and an activation.

    Args:
        width: of what goes in.
        bottleneck: of what comes out; 0 leaves all layers out.
        activation: the last of the layers; None leaves the linear one alone.
    """
    if not bottleneck:
        return []
    linear = nn.Linear(width, bottleneck)
    nn.init.kaiming_normal_(linear.weight, mode="fan_out")
    nn.init.zeros_(linear.bias)
    return [linear] if activation is None else [linear, nn.BatchNorm1d(bottleneck), activation]


class ClassificationLearner(FeatureLearner):
    """Learns to classify the training persons, by SGD at two rates that fall once.

    A subclass is a dataclass, ``@dataclass(kw_only=True)``, that declares these parameters and its
    own, in the order in which they are listed, with its paper's values as defaults. A subclass that
    checks more values does so in ``__post_init__``, after it has called this class's.

    Attributes:
        backbone: "small-resnet", a name of torchvision's, e.g. "resnet50", or one of timm's after
            "timm:", e.g. "timm:resnet50".
        weights: "none" for random initialisation, the path of a file, perhaps with the digest of
            its content (``FILE#sha256=...``), or a name of torchvision's, e.g. "IMAGENET1K_V1",
            whose file must be on this machine.
        dropout: probability before the classifier.
        batch_norm: treatment of the backbone's batch normalisation: "learn", "statistics" (its
            running statistics stay as loaded), "frozen" (its affine weights too), or, if the
            learner offers it, "auto": ``batch_norm_with_weights`` with weights from a file,
            learning without, where there is nothing to keep.
        normalisation: "imagenet", or "half" for mean and deviation 0.5 a channel.
        lr: learning rate of the new layers.
        backbone_lr: learning rate of the backbone.
        decay_from: fraction of the run after which both rates are a tenth; may be left out.
        momentum: of SGD, with Nesterov's look-ahead if ``nesterov`` says so.
        weight_decay: of SGD, for all weights.
        batch: images in a step.
        epochs: passes over the images.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random.
        nesterov: momentum looks ahead.
        batch_norm_with_weights: the meaning of "auto" with weights from a file.

    Raises:
        ValueError: if a value is out of range.
    """

    files: ClassVar[frozenset[str]] = frozenset({"weights"})
    nesterov: ClassVar[bool] = True
    batch_norm_with_weights: ClassVar[BatchNorm] = "frozen"

    backbone: str
    weights: str
    dropout: float
    batch_norm: BatchNormOrAuto
    normalisation: Normalisation
    lr: float
    backbone_lr: float
    decay_from: float = 1.0
    momentum: float
    weight_decay: float
    batch: int
    epochs: int
    flip: bool
    enlarge: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_backbone(self.backbone)
        at_least(0, lr=self.lr, backbone_lr=self.backbone_lr, weight_decay=self.weight_decay)
        at_least(1, epochs=self.epochs, enlarge=self.enlarge)
        at_least(2, batch=self.batch)  # batch normalisation needs two rows
        within(0, 1, dropout=self.dropout, decay_from=self.decay_from, momentum=self.momentum)
        self.augmentation = Augmentation(flip=self.flip, enlarge=self.enlarge)

    @property
    def resolved_batch_norm(self) -> BatchNorm:
        """The value of ``batch_norm``, with "auto" replaced by its meaning."""
        return kept_with_weights(self.batch_norm, self.weights, self.batch_norm_with_weights)

    @abstractmethod
    def classifier(self, backbone: Backbone, num_pids: int) -> Classifier:
        """Return a new model on top of a backbone."""

    def log_likelihood(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the logarithm ``[B, num_pids]`` of what the model takes for likely.

        That of a model of several classifiers is the sum of theirs.
        """
        logits: Tensor = model(pixels)
        return logits.log_softmax(1)

    def provenance(self) -> Mapping[str, str]:
        """Return where the backbone's initial weights come from.

        "mapping" tells how the file's names were understood, if they are not the backbone's own;
        "timm" its version, which decides what a network of that name is.

        Raises:
            ReidbenchError: if they are not on this machine, or do not fit.
        """
        built = {"timm": timm_version()} if self.backbone.startswith(PREFIX) else {}
        file = find_weights(self.backbone, self.weights)
        if file is None:
            return {"weights": "random initialisation", **built}
        match = match_weights(self.backbone, file)
        told = {"mapping": str(match)} if match.rule else {}
        return {"weights": file.label, "sha256": file.sha256, **told, **built}

    def build(self, num_pids: int) -> Classifier:
        """Return a new model with a classifier over ``num_pids`` persons.

        Raises:
            ReidbenchError: if the initial weights are missing or do not fit.
        """
        backbone = build_backbone(self.backbone)
        if file := find_weights(self.backbone, self.weights):
            load_weights(backbone, file)
        return self.classifier(backbone, num_pids)

    def blank(self, num_pids: int) -> Classifier:
        """Return a model to load trained weights into; no file is needed."""
        return self.classifier(build_backbone(self.backbone), num_pids)

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Train ``model`` in place on ``data``."""
        model.train()
        data = data.classes().on(loop.hardware.device)
        optimizer = self.optimizer(model)

        def step(clock: Clock) -> Log:
            rows = self.rows(data, clock.step, loop.seed)
            images = data.images(rows, loop.hardware.device)
            images = self.augment(images, generator(loop.seed, "augment", clock.step))
            self.begin_step(model, optimizer, clock)
            return self.learn_images(model, optimizer, images)

        state: State = {"model": model, "optimizer": optimizer}
        loop.run(self.steps(data), step, state, "learner")

    def steps(self, data: ImageArray) -> int:
        """Return how many steps ``fit`` makes on ``data``."""
        return math.ceil(len(data) * self.epochs / self.batch)

    def rows(self, data: ImageArray, step: int, seed: int) -> Rows:
        """Return which of the images a step learns from, as a function of the step alone."""
        return shuffled_rows(len(data), self.batch, step, seed, "learner")

    def augment(self, images: Images, draws: Generator) -> Images:
        """Return a batch changed at random, by a generator of the step's own."""
        return self.augmentation(images, draws)

    def begin_step(self, model: nn.Module, optimizer: Optimizer, clock: Clock) -> None:
        """Set the rates of the step to come."""
        scale_rates(optimizer, 1.0 if clock.progress < self.decay_from else DECAY)

    def learn_images(self, model: nn.Module, optimizer: Optimizer, images: Images) -> Log:
        """Make one step on a batch, for a learner that reads more of it than the person."""
        return self.learn(model, optimizer, images.pixels, images.pid)

    def learn(self, model: nn.Module, optimizer: Optimizer, pixels: Tensor, pid: Tensor) -> Log:
        """Make one step of classification; return the loss and the accuracy on the batch."""
        likely = self.log_likelihood(model, pixels)
        loss = F.nll_loss(likely, pid)
        descend(optimizer, loss)
        return {"loss": loss.detach(), "accuracy": (likely.argmax(1) == pid).float().mean()}

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the features ``[B, D]`` that are compared."""
        return cast(Classifier, model).features(pixels)

    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the backbone's last feature map ``[B, D, h, w]``."""
        return cast(Classifier, model).feature_map(pixels)

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the persons' log likelihood ``[B, num_pids]``."""
        return self.log_likelihood(model, pixels)

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the cross-entropy of the persons, averaged over the images."""
        return F.nll_loss(self.log_likelihood(model, pixels), pid)

    def optimizer(self, model: nn.Module) -> Optimizer:
        """Return SGD with a rate for the backbone and one for the new layers."""
        backbone = cast(Classifier, model).backbone
        old = {id(p) for p in backbone.parameters()}
        learning = [p for p in backbone.parameters() if p.requires_grad]
        new = [p for p in model.parameters() if id(p) not in old]
        return SGD(
            [{"params": learning, "lr": self.backbone_lr}, {"params": new, "lr": self.lr}],
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov and self.momentum > 0,
            fused=True,
        )


def kept_with_weights(asked: BatchNormOrAuto, weights: str, kept: BatchNorm) -> BatchNorm:
    """Return what "auto" means: ``kept`` with weights from a file, else learning.

    Statistics that were never measured are nothing to keep.
    """
    if asked != "auto":
        return asked
    return "learn" if weights == NONE else kept
