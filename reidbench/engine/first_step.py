"""Checks of a training's first steps: does the translator use the constraints, and what are they.

They read values and change none, draw no random number, and end with the first step in which the
generators heeded the constraints; every later step is as without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.interfaces import Clock, Hop, Hops, IdentityConstraint, Images, Trainable, Translator
from reidbench.registry.faults import fault

PATIENCE = 10
"""Steps in which the generators may build a graph before ``extra_loss`` has to be called."""
SLACK = 0.01
"""Translated pixels may be so far outside [-1, 1]: precision is limited."""
HOPS = "a tuple of Hop and a mapping of losses to show"
STEP = "training_step"


class FirstStep:
    """Watches the first steps of a translator and its constraints.

    Args:
        translator: a translator whose networks are built.
        constraints: constraints whose networks are built, by name.

    Raises:
        ComponentError: if checkpoints would not find an optimiser.
    """

    def __init__(
        self, translator: Translator, constraints: Mapping[str, IdentityConstraint]
    ) -> None:
        self.translator, self.constraints = translator, constraints
        for component in (translator, *constraints.values()):
            _check_optimisers(component)
        self.done = False
        self._without = 0
        self._called = self._graph = self._returned = self._attached = False

    def hops(self, hops: Hops) -> None:
        """Check what the translator hands to ``extra_loss``."""
        if self.done:
            return
        self._called = True
        _check_hops(self.translator, hops, "called extra_loss with")
        if not hops:
            raise fault(self.translator, STEP, "called extra_loss without hops", "one at least")
        self._graph |= any(hop.fake.requires_grad for hop in hops)
        for hop in hops:
            for field in sorted(self.translator.provides):
                if getattr(hop, field) is None:
                    raise fault(
                        self.translator,
                        STEP,
                        f"hands over a hop without '{field}'",
                        f"the fields that it provides: {', '.join(self.translator.provides)}",
                    )

    def terms(self, name: str, hops: Hops, terms: Mapping[str, Tensor]) -> None:
        """Check what a constraint returns: finite scalars, attached to the translated images."""
        if self.done:
            return
        constraint = self.constraints[name]
        expected = "a dictionary of scalar tensors by name"
        if not isinstance(terms, Mapping):
            raise fault(constraint, "losses", f"returned {_told(terms)}", expected)
        builds = any(hop.fake.requires_grad for hop in hops)
        for term, value in terms.items():
            if not isinstance(value, Tensor) or value.numel() != 1:
                raise fault(constraint, "losses", f"returned {_told(value)} as '{term}'", expected)
            number = float(value.detach())
            if number - number != 0:
                got = f"returned {number} as '{term}': training diverged at the first step"
                raise fault(constraint, "losses", got, "finite values")
            # A term that is off is exempt: it may be a constant zero.
            if builds and number and not value.requires_grad:
                raise fault(
                    constraint,
                    "losses",
                    f"returned '{term}' cut from the translated images: no gradient would reach "
                    "the generators",
                    "terms computed from the hops' images without detach(), no_grad() or numbers",
                )

    def total(self, value: Tensor) -> None:
        """Watch whether the sum of all terms is used."""
        if not self.done and value.requires_grad:
            self._attached = True
            value.register_hook(self._heed)  # type: ignore[no-untyped-call]

    def updated(self, name: str, log: object) -> None:
        """Check what a constraint's own step returns."""
        if not isinstance(log, Mapping):
            expected = "a mapping of losses to show, {} for none"
            raise fault(self.constraints[name], "update", f"returned {_told(log)}", expected)

    def stepped(self, made: object, clock: Clock) -> None:
        """Check what a step returned, and whether the constraints reached the generators in it."""
        if self.done:
            return
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], Mapping)):
            raise fault(self.translator, STEP, f"returned {_told(made)}", HOPS)
        hops = made[0]
        _check_hops(self.translator, hops, "returned")
        if self._attached and not self._returned:
            raise fault(
                self.translator,
                STEP,
                "called extra_loss and left its value out of the loss that it descends: no "
                "gradient came back",
                "the value added to the generators' loss",
            )
        self._without += self._called or any(hop.fake.requires_grad for hop in hops)
        last = clock.step + 1 == clock.steps
        if self._returned or not self.constraints:
            self.done = True
        elif self._without >= PATIENCE or (last and self._without):
            self._refuse_unheeded()

    def _heed(self, _: Tensor) -> None:
        self._returned = True

    def _refuse_unheeded(self) -> None:
        """Refuse a translator that does not heed its constraints; they may all be off yet."""
        names = ", ".join(f"'{name}'" for name in self.constraints)
        if not self._called:
            got = f"never called extra_loss, and constraint {names} had no effect"
            raise fault(self.translator, STEP, got, "extra_loss(hops) in the generators' loss")
        if not self._graph:
            got = (
                f"called extra_loss with images cut from the generators, and {names} had no effect"
            )
            raise fault(self.translator, STEP, got, "hops with their graph")
        self.done = True


