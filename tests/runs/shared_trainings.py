"""Trainings that one process or several make, and all that they end with."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from reidbench_bot.learner import BagOfTricks
from reidbench_cyclegan.translator import CycleGAN
from reidbench_ide.learner import IDE
from reidbench_ipgan.baseline import Baseline
from reidbench_ipgan.constraint import SemanticClassifier
from reidbench_sagan.translator import SAGAN
from reidbench_spgan.constraint import SiaNet
from reidbench_stargan.translator import StarGAN
from safetensors.torch import save_file
from torch import Tensor, nn

from reidbench.config.recipe import Embedding
from reidbench.data.arrays import ImageArray
from reidbench.engine.embedding import Embedder, Extractor
from reidbench.engine.gan import Domains, fit, set_up
from reidbench.engine.gradient_shares import GradientShares
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.ranks import current_ranks
from reidbench.engine.streams import stream
from reidbench.errors import ReidbenchError
from reidbench.interfaces import FeatureLearner, IdentityConstraint, SourceModel, Translator
from reidbench.stages import Stage, Work
from reidbench.storage.keys import JSON

SEED, STEPS = 3, 4
SIZE = (32, 24)
SMALL = {"width": 4, "blocks": 1, "discriminator_width": 4}


def images(rows: int, axis: int, masks: bool = False) -> ImageArray:
    """Return images of noise: persons in threes, cameras in turns."""
    rng = np.random.default_rng(axis)
    pixels = rng.integers(0, 256, (rows, *SIZE, 3), np.uint8)
    made = rng.integers(0, 256, (rows, *SIZE), np.uint8) if masks else None
    return ImageArray(pixels, np.arange(rows) // 3, np.arange(rows) % 2, made)


def source_model() -> SourceModel:
    learner = Baseline(backbone="small-resnet")
    with stream(SEED, "source"):
        return SourceModel(learner, learner.build(4).eval())


def translated(
    translator: Translator,
    constraints: Mapping[str, IdentityConstraint],
    batch: int,
    loop: Loop,
) -> Mapping[str, nn.Module]:
    """Train a translator; what it and its constraints become."""
    domains = Domains.of(images(12, 0, masks=True), images(9, 1, masks=True))
    context = domains.context(translator, loop.hardware)
    for name, part in {"translator": translator, **constraints}.items():
        guided = isinstance(part, SemanticClassifier)
        model = source_model() if guided else None
        set_up(part, name, replace(context, source_model=model), SEED)
        # Adam makes as large a step of rounding, where a gradient should be 0, as of anything else.
        for group in (g for o in part.optimizers().values() for g in o.param_groups):
            group["eps"] = 1e-2
    shares = GradientShares(loop.folder / "gradient_shares.json")
    fit(translator, constraints, domains, STEPS, batch, loop, shares)
    return {"translator": translator, **constraints}


def learned(learner: FeatureLearner, loop: Loop) -> Mapping[str, nn.Module]:
    data = images(12, 2)
    with stream(SEED, "build"):
        model = learner.build(4)
    learner.fit(model, data, loop)
    return {"model": model}


class Mixing(nn.Module):
    """A network whose rows look at each other, little by little."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.layer(pixels).mean((2, 3))
        return maps + self.share * maps.flip(0)


class Drawing(nn.Module):
    """A network that draws noise for its rows, and heeds it little by little."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, 3)
        self.share = nn.Parameter(torch.zeros(()))

    def forward(self, pixels: Tensor) -> Tensor:
        maps = self.layer(pixels).mean((2, 3))
        return maps + self.share * torch.randn_like(maps)


def nothing(step: int) -> None:
    """Go on."""


def plain(
    network: nn.Module,
    loop: Loop,
    before: Callable[[int], None] = nothing,
    steps: int = STEPS,
    rate: float = 1e-4,
) -> Mapping[str, nn.Module]:
    """Train a network that is no component's, by gradients taken twice."""
    optimizer = torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    data = images(12, 4)

    def step(clock: Any) -> dict[str, Tensor]:
        before(clock.step)
        rows = np.arange(5) + clock.step % 7
        pixels = data.images(rows, loop.hardware.device).pixels.requires_grad_()
        made = network(pixels)
        (slope,) = torch.autograd.grad(made.square().sum(), pixels, create_graph=True)
        loss = made.mean() + slope.square().sum((1, 2, 3)).sqrt().max()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach()}

    loop.run(steps, step, {"network": network, "optimizer": optimizer}, "plain")
    return {"network": network}


