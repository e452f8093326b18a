"""SA-GAN: adapts where things are, and then what they look like.

"Spatial-Aware GAN for Unsupervised Person Re-identification", arXiv:1911.11312. What the text
leaves open is decided, and told, in the README.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from reidbench.data.augment import Augmentation
from reidbench.engine.descent import descend, scale_rates
from reidbench.errors import UsageError
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hops,
    Images,
    Log,
    Translator,
    Warp,
    at_least,
    to_device,
    within,
)
from reidbench.nn.frozen import frozen
from reidbench.nn.patchgan import LEAST_SIDE
from reidbench.nn.resnet_generator import STRIDE, ResNetGenerator
from reidbench_sagan.adaptation import Adaptation, Adapted, Spatial
from reidbench_sagan.critics import Critics
from reidbench_sagan.journey import Journey, Route, inputs_of
from reidbench_sagan.localisation import Localisation
from reidbench_sagan.losses import pixel_cycle, spatial_cycle
from reidbench_sagan.transforms import TRANSFORMS

SOURCE, TARGET = 0, 1


class SAGAN(Translator):
    """S_1 and G_1 take source images to the target's, S_2 and G_2 back.

    A spatial transformer S moves the pixels of an image, by a transform that it predicts from the
    image, its mask and a code; a generator G then paints it. Equations are the paper's.

    Args:
        transform: "homography", "affine" or "tps" (thin-plate spline).
        bound: largest distance of transforms from the identity; see ``transforms``.
        spatial: let S_1, S_2 and D_T take part; without them it is the ablation WS.
        pixel: let G_1 and G_2 take part; without them it is the ablation WP, and the critics judge
            what S made.
        cycle: "disentangled" (eq. 4), or "entangled", the ordinary cycle G_2(S_2(G_1(S_1(x)))) of
            the ablation WD.
        mask: read person masks, as a fourth channel of what S and G see.
        codes: numbers of a spatial code.
        localisation_width: channels of the localisation networks' first layer.
        width: channels of the generators' first layer.
        blocks: residual blocks of the generators.
        discriminator_width: channels of the image critics' first layer.
        residual: G adds to the image what it draws (see ``ResNetGenerator``); an option for
            benchmarks with few steps, not the paper's.
        lipschitz: limit of the critics' slopes (eq. 1): the gradient "penalty", or "clip", the
            weight clipping of the first Wasserstein GAN.
        penalty: weight of the gradient penalty.
        generator_every: update S and G at every so many-th step only, the critics always.
        cycle_weight: lambda_cyc of eq. 7.
        pixel_cycle: lambda_pcl of eq. 4.
        lr: learning rate of Adam.
        discriminator_lr: that of the critics; None for the same.
        beta1: Adam's first decay rate.
        beta2: its second.
        decay_from: fraction of the run after which the rates fall linearly to zero.
        flip: mirror training images at random.

    Raises:
        ValueError: if a value is out of range, or nothing is left to adapt.
    """

    version: ClassVar[int] = 2
    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset(
        {"discriminator_lr", "residual"}
    )

    def __init__(
        self,
        *,
        transform: Literal["affine", "homography", "tps"] = "homography",
        bound: float = 0.9,
        spatial: bool = True,
        pixel: bool = True,
        cycle: Literal["disentangled", "entangled"] = "disentangled",
        mask: bool = True,
        codes: int = 8,
        localisation_width: int = 16,
        width: int = 64,
        blocks: int = 9,
        discriminator_width: int = 64,
        residual: bool = False,
        lipschitz: Literal["penalty", "clip"] = "penalty",
        penalty: float = 10.0,
        generator_every: int = 1,
        cycle_weight: float = 10.0,
        pixel_cycle: float = 10.0,
        lr: float = 5e-4,
        discriminator_lr: float | None = None,
        beta1: float = 0.0,
        beta2: float = 0.9,
        decay_from: float = 0.5,
        flip: bool = True,
    ) -> None:
        super().__init__()
        at_least(1, codes=codes, localisation_width=localisation_width, width=width)
        at_least(1, discriminator_width=discriminator_width, generator_every=generator_every)
        discriminator_lr = lr if discriminator_lr is None else discriminator_lr
        at_least(0, blocks=blocks, penalty=penalty, lr=lr, discriminator_lr=discriminator_lr)
        at_least(0, cycle_weight=cycle_weight, pixel_cycle=pixel_cycle)
        within(0, 1, bound=bound, beta1=beta1, beta2=beta2, decay_from=decay_from)
        if not (spatial or pixel):
            raise ValueError("spatial and pixel are both false: nothing is left to adapt")
        self.transform, self.bound = transform, bound
        self.spatial, self.pixel, self.mask = spatial, pixel, mask
        self.entangled = cycle == "entangled"
        self.localisation_width, self.width, self.blocks = localisation_width, width, blocks
        self.discriminator_width, self.generator_every = discriminator_width, generator_every
        self.residual = residual
        self.penalty = penalty if lipschitz == "penalty" else None
        self.cycle_weight, self.pixel_cycle = cycle_weight, pixel_cycle
        self.lr, self.discriminator_lr = lr, discriminator_lr
        self.betas, self.decay_from = (beta1, beta2), decay_from
        self.augmentation = Augmentation(flip=flip)
        self.code_size = codes if spatial else 0
        self.needs = frozenset({"mask"} if mask else ())
        self.provides = frozenset({"rec", "grid"} if spatial else {"rec"})

    def setup(self, ctx: Context) -> None:
        """Build both directions and the critics.

        Raises:
            UsageError: if the networks cannot take images of this size.
        """
        _check_size(ctx.image_size)
        self.to_target = self._adaptation(ctx.image_size)
        self.to_source = self._adaptation(ctx.image_size)
        moved = self.to_target.spatial
        self.critics = Critics(
            self.discriminator_width, moved.transform.size if moved else 0, self.penalty
        )
        self.generator_optimizer = self._adam(self.lr, self.to_target, self.to_source)
        self.critic_optimizer = self._adam(self.discriminator_lr, self.critics)

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the critics and then, if it is their turn, S and G.

        S and G do not change in between: what they made for the critics they learn from.
        """
        for optimizer in self.optimizers().values():
            scale_rates(optimizer, clock.decay(self.decay_from))
        learns = (clock.step + 1) % self.generator_every == 0
        with torch.set_grad_enabled(learns):
            journeys = self._journeys(batch)
        hops = tuple(journey.hop for journey in journeys)
        losses = self._update_critics(journeys)
        if learns:
            with frozen(self.critics):
                losses |= self._update_adaptations(journeys, extra_loss(hops))
        return hops, {name: loss.detach() for name, loss in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate images to domain ``dst``, by (S_1, G_1) or (S_2, G_2).

        Raises:
            ReidbenchError: if masks are read and there are none.
        """
        return self._adapt(images, dst, code).pixels

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp | None:
        """Return the transform that ``translate`` moves these images by; None without S.

        Raises:
            ReidbenchError: if masks are read and there are none.
        """
        return self._adapt(images, dst, code).warp

    def _adapt(self, images: Images, dst: int, code: Tensor | None) -> Adapted:
        direction = self.to_source if dst == SOURCE else self.to_target
        if code is None:
            code = images.pixels.new_zeros(len(images), self.code_size)
        return direction(inputs_of(images, self.mask), code)  # type: ignore[no-any-return]

    def _journeys(self, batch: Batch) -> tuple[Journey, Journey]:
        source, target = batch.source, batch.target
        routes = (
            Route(self.to_target, self.to_source, TARGET, self.mask, self.entangled),
            Route(self.to_source, self.to_target, SOURCE, self.mask, self.entangled),
        )
        return (
            routes[0].travel(source, target.pixels, self._codes(source)),
            routes[1].travel(target, source.pixels, self._codes(target)),
        )

    def _codes(self, images: Images) -> Tensor:
        """Draw a code for each image from torch's global stream."""
        return to_device(torch.randn(len(images), self.code_size), images.pixels.device)

    def _update_critics(self, journeys: tuple[Journey, Journey]) -> dict[str, Tensor]:
        losses = self.critics.losses(journeys)
        descend(self.critic_optimizer, torch.stack([*losses.values()]).sum())
        self.critics.clip()
        return losses

    def _update_adaptations(
        self, journeys: tuple[Journey, Journey], extra: Tensor
    ) -> dict[str, Tensor]:
        """Let S and G descend eq. 7.

        Of a disentangled cycle PCL moves G alone and SCL S alone: they are "for image adaptation at
        spatial and pixel levels, respectively" (section III-C).
        """
        losses = self.critics.adversarial(journeys) | self._cycle_losses(journeys)
        self.report_losses(losses, [journey.hop.fake for journey in journeys])
        common = dict(losses)
        self.generator_optimizer.zero_grad()
        if self.spatial and self.pixel and not self.entangled:
            pixel = common.pop("pixel_cycle")
            painting = self.to_target.painting + self.to_source.painting
            torch.autograd.backward(pixel, inputs=painting, retain_graph=True)
        torch.autograd.backward(torch.stack([*common.values(), extra]).sum())
        self.generator_optimizer.step()
        return losses

    def _cycle_losses(self, journeys: tuple[Journey, Journey]) -> dict[str, Tensor]:
        """Return eq. 4 of both directions, weighted.

        Without G nothing differs between x' and x but what resampling does: there PCL says nothing
        of a disentangled cycle. The entangled one has no SCL: x' itself tells of the transforms.
        """
        losses = {}
        if self.pixel or self.entangled:
            terms = [pixel_cycle(j.rec, j.hop.images.pixels, j.seen) for j in journeys]
            losses["pixel_cycle"] = self.cycle_weight * self.pixel_cycle * torch.stack(terms).sum()
        bends = [j.bends for j in journeys if j.bends]
        if bends and not self.entangled:
            terms = [spatial_cycle(b.undone, b.back) for b in bends]
            losses["spatial_cycle"] = self.cycle_weight * torch.stack(terms).sum()
        return losses

    def _adaptation(self, image_size: tuple[int, int]) -> Adaptation:
        channels = 4 if self.mask else 3
        spatial, generator = None, None
        if self.spatial:
            transform = TRANSFORMS[self.transform](self.bound)
            localisation = Localisation(
                image_size, channels, self.code_size, transform.raw, self.localisation_width
            )
            spatial = Spatial(localisation, transform)
        if self.pixel:
            generator = ResNetGenerator(
                self.width, self.blocks, inputs=channels, residual=self.residual
            )
        return Adaptation(spatial, generator)

    def _adam(self, lr: float, *modules: nn.Module) -> Adam:
        parameters = [p for m in modules for p in m.parameters()]
        return Adam(parameters, lr=lr, betas=self.betas, fused=True)


def _check_size(image_size: tuple[int, int]) -> None:
    if min(image_size) < LEAST_SIDE or any(side % STRIDE for side in image_size):
        raise UsageError(
            f"sagan needs images of at least {LEAST_SIDE} pixels a side, in multiples of "
            f"{STRIDE}; this benchmark has {image_size[0]}x{image_size[1]}"
        )
