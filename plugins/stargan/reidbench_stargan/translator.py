"""StarGAN between the source and each camera of the target.

Choi et al., "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image
Translation", CVPR 2018; trained for persons as sections 3.2 and 4.2 of "Identity Preserving
Generative Adversarial Network for Cross-Domain Person Re-identification" (IPGAN) say. Equations
are IPGAN's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
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
    to_device,
    within,
)
from reidbench.nn.frozen import frozen
from reidbench.nn.gradient_penalty import between, gradient_penalty
from reidbench_stargan.adversarial import ADVERSARIAL
from reidbench_stargan.networks import LEAST_SIDE, STRIDE, Discriminator, Generator

Destinations = Literal["across", "any"]


@dataclass(frozen=True)
class Journey:
    """The images of both datasets in one batch, where they come from and where they go.

    Attributes:
        pixels: ``[B, 3, H, W]`` the source's images, then the target's.
        origin: ``[B]`` their domains.
        dst: ``[B]`` the domains that they are translated to.
        style: ``[B, 3, H, W]`` real images of those domains.
        host_dst: ``dst`` on the CPU; None where its reader would have to wait for it.
    """

    pixels: Tensor
    origin: Tensor
    dst: Tensor
    style: Tensor
    host_dst: Tensor | None


class StarGAN(Translator):
    """A generator that is told the domain, and a discriminator that tells it.

    Domain 0 is the source, domain 1 + k the target's camera k. In each step the domains of the
    batch are dealt out to its images anew, so that each destination is as frequent as it is among
    the real images, and each translated image has a real one of its destination beside it.

    Args:
        width: channels of the generator's first layer.
        blocks: residual blocks of the generator.
        discriminator_width: channels of the discriminator's first layer.
        layers: of the discriminator; fewer where the image is too small for them.
        residual: the generator adds to the image what it draws; an option for benchmarks with few
            steps, in no paper.
        adversarial: "log" (eq. 1) or "wgan-gp" (as StarGAN is trained).
        penalty: weight of the gradient penalty of "wgan-gp".
        domain: weight of the domain classification (lambda_dom).
        cycle: weight of the reconstruction (lambda_rec).
        generator_every: update the generator at every so many-th step only, the discriminator
            always.
        destinations: "across": source images go to target cameras and target images to the source;
            or "any" image to any domain of the batch, its own as well.
        lr: learning rate of Adam.
        discriminator_lr: that of the discriminator; None for the same.
        beta1: Adam's first decay rate; the second is 0.999.
        decay_from: fraction of the run after which the rate falls linearly to zero.
        flip: mirror training images at random.

    Raises:
        ValueError: if a value is out of range.
    """

    split: ClassVar[Literal["dataset", "camera"]] = "camera"
    between_cameras: ClassVar[bool] = True
    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset(
        {"discriminator_lr", "residual"}
    )
    provides = frozenset({"rec"})

    def __init__(
        self,
        *,
        width: int = 64,
        blocks: int = 6,
        discriminator_width: int = 64,
        layers: int = 6,
        residual: bool = False,
        adversarial: Literal["log", "wgan-gp"] = "log",
        penalty: float = 10.0,
        domain: float = 1.0,
        cycle: float = 10.0,
        generator_every: int = 1,
        destinations: Destinations = "across",
        lr: float = 1e-4,
        discriminator_lr: float | None = None,
        beta1: float = 0.5,
        decay_from: float = 0.5,
        flip: bool = True,
    ) -> None:
        super().__init__()
        at_least(1, width=width, discriminator_width=discriminator_width, layers=layers)
        at_least(1, generator_every=generator_every)
        discriminator_lr = lr if discriminator_lr is None else discriminator_lr
        at_least(0, blocks=blocks, penalty=penalty, domain=domain, cycle=cycle)
        at_least(0, lr=lr, discriminator_lr=discriminator_lr)
        within(0, 1, beta1=beta1, decay_from=decay_from)
        self.width, self.blocks = width, blocks
        self.discriminator_width, self.layers = discriminator_width, layers
        self.residual = residual
        self.adversarial, self.penalty = ADVERSARIAL[adversarial], penalty
        if (chance := self.adversarial.chance) is not None:
            self.chance_losses = {"discriminator": chance}
        self.domain, self.cycle = domain, cycle
        self.generator_every, self.destinations = generator_every, destinations
        self.lr, self.discriminator_lr = lr, discriminator_lr
        self.beta1, self.decay_from = beta1, decay_from
        self.augmentation = Augmentation(flip=flip)

    def setup(self, ctx: Context) -> None:
        """Build both players.

        Raises:
            UsageError: if the networks cannot take images of this size.
        """
        _check_size(ctx.image_size)
        domains = ctx.num_domains
        self.generator = Generator(domains, self.width, self.blocks, residual=self.residual)
        self.discriminator = Discriminator(
            domains, ctx.image_size, self.discriminator_width, self.layers
        )
        self.generator_optimizer = self._adam(self.lr, self.generator)
        self.discriminator_optimizer = self._adam(self.discriminator_lr, self.discriminator)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the discriminator and then, if it is its turn, the generator.

        The generator does not change in between: what it made for the discriminator it learns from.
        """
        for optimizer in self.optimizers().values():
            scale_rates(optimizer, clock.decay(self.decay_from))
        journey = self._journey(batch)
        learns = (clock.step + 1) % self.generator_every == 0
        with torch.set_grad_enabled(learns):
            fake = self.generator(journey.pixels, journey.dst)
        losses = self._update_discriminator(journey, fake.detach())
        with torch.set_grad_enabled(learns), frozen(self.discriminator):
            rec = self.generator(fake, journey.origin)
            hops = _hops(batch, journey, fake, rec)
            if learns:
                losses |= self._update_generator(journey, fake, rec, extra_loss(hops))
        return hops, {name: loss.detach() for name, loss in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate images to domain ``dst``; where they come from makes no difference."""
        domain = domain_index(len(images), dst, images.pixels.device)
        fake: Tensor = self.generator(images.pixels, domain)
        return fake

    def _journey(self, batch: Batch) -> Journey:
        """Deal the batch's domains out to its images; torch's global stream decides."""
        source, target = batch.source, batch.target
        pixels = torch.cat([source.pixels, target.pixels])
        origin = _origin(source.cam, target.cam)
        dealt = _dealt(len(source), len(target), self.destinations)
        chosen = to_device(dealt, pixels.device)
        host_dst = None
        if source.host_cam is not None and target.host_cam is not None:
            host_dst = _origin(source.host_cam, target.host_cam)[dealt]
        return Journey(pixels, origin, origin[chosen], pixels[chosen], host_dst)

    def _update_discriminator(self, journey: Journey, fake: Tensor) -> dict[str, Tensor]:
        """Make the discriminator's step (eq. 2 and 5) and return its losses."""
        rows = len(fake)
        scores, domains = self.discriminator(torch.cat([journey.pixels, fake]))
        losses = {
            "discriminator": self.adversarial.discriminator(*scores.split(rows)),
            "domain_real": self.domain * F.cross_entropy(domains[:rows], journey.origin),
        }
        if self.adversarial.penalised:
            images = between(journey.pixels, fake)
            slope = gradient_penalty(lambda x: self.discriminator(x)[0], images)
            losses["penalty"] = self.penalty * slope
        descend(self.discriminator_optimizer, torch.stack([*losses.values()]).sum())
        return losses

    def _update_generator(
        self, journey: Journey, fake: Tensor, rec: Tensor, extra: Tensor
    ) -> dict[str, Tensor]:
        """Make the generator's step (eq. 3, 4 and 6) and return its losses."""
        scores, domains = self.discriminator(fake)
        losses = {
            "adversarial": self.adversarial.generator(scores),
            "domain_fake": self.domain * F.cross_entropy(domains, journey.dst),
            "cycle": self.cycle * F.l1_loss(rec, journey.pixels),
        }
        self.report_losses(losses, [fake])
        descend(self.generator_optimizer, torch.stack([*losses.values(), extra]).sum())
        return losses

    def _adam(self, lr: float, network: nn.Module) -> Adam:
        return Adam(network.parameters(), lr=lr, betas=(self.beta1, 0.999), fused=True)


def _dealt(sources: int, targets: int, destinations: Destinations) -> Tensor:
    """Return for each row of the batch the row whose domain it is translated to."""
    if destinations == "any":
        return torch.randperm(sources + targets)
    cameras, source = torch.randperm(targets), torch.randperm(sources)
    there = sources + cameras[torch.arange(sources) % targets]
    return torch.cat([there, source[torch.arange(targets) % sources]])


def _origin(source: Tensor, target: Tensor) -> Tensor:
    """Return the domains of a batch's images by their cameras."""
    return torch.cat([torch.zeros_like(source), 1 + target])


def _hops(batch: Batch, journey: Journey, fake: Tensor, rec: Tensor) -> Hops:
    """Return one hop from the source's images and one from the target's."""
    both = (batch.source, batch.target)
    sizes = [len(images) for images in both]
    fields = (fake, journey.style, journey.dst, rec)
    rows = zip(both, *(torch.split(field, sizes) for field in fields), strict=True)
    hops = [Hop(*fields) for fields in rows]
    if journey.host_dst is None:
        return tuple(hops)
    known = torch.split(journey.host_dst, sizes)
    return tuple(replace(hop, host_dst=dst) for hop, dst in zip(hops, known, strict=True))


def _check_size(image_size: tuple[int, int]) -> None:
    if min(image_size) < LEAST_SIDE or any(side % STRIDE for side in image_size):
        raise UsageError(
            f"stargan needs images of at least {LEAST_SIDE} pixels a side, in multiples of "
            f"{STRIDE}; this benchmark has {image_size[0]}x{image_size[1]}"
        )
