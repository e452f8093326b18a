"""The images, translators and models that the checks of components work with."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray
from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend
from reidbench.engine.gan import BatchDrawer, Domains, train_step
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import stream
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hop,
    Hops,
    IdentityConstraint,
    Images,
    Log,
    Translator,
    domain_index,
)
from reidbench.testing.learners import SmallLearner

SIZE = (32, 24)
SEED = 3
STEPS = 4
BATCH = 4
CPU = Hardware(torch.device("cpu"))
NARROW = Hardware(torch.device("cpu"), "bf16")

State = dict[str, Tensor]


def persons(seed: int = 0, *, people: int = 4, each: int = 4) -> ImageArray:
    """Return noisy images of people told apart by colours, of two cameras, with masks."""
    rng = np.random.default_rng(seed)
    height, width = SIZE
    colours = rng.integers(40, 215, size=(people, 2, 3))
    pids = np.repeat(np.arange(people), each)
    columns = np.repeat(colours[pids], height // 2, axis=1)
    pixels = columns[:, :, None, :].repeat(width, axis=2) + rng.normal(0, 20, (len(pids), *SIZE, 3))
    masks = np.zeros((len(pids), *SIZE), np.uint8)
    masks[:, 4:-4, 4:-4] = 255
    cams = np.tile([0, 1], len(pids))[: len(pids)].astype(np.int64)
    return ImageArray(np.clip(pixels, 0, 255).astype(np.uint8), pids.astype(np.int64), cams, masks)


def domains() -> Domains:
    """Return both domains as a training sees them: the target has no persons."""
    return Domains.of(persons(0), persons(1))


def partly_labelled_domains(seed: int) -> Domains:
    """Return the same images with random persons in every fourth of the target.

    A batch is not ``labelled`` as long as one of its rows is not: whoever asks uses none of them.
    """
    data = domains()
    pids = data.target.pids.copy()
    pids[::4] = np.random.default_rng(seed).integers(0, 4, len(pids[::4]))
    return Domains(data.source, replace(data.target, pids=pids))


@contextmanager
def disturbed(seed: int) -> Iterator[None]:
    """Let the global streams of Python, numpy and torch start elsewhere, and put them back."""
    python, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy_state)


def snapshot(*modules: nn.Module) -> State:
    """Return copies of all weights and buffers."""
    return {
        f"{index}.{name}": value.detach().clone()
        for index, module in enumerate(modules)
        for name, value in module.state_dict().items()
    }


def differing(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> list[str]:
    """Return the names of values that are not equal to the bit, without their module's number."""
    names = first.keys() | second.keys()
    unlike = [
        n for n in names if n not in first or n not in second or not first[n].equal(second[n])
    ]
    return sorted(n.partition(".")[2] for n in unlike)


def some(names: list[str]) -> str:
    """Return the first names of a list, and how many there are more."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def train(
    translator: Translator,
    constraints: Mapping[str, IdentityConstraint],
    data: Domains,
    *,
    first: int = 0,
    last: int = STEPS,
    total: int = STEPS,
    batch: int = BATCH,
    hardware: Hardware = CPU,
) -> Log:
    """Make some steps of a training as a run makes them; return the log of the last."""
    loop = Loop(Path(os.devnull), SEED, hardware)
    draw = BatchDrawer(data, batch, translator, constraints, loop)
    log: Log = {}
    for step in range(first, last):
        with stream(SEED, "step", step), hardware.autocast():
            log = train_step(translator, constraints, draw(step), Clock(step, total), SEED)
    return log


class StandIn(Translator):
    """The smallest translator with everything a constraint may ask for.

    Args:
        provides: the optional fields that its hops have.
    """

    def __init__(self, provides: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.provides = provides
        self.augmentation = Augmentation(flip=True)

    def setup(self, ctx: Context) -> None:
        """Build a layer for each direction."""
        self.to_target, self.to_source = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.adam = torch.optim.Adam(self.parameters(), 0.01)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Match the mean colours of the domains."""
        hops = (self._hop(batch.source, batch.target, 1), self._hop(batch.target, batch.source, 0))
        extra = extra_loss(hops)
        terms = [F.mse_loss(h.fake.mean((0, 2, 3)), h.style.mean((0, 2, 3))) for h in hops]
        colour = torch.stack(terms).sum()
        descend(self.adam, colour + extra)
        return hops, {"colour": colour.detach()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Apply the layer of the direction."""
        return torch.tanh((self.to_target if dst else self.to_source)(images.pixels))

    def _hop(self, real: Images, style: Images, dst: int) -> Hop:
        fake = self.translate(real, 1 - dst, dst)
        optional: dict[str, Any] = {}
        if "rec" in self.provides:
            optional["rec"] = self.translate(Images(fake, real.pid, real.cam), dst, 1 - dst)
        if "idt" in self.provides:
            optional["idt"] = self.translate(real, dst, 1 - dst)
        if "grid" in self.provides:
            straight = torch.eye(2, 3, device=fake.device).expand(len(fake), 2, 3)
            optional["grid"] = F.affine_grid(straight, list(fake.shape), align_corners=False)
        index = domain_index(len(fake), dst, fake.device)
        optional["host_dst"] = domain_index(len(fake), dst, CPU.device)
        return Hop(real, fake, style.pixels, index, **optional)


class Pull(IdentityConstraint):
    """Darkens translated images; remembers the hops that it was given.

    Args:
        weight: of the loss.
    """

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.given: list[Hops] = []
        self.finished: list[Hops] = []

    def setup(self, ctx: Context) -> None:
        """Build nothing."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the mean brightness, weighted."""
        self.given.append(hops)
        return {"dark": self.weight * torch.stack([(h.fake + 1).mean() for h in hops]).sum()}

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Remember what the step ended with."""
        self.finished.append(hops)
        return {}


class StandInLearner(SmallLearner):
    """A learner that knows every loss a constraint may ask for."""

    def verification_loss(
        self, model: nn.Module, first: Tensor, second: Tensor, same: Tensor
    ) -> Tensor:
        """Return the cross-entropy of a guess from the distance of the logits."""
        distance = (model(first) - model(second)).square().mean(1)
        return F.binary_cross_entropy_with_logits(1 - distance, same.float())
