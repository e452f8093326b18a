"""What the golden tests of the training loops share: parts and images whose numbers are known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reidbench.data import arrays
from reidbench.data.arrays import ImageArray
from reidbench.data.augment import Augmentation
from reidbench.engine import gan, loop, streams
from reidbench.engine.descent import descend
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
from reidbench.storage.keys import derive_seed

SEED = 7


def wave_images(phase: int, rows: int, size: tuple[int, int] = (4, 3)) -> ImageArray:
    """Return images without any random number in them; the camera is the row."""
    values = np.arange(rows * size[0] * size[1] * 3).reshape(rows, *size, 3)
    pixels = (127.5 + 127 * np.sin(0.37 * values + phase)).astype(np.uint8)
    return ImageArray(pixels, np.arange(rows) // 3, np.arange(rows))


@dataclass(frozen=True)
class Call:
    """One call of a part.

    Attributes:
        what: which part, and which of its methods.
        clock: where the training was.
        drawn: the first number that the part drew from torch's global stream.
    """

    what: str
    clock: tuple[int, int]
    drawn: float


@dataclass
class Diary:
    """What was called, in order, and which streams were asked for."""

    calls: list[Call] = field(default_factory=list)
    streams: list[tuple[Any, ...]] = field(default_factory=list)

    def note(self, what: str, clock: Clock) -> float:
        """Draw a number from torch's global stream, and note the call; return the number."""
        drawn = float(torch.rand(()))
        self.calls.append(Call(what, (clock.step, clock.steps), drawn))
        return drawn


class Painter(Translator):
    """Paints by one layer, which learns from noise, the other domain and the constraints."""

    provides: frozenset[str] = frozenset({"rec"})

    def __init__(self, diary: Diary) -> None:
        super().__init__()
        self.diary, self.augmentation = diary, Augmentation(pad=1)
        self.batches: list[Batch] = []

    def setup(self, ctx: Context) -> None:
        self.layer = nn.Conv2d(3, 3, 1)
        self.sgd = torch.optim.SGD(self.parameters(), 0.1)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        self.batches.append(batch)
        noise = self.diary.note("translator.training_step", clock)
        source, style = batch.source, batch.target.pixels
        fake = self.translate(source, 0, 1)
        dst = domain_index(len(source), 1, fake.device)
        hops = (Hop(source, fake, style, dst, rec=self.layer(fake)),)
        extra = extra_loss(hops)
        noise += 2 * float(torch.rand(()))
        loss = (fake.mean() - noise * style.mean()).square() + extra
        descend(self.sgd, loss)
        return hops, {"loss": loss.detach()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        painted: Tensor = self.layer(images.pixels)
        return painted


class Critic(IdentityConstraint):
    """Weighs each image by one number of its own, beside noise."""

    sampling: ClassVar[Any] = "any"

    def __init__(self, name: str, diary: Diary) -> None:
        super().__init__()
        self.name, self.diary = name, diary

    def setup(self, ctx: Context) -> None:
        self.weight = nn.Parameter(torch.rand(3, 1, 1))
        self.sgd = torch.optim.SGD(self.parameters(), 0.1)

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        noise = self.diary.note(f"{self.name}.losses", clock)
        return {"kept": noise * self._gap(hops), "level": 0.1 * hops[0].fake.square().mean()}

    def update(self, hops: Hops, clock: Clock) -> Log:
        noise = self.diary.note(f"{self.name}.update", clock)
        loss = noise * (1 - self._gap(hops))
        descend(self.sgd, loss)
        return {"apart": loss.detach()}

    def _gap(self, hops: Hops) -> Tensor:
        gap = self.weight * (hops[0].fake - hops[0].images.pixels)
        return gap.square().mean()


class PairCritic(Critic):
    """Asks for pairs."""

    sampling: ClassVar[Any] = "pairs"


def first_number(*axis: Any) -> float:
    """Return the first number of the stream that ``axis`` names."""
    return float(torch.rand((), generator=torch.Generator().manual_seed(derive_seed(*axis))))


@contextmanager
def watched_streams(diary: Diary) -> Iterator[None]:
    """Note the name of every stream that the engine and its batches are drawn from."""

    def noting(real: Any, kind: str) -> Any:
        def asked(*axis: Any) -> Any:
            diary.streams.append((kind, *axis))
            return real(*axis)

        return asked

    arrays._permutation.cache_clear()  # a permutation that is remembered is drawn unseen
    with pytest.MonkeyPatch.context() as patch:
        for module in (gan, loop):
            patch.setattr(module, "stream", noting(streams.stream, "stream"))
        patch.setattr(gan, "generator", noting(streams.generator, "generator"))
        for module in (gan, arrays):
            patch.setattr(module, "derive_seed", noting(derive_seed, "seed"))
        yield
    arrays._permutation.cache_clear()
