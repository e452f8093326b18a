"""CUT, one-sided translation held by contrasted patches.

Park, Efros, Zhang and Zhu, "Contrastive Learning for Unpaired Image-to-Image Translation",
ECCV 2020. Equations are the paper's.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam

from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend, scale_rates
from reidbench.errors import UsageError
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hop,
    Hops,
    Images,
    Log,
    Translator,
    at_least,
    domain_index,
    within,
)
from reidbench.nn.frozen import frozen
from reidbench.nn.patchgan import LEAST_SIDE, PatchGAN
from reidbench.nn.resnet_generator import STRIDE, ResNetGenerator
from reidbench_cut.patches import Heads, encode, patch_nce


class CUT(Translator):
    """A generator from the source to the target, and a discriminator of the target.

    Args:
        width: channels of the generator's first layer.
        blocks: residual blocks of the generator.
        discriminator_width: channels of the discriminator's first layer.
        residual: the generator adds to the image what it draws; an option for benchmarks with few
            steps, in no paper.
        lr: learning rate of Adam.
        discriminator_lr: that of the discriminator; None for the same.
        beta1: Adam's first decay rate; the second is 0.999.
        decay_from: fraction of the run after which the rate falls linearly to zero.
        nce: weight of the patches of translated images (lambda_X of eq. 4).
        nce_identity: weight of the patches of mapped target images (lambda_Y of eq. 4).
        temperature: tau of eq. 2.
        patches: of each map; fewer where it has fewer places.
        embedding: width of the heads, in which patches are compared.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random (286 to 256 pixels).

    Raises:
        ValueError: if a value is out of range.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset({"discriminator_lr"})
    directions: ClassVar[frozenset[str]] = frozenset({"source-to-target"})

    def __init__(
        self,
        *,
        width: int = 64,
        blocks: int = 9,
        discriminator_width: int = 64,
        residual: bool = False,
        lr: float = 2e-4,
        discriminator_lr: float | None = None,
        beta1: float = 0.5,
        decay_from: float = 0.5,
        nce: float = 1.0,
        nce_identity: float = 1.0,
        temperature: float = 0.07,
        patches: int = 256,
        embedding: int = 256,
        flip: bool = True,
        enlarge: float = 1.117,
    ) -> None:
        super().__init__()
        at_least(1, width=width, blocks=blocks, discriminator_width=discriminator_width)
        at_least(1, embedding=embedding, enlarge=enlarge)
        at_least(2, patches=patches)  # one alone has nothing to be told from
        discriminator_lr = lr if discriminator_lr is None else discriminator_lr
        at_least(0, lr=lr, discriminator_lr=discriminator_lr, nce=nce, nce_identity=nce_identity)
        at_least(1e-6, temperature=temperature)
        within(0, 1, beta1=beta1, decay_from=decay_from)
        self.width, self.blocks, self.residual = width, blocks, residual
        self.discriminator_width, self.embedding = discriminator_width, embedding
        self.lr, self.discriminator_lr = lr, discriminator_lr
        self.beta1, self.decay_from = beta1, decay_from
        self.nce, self.nce_identity = nce, nce_identity
        self.temperature, self.patches = temperature, patches
        self.augmentation = Augmentation(flip=flip, enlarge=enlarge)
        self.chance_losses = {"discriminator": 0.25}

    def setup(self, ctx: Context) -> None:
        """Build both players and the heads.

        Raises:
            UsageError: if the networks cannot take images of this size.
        """
        if min(ctx.image_size) < LEAST_SIDE or any(side % STRIDE for side in ctx.image_size):
            raise UsageError(
                f"cut needs images of at least {LEAST_SIDE} pixels a side, in multiples of {STRIDE}"
            )
        self.generator = ResNetGenerator(self.width, self.blocks, residual=self.residual)
        self.heads = Heads(self.generator, self.embedding)
        self.discriminator = PatchGAN(self.discriminator_width, norm=True)
        self.generator_optimizer = self._adam(self.lr, self.generator, self.heads)
        self.discriminator_optimizer = self._adam(self.discriminator_lr, self.discriminator)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the discriminator, then the generator together with the heads."""
        for optimizer in self.optimizers().values():
            scale_rates(optimizer, clock.decay(self.decay_from))
        source, target = batch.source, batch.target
        both = self.generator(torch.cat([source.pixels, target.pixels]))
        fake, idt = both.split([len(source), len(target)])
        judged = self._update_discriminator(fake.detach(), target.pixels)
        dst = domain_index(len(source), 1, fake.device)
        hops = (Hop(source, fake, target.pixels, dst),)
        with frozen(self.discriminator):
            losses = {
                "adversarial": _square_error(self.discriminator(fake), 1.0),
                "nce": self.nce * self.contrast(source.pixels, fake),
                "nce_identity": self.nce_identity * self.contrast(target.pixels, idt),
            }
            extra = extra_loss(hops)
            self.report_losses(losses, [fake, idt])
            descend(self.generator_optimizer, torch.stack([*losses.values(), extra]).sum())
        return hops, {"discriminator": judged} | {k: v.detach() for k, v in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate images to the target; a target image is mapped to nearly itself."""
        fake: Tensor = self.generator(images.pixels)
        return fake

    def contrast(self, real: Tensor, drawn: Tensor) -> Tensor:
        """Return eq. 3: PatchNCE of drawn images against the real ones, averaged over the maps."""
        with torch.no_grad():  # a gradient to the real image's patches would draw both together
            maps = encode(self.generator, real)
            places = [torch.randperm(m[0, 0].numel())[: self.patches].to(m.device) for m in maps]
            keys = self.heads(maps, places)
        queries = self.heads(encode(self.generator, drawn), places)
        pairs = zip(queries, keys, strict=True)
        return torch.stack([patch_nce(q, k, self.temperature) for q, k in pairs]).mean()

    def _update_discriminator(self, fake: Tensor, real: Tensor) -> Tensor:
        scores = self.discriminator(torch.cat([fake, real])).split([len(fake), len(real)])
        loss = 0.5 * (_square_error(scores[0], 0.0) + _square_error(scores[1], 1.0))
        descend(self.discriminator_optimizer, loss)
        return loss.detach()

    def _adam(self, lr: float, *networks: torch.nn.Module) -> Adam:
        parameters = [p for network in networks for p in network.parameters()]
        return Adam(parameters, lr=lr, betas=(self.beta1, 0.999), fused=True)


def _square_error(scores: Tensor, wanted: float) -> Tensor:
    return F.mse_loss(scores, torch.full_like(scores, wanted))
