"""Parts of the checks that learners and segmenters share: fitting a model, resuming it."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.engine.streams import stream
from reidbench.testing.checks.check import FailedCheck, require
from reidbench.testing.checks.material import CPU, SEED, State, differing, disturbed, snapshot, some
from reidbench.testing.learners import KilledError

Fit = Callable[[nn.Module, ImageArray, Loop], None]


def built(make: Callable[[], nn.Module], hardware: Hardware = CPU) -> nn.Module:
    """Return a new model, always with the same initial weights, on the device."""
    with stream(SEED, "build"):
        model = make()
    require(isinstance(model, nn.Module), f"build returns a {type(model).__name__}, no module")
    moved: Any = model.to(hardware.device)
    placed: nn.Module = moved
    return placed


def fitted(
    fit: Fit, model: nn.Module, data: ImageArray, hardware: Hardware = CPU, *, disturb: int = 1
) -> int:
    """Train a model in place as a run does; return how many steps the loop made."""
    made: list[int] = []

    def count(done: int, total: int, log: object) -> None:
        made.append(done)

    with disturbed(disturb), tempfile.TemporaryDirectory() as folder:
        fit(model, data, Loop(Path(folder), SEED, hardware, count, 0.0))
    bad = [n for n, p in model.named_parameters() if not torch.isfinite(p).all()]
    require(not bad, f"training leaves {some(bad)} that is not finite")
    return len(made)


def require_resumes(
    make: Callable[[], Any], model: nn.Module, data: ImageArray, whole: State, steps: int
) -> None:
    """Interrupt a training at every step, and compare the ends with the whole one.

    Args:
        make: returns a new learner, which remembers nothing.
        model: to start from.
        data: to learn from.
        whole: weights after the training that was not interrupted.
        steps: that it made.
    """
    for step in range(2, steps + 1):
        with tempfile.TemporaryDirectory() as folder:
            _train_until(step, make(), copy.deepcopy(model), data, Path(folder))
            resumed = copy.deepcopy(model)
            with disturbed(step):
                make().fit(resumed, data, Loop(Path(folder), SEED, CPU))
        unlike = differing(whole, snapshot(resumed))
        require(not unlike, f"resumed at step {step - 1} it ends with another {some(unlike)}")


def _train_until(step: int, learner: Any, model: nn.Module, data: ImageArray, folder: Path) -> None:
    """Train, and end before the checkpoint of a step is written."""
    made = 0

    def kill(done: int, total: int, log: object) -> None:
        nonlocal made
        made += 1
        if made == step:
            raise KilledError

    with suppress(KilledError):
        # A loop that saves at each step tells of each step.
        learner.fit(model, data, Loop(folder, SEED, CPU, kill, 0.0))


def require_equal_rows(call: Callable[[Tensor], Tensor], pixels: Tensor, what: str) -> None:
    """Fail if what is computed for a row depends on the others, or changes at a second call."""
    with torch.no_grad():
        whole = call(pixels)
        single = torch.cat([call(pixels[i : i + 1]) for i in range(len(pixels))])
    require(
        torch.allclose(whole, single, atol=1e-3, rtol=1e-3),
        f"{what} of an image depends on the other rows of its batch",
    )


def require_repeatable(call: Callable[[], Tensor], model: nn.Module, what: str) -> None:
    """Fail if a second call gives something else, or changes the model."""
    before = snapshot(model)
    with torch.no_grad():
        with disturbed(1):
            first = call()
        with disturbed(2):
            again = call()
    require(first.equal(again), f"{what} gives other values at the second call")
    unlike = differing(before, snapshot(model))
    require(not unlike, f"{what} changes {some(unlike)}")


def require_blank(make: Callable[[], nn.Module], model: nn.Module) -> None:
    """Fail if a blank model does not take the weights of a built one."""
    try:
        make().load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise FailedCheck(f"blank() gives another network: {error}") from error


def require_loaded(
    blank: Callable[[], nn.Module],
    model: nn.Module,
    first: Callable[[nn.Module], Tensor],
    second: Callable[[nn.Module], Tensor],
    what: str,
) -> None:
    """Fail if ``second`` of a blank model with the weights of ``model`` is not ``first`` of it."""
    loaded = built(blank).eval()
    require_blank(lambda: loaded, model)
    with torch.no_grad():
        same = first(model).equal(second(loaded))
    require(same, f"a loaded model gives other {what} than the trained one")
