"""CamStyle between the source and each camera of the target.

Zhong, Zheng, Zheng, Li and Yang, "Camera Style Adaptation for Person Re-identification", CVPR 2018,
section 3.2; from the source to the target's cameras as "Identity Preserving Generative Adversarial
Network for Cross-Domain Person Re-identification" (IPGAN) compares with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal, cast

import torch
from reidbench_cyclegan.translator import CycleGAN
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.engine.descent import descend, scale_rates
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
    to_device,
)
from reidbench.nn.frozen import frozen


@dataclass(frozen=True)
class Part:
    """A camera's share of a step: as many images of the source as of the camera.

    Attributes:
        camera: counted from 0.
        source: ``[n]`` rows of the source's images.
        target: ``[n]`` rows of the target's.
    """

    pair: CycleGAN
    camera: int
    source: Tensor
    target: Tensor

    def of(self, batch: Batch) -> Batch:
        """Return its rows of a batch."""
        return Batch(_rows(batch.source, self.source), _rows(batch.target, self.target))


Made = Sequence[tuple[Part, Hops]]
Losses = Callable[[CycleGAN, Hops], dict[str, Tensor]]


class CamStyle(Translator):
    """A CycleGAN for each pair of the source and a camera of the target.

    A step trains the pairs whose cameras occur among the target's images, each on the images of
    its camera and on as many of the source's, which are handed out in their order. A pair counts as
    many times as it has images, so that each image of the batch counts once, for the constraints
    too. Those see one hop from the source and one back, whose rows are those of the batch.

    Args:
        width: channels of the generators' first layer.
        blocks: residual blocks of the generators.
        discriminator_width: channels of the discriminators' first layer.
        residual: the generators add to the image what they draw (see ``ResNetGenerator``); an
            option for benchmarks with few steps, in no paper.
        lr: learning rate of Adam.
        discriminator_lr: that of the discriminators; None for the same.
        beta1: Adam's first decay rate; the second is 0.999.
        decay_from: fraction of the run after which the rate falls linearly to zero.
        cycle: weight of the cycle consistency loss.
        identity: weight of the identity mapping loss; 0 leaves it out.
        pool: translated images that each discriminator's history holds.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random (286 to 256 pixels).

    Raises:
        ValueError: if a value is out of range.
    """

    split: ClassVar[Literal["dataset", "camera"]] = "camera"
    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset(
        {"discriminator_lr", "residual"}
    )

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
        decay_from: float = 0.6,
        cycle: float = 10.0,
        identity: float = 5.0,
        pool: int = 50,
        flip: bool = True,
        enlarge: float = 1.117,
    ) -> None:
        super().__init__()
        self.new_pair = partial(
            CycleGAN,
            width=width,
            blocks=blocks,
            discriminator_width=discriminator_width,
            residual=residual,
            lr=lr,
            discriminator_lr=discriminator_lr,
            beta1=beta1,
            decay_from=decay_from,
            cycle=cycle,
            identity=identity,
            pool=pool,
            flip=flip,
            enlarge=enlarge,
        )
        pair = self.new_pair()  # a value out of range shows now
        self.decay_from, self.augmentation = decay_from, pair.augmentation
        self.provides, self.chance_losses = pair.provides, pair.chance_losses

    def setup(self, ctx: Context) -> None:
        """Build a pair for each camera.

        Raises:
            UsageError: if the networks cannot take images of this size.
        """
        self.pairs = nn.ModuleList(self.new_pair() for _ in range(ctx.num_domains - 1))
        for camera in range(len(self.pairs)):
            self._pair(camera).setup(replace(ctx, num_domains=2))

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the optimisers of all pairs, by camera and name."""
        return {
            f"{camera}.{slot}": optimizer
            for camera in range(len(self.pairs))
            for slot, optimizer in self._pair(camera).optimizers().items()
        }

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the generators of the cameras that occur, then their discriminators."""
        parts = self._parts(batch)
        for optimizer in (o for part in parts for o in part.pair.optimizers().values()):
            scale_rates(optimizer, clock.decay(self.decay_from))
        with frozen(*(d for part in parts for d in part.pair.discriminators)):
            made = [(part, part.pair.hops(part.of(batch))) for part in parts]
            losses = _averaged(made, CycleGAN.generator_losses)
            hops = _joined(batch, made)
            extra = extra_loss(hops)
            self.report_losses(losses, [p for _, own in made for hop in own for p in hop.drawn])
            total = torch.stack([*losses.values(), extra]).sum()
            descend([part.pair.generator_optimizer for part in parts], total)
        losses |= _averaged(made, CycleGAN.discriminator_losses)
        descend([p.pair.discriminator_optimizer for p in parts], losses["discriminators"])
        return hops, {name: loss.detach() for name, loss in losses.items()}

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate images to domain ``dst``, by the pair of the camera that is concerned.

        To the source that is the camera of ``src``; an image that stays there passes the first
        pair's identity mapping.
        """
        pair = self._pair((dst or src or 1) - 1)
        return pair.translate(images, int(dst == 0), int(dst > 0))

    def _pair(self, camera: int) -> CycleGAN:
        return cast(CycleGAN, self.pairs[camera])

    def _parts(self, batch: Batch) -> list[Part]:
        """Return what each pair learns from, in the order of the cameras that occur."""
        device, host_cam = batch.target.cam.device, batch.target.host_cam
        cam = batch.target.cam.cpu() if host_cam is None else host_cam
        cameras, counts = torch.unique(cam, return_counts=True)
        rows = torch.arange(len(batch.source), device=device)
        return [
            Part(self._pair(camera), camera, source, to_device(own, device))
            for camera, source, own in zip(
                cameras.tolist(),
                torch.split(rows, counts.tolist()),
                [(cam == camera).nonzero()[:, 0] for camera in cameras],
                strict=True,
            )
        ]


def _averaged(made: Made, losses: Losses) -> dict[str, Tensor]:
    """Return the pairs' losses, averaged over the images of the batch."""
    images = sum(len(part.target) for part, _ in made)
    weighted = [
        {name: len(part.target) / images * loss for name, loss in losses(part.pair, hops).items()}
        for part, hops in made
    ]
    return {name: torch.stack([w[name] for w in weighted]).sum() for name in weighted[0]}


def _joined(batch: Batch, made: Made) -> Hops:
    """Return one hop from the source and one back, their rows in the order of the batch."""
    there = [
        replace(hops[0], dst=torch.full_like(part.source, 1 + part.camera)) for part, hops in made
    ]
    back = [hops[1] for _, hops in made]
    return (
        _one_hop(batch.source, there, torch.cat([part.source for part, _ in made])),
        _one_hop(batch.target, back, torch.cat([part.target for part, _ in made])),
    )


def _one_hop(images: Images, hops: Sequence[Hop], rows: Tensor) -> Hop:
    """Return hops of some rows each as one hop of all ``images``."""
    order = rows.argsort()

    def joined(name: str) -> Tensor:
        parts: list[Tensor] = [getattr(hop, name) for hop in hops]
        return torch.cat(parts)[order]

    optional = {n: joined(n) for n in ("rec", "idt") if getattr(hops[0], n) is not None}
    return Hop(images, joined("fake"), joined("style"), joined("dst"), **optional)


def _rows(images: Images, rows: Tensor) -> Images:
    held = replace(images, host_pid=None, host_cam=None, host_fake=None)
    parts: dict[str, Tensor] = {k: v[rows] for k, v in vars(held).items() if v is not None}
    return Images(**parts)
