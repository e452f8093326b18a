"""A training step of CycleGAN, against the published algorithm written down pass by pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from reidbench_cyclegan.translator import CycleGAN
from torch import nn
from torch.nn import functional as F

from benchmarks.perf.alone import alone
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import UNLABELLED, Batch, Clock, Context, Images

CPU = torch.device("cpu")
BF16 = 2**-8  # relative distance of neighbouring numbers
Step = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Setting:
    """Images and networks of a step.

    There is no history of images: it draws at random, and the first losses are to be equal.
    """

    size: tuple[int, int]
    batch: int
    networks: dict[str, int]

    def model(self) -> CycleGAN:
        """Return a CycleGAN that is the same in every process."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = CycleGAN(pool=0, **self.networks)
            model.setup(Context(self.size, 4, 2, CPU))
        return model

    def pixels(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return images of both domains."""
        generator = torch.Generator().manual_seed(0)
        shape = 2, self.batch, 3, *self.size
        x, y = torch.rand(shape, generator=generator) * 2 - 1
        return x, y


SMALL = Setting((64, 32), 4, {"width": 16, "blocks": 3, "discriminator_width": 32})
PAPER = Setting((256, 128), 1, {})


class PlainStep:
    """Section 3 and 4 of the paper in their order, with plain Adam and a pass for each image."""

    def __init__(self, model: CycleGAN) -> None:
        with_torchs_norms(model)
        self.g, self.f = model.to_target, model.to_source
        self.d_y, self.d_x = model.target_discriminator, model.source_discriminator
        self.players = self.adam(self.g, self.f)
        self.critics = self.adam(self.d_x, self.d_y)

    @staticmethod
    def adam(*networks: torch.nn.Module) -> torch.optim.Adam:
        parameters = itertools.chain(*(n.parameters() for n in networks))
        return torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999))

    def __call__(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, float]:
        fake_y, fake_x = self.g(x), self.f(y)
        rec_x, rec_y = self.f(fake_y), self.g(fake_x)
        idt_y, idt_x = self.g(y), self.f(x)
        judged = self.d_y(fake_y), self.d_x(fake_x)
        adversarial = sum(((score - 1) ** 2).mean() for score in judged)
        cycle = 10 * (F.l1_loss(rec_x, x) + F.l1_loss(rec_y, y))
        identity = 5 * (F.l1_loss(idt_x, x) + F.l1_loss(idt_y, y))
        self.players.zero_grad()
        (adversarial + cycle + identity).backward()
        self.players.step()
        critics = self.critic(self.d_y, y, fake_y) + self.critic(self.d_x, x, fake_x)
        self.critics.zero_grad()
        critics.backward()
        self.critics.step()
        losses = {"adversarial": adversarial, "cycle": cycle, "identity": identity}
        return {k: v.item() for k, v in {**losses, "discriminators": critics}.items()}

    @staticmethod
    def critic(critic: torch.nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = ((critic(real) - 1) ** 2).mean() + (critic(fake.detach()) ** 2).mean()
        return 0.5 * loss


def with_torchs_norms(model: nn.Module) -> None:
    """Replace normalisation and padding by the layers that the authors' release is made of."""
    for parent in [*model.modules()]:
        for name, child in parent.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(parent, name, nn.InstanceNorm2d(child.num_channels))
            elif isinstance(child, nn.ReflectionPad2d):
                setattr(parent, name, nn.ReflectionPad2d(child.padding))


def plain(setting: Setting) -> Step:
    """Return the published step: float32, contiguous maps."""
    step, (x, y) = PlainStep(setting.model()), setting.pixels()
    return lambda: step(x, y)


def ours(setting: Setting, precision: str = "float32") -> Step:
    """Return the translator's step, as the loop makes it."""
    layout, hardware = torch.channels_last, Hardware(CPU, precision)
    model = setting.model().to(memory_format=layout)
    x, y = (pixels.contiguous(memory_format=layout) for pixels in setting.pixels())
    cam, hidden = torch.zeros(len(x), dtype=torch.long), torch.full((len(x),), UNLABELLED)
    batch = Batch(Images(x, torch.arange(len(x)), cam), Images(y, hidden, cam))

    def step() -> dict[str, float]:
        with hardware.autocast():
            _, log = model.training_step(batch, lambda hops: torch.zeros(()), Clock(0, 1000))
        return {name: value.item() for name, value in log.items()}

    return step


def twice(contender: Callable[..., Step], *args: Any) -> Callable[[], dict[str, float]]:
    """Return what makes two steps on two threads; the second finds the optimisers' state there."""
    torch.set_num_threads(2)
    step = contender(*args)

    def steps() -> dict[str, float]:
        step()
        return step()

    return steps


def test_training_step(benchmark, fastest):
    mine, peer = ours(SMALL), plain(SMALL)
    assert mine() == pytest.approx(peer(), rel=1e-4)
    benchmark.pedantic(mine, rounds=3)
    theirs, own = fastest(peer, mine)
    benchmark.extra_info["times as fast as the plain step"] = round(theirs / own, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_training_step_at_the_papers_size(benchmark, fastest):
    steps = [plain(PAPER), ours(PAPER), ours(PAPER, "bf16")]
    losses = [step() for step in steps]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert losses[2] == pytest.approx(losses[0], rel=BF16)
    benchmark.pedantic(steps[2], rounds=1)
    theirs, own, half = fastest(*steps, rounds=2)
    benchmark.extra_info |= {
        "times as fast as the plain step, float32": round(theirs / own, 2),
        "times as fast as the plain step, bf16": round(theirs / half, 2),
    }


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_memory_at_the_papers_size(benchmark):
    own = benchmark.pedantic(alone, (twice, ours, PAPER))
    half, peer = alone(twice, ours, PAPER, "bf16"), alone(twice, plain, PAPER)
    benchmark.extra_info |= {
        "GiB, plain step": round(peer.total, 2),
        "GiB, float32": round(own.total, 2),
        "GiB, bf16": round(half.total, 2),
        "processor time of the plain step / ours, float32": round(peer.seconds / own.seconds, 2),
        "processor time of the plain step / ours, bf16": round(peer.seconds / half.seconds, 2),
    }
    assert half.total < own.total < peer.total
