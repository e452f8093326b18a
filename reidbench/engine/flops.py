"""Count the networks, parameters and FLOPs of training and inference.

Counted is on copies and on streams of their own, before the training starts: the weights,
optimisers and random numbers of the training stay as they are. FLOPs are those of matrix products
and convolutions, as ``torch.utils.flop_counter`` has them: two for a multiplication with its
addition, forwards and, in training, backwards. What cannot be counted is None.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, fields
from typing import ClassVar, Protocol

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from reidbench.engine.loop import Loop
from reidbench.engine.ranks import current_ranks
from reidbench.engine.streams import stream
from reidbench.interfaces import Clock, IdentityConstraint, Images, Log, Trainable, Translator
from reidbench.nn.networks import Networks
from reidbench.storage.checkpoint import State
from reidbench.storage.keys import JSON

Cost = dict[str, JSON]
Constraints = Mapping[str, IdentityConstraint]


class Train(Protocol):
    """Trains a translator and the constraints' own networks in a loop."""

    def __call__(self, translator: Translator, constraints: Constraints, *, loop: Loop) -> None:
        """Train both in place."""


TRANSLATOR_STEPS = 10
"""Steps of a translator's training whose mean is a step's FLOPs: its last ones, in which every
warm-up is over, and what is updated at every second or fifth step only has its share."""


class _Everywhere(AbstractContextManager["_Everywhere"]):
    """Stands for the tracker of modules, whose hooks forbid the gradient of a gradient penalty."""

    parents: ClassVar[frozenset[str]] = frozenset({"Global"})

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""


def _counter() -> FlopCounterMode:
    """Return a counter of all FLOPs together, of whatever module."""
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = _Everywhere()  # type: ignore[assignment]
    return counter


@dataclass(frozen=True)
class Rehearsal(Loop):
    """A loop that makes the last few steps only, counts their FLOPs and saves nothing.

    Attributes:
        counted: number of steps that it makes of each phase.
        phases: number of steps and FLOPs a step of each phase of the training.
    """

    counted: int = 1
    phases: list[tuple[int, float]] = field(default_factory=list)

    def run(
        self, steps: int, step: Callable[[Clock], Log], state: State, name: str = "train"
    ) -> None:
        """Call ``step`` as the training will call it in the end."""
        counted = min(self.counted, steps)
        with _counter() as counter:
            for index in range(steps - counted, steps):
                with stream(self.seed, name, index), self.hardware.autocast():
                    step(Clock(index, steps))
        if counted:
            self.phases.append((steps, counter.get_total_flops() / counted))


@dataclass(frozen=True)
class Network:
    """The size of a network.

    Attributes:
        parameters: number of its parameters.
        learning: number of those that an optimiser updates.
    """

    parameters: int
    learning: int


def networks(components: Mapping[str, Trainable]) -> dict[str, Network]:
    """Return the networks that components hold, by dotted name; shared ones count once.

    A network is a module with parameters that a component holds as an attribute, also in a list, a
    dictionary, ``Networks`` or another component.
    """
    moved = {id(p) for component in components.values() for p in _moved(component)}
    found: dict[str, Network] = {}
    seen: set[int] = set()
    for name, component in components.items():
        for path, parameters in _held(component, name):
            own = [p for p in parameters if id(p) not in seen]
            seen |= {id(p) for p in own}
            if own:
                found[path] = Network(
                    sum(p.numel() for p in own), sum(p.numel() for p in own if id(p) in moved)
                )
    return found


def of_training(rehearse: Callable[[Loop], None], loop: Loop, counted: int = 1) -> Cost:
    """Return a training's ``steps`` and ``flops_a_step``.

    Args:
        rehearse: function that trains copies in the loop it is given.
        loop: the loop of the real training.
        counted: number of steps at the end of each phase that are made for the count.
    """
    rehearsal = Rehearsal(**{f.name: getattr(loop, f.name) for f in fields(Loop)}, counted=counted)

    def rehearsed() -> Cost:
        with stream(loop.seed, "rehearsal"):
            rehearse(rehearsal)
        steps = sum(n for n, _ in rehearsal.phases)
        flops = sum(n * f for n, f in rehearsal.phases)
        return {"steps": steps, "flops_a_step": round(flops / steps)}

    return _value(rehearsed) or {"steps": None, "flops_a_step": None}


