"""A training step of StarGAN, against the published algorithm in the order of its release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from reidbench_stargan.translator import StarGAN
from torch import nn
from torch.nn import functional as F

from reidbench.engine.hardware import Hardware
from reidbench.interfaces import UNLABELLED, Batch, Clock, Context, Images

CPU = torch.device("cpu")
CAMERAS = 6
Losses = dict[str, float]
Step = Callable[[], Losses]


@dataclass(frozen=True)
class Setting:
    """Images and networks of a step; half of the images are of the source."""

    size: tuple[int, int]
    batch: int
    networks: dict[str, Any]

    def model(self) -> StarGAN:
        """Return a StarGAN that is always the same."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model = StarGAN(**self.networks)
            model.setup(Context(self.size, 4, 1 + CAMERAS, CPU))
        return model

    def pixels(self) -> torch.Tensor:
        """Return the images of both datasets."""
        generator = torch.Generator().manual_seed(0)
        return torch.rand(self.batch, 3, *self.size, generator=generator) * 2 - 1

    def cam(self) -> torch.Tensor:
        """Return the cameras of the target's images."""
        return torch.arange(self.batch // 2) % CAMERAS


SMALL = Setting((64, 32), 8, {"width": 16, "blocks": 3, "discriminator_width": 16})
PAPER = Setting((128, 64), 16, {})
RELEASE = Setting((128, 64), 16, {"adversarial": "wgan-gp", "generator_every": 5})


class PlainStep:
    """Steps as the release makes them: a pass for each image, nothing held still, plain Adam."""

    def __init__(self, setting: Setting, device: torch.device = CPU) -> None:
        model = setting.model()
        with_torchs_norms(model)
        model.to(device)
        self.g, self.d = model.generator, model.discriminator
        self.every, self.wasserstein = model.generator_every, model.adversarial.penalised
        self.players = [
            torch.optim.Adam(n.parameters(), lr=1e-4, betas=(0.5, 0.999)) for n in (self.g, self.d)
        ]
        self.x, cam = setting.pixels().to(device), setting.cam().to(device)
        self.origin = torch.cat([torch.zeros_like(cam), 1 + cam])
        self.step = 0

    def __call__(self, dst: torch.Tensor) -> Losses:
        losses = {"discriminator": self.critic(dst).item()}
        self.step += 1
        return losses if self.step % self.every else {**losses, "cycle": self.translate(dst).item()}

    def translated(self, x: torch.Tensor, domain: torch.Tensor) -> torch.Tensor:
        """Tell the generator the domain as the release does."""
        code = F.one_hot(domain, 1 + CAMERAS).float()[:, :, None, None]
        maps = code.repeat(1, 1, x.shape[2], x.shape[3])
        return torch.tanh(self.g.layers(torch.cat([x, maps], 1)))

    def critic(self, dst: torch.Tensor) -> torch.Tensor:
        (real, domains), fake = self.d(self.x), self.translated(self.x, dst)
        judged, _ = self.d(fake.detach())
        loss = self.height(-real) + self.height(judged)
        total = loss + F.cross_entropy(domains, self.origin)
        if self.wasserstein:
            total = total + 10 * self.penalty(fake)
        self.descend(self.players[1], total)
        return loss

    def penalty(self, fake: torch.Tensor) -> torch.Tensor:
        alpha = torch.rand(len(fake), 1, 1, 1, device=fake.device)
        between = (alpha * self.x + (1 - alpha) * fake.detach()).requires_grad_()
        scores, _ = self.d(between)
        (slope,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        return ((slope.flatten(1).square().sum(1).sqrt() - 1) ** 2).mean()

    def translate(self, dst: torch.Tensor) -> torch.Tensor:
        fake = self.translated(self.x, dst)
        rec, (scores, domains) = self.translated(fake, self.origin), self.d(fake)
        cycle = 10 * F.l1_loss(rec, self.x)
        self.descend(self.players[0], self.height(-scores) + F.cross_entropy(domains, dst) + cycle)
        return cycle

    def height(self, scores: torch.Tensor) -> torch.Tensor:
        return (scores if self.wasserstein else F.softplus(scores)).mean()

    def descend(self, optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        for player in self.players:
            player.zero_grad()
        loss.backward()
        optimizer.step()


def with_torchs_norms(model: nn.Module) -> None:
    """Replace normalisation by the layer that the authors' release is made of."""
    for parent in [*model.modules()]:
        for name, child in parent.named_children():
            if isinstance(child, nn.GroupNorm):
                setattr(parent, name, nn.InstanceNorm2d(child.num_channels, affine=True))


def plain(setting: Setting) -> Step:
    """Return the release's turn: as many steps as the generator needs for one. Float32."""
    step = PlainStep(setting)
    dst = dealt(setting)
    return lambda: [step(dst) for _ in range(step.every)][-1]


def ours(setting: Setting, precision: str = "float32") -> Step:
    """Return the translator's turn, as the loop makes it."""
    layout, hardware = torch.channels_last, Hardware(CPU, precision)
    model = setting.model().to(memory_format=layout)
    x, y = setting.pixels().contiguous(memory_format=layout).chunk(2)
    cam, hidden = setting.cam(), torch.full((len(x),), UNLABELLED)
    batch = Batch(Images(x, torch.arange(len(x)), torch.zeros_like(cam)), Images(y, hidden, cam))

    def turn() -> Losses:
        for step in range(model.generator_every):
            with torch.random.fork_rng(devices=[]), hardware.autocast():
                torch.manual_seed(0)
                _, log = model.training_step(batch, lambda hops: torch.zeros(()), Clock(step, 1000))
        return {name: value.item() for name, value in log.items()}

    return turn


def dealt(setting: Setting) -> torch.Tensor:
    """Return the destinations that the translator deals out with the seed that it is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        cameras = 1 + setting.cam()[torch.randperm(setting.batch // 2)]
    return torch.cat([cameras, torch.zeros_like(cameras)])


def test_training_step(benchmark, fastest):
    mine, peer = ours(SMALL), plain(SMALL)
    expected = peer()
    losses = mine()
    assert {k: losses[k] for k in expected} == pytest.approx(expected, rel=1e-4)
    benchmark.pedantic(mine, rounds=3)
    theirs, own = fastest(peer, mine)
    benchmark.extra_info["times as fast as the plain step"] = round(theirs / own, 2)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("setting", [PAPER, RELEASE], ids=["log", "wgan-gp"])
def test_training_step_at_the_papers_size(benchmark, fastest, setting):
    turns = [plain(setting), ours(setting), ours(setting, "bf16")]
    losses = [turn()["cycle"] for turn in turns]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[2] == pytest.approx(losses[0], rel=0.02)
    benchmark.pedantic(turns[2], rounds=1)
    theirs, own, half = fastest(*turns, rounds=1)
    benchmark.extra_info |= {
        "times as fast as the plain step, float32": round(theirs / own, 2),
        "times as fast as the plain step, bf16": round(theirs / half, 2),
    }