TRAININGS: Mapping[str, Callable[[Loop], Mapping[str, nn.Module]]] = {
    "cyclegan+sianet": lambda loop: translated(
        CycleGAN(**SMALL, pool=4, lr=1e-3),
        {"sianet": SiaNet(hidden=8, embedding=4, dropout=0.2)},
        3,
        loop,
    ),
    "stargan+semantic": lambda loop: translated(
        StarGAN(**SMALL, layers=3, adversarial="wgan-gp"),
        {"semantic": SemanticClassifier()},
        5,
        loop,
    ),
    "sagan": lambda loop: translated(
        SAGAN(**SMALL, localisation_width=2, codes=2), {"sianet": SiaNet(pairs="spatial")}, 3, loop
    ),
    "ide": lambda loop: learned(
        IDE(backbone="small-resnet", bottleneck=8, batch=5, epochs=2, enlarge=1.1), loop
    ),
    "bot": lambda loop: learned(
        BagOfTricks(backbone="small-resnet", batch=6, instances=2, epochs=2, last_stride=2), loop
    ),
    "mixing": lambda loop: plain(Mixing(), loop, rate=0.1),
    "drawing": lambda loop: plain(Drawing(), loop, rate=0.1),
    "batch norm": lambda loop: plain(
        nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.3), nn.Softplus(), nn.Dropout2d(0.3)
        ),
        loop,
    ),
}


def embedded(images: ImageArray, hardware: Hardware) -> np.ndarray[Any, Any]:
    """Return features of images, two at a time."""
    learner = IDE(backbone="small-resnet")
    with stream(SEED, "embedding"):
        model = learner.build(4).eval()
    return Extractor(Embedder(learner, model, Embedding()), hardware, batch=2)(images)


class OfRanks(Stage):
    """A stage of the tests that several processes can compute."""

    kind: ClassVar[str] = "of-ranks"
    shares: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return "make trainings"

    def values(self) -> JSON:
        return {}


@dataclass(frozen=True)
class Trainings(OfRanks):
    """Make trainings, and write losses and weights; embed seven images, and one."""

    names: tuple[str, ...] = tuple(TRAININGS)

    def compute(self, work: Work) -> dict[str, JSON]:
        for name in self.names:
            loop = work.loop(SEED)
            own = replace(loop, folder=loop.folder / name)
            with stream(SEED, name):
                parts = TRAININGS[name](own)
            state = {f"{n}.{k}": v for n, p in parts.items() for k, v in p.state_dict().items()}
            tensors = {k: v.contiguous().clone() for k, v in state.items()}
            save_file(tensors, work.folder / f"{name}.safetensors")
            for path in own.folder.glob("*.json*") if current_ranks().leads else ():
                kind = path.name.partition(".")[2]
                (work.folder / f"{name}.{kind}").write_bytes(path.read_bytes())
        for rows in (7, 1):
            features = embedded(images(rows, 5), work.hardware)
            np.save(work.folder / f"features{rows}.npy", features)
        return {"ranks": current_ranks().count}


@dataclass(frozen=True)
class Ending(OfRanks):
    """Train, until something ends one of the processes at the third step.

    Attributes:
        how: "killed", "raised" or "apart", for the second process; "waits", for all; "stopped",
            for a process alone; else nothing ends them.
    """

    how: str

    def compute(self, work: Work) -> dict[str, JSON]:
        ranks = current_ranks()
        if self.how == "waits":
            (work.loop(SEED).folder / f"{os.getpid()}.waits").touch()
            time.sleep(100)
        with stream(SEED, "network"):
            network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.3))

        def ended(step: int) -> None:
            if step == 3 and self.how == "killed" and not ranks.leads:
                os.kill(os.getpid(), signal.SIGKILL)
            if step == 3 and self.how == "raised" and not ranks.leads:
                raise ReidbenchError("the second one cannot go on")
            if step == 3 and self.how == "apart" and not ranks.leads:
                torch.nn.init.ones_(network[0].weight)  # type: ignore[arg-type]
            if step == 5 and self.how == "stopped":
                raise InterruptedError

        plain(network, work.loop(SEED), ended, steps=8)
        save_file(dict(network.state_dict()), work.folder / "network.safetensors")
        return {}