def of_translation(
    translator: Translator,
    constraints: Constraints,
    train: Train,
    image: Images,
    num_domains: int,
    loop: Loop,
) -> Cost:
    """Return the cost of training a translator under constraints, and of translating by it.

    ``networks`` and ``parameters`` are those that learn, ``fixed_networks`` and
    ``fixed_parameters`` those that do not; ``*_at_test`` make the translated images, from the
    source to any other domain, or the other way if it translates to the source alone, each at
    ``flops_an_image``.

    Args:
        translator: a translator whose networks are built.
        constraints: constraints whose networks are built, by name.
        train: function that trains copies in the loop it is given.
        image: one row of the source.
        num_domains: number of the translator's domains; index 0 is the source.
        loop: the loop of the real training.
    """
    parts = networks({"translator": translator, **constraints})
    learning = [p for p in parts.values() if p.learning]

    def rehearse(loop: Loop) -> None:
        twins = copy.deepcopy((translator, dict(constraints)))
        train(*twins, loop=loop)

    return {
        "networks": len(learning),
        "parameters": sum(p.learning for p in learning),
        "fixed_networks": len(parts) - len(learning),
        "fixed_parameters": sum(p.parameters - p.learning for p in parts.values()),
        **of_training(rehearse, loop, TRANSLATOR_STEPS),
        **_of_translating(translator, image, range(1, num_domains)),
    }


def of_embedding(module: nn.Module, pixels: Tensor, passes: int = 1) -> Cost:
    """Return ``parameters`` that features depend on, and ``flops_an_image``.

    Args:
        module: gives features ``[1, D]``, in evaluation mode; it stays as it is.
        pixels: one image, ``[1, 3, H, W]``.
        passes: forward passes of each image: 2 if it is mirrored as well.
    """

    def counted() -> Cost:
        twin = copy.deepcopy(module)
        flops = _flops(lambda: twin(pixels))
        used = _used(twin, lambda: twin(pixels))
        return {"parameters": sum(p.numel() for p in used), "flops_an_image": passes * flops}

    return _value(counted) or {"parameters": None, "flops_an_image": None}


def _of_translating(translator: Translator, image: Images, destinations: range) -> Cost:
    def counted() -> Cost:
        twin = copy.deepcopy(translator).eval()
        flops: list[int] = []
        used: set[int] = set()
        for other in destinations:
            ends = (0, other) if "source-to-target" in translator.directions else (other, 0)

            def make(ends: tuple[int, int] = ends) -> Tensor:
                return twin.translate(image, *ends)

            with stream("rehearsal", "translate"):
                flops.append(_flops(make))
                used |= {id(p) for p in _used(twin, make)}
        parts = [[p for p in held if id(p) in used] for _, held in _held(twin, "")]
        return {
            "networks_at_test": sum(bool(part) for part in parts),
            "parameters_at_test": sum(p.numel() for part in parts for p in part),
            "flops_an_image": round(sum(flops) / len(flops)),
        }

    unknown = dict.fromkeys(("networks_at_test", "parameters_at_test", "flops_an_image"))
    return _value(counted) or unknown


def _flops(make: Callable[[], Tensor]) -> int:
    with torch.no_grad(), _counter() as counter:
        make()
    return int(counter.get_total_flops())


def _used(module: nn.Module, make: Callable[[], Tensor]) -> list[nn.Parameter]:
    """Return the parameters of ``module`` that its output depends on."""
    weights = [p for p in module.parameters() if p.is_floating_point()]
    for weight in weights:
        weight.requires_grad_(True)
    with torch.enable_grad():
        gradients = torch.autograd.grad(make().sum(), weights, allow_unused=True)
    return [w for w, g in zip(weights, gradients, strict=True) if g is not None]


def _moved(component: Trainable) -> Iterator[nn.Parameter]:
    """Yield the parameters that the optimisers of a component and of its parts update."""
    for part in component.modules():
        for optimizer in part.optimizers().values() if isinstance(part, Trainable) else ():
            for group in optimizer.param_groups:
                yield from group["params"]


def _held(module: nn.Module, path: str) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """Yield the networks in a component or another holder, with their parameters."""
    yield path, list(module.parameters(recurse=False))
    for name, child in module.named_children():
        if isinstance(child, Trainable | Networks | nn.ModuleList | nn.ModuleDict):
            yield from _held(child, f"{path}.{name}")
        else:
            yield f"{path}.{name}", list(child.parameters())


def _value(count: Callable[[], Cost]) -> Cost | None:
    if not current_ranks().leads:  # the first process tells of all
        return None
    try:
        return count()
    except Exception:  # a plugin that cannot be copied, or too little memory for a copy
        return None
