"""The one GAN loop: a translator and any number of identity constraints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray, levels_of, paired_rows, shuffled_rows
from reidbench.engine.first_step import FirstStep, check_translated
from reidbench.engine.gradient_shares import GradientShares
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import generator, stream
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    Hops,
    IdentityConstraint,
    Images,
    Log,
    Trainable,
    Translator,
    Warp,
    to_device,
)
from reidbench.nn.frozen import frozen
from reidbench.storage.keys import derive_seed

SOURCE, TARGET = 0, 1
TRANSLATE_BATCH = 64

Constraints = Mapping[str, IdentityConstraint]


@dataclass(frozen=True)
class Domains:
    """The training images of both domains; the target's carry no identities."""

    source: ImageArray
    target: ImageArray

    @classmethod
    def of(cls, source: ImageArray, target: ImageArray) -> Domains:
        """Return domains as translators see them: persons and target cameras from 0 on."""
        return cls(source.classes(), target.unlabelled().cameras())

    def on(self, device: torch.device) -> Domains:
        """Return the same images, kept on an accelerator if they fit there."""
        return Domains(self.source.on(device), self.target.on(device))

    @property
    def cameras(self) -> int:
        """Number of the target's cameras."""
        return len(np.unique(self.target.cams))

    def context(self, translator: Translator, hardware: Hardware) -> Context:
        """Return the context in which the components build their networks."""
        cameras = self.cameras if translator.split == "camera" else 1
        height, width = self.source.pixels.shape[1:3]
        return Context((height, width), self.source.num_pids, 1 + cameras, hardware.device)


