"""A training step of CycleGAN, against the published algorithm written down pass by pass."""

from __future__ import annotations

import itertools

import pytest
import torch
from reidbench_cyclegan.translator import CycleGAN
from torch.nn import functional as F

from reidbench.clock import Clock
from reidbench.hops import UNLABELLED, Batch, Images
from reidbench.interfaces import Context

SIZE, BATCH = (64, 32), 4
# No history of images: it draws at random, and the first losses are to be equal.
SMALL = {"width": 16, "blocks": 3, "discriminator_width": 32, "pool": 0}


class PlainStep:
    """Section 3 and 4 of the paper in their order, with plain Adam and a pass for each image."""

    def __init__(self, model: CycleGAN) -> None:
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


def built(layout: torch.memory_format) -> CycleGAN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = CycleGAN(**SMALL)
        model.setup(Context(SIZE, 4, 2, torch.device("cpu")))
    return model.to(memory_format=layout)


def no_extra_loss(hops: object) -> torch.Tensor:
    return torch.zeros(())


def test_training_step(benchmark, fastest):
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.rand(BATCH, 3, *SIZE, generator=generator) * 2 - 1 for _ in range(2))
    cam, hidden = torch.zeros(BATCH, dtype=torch.long), torch.full((BATCH,), UNLABELLED)
    batch = Batch(Images(x, torch.arange(BATCH), cam), Images(y, hidden, cam))
    ours, plain = built(torch.channels_last), PlainStep(built(torch.contiguous_format))

    def step() -> dict[str, float]:
        _, log = ours.training_step(batch, no_extra_loss, Clock(0, 1000))
        return {k: v.item() for k, v in log.items()}

    assert step() == pytest.approx(plain(x, y), rel=1e-4)
    benchmark.pedantic(step, rounds=3)
    theirs, mine = fastest(lambda: plain(x, y), step)
    benchmark.extra_info["times as fast as the plain step"] = round(theirs / mine, 2)
