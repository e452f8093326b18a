"""CycleGAN.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks", ICCV 2017; trained for persons as section 4.2 of Deng et al.,
"Similarity-preserving Image-image Domain Adaptation for Person Re-identification" says.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, Optimizer

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
from reidbench.nn.image_pool import ImagePool
from reidbench.nn.init import Init
from reidbench.nn.patchgan import LEAST_SIDE, PatchGAN
from reidbench.nn.resnet_generator import STRIDE, ResNetGenerator
from reidbench_cyclegan.adversarial import ADVERSARIAL

SOURCE, TARGET = 0, 1


class CycleGAN(Translator):
    """G: source to target, F: target to source, and a discriminator of each domain.

    Args:
        width: channels of the generators' first layer.
        blocks: residual blocks of the generators.
        discriminator_width: channels of the discriminators' first layer.
        discriminator_norm: instance normalisation in the discriminators. The authors' release
            has it; the SPGAN paper trains without.
        same_padding: keep the size of the discriminators' last two maps, as SPGAN's releases do:
            32x16 scores of 256x128 pixels instead of 30x14.
        affine: learn a scale and an offset with each instance normalisation.
        residual: the generators add to the image what they draw (see ``ResNetGenerator``); an
            option for benchmarks with few steps, in no paper.
        init: distribution of the initial weights: "normal" is N(0, 0.02), "xavier" that of
            TensorFlow's layers, "pytorch" that of PyTorch's.
        optimizer: of both players; SimPGAN's paper descends by "sgd".
        lr: learning rate.
        discriminator_lr: that of the discriminators; None for the same.
        beta1: Adam's first decay rate; the second is 0.999.
        momentum: of SGD.
        decay_from: fraction of the run after which the rate falls linearly to zero.
        cycle: weight of the cycle consistency loss (lambda; alpha in SPGAN's eq. 4).
        identity: weight of the identity mapping loss (beta in SPGAN's eq. 7); 0 leaves out the
            forward passes that it takes.
        generator_every: update the generators at every so many-th step only, the discriminators
            always.
        adversarial: "lsgan" (least squares, as trained) or "log" (eq. 1).
        pool: translated images that each discriminator's history holds.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random (286 to 256 pixels).

    Raises:
        ValueError: if a value is out of range.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset(
        {"optimizer", "discriminator_lr", "momentum", "residual"}
    )

    def __init__(
        self,
        *,
        width: int = 64,
        blocks: int = 9,
        discriminator_width: int = 64,
        discriminator_norm: bool = False,
        same_padding: bool = False,
        affine: bool = False,
        residual: bool = False,
        init: Init = "normal",
        optimizer: Literal["adam", "sgd"] = "adam",
        lr: float = 2e-4,
        discriminator_lr: float | None = None,
        beta1: float = 0.5,
        momentum: float = 0.9,
        decay_from: float = 0.5,
        cycle: float = 10.0,
        identity: float = 5.0,
        generator_every: int = 1,
        adversarial: Literal["lsgan", "log"] = "lsgan",
        pool: int = 50,
        flip: bool = True,
        enlarge: float = 1.117,
    ) -> None:
        super().__init__()
        at_least(1, width=width, discriminator_width=discriminator_width, enlarge=enlarge)
        at_least(1, generator_every=generator_every)
        discriminator_lr = lr if discriminator_lr is None else discriminator_lr
        at_least(0, blocks=blocks, lr=lr, discriminator_lr=discriminator_lr)
        at_least(0, cycle=cycle, identity=identity, pool=pool)
        within(0, 1, beta1=beta1, momentum=momentum, decay_from=decay_from)
        self.width, self.blocks, self.affine, self.init = width, blocks, affine, init
        self.discriminator_width, self.discriminator_norm = discriminator_width, discriminator_norm
        self.residual = residual
        self.same_padding, self.generator_every = same_padding, generator_every
        self.optimizer, self.lr, self.discriminator_lr = optimizer, lr, discriminator_lr
        self.beta1, self.momentum = beta1, momentum
        self.decay_from = decay_from
        self.cycle, self.identity, self.pool = cycle, identity, pool
        self.adversarial = ADVERSARIAL[adversarial]
        self.chance_losses = {"discriminators": 2 * self.adversarial.chance}
        self.augmentation = Augmentation(flip=flip, enlarge=enlarge)
        self.provides = frozenset({"rec", "idt"} if identity > 0 else {"rec"})

    def setup(self, ctx: Context) -> None:
        """Build both players.

        Raises:
            UsageError: if the networks cannot take images of this size.
        """
        _check_size(ctx.image_size)
        self.to_target, self.to_source = self._generator(), self._generator()
        self.target_discriminator = self._discriminator()
        self.source_discriminator = self._discriminator()
        self.target_pool = ImagePool(self.pool, ctx.image_size)
        self.source_pool = ImagePool(self.pool, ctx.image_size)
        self.generator_optimizer = self._descent(self.lr, self.to_target, self.to_source)
        self.discriminator_optimizer = self._descent(self.discriminator_lr, *self.discriminators)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the generators, unless it is their turn to rest, then the discriminators."""
        for optimizer in self.optimizers().values():
            scale_rates(optimizer, clock.decay(self.decay_from))
        losses: dict[str, Tensor] = {}
        if clock.step % self.generator_every:
            with torch.no_grad():
                hops = self.hops(batch)
        else:
            hops = self._update_generators(batch, extra_loss, losses)
        losses |= self.discriminator_losses(hops)
        descend(self.discriminator_optimizer, losses["discriminators"])
        return hops, {k: v.detach() for k, v in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate images to domain ``dst``; ``src`` equal to it is the identity mapping."""
        generator = self.to_source if dst == SOURCE else self.to_target
        fake: Tensor = generator(images.pixels)
        return fake

    @property
    def discriminators(self) -> tuple[nn.Module, nn.Module]:
        """The discriminators of the target and of the source."""
        return self.target_discriminator, self.source_discriminator

    def hops(self, batch: Batch) -> Hops:
        """Return the source's images translated to the target and the target's to the source."""
        source, target = batch.source, batch.target
        fake_target, idt_target = self._map(self.to_target, source.pixels, target.pixels)
        fake_source, idt_source = self._map(self.to_source, target.pixels, source.pixels)
        there = Hop(
            images=source,
            fake=fake_target,
            style=target.pixels,
            dst=domain_index(len(source), TARGET, source.pixels.device),
            rec=self.to_source(fake_target),
            idt=idt_source,
        )
        back = Hop(
            images=target,
            fake=fake_source,
            style=source.pixels,
            dst=domain_index(len(target), SOURCE, target.pixels.device),
            rec=self.to_target(fake_source),
            idt=idt_target,
        )
        return there, back

    def generator_losses(self, hops: Hops) -> dict[str, Tensor]:
        """Return the weighted losses that the generators minimise on both hops, by name."""
        there, back = hops
        adversarial = self.adversarial.generator(self.target_discriminator(there.fake))
        adversarial = adversarial + self.adversarial.generator(self.source_discriminator(back.fake))
        losses = {"adversarial": adversarial}
        losses["cycle"] = self.cycle * sum_l1(hops, "rec")
        if self.identity > 0:
            losses["identity"] = self.identity * sum_l1(hops, "idt")
        return losses

    def discriminator_losses(self, hops: Hops) -> dict[str, Tensor]:
        """Return the loss that the discriminators minimise, under the name "discriminators".

        Each judges a translated image from its history of them, which this call adds to.
        """
        there, back = hops
        target = self._judge(self.target_discriminator, there.style, self.target_pool(there.fake))
        source = self._judge(self.source_discriminator, back.style, self.source_pool(back.fake))
        return {"discriminators": target + source}

    def _update_generators(
        self, batch: Batch, extra_loss: ExtraLoss, losses: dict[str, Tensor]
    ) -> Hops:
        """Make the generators' step, fill in its losses and return the hops it was made on."""
        with frozen(*self.discriminators):
            hops = self.hops(batch)
            losses |= self.generator_losses(hops)
            extra = extra_loss(hops)
            self.report_losses(losses, [pixels for hop in hops for pixels in hop.drawn])
            total = torch.stack([*losses.values(), extra]).sum()
            descend(self.generator_optimizer, total)
        return hops

    def _map(
        self, generator: nn.Module, foreign: Tensor, own: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Return ``foreign`` translated and, if the identity loss wants it, ``own`` mapped.

        One pass serves both: instance normalisation keeps rows apart.
        """
        if self.identity == 0:
            return generator(foreign), None
        fake, idt = generator(torch.cat([foreign, own])).split([len(foreign), len(own)])
        return fake, idt

    def _judge(self, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        scores = discriminator(torch.cat([real, fake.detach()]))
        return self.adversarial.discriminator(*scores.split([len(real), len(fake)]))

    def _generator(self) -> ResNetGenerator:
        return ResNetGenerator(
            self.width, self.blocks, affine=self.affine, init=self.init, residual=self.residual
        )

    def _discriminator(self) -> PatchGAN:
        return PatchGAN(
            self.discriminator_width,
            norm=self.discriminator_norm,
            affine=self.affine,
            same_padding=self.same_padding,
            init=self.init,
        )

    def _descent(self, lr: float, *modules: nn.Module) -> Optimizer:
        parameters = [p for m in modules for p in m.parameters()]
        if self.optimizer == "sgd":
            return SGD(parameters, lr=lr, momentum=self.momentum, fused=True)
        return Adam(parameters, lr=lr, betas=(self.beta1, 0.999), fused=True)


def sum_l1(hops: Hops, field: Literal["rec", "idt"]) -> Tensor:
    """Return the mean absolute differences to the real images, summed over the hops.

    Eq. 2 of CycleGAN for "rec"; the identity loss of its section 5.2 for "idt".
    """
    terms = [F.l1_loss(getattr(hop, field), hop.images.pixels) for hop in hops]
    return torch.stack(terms).sum()


def _check_size(image_size: tuple[int, int]) -> None:
    if min(image_size) < LEAST_SIDE or any(side % STRIDE for side in image_size):
        raise UsageError(
            f"cyclegan needs images of at least {LEAST_SIDE} pixels a side, in multiples of "
            f"{STRIDE}; this benchmark has {image_size[0]}x{image_size[1]}"
        )