def set_up(component: Trainable, name: str, ctx: Context, seed: int) -> None:
    """Build a component's networks from its own stream and put them on the device."""
    if ctx.device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # streams are of devices in use
    with stream(seed, "setup", name):
        component.setup(ctx)  # type: ignore[operator]
    component.to(ctx.device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def fit(
    translator: Translator,
    constraints: Constraints,
    domains: Domains,
    steps: int,
    batch: int,
    loop: Loop,
    shares: GradientShares | None = None,
) -> None:
    """Train the translator and the constraints' own networks in place.

    Args:
        translator: a translator whose networks are built.
        constraints: constraints whose networks are built, by name.
        domains: the images that batches are drawn from.
        steps: number of training steps.
        batch: images of each domain in a step.
        loop: the loop that makes the steps.
        shares: measures the generators' losses at a few of them.
    """
    draw = BatchDrawer(domains.on(loop.hardware.device), batch, translator, constraints, loop)
    state = _state({"translator": translator, **constraints})
    guard = FirstStep(translator, constraints) if shares else None  # a rehearsal has none

    def step(clock: Clock) -> Log:
        batch = draw(clock.step)
        return train_step(translator, constraints, batch, clock, loop.seed, shares, guard)

    loop.run(steps, step, state, "translator")


def train_step(
    translator: Translator,
    constraints: Constraints,
    batch: Batch,
    clock: Clock,
    seed: int,
    shares: GradientShares | None = None,
    guard: FirstStep | None = None,
) -> Log:
    """Make one step of the translator and then one of each constraint's own networks.

    Raises:
        ComponentError: if one of them does not keep its contract, where a guard looks at it.
    """
    shown: dict[str, Tensor | float] = {}
    guiding: dict[str, Tensor] = {}

    def extra_loss(hops: Hops) -> Tensor:
        if guard:
            guard.hops(hops)
        total = hops[0].fake.new_zeros(())
        for name, constraint in constraints.items():
            with stream(seed, name, "losses", clock.step), frozen(constraint):
                terms = constraint.losses(hops, clock)
            if guard:
                guard.terms(name, hops, terms)
            guiding.update({f"{name}.{k}": v for k, v in terms.items()})
            total = sum((v.float() for v in terms.values()), total)
        if guard:
            guard.total(total)
        return total

    watching = shares.watching(translator, guiding, clock) if shares else nullcontext()
    with watching, stream(seed, "translator", clock.step):
        made = translator.training_step(batch, extra_loss, clock)
    if guard:
        guard.stepped(made, clock)
    hops, log = made
    shown.update({name: term.detach() for name, term in guiding.items()})
    detached = tuple(hop.detach() for hop in hops)
    for name, constraint in constraints.items():
        with stream(seed, name, "update", clock.step):
            told = constraint.update(detached, clock)
        if guard:
            guard.updated(name, told)
        shown |= {f"{name}.{k}": v for k, v in told.items()}
    return {**log, **shown}


@dataclass(frozen=True)
class BatchDrawer:
    """Draws the batch of any step, as a function of the step alone."""

    domains: Domains
    batch: int
    translator: Translator
    constraints: Constraints
    loop: Loop

    def __call__(self, step: int) -> Batch:
        """Return the augmented, unpaired images of both domains of a step."""
        seed = derive_seed(self.loop.seed, "batches")
        source, target = self.domains.source, self.domains.target
        if any(c.sampling == "pairs" for c in self.constraints.values()):
            source_rows = paired_rows(source.pids, self.batch, step, seed, "source")
        else:
            source_rows = shuffled_rows(len(source), self.batch, step, seed, "source")
        target_rows = shuffled_rows(len(target), self.batch, step, seed, "target")
        return Batch(
            self._augmented(source, source_rows, "source", step),
            self._augmented(target, target_rows, "target", step),
        )

    def _augmented(
        self, array: ImageArray, rows: NDArray[np.int64], axis: str, step: int
    ) -> Images:
        images = array.images(rows, self.loop.hardware.device)
        return self.translator.augmentation(images, generator(self.loop.seed, axis, step))


@dataclass(frozen=True)
class Route:
    """Images to translate, and the domains to translate between.

    Attributes:
        images: the array that the rows index.
        rows: ``[N]`` indices of the images to translate, in order.
        src: index of their own domain.
        dst: index of the domain they are translated to.
        codes: ``[N, C]`` float32 code of each; None for translators that take none, or zeros.
    """

    images: ImageArray
    rows: NDArray[np.int64]
    src: int
    dst: int
    codes: NDArray[np.float32] | None = None

    def batches(self, hardware: Hardware) -> Iterator[tuple[Images, int, int, Tensor | None]]:
        """Yield the arguments of ``Translator.translate`` and ``warp``, batch by batch."""
        for start in range(0, len(self.rows), TRANSLATE_BATCH):
            part = slice(start, start + TRANSLATE_BATCH)
            images = self.images.images(self.rows[part], hardware.device)
            code = None
            if self.codes is not None:
                code = to_device(torch.from_numpy(self.codes[part]), hardware.device)
            yield images, self.src, self.dst, code


def translate(
    translator: Translator, route: Route, hardware: Hardware
) -> Iterator[NDArray[np.uint8]]:
    """Yield the images of a route translated, batch by batch, in order.

    Each batch is ``[B, H, W, 3]`` uint8.
    """
    translator.eval()
    before: Tensor | None = None  # read while the device makes the next
    for number, batch in enumerate(route.batches(hardware)):
        with torch.no_grad(), hardware.autocast():
            fake = translator.translate(*batch)
        if not number:
            check_translated(translator, "translate", fake, batch[0])
        made = levels_of(fake)
        if before is not None:
            yield before.cpu().numpy()
        before = made
    if before is not None:
        yield before.cpu().numpy()


def warps(translator: Translator, route: Route, hardware: Hardware) -> Iterator[Warp]:
    """Yield the warps of a route's images, batch by batch; nothing if no pixel moves."""
    translator.eval()
    for batch in route.batches(hardware):
        with torch.no_grad(), hardware.autocast():
            warp = translator.warp(*batch)
        if warp is None:
            return
        yield Warp(warp.parameters.float(), warp.grid.float())


def _state(
    components: Mapping[str, Trainable],
) -> dict[str, nn.Module | torch.optim.Optimizer]:
    optimisers = {
        f"{name}.{slot}": optimiser
        for name, component in components.items()
        for slot, optimiser in component.optimizers().items()
    }
    return {**components, **optimisers}
