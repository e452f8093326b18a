"""Unusual components without a mistake, in which no check may find one."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from reidbench.data.arrays import shuffled_rows
from reidbench.engine.descent import descend
from reidbench.interfaces import FeatureLearner, Hop, IdentityConstraint, domain_index
from reidbench.testing.toys import ToyDataset, ToyTranslator


class OneSided(ToyTranslator):
    """Translates to the target alone, as CUT does."""

    directions = frozenset({"source-to-target"})
    provides = frozenset()

    def _hop(self, batch):
        fake = self.translate(batch.source, 0, 1)
        dst = domain_index(len(fake), 1, fake.device)
        return Hop(batch.source, fake, batch.target.pixels, dst)

    def training_step(self, batch, extra_loss, clock):
        hop = self._hop(batch)
        colour = F.mse_loss(hop.fake.mean((0, 2, 3)), hop.style.mean((0, 2, 3)))
        descend(self.adam, colour + extra_loss((hop,)))
        return (hop,), {"colour": colour.detach()}

    def setup(self, ctx):
        self.there = nn.Conv2d(3, 3, 1)
        self.adam = torch.optim.Adam(self.parameters(), self.lr)

    def translate(self, images, src, dst, code=None):
        if dst == 0:
            raise NotImplementedError("one way")
        return torch.tanh(self.there(images.pixels))


class Rests(OneSided):
    """Lets its generator rest at every second step."""

    def training_step(self, batch, extra_loss, clock):
        if clock.step % 2:
            with torch.no_grad():
                return (self._hop(batch),), {}
        return super().training_step(batch, extra_loss, clock)


class Metric(FeatureLearner):
    """Learns by distances: it names nobody, and gives no optimiser."""

    def __init__(self, *, lr: float = 0.01) -> None:
        self.lr = lr

    def build(self, num_pids):
        return nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 8))

    def fit(self, model, data, loop):
        adam = torch.optim.Adam(model.parameters(), self.lr)

        def step(clock):
            rows = shuffled_rows(len(data), 12, clock.step, loop.seed, "fit")
            images = data.images(rows, loop.hardware.device)
            distance = torch.cdist(*(self.embed(model, images.pixels).float(),) * 2)
            same = images.pid[:, None] == images.pid[None]
            loss = (distance * same).mean() + ((1 - distance).clamp(min=0) * ~same).mean()
            descend(adam, loss)
            return {"loss": loss.detach()}

        loop.run(6, step, {"model": model, "adam": adam})

    def embed(self, model, pixels):
        return model(pixels.mean((2, 3)))


class Late(IdentityConstraint):
    """Heeds persons where they are known, reads masks and cycles, and only in the second half."""

    needs = frozenset({"mask", "rec"})

    def setup(self, ctx):
        self.weigh = nn.Embedding(ctx.num_pids, 1).requires_grad_(False)

    def losses(self, hops, clock):
        if clock.progress < 0.5:
            return {}
        known = [hop for hop in hops if hop.images.labelled]
        terms = [
            (self.weigh(h.images.pid)[:, :, None, None] * (h.fake - h.rec) * h.images.mask).mean()
            for h in known
        ]
        return {"kept": torch.stack(terms).sum()}


class Declares(ToyDataset):
    """Trains on test images, and says so."""

    trains_on_test = True

    def samples(self, split):
        return super().samples("query" if split == "train" else split)


UNUSUAL = {
    OneSided: "translator",
    Rests: "translator",
    Metric: "learner",
    Late: "constraint",
    Declares: "dataset",
}
