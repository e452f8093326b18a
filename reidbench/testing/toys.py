"""The smallest components that go through a whole run; a few milliseconds a step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray, shuffled_rows
from reidbench.data.augment import Augmentation
from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.engine.descent import descend, scale_rates
from reidbench.engine.loop import Loop
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    FeatureLearner,
    Hop,
    Hops,
    IdentityConstraint,
    Images,
    Log,
    Translator,
    domain_index,
)
from reidbench.storage.keys import derive_seed, digest


class ToyDataset(Dataset):
    """Persons are colours; a domain shifts them. Persons of different domains are disjoint."""

    synthetic = True
    has_masks = True

    def __init__(
        self, *, domain: str = "a", ids: int = 6, size: int = 16, broken: int = -1
    ) -> None:
        self.domain, self.ids, self.size, self.broken = domain, ids, size, broken

    @property
    def population(self) -> str:
        """Each domain has persons of its own."""
        return f"toy:{self.domain}"

    def samples(self, split: Split) -> Samples:
        """Return two images a person and camera; half of the persons train."""
        first = 1 if split == "train" else 1 + self.ids
        pids = np.repeat(np.arange(first, first + self.ids), 4)
        cams = np.tile([0, 0, 1, 1], self.ids)
        kept = {"train": [0, 1, 2, 3], "query": [0, 2], "gallery": [1, 3]}[split]
        rows = np.isin(np.arange(len(pids)) % 4, kept)
        pids, cams = pids[rows].astype(np.int64), cams[rows].astype(np.int64)
        return Samples([f"{split}/{i}.png" for i in range(len(pids))], pids, cams)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return a noisy patch of the person's colour."""
        if split == "train" and index == self.broken:
            raise OSError(f"{split}/{index}.png is broken")
        pid = int(self.samples(split).pids[index])
        rng = np.random.default_rng(derive_seed(self.domain, split, index))
        colour = np.random.default_rng(derive_seed(self.domain, pid)).integers(0, 200, 3)
        shape = (2 * self.size, self.size, 3)
        shifted = colour + (40 if self.domain == "b" else 0) + rng.integers(-9, 10, shape)
        image: NDArray[np.uint8] = np.clip(shifted, 0, 255).astype(np.uint8)
        return image

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return a mask of the upper half."""
        mask = np.zeros((2 * self.size, self.size), np.uint8)
        mask[: self.size] = 255
        return mask

    def fingerprint(self) -> str:
        """Return a digest of the parameters."""
        return digest([self.domain, self.ids, self.size, self.broken])

    def check(self) -> list[str]:
        """Find nothing wrong."""
        return []


class ToyTranslator(Translator):
    """Two 1x1 convolutions under a cycle loss, with dropout so that streams matter."""

    provides = frozenset({"rec"})

    def __init__(self, *, lr: float = 0.01) -> None:
        super().__init__()
        if lr <= 0:
            raise ValueError(f"lr must be positive, got {lr}")
        self.lr = lr
        self.augmentation = Augmentation(pad=1)

    def setup(self, ctx: Context) -> None:
        """Build both convolutions."""
        self.there, self.back = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)
        self.adam = torch.optim.Adam(self.parameters(), self.lr)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Match the mean colours of the domains and keep the cycle."""
        scale_rates(self.adam, clock.decay(0.5))
        hop = self._hop(batch)
        assert hop.rec is not None
        extra = extra_loss((hop,))
        cycle = F.l1_loss(hop.rec, hop.images.pixels)
        # This draw comes after the constraints had their turn: it would show if they moved it.
        seen = F.dropout(hop.fake, 0.1).mean((0, 2, 3))
        colour = F.mse_loss(seen, hop.style.mean((0, 2, 3)))
        self.report_losses({"cycle": cycle, "colour": colour}, hop.drawn)
        descend(self.adam, cycle + colour + extra)
        return (hop,), {"cycle": cycle.detach(), "colour": colour.detach()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Apply one of the convolutions."""
        return torch.tanh((self.there if dst else self.back)(images.pixels))

    def _hop(self, batch: Batch) -> Hop:
        source = batch.source
        fake = self.translate(source, 0, 1)
        dst = domain_index(len(source), 1, source.pixels.device)
        rec = torch.tanh(self.back(F.dropout(fake, 0.1)))
        return Hop(source, fake, batch.target.pixels, dst, rec)


class ToyConstraint(IdentityConstraint):
    """Keeps the features of a small network with dropout; the network learns beside it."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def setup(self, ctx: Context) -> None:
        """Build the network."""
        self.network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Dropout(0.5))
        self.sgd = torch.optim.SGD(self.parameters(), 0.01, momentum=0.9)

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the distance of the features before and after."""
        return {"kept": self.weight * self._distance(hops)}

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Tell both images apart."""
        loss = -self._distance(hops)
        descend(self.sgd, loss)
        return {"apart": loss.detach()}

    def _distance(self, hops: Hops) -> Tensor:
        hop = hops[0]
        return F.mse_loss(self.network(hop.fake), self.network(hop.images.pixels)).clamp(max=1)


class ToyJoint(IdentityConstraint):
    """Trains the recipe's learner, which starts from the source, on translated images."""

    source_learner: ClassVar[str] = "learner"
    makes_model = True

    def setup(self, ctx: Context) -> None:
        """Take the source's model over."""
        assert ctx.source_model is not None
        self.learner, self.model = ctx.source_model.learner, ctx.source_model.model
        self.sgd = self.learner.optimizer(self.model)

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the identification loss of the translated images."""
        return {"identity": self._loss(hops)}

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Learn from them."""
        loss = self._loss(hops)
        descend(self.sgd, loss)
        return {"identity": loss.detach()}

    def embedder(self) -> nn.Module:
        """Return the model."""
        return self.model

    def _loss(self, hops: Hops) -> Tensor:
        return self.learner.loss(self.model, hops[0].fake, hops[0].images.pid)


class ToyLearner(FeatureLearner):
    """A linear classifier on the mean colour."""

    def __init__(self, *, epochs: int = 4, batch: int = 8, lr: float = 0.1) -> None:
        self.epochs, self.batch, self.lr = epochs, batch, lr

    def build(self, num_pids: int) -> nn.Module:
        """Return colour -> 8 features -> persons."""
        return nn.Sequential(nn.Linear(3, 8), nn.Linear(8, num_pids))

    def fit(self, model: nn.Module, data: ImageArray, loop: Loop) -> None:
        """Minimise cross-entropy by SGD."""
        optimiser = self.optimizer(model)

        def step(clock: Clock) -> Log:
            rows = shuffled_rows(len(data), self.batch, clock.step, loop.seed, "fit")
            images = data.images(rows, loop.hardware.device)
            loss = self.loss(model, images.pixels, images.pid)
            descend(optimiser, loss)
            return {"loss": loss.detach()}

        steps = -(-len(data) * self.epochs // self.batch)
        loop.run(steps, step, {"model": model, "optimiser": optimiser})

    def loss(self, model: nn.Module, pixels: Tensor, pid: Tensor) -> Tensor:
        """Return the cross-entropy."""
        return F.cross_entropy(self.classify(model, pixels), pid)

    def classify(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = model(pixels.mean((2, 3)))
        return logits

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Return SGD with momentum."""
        return torch.optim.SGD(model.parameters(), self.lr, momentum=0.9)

    def embed(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return the 8 features."""
        assert isinstance(model, nn.Sequential)
        features: Tensor = model[0](pixels.mean((2, 3)))
        return features
