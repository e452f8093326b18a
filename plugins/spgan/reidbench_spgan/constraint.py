"""SiaNet, the identity constraint of SPGAN.

Deng et al., "Similarity-preserving Image-image Domain Adaptation for Person Re-identification",
arXiv:1811.10551, section 3.2.2; extended from CVPR 2018.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.optim import Adam

from reidbench.engine.descent import descend
from reidbench.errors import UsageError
from reidbench.interfaces import Clock, Context, Hops, IdentityConstraint, Log, at_least, within
from reidbench_spgan.contrastive import contrastive
from reidbench_spgan.network import LEAST_SIDE, Init, SiameseNetwork
from reidbench_spgan.pairs import Negatives, Pair, pixel_pairs, spatial_pairs


class SiaNet(IdentityConstraint):
    """Pulls a translated image to its original and pushes it from the domain it was sent to.

    Positive pairs are (x, G(x)), negative pairs (G(x), y) with y an unpaired image of the
    destination: no identity labels are used. Generators and SiaNet minimise the same loss, in
    turns (eq. 8). What departs from that is of the authors' releases, but for the pairs of
    SA-GAN, section III-A: (X, X_S), (X, X_Adp), and as negatives (X, Y_S), (X, Y).

    Args:
        weight: gamma of eq. 7, the weight in the generators' loss.
        margin: m of eq. 6, in [0, 2]; 0 switches the negative pairs off.
        negative_weight: of the negative pairs in the generators' loss, against the positive ones.
        negatives: images that SiaNet itself pushes from the images y: "translated" ones, or the
            "real" ones that they were translated from.
        pairs: "pixel" for SPGAN's, or "spatial" for SA-GAN's, which also hold images as the
            translator moves their pixels, if it moves any.
        convolutions: 3, or 4 with 512 channels in the last.
        pools: max pooling layers, 3 or 4; the paper counts 3 and lists 4.
        hidden: width of the first linear layer.
        embedding: width of the second.
        bias: give the linear layers biases.
        dropout: probability between them, also while the generators learn.
        init: distribution of the initial weights: "pytorch", that of PyTorch's layers, or "xavier",
            that of TensorFlow's.
        lr: learning rate of Adam.
        beta1: Adam's first decay rate; the second is 0.999.
        learn_from: fraction of the run after which SiaNet learns.
        guide_from: fraction of the run after which the generators heed it.

    Raises:
        ValueError: if a value is out of range, or ``negatives`` is set for spatial pairs.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset({"pairs"})

    def __init__(
        self,
        *,
        weight: float = 2.0,
        margin: float = 2.0,
        negative_weight: float = 1.0,
        negatives: Negatives = "translated",
        pairs: Literal["pixel", "spatial"] = "pixel",
        convolutions: Literal[3, 4] = 3,
        pools: Literal[3, 4] = 4,
        hidden: int = 256,
        embedding: int = 128,
        bias: bool = True,
        dropout: float = 0.0,
        init: Init = "pytorch",
        lr: float = 2e-4,
        beta1: float = 0.5,
        learn_from: float = 0.0,
        guide_from: float = 0.0,
    ) -> None:
        super().__init__()
        at_least(0, weight=weight, negative_weight=negative_weight, lr=lr)
        at_least(1, hidden=hidden, embedding=embedding)
        within(0, 2, margin=margin)
        within(0, 1, beta1=beta1, dropout=dropout, learn_from=learn_from, guide_from=guide_from)
        if pairs == "spatial" and negatives != "translated":
            raise ValueError("negatives is of pixel pairs alone; spatial pairs have their own")
        self.weight, self.margin, self.pairs = weight, margin, pairs
        self.negative_weight, self.negatives = negative_weight, negatives
        self.convolutions, self.pools = convolutions, pools
        self.hidden, self.embedding, self.bias = hidden, embedding, bias
        self.dropout, self.init = dropout, init
        self.lr, self.beta1 = lr, beta1
        self.learn_from, self.guide_from = learn_from, guide_from

    def setup(self, ctx: Context) -> None:
        """Build the siamese network and its optimiser.

        Raises:
            UsageError: if the images are too small for its layers.
        """
        if min(ctx.image_size) < LEAST_SIDE:
            raise UsageError(
                f"sianet needs images of at least {LEAST_SIDE} pixels a side; this benchmark "
                f"has {ctx.image_size[0]}x{ctx.image_size[1]}"
            )
        self.network = SiameseNetwork(
            ctx.image_size,
            self.pools,
            convolutions=self.convolutions,
            hidden=self.hidden,
            embedding=self.embedding,
            bias=self.bias,
            dropout=self.dropout,
            init=self.init,
        )
        self.optimizer = Adam(
            self.network.parameters(), lr=self.lr, betas=(self.beta1, 0.999), fused=True
        )

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return gamma times eq. 6 over all pairs; gradients reach the translated images alone."""
        if clock.progress < self.guide_from:
            return {}
        return {
            "similarity": self.weight * self._contrast(hops, "translated", self.negative_weight)
        }

    def update(self, hops: Hops, clock: Clock) -> Log:
        """Let SiaNet itself minimise eq. 6 on detached hops, by one step."""
        if clock.progress < self.learn_from:
            return {}
        loss = self._contrast(hops, self.negatives, 1.0)
        descend(self.optimizer, loss)
        return {"sianet": loss.detach()}

    def _contrast(self, hops: Hops, negatives: Negatives, negative_weight: float) -> Tensor:
        """Return eq. 6, averaged over the kinds of pairs: four, or eight with moved images."""
        spatial = self.pairs == "spatial"
        pairs = spatial_pairs(hops) if spatial else pixel_pairs(hops, negatives)
        known = self._embeddings(hops, pairs)
        terms: list[Tensor] = []
        for first, second, positive in pairs:
            a, b = known[id(first)], known[id(second)]
            term = contrastive(a, b, positive=positive, margin=self.margin)
            terms.append(term if positive else negative_weight * term)
        return torch.stack(terms).mean()

    def _embeddings(self, hops: Hops, pairs: list[Pair]) -> dict[int, Tensor]:
        """Return the embeddings of all images of the pairs, by their tensor's ``id``.

        An image that stands in several pairs passes once. Real images pass apart from the others,
        so that no graph is built for them while SiaNet is held still.
        """
        real = {id(x): x for hop in hops for x in (hop.images.pixels, hop.style)}
        images = {id(x): x for pair in pairs for x in (pair.first, pair.second)}
        made = {key: x for key, x in images.items() if key not in real}
        return {**self._pass(real), **self._pass(made)}

    def _pass(self, images: dict[int, Tensor]) -> dict[int, Tensor]:
        embeddings = self.network(torch.cat([*images.values()]))
        return dict(zip(images, embeddings.split([len(x) for x in images.values()]), strict=True))
