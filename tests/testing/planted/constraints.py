"""Mistakes in identity constraints."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reidbench.testing.toys import ToyConstraint
from tests.testing.planted import defect


@defect("constraint", "losses-are-finite-scalars", "the loss 'kept' is float, no scalar tensor")
class ReturnsAFloat(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": float(super().losses(hops, clock)["kept"].detach())}


@defect("constraint", "losses-are-finite-scalars", "the loss 'kept' is Tensor\\[4\\], no scalar")
class ReturnsRows(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": hops[0].fake.mean((1, 2, 3))}


@defect("constraint", "losses-are-finite-scalars", "the loss 'kept' is not finite")
class ReturnsNaN(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": hops[0].fake.mean() * float("nan")}


@defect("constraint", "losses-are-finite-scalars", "losses returns Tensor\\[\\], not a dict")
class ReturnsATensor(ToyConstraint):
    def losses(self, hops, clock):
        return hops[0].fake.mean()


@defect("constraint", "trains-beside-a-translator", "raised RuntimeError")
class UpdatesByTheGenerators(ToyConstraint):
    def update(self, hops, clock):
        hops[0].fake.mean().backward()
        return {}


@defect("constraint", "trains-on-one-image", "raised ValueError: Expected more than 1 value")
class NormalisesOneRow(ToyConstraint):
    def setup(self, ctx):
        super().setup(ctx)
        self.norm = nn.BatchNorm1d(3, affine=False)

    def losses(self, hops, clock):
        return {"kept": self.weight * self.norm(hops[0].fake.mean((2, 3))).square().mean()}


@defect("constraint", "default-weight-is-not-neutral", "no gradient of its losses reaches")
class LooksAtADetachedImage(ToyConstraint):
    def losses(self, hops, clock):
        return super().losses(tuple(hop.detach() for hop in hops), clock)


@defect("constraint", "default-weight-is-not-neutral", "no gradient of its losses reaches")
class WeighsNothing(ToyConstraint):
    def __init__(self, *, weight: float = 0.0) -> None:
        super().__init__(weight=weight)


@defect("constraint", "default-weight-is-not-neutral", "no gradient of its losses reaches")
class LooksAtRealImages(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": self.weight * self.network(hops[0].images.pixels).mean()}


@defect("constraint", "weight-0-is-neutral", "with weight=0 the generators have: another")
class ForgetsTheWeight(ToyConstraint):
    def losses(self, hops, clock):
        return {**super().losses(hops, clock), "light": hops[0].fake.mean()}


@defect("constraint", "needs-all-that-it-reads", "raised TypeError|raised AttributeError")
class ReadsWhatItDoesNotNeed(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": self.weight * F.l1_loss(hops[0].rec, hops[0].images.pixels)}


@defect("constraint", "needs-all-that-it-reads", "raised TypeError|raised AttributeError")
class ReadsMasksUnasked(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": self.weight * (hops[0].fake * hops[0].images.mask).mean()}


@defect("constraint", "needs-all-that-it-reads", "needs names masks, which no hop has")
class NeedsAnotherName(ToyConstraint):
    needs = frozenset({"masks"})


@defect("constraint", "hops-stay-as-they-are", "changes the images of the hops in place")
class ChangesHops(ToyConstraint):
    def update(self, hops, clock):
        hops[0].fake.clamp_(0, 1)
        return super().update(hops, clock)


@defect("constraint", "losses-change-no-weight", "losses leaves: another norm.*running_mean")
class CountsStatistics(ToyConstraint):
    def setup(self, ctx):
        super().setup(ctx)
        self.norm = nn.BatchNorm2d(3, affine=False)

    def losses(self, hops, clock):
        return {"kept": self.weight * self.norm(hops[0].fake).square().sum() * 1e-3}


@defect(
    "constraint", "every-parameter-is-optimised-or-frozen", "no optimiser holds network.0.weight"
)
class ForgetsItsNetwork(ToyConstraint):
    def setup(self, ctx):
        super().setup(ctx)
        del self.sgd

    def update(self, hops, clock):
        return {}


@defect("constraint", "every-parameter-is-optimised-or-frozen", "optimisers in 'players' are not")
class OptimisersInADict(ToyConstraint):
    def setup(self, ctx):
        super().setup(ctx)
        self.players = {"network": self.sgd}
        del self.sgd

    def update(self, hops, clock):
        return {}


@defect("constraint", "is-deterministic", "the same training gives: another")
class DrawsByNumpy(ToyConstraint):
    def losses(self, hops, clock):
        return {"kept": float(np.random.rand()) * super().losses(hops, clock)["kept"]}


@defect("constraint", "resumes-at-every-step", "resumed at step 1 it ends with another")
class KeepsAMean(ToyConstraint):
    mean: torch.Tensor | float = 0.0

    def losses(self, hops, clock):
        return {"kept": self.weight * (hops[0].fake - self.mean).square().mean()}

    def update(self, hops, clock):
        self.mean = 0.9 * self.mean + 0.1 * hops[0].fake.mean(0, keepdim=True)
        return super().update(hops, clock)


@defect("constraint", "is-deaf-to-target-persons", "other persons in the target train: another")
class ReadsTargetPersons(ToyConstraint):
    def losses(self, hops, clock):
        light = sum((h.images.pid.float()[:, None] * h.fake.mean((2, 3))).mean() for h in hops)
        return {"kept": self.weight * light}


@defect("constraint", "embedder-is-what-it-makes", "embedder returns no model; makes_model says so")
class PromisesAModel(ToyConstraint):
    makes_model = True


@defect("constraint", "trains-in-bf16", "raised TypeError: Got unsupported ScalarType BFloat16")
class LeavesForNumpy(ToyConstraint):
    def losses(self, hops, clock):
        level = float(self.network(hops[0].fake).detach().numpy().mean())
        return {"kept": self.weight * level * hops[0].fake.mean()}
