"""Parts of the checks that translators and constraints share: training, resuming, optimisers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.engine.gan import Domains
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import IdentityConstraint, Log, Trainable, Translator
from reidbench.storage.checkpoint import load_state, save_state
from reidbench.testing.checks.check import SkippedCheck, require
from reidbench.testing.checks.material import (
    STEPS,
    State,
    differing,
    disturbed,
    snapshot,
    some,
    train,
)

Players = tuple[Translator, Mapping[str, IdentityConstraint]]
"""A translator and its constraints, all set up."""
Make = Callable[[], Players]


def trained(make: Make, data: Domains, seed: int = 1, **how: Any) -> State:
    """Train new players on disturbed global streams; return all weights."""
    with disturbed(seed):
        translator, constraints = make()
        train(translator, constraints, data, **how)
    return snapshot(translator, *constraints.values())


def require_trains(players: Players, data: Domains, **how: Any) -> None:
    """Fail if what steps show, or a weight after them, is not finite; ``how`` as of ``train``."""
    translator, constraints = players
    require_finite(train(translator, constraints, data, **how))
    finite_weights(translator, *constraints.values())


def require_trains_on_cuda(make: Callable[[Hardware], Players], data: Domains) -> None:
    """Make two steps on a CUDA device in each precision, and fail where they are not finite.

    Raises:
        SkippedCheck: if there is no such device.
    """
    for precision in ("float32", "bf16"):
        hardware = cuda(precision)
        require_trains(make(hardware), data, last=2, hardware=hardware)


def require_deterministic(make: Make, usual: State, data: Domains) -> None:
    """Fail if a training with the global streams elsewhere ends with other weights."""
    require_same(usual, trained(make, data, seed=2), "the same training gives")


def require_deaf(make: Make, usual: State, others: Iterable[Domains]) -> None:
    """Fail if domains with other persons in the target train other weights."""
    for data in others:
        require_same(usual, trained(make, data), "other persons in the target train")


def resumed(make: Make, data: Domains) -> dict[int, list[str]]:
    """Interrupt a training at every step; return by step the values that then end otherwise."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {step: Path(folder, f"{step}.safetensors") for step in range(1, STEPS)}
        translator, constraints = make()
        for step in range(STEPS):
            if step in paths:
                save_state(paths[step], _parts(translator, constraints), step)
            train(translator, constraints, data, first=step, last=step + 1)
        whole = snapshot(translator, *constraints.values())
        found = {}
        for step, path in paths.items():
            translator, constraints = make()
            load_state(path, _parts(translator, constraints))
            train(translator, constraints, data, first=step)
            found[step] = differing(whole, snapshot(translator, *constraints.values()))
    return found


def require_resumes(make: Make, data: Domains) -> None:
    """Fail if an interrupted training ends with other weights at any step."""
    for step, unlike in resumed(make, data).items():
        require(not unlike, f"resumed at step {step} it ends with another {some(unlike)}")


def require_same(first: State, second: State, problem: str) -> None:
    """Fail if two states differ in any bit."""
    unlike = differing(first, second)
    require(not unlike, f"{problem}: another {some(unlike)}")


def require_optimised(component: Trainable) -> None:
    """Fail if a parameter that is not frozen is in no optimiser that checkpoints find."""
    optimisers = component.optimizers()
    hidden = [k for k, v in vars(component).items() if _holds_optimiser(v) and k not in optimisers]
    require(not hidden, f"the optimisers in '{hidden and hidden[0]}' are not found: not attributes")
    held = {id(p) for o in optimisers.values() for g in o.param_groups for p in g["params"]}
    left = [n for n, p in component.named_parameters() if p.requires_grad and id(p) not in held]
    require(not left, f"no optimiser holds {some(left)}, and it is not frozen")
    own = {id(p) for p in component.parameters()}
    require(held <= own, "an optimiser holds parameters that are no part of the module")


def require_finite(log: Log) -> None:
    """Fail if a value that a step shows is no finite scalar."""
    require(isinstance(log, Mapping), f"the losses to show are a {type(log).__name__}, not a dict")
    for name, value in log.items():
        number = isinstance(value, Tensor) and value.numel() == 1
        require(number or isinstance(value, Real), f"'{name}' is {described(value)}, no scalar")
        require(torch.isfinite(torch.as_tensor(value)).all(), f"'{name}' is not finite")


def described(value: Any) -> str:
    """Return the type of a value, of a tensor its shape."""
    shape = list(value.shape) if isinstance(value, Tensor) else ""
    return f"{type(value).__name__}{shape}"


def cuda(precision: str = "float32") -> Hardware:
    """Return the first CUDA device.

    Raises:
        SkippedCheck: if there is none.
    """
    if not torch.cuda.is_available():
        raise SkippedCheck("this machine has no CUDA device")
    return Hardware(torch.device("cuda"), precision)


def finite_weights(*modules: nn.Module) -> None:
    """Fail if a weight is not finite."""
    bad = [n for m in modules for n, p in m.named_parameters() if not torch.isfinite(p).all()]
    require(not bad, f"{some(bad)} is not finite")


def _parts(
    translator: Translator, constraints: Mapping[str, IdentityConstraint]
) -> dict[str, nn.Module | Optimizer]:
    parts: dict[str, nn.Module | Optimizer] = {}
    for name, component in {"translator": translator, **constraints}.items():
        parts[name] = component
        parts |= {f"{name}.{slot}": o for slot, o in component.optimizers().items()}
    return parts


def _holds_optimiser(value: Any) -> bool:
    inner: Sequence[Any] = ()
    if isinstance(value, Mapping):
        inner = list(value.values())
    elif isinstance(value, list | tuple):
        inner = value
    return any(isinstance(v, Optimizer) for v in inner)
