"""No training step waits for its device: it reads no value back, and copies without waiting.

Tensors of the "meta" device have no values, so that whatever reads one fails.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.interfaces import Clock, Log
from reidbench.registry.loading import load_plugins
from reidbench.storage.checkpoint import State
from reidbench.testing.checks import Subject, find_subjects
from reidbench.testing.checks.check import SkippedCheck
from reidbench.testing.checks.guidance import made as made_constraint
from reidbench.testing.checks.learners import few
from reidbench.testing.checks.learners import made as made_learner
from reidbench.testing.checks.material import domains, train
from reidbench.testing.checks.translators import made as made_translator

META = torch.device("meta")
FAR = Hardware(META)
SUBJECTS = [s for s in find_subjects(load_plugins(), bundled=True) if isinstance(s, Subject)]


class NoWaiting(TorchFunctionMode):
    """Refuses copies to the device that wait for it."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        made = function(*args, **kwargs)
        if isinstance(made, Tensor) and made.device.type == "meta":
            comes = args and isinstance(args[0], Tensor) and args[0].device.type == "cpu"
            if function is Tensor.to and comes:
                assert kwargs.get("non_blocking"), "a copy to the device waits for it"
            assert function is not torch.tensor, "a tensor of numbers waits for the device"
        return made


def one_step(
    self: Loop, steps: int, step: Callable[[Clock], Log], state: State, name: str = ""
) -> None:
    """Stand for the loop's own: the first step, with nothing kept."""
    with NoWaiting():
        step(Clock(0, steps))


@pytest.fixture(autouse=True)
def _as_on_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let optimisers rest, which have no values to compute with there, and autocast know it."""
    for kind in (torch.optim.Adam, torch.optim.SGD):
        monkeypatch.setattr(kind, "step", lambda self: None)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())


def of(kind: str) -> Any:
    return pytest.mark.parametrize(
        "subject", [s for s in SUBJECTS if s.kind == kind], ids=lambda s: s.title
    )


@of("translator")
def test_a_translator_does_not_wait(subject: Subject) -> None:
    try:
        translator = made_translator(subject, FAR)
    except SkippedCheck as reason:
        pytest.skip(str(reason))
    with NoWaiting():
        train(translator, {}, domains(), last=1, hardware=FAR)


@of("constraint")
def test_a_constraint_does_not_wait(subject: Subject) -> None:
    translator, constraints = made_constraint(subject, FAR)
    with NoWaiting():
        train(translator, constraints, domains(), last=1, hardware=FAR)


@of("learner")
def test_a_learner_does_not_wait(subject: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loop, "run", one_step)
    learner, model = made_learner(subject, epochs=1)
    learner.fit(model.to(META), few(), Loop(None, 0, FAR))


def test_what_reads_a_value_is_found() -> None:
    with pytest.raises((NotImplementedError, RuntimeError), match="meta"):
        float(torch.ones((), device=META))
    with pytest.raises(AssertionError, match="waits for it"), NoWaiting():
        torch.ones(()).to(META)
