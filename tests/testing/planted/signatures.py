"""Mistakes in constructors; each stands for every kind of component."""

from __future__ import annotations

import random

import numpy as np
import torch
from torch import nn

from reidbench.interfaces import Translator
from reidbench.testing.toys import ToyConstraint, ToyDataset, ToyLearner, ToyTranslator
from tests.testing.planted import defect


@defect("translator", "signature-is-a-configuration", "'lr' of Positional must be keyword-only")
class Positional(ToyTranslator):
    def __init__(self, lr: float = 0.01) -> None:
        super().__init__(lr=lr)


@defect("learner", "signature-is-a-configuration", "'lr' of NotAnnotated must be .* annotated")
class NotAnnotated(ToyLearner):
    def __init__(self, *, lr=0.1) -> None:
        super().__init__(lr=lr)


@defect("constraint", "defaults-go-through-set", "the default of mine.device is not JSON")
class DeviceAsDefault(ToyConstraint):
    def __init__(self, *, device: str = torch.device("cpu")) -> None:
        super().__init__()


@defect("translator", "defaults-go-through-set", "of another type: mine.lr takes float, not None")
class NoneForAFloat(ToyTranslator):
    def __init__(self, *, lr: float = None) -> None:  # noqa: RUF013
        super().__init__(lr=lr or 0.1)


@defect("learner", "defaults-go-through-set", "the default of mine.lr is not JSON: Out of range")
class InfiniteDefault(ToyLearner):
    def __init__(self, *, lr: float = float("inf")) -> None:
        super().__init__()


@defect("constraint", "defaults-go-through-set", "weight has no default")
class NoDefault(ToyConstraint):
    def __init__(self, *, weight: float) -> None:
        super().__init__(weight=weight)


@defect("translator", "constructor-builds-nothing", "the constructor builds there.weight")
class BuildsAtOnce(ToyTranslator):
    def __init__(self, *, lr: float = 0.01) -> None:
        super().__init__(lr=lr)
        self.there = nn.Conv2d(3, 3, 1)


@defect("learner", "constructor-builds-nothing", "draws random numbers of torch")
class SeedsTorch(ToyLearner):
    def __init__(self, *, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)


@defect("dataset", "constructor-builds-nothing", "draws random numbers of random, numpy")
class DrawsAtOnce(ToyDataset):
    def __init__(self, *, ids: int = 6) -> None:
        super().__init__(ids=ids)
        self.order = (random.random(), np.random.rand())


@defect("translator", "constructor-builds-nothing", "does not call super|cannot assign|__init__")
class NoSuper(ToyTranslator):
    def __init__(self, *, lr: float = 0.01) -> None:
        self.lr = lr


@defect("translator", "keeps-the-contract", "does not implement translate")
class Unfinished(Translator):
    def setup(self, ctx):
        pass

    def training_step(self, batch, extra_loss, clock):
        return (), {}


@defect("learner", "keeps-the-contract", "version is '1.0', not 1, 2")
class VersionAsText(ToyLearner):
    version = "1.0"


@defect("constraint", "keeps-the-contract", "NoConstraint is no IdentityConstraint")
class NoConstraint(nn.Module):
    version = 1
