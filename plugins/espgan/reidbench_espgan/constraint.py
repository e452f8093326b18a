"""The feature learner as an identity constraint: eSPGAN.

Deng et al., "Similarity-preserving Image-image Domain Adaptation for Person Re-identification",
arXiv:1811.10551, section 3.3.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from reidbench.engine.descent import descend, scale_rates
from reidbench.errors import ReidbenchError
from reidbench.interfaces import (
    Clock,
    Context,
    Hop,
    Hops,
    IdentityConstraint,
    Log,
    at_least,
    within,
)

DECAY = 0.1  # of the learner's rates, once


class JointLearner(IdentityConstraint):
    """C, trained on the source, guides the generators by its classification, and learns from them.

    The generators minimise the cross-entropy of C on translated images (eq. 9 and 10), C that on
    translated and real ones, in turns (eq. 11). C is converged, so that its backbone's batch
    normalisation keeps the statistics measured on the source.

    Args:
        weight: lambda of eq. 10, the weight in the generators' loss.
        frozen: C never learns (naive eSPGAN, table 2); then there is no joint model.
        real: half of the images that C learns from are the real source images.
        reconstructed: C guides by images translated back as well, as the authors' release does.
        lr: learning rate of C's layers on top of its backbone, or of all of a learner's that has
            none; a learner of lower rates keeps them. C is trained already: at a rate for training
            from scratch it forgets the persons while it learns what the generators draw.
        backbone_lr: learning rate of C's backbone, likewise.
        decay_from: fraction of the run after which the learner's rates are a tenth.

    Raises:
        ValueError: if a value is out of range.
    """

    version: ClassVar[int] = 2
    source_learner: ClassVar[str] = "learner"

    def __init__(
        self,
        *,
        weight: float = 5.0,
        frozen: bool = False,
        real: bool = True,
        reconstructed: bool = False,
        lr: float = 0.01,
        backbone_lr: float = 0.001,
        decay_from: float = 2 / 3,
    ) -> None:
        super().__init__()
        at_least(0, weight=weight, lr=lr, backbone_lr=backbone_lr)
        within(0, 1, decay_from=decay_from)
        self.weight, self.frozen, self.decay_from = weight, frozen, decay_from
        self.real, self.reconstructed = real, reconstructed
        self.lr, self.backbone_lr = lr, backbone_lr
        self.makes_model = not frozen
        if reconstructed:
            self.needs = frozenset({"rec"})  # type: ignore[misc]

    def setup(self, ctx: Context) -> None:
        """Take the source's model over."""
        assert ctx.source_model is not None  # asked for by ``source_learner``
        self.learner, self.model = ctx.source_model.learner, ctx.source_model.model
        if not self.frozen:
            self.optimizer = self._limited(self.learner.optimizer(self.model))

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return lambda times the cross-entropy of C on the translated images.

        C is in evaluation mode: what is held still has no dropout of its own, and counts no
        statistics of images that it does not learn from.
        """
        self.model.eval()
        fields = ("fake", "rec") if self.reconstructed else ("fake",)
        return {"identity": self.weight * self._classification(hops, *fields)}

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Let C learn the persons in translated and real images, by one step."""
        if self.frozen:
            return {}
        scale_rates(self.optimizer, 1.0 if clock.progress < self.decay_from else DECAY)
        self.model.train()
        _keep_statistics(self._backbone)
        fields = ("real", "fake") if self.real else ("fake",)
        loss = self._classification(hops, *fields)
        descend(self.optimizer, loss)
        return {"learner": loss.detach()}

    def embedder(self) -> nn.Module | None:
        """Return C, unless it only guided."""
        return None if self.frozen else self.model

    @property
    def _backbone(self) -> nn.Module:
        """C's backbone; a module of nothing where C has none of that name."""
        found = getattr(self.model, "backbone", None)
        return found if isinstance(found, nn.Module) else nn.Identity()

    def _limited(self, optimizer: Optimizer) -> Optimizer:
        """Return the learner's optimiser at no higher rates than those of the joint training."""
        old = {id(p) for p in self._backbone.parameters()}
        for group in optimizer.param_groups:
            of_backbone = all(id(p) in old for p in group["params"])
            group["lr"] = min(group["lr"], self.backbone_lr if of_backbone else self.lr)
        return optimizer

    def _classification(self, hops: Hops, *fields: str) -> Tensor:
        """Return the cross-entropy over these images of the hops whose persons are known."""
        known = [hop for hop in hops if hop.images.labelled]
        if not known:
            raise ReidbenchError("joint-learner was given no translated image of a known person")
        pixels = torch.cat([_images(hop, field) for field in fields for hop in known])
        pid = torch.cat([hop.images.pid for hop in known] * len(fields))
        return self.learner.loss(self.model, pixels, pid)


def _keep_statistics(backbone: nn.Module) -> None:
    """Let batch normalisation go by its running statistics, whatever mode the model is in."""
    for layer in backbone.modules():
        if isinstance(layer, _BatchNorm):
            layer.eval()


def _images(hop: Hop, field: str) -> Tensor:
    images: Tensor = hop.images.pixels if field == "real" else getattr(hop, field)
    return images