def check_translated(translator: Translator, method: str, fake: object, images: Images) -> None:
    """Refuse translated images of another shape, not finite, or out of range.

    Raises:
        ComponentError: naming the translator.
    """
    shape = tuple(images.pixels.shape)
    expected = f"{list(shape)}, finite and in [-1, 1], as the images it was given"
    if not isinstance(fake, Tensor) or tuple(fake.shape) != shape:
        raise fault(translator, method, f"returned {_told(fake)}", expected)
    if (wrong := _out_of_range(fake)) is not None:
        raise fault(translator, method, f"returned pixels {wrong}", expected)


def check_embedded(
    component: object, method: str, made: object, rows: int, width: int | None = None
) -> None:
    """Refuse anything but finite ``[rows, D]``.

    Args:
        component: a learner.
        method: that answered.
        made: its answer.
        rows: number of images.
        width: D; None if any will do.

    Raises:
        ComponentError: naming the learner.
    """
    expected = f"a finite tensor [{rows}, {'D' if width is None else width}], a row an image"
    fits = isinstance(made, Tensor) and made.ndim == 2 and len(made) == rows and made.shape[1] > 0
    if not fits or (width is not None and made.shape[1] != width):  # type: ignore[attr-defined]
        raise fault(component, method, f"returned {_told(made)}", expected)
    assert isinstance(made, Tensor)
    if not torch.isfinite(made).all():
        raise fault(component, method, "returned values that are not finite", expected)


def check_model(component: object, model: object) -> None:
    """Refuse what ``build`` or ``blank`` returned, unless it is a network.

    Raises:
        ComponentError: naming the learner or segmenter.
    """
    if not isinstance(model, nn.Module):
        raise fault(component, "build", f"returned {_told(model)}", "a torch.nn.Module")


def check_masks(component: object, masks: object, pixels: Tensor) -> None:
    """Refuse anything but ``[B, 1, H, W]`` in [0, 1].

    Raises:
        ComponentError: naming the segmenter.
    """
    shape = (len(pixels), 1, *pixels.shape[2:])
    expected = f"{list(shape)} in [0, 1]"
    if not isinstance(masks, Tensor) or tuple(masks.shape) != shape:
        raise fault(component, "masks", f"returned {_told(masks)}", expected)
    low, high = (float(v) for v in torch.aminmax(masks.float()))
    if not -SLACK <= low <= high <= 1 + SLACK:
        raise fault(component, "masks", f"returned values from {low:.3g} to {high:.3g}", expected)


def _check_optimisers(component: Trainable) -> None:
    """Refuse optimisers that checkpoints would not find, and a translator that has none."""
    found = component.optimizers()
    known = {id(optimiser) for optimiser in found.values()}
    for name, value in vars(component).items():
        held = value.values() if isinstance(value, dict) else value
        parts = list(held) if isinstance(value, dict | list | tuple) else []
        if any(isinstance(part, Optimizer) and id(part) not in known for part in parts):
            raise fault(
                component,
                "setup",
                f"holds optimisers in '{name}', where checkpoints do not find them",
                "each optimiser in an attribute of its own, or optimizers() that returns them",
            )
    if (
        isinstance(component, Translator)
        and not found
        and any(parameter.requires_grad for parameter in component.parameters())
    ):
        expected = "an optimiser in an attribute"
        raise fault(component, "setup", "built networks that learn and no optimiser", expected)


def _check_hops(translator: Translator, hops: Any, how: str) -> None:
    if not isinstance(hops, tuple) or not all(isinstance(hop, Hop) for hop in hops):
        raise fault(translator, STEP, f"{how} {_told(hops)}", "a tuple of Hop")
    for hop in hops:
        shape = tuple(hop.images.pixels.shape)
        for field in ("fake", "rec", "idt"):
            image = getattr(hop, field)
            if image is not None and tuple(image.shape) != shape:
                got = f"made a hop whose '{field}' is {_told(image)}"
                raise fault(translator, STEP, got, f"the images' shape {list(shape)}")
        if tuple(hop.dst.shape) != shape[:1]:
            got = f"made a hop whose 'dst' is {_told(hop.dst)}"
            raise fault(translator, STEP, got, "[B], the index of each image's domain")
        if (wrong := _out_of_range(hop.fake)) is not None:
            got = f"made a hop whose translated pixels are {wrong}"
            raise fault(translator, STEP, got, "finite pixels in [-1, 1]")


def _out_of_range(pixels: Tensor) -> str | None:
    """Return what is wrong with the values of pixels; None if nothing is."""
    if not len(pixels):
        return None
    low, high = (float(v) for v in torch.aminmax(pixels.detach().float()))
    if low - low != 0 or high - high != 0:
        return "not finite"
    return None if low >= -1 - SLACK and high <= 1 + SLACK else f"from {low:.3g} to {high:.3g}"


def _told(value: object) -> str:
    """Return what came, in a few words."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return "None" if value is None else f"a {type(value).__name__}"
