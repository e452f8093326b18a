"""Networks of a training compiled in place, for as long as it runs."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.engine.hardware import Hardware
from reidbench.engine.ranks import current_ranks
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Log, Trainable
from reidbench.nn.networks import Networks
from reidbench.storage.checkpoint import State

BACKEND = "inductor"
LEAST_STEPS = 300  # compiling takes as long as about so many steps do
TRIED = 5  # first steps that are made again if a compiled one fails; graphs are recorded in them
YES = "yes"


class Compilation:
    """The steps of one phase of a training, compiled if that is wanted and works.

    Each network that the state holds is compiled by itself; on a CUDA device its passes forwards
    and backwards become one captured graph each. Constraints, pools and losses stay as they are.

    Args:
        state: every module and optimiser that a step changes, by name.
        hardware: device, and whether to compile.
        steps: number of steps to come.
        say: told why nothing is compiled, where one might expect it.
    """

    def __init__(
        self, state: State, hardware: Hardware, steps: int, say: Callable[[str], None]
    ) -> None:
        self._state, self._hardware, self._say = state, hardware, say
        self.outcome = why_not(hardware, steps)
        self._tried = TRIED if self.outcome == YES else 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Hold the networks compiled in the body."""
        if self.outcome != YES:
            yield
            return
        self._compile()
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", module=r"torch\.")  # the compiler's own
                yield
        finally:
            self._release()

    def make(self, step: Callable[[], Log]) -> Log:
        """Make a step; if a compiled one fails at first, undo it and make it uncompiled."""
        if self.outcome != YES:
            return step()
        _begin_step(self._hardware)
        if not self._tried:
            return _own(step())
        self._tried -= 1
        before = _kept(self._state)
        try:
            return _own(step())
        except ReidbenchError:
            raise
        except Exception as error:
            self._give_up(error)
        _restore(self._state, before)
        return step()

    def _compile(self) -> None:
        how: dict[str, Any] = {"backend": BACKEND, "dynamic": False}
        if self._hardware.device.type == "cuda" and BACKEND == "inductor":
            how["mode"] = "reduce-overhead"
        # Some translators go backwards through one graph twice, which spends no memory of it then.
        torch._functorch.config.donated_buffer = False
        for network in networks_of(self._state.values()):
            network.compile(**how)

    def _give_up(self, error: Exception) -> None:
        reason = " ".join(str(error).strip().splitlines()[:2])
        self.outcome = f"no: {type(error).__name__}: {reason[:200]}"
        self._say(f"--compile is given up, and the training goes on: {self.outcome[4:]}")
        self._release()

    def _release(self) -> None:
        for network in networks_of(self._state.values()):
            network._compiled_call_impl = None  # as it was before ``compile``, which has no undo


def why_not(hardware: Hardware, steps: int) -> str:
    """Return "yes" if a training is to be compiled, why it is not, or nothing if none would ask."""
    device = hardware.device.type
    if device != "cuda" and hardware.compile != "on":
        return ""
    if hardware.compile == "off":
        return "no: --compile off"
    if current_ranks().count > 1:
        return "no: several devices compute it together"
    if hardware.compile == "on":
        return YES
    if hardware.deterministic:
        return "no: --deterministic"
    if steps < LEAST_STEPS:
        return f"no: fewer than {LEAST_STEPS} steps"
    from torch.utils._triton import has_triton

    return YES if has_triton() else "no: Triton is not installed"


def networks_of(parts: Iterable[nn.Module | Optimizer]) -> Iterator[nn.Module]:
    """Yield the networks that components hold: modules with parameters that are no component."""
    for part in parts:
        if isinstance(part, Trainable | Networks | nn.ModuleList | nn.ModuleDict):
            yield from networks_of(part.children())
        elif isinstance(part, nn.Module) and any(True for _ in part.parameters()):
            yield part


def _begin_step(hardware: Hardware) -> None:
    """Let captured graphs write where they wrote in the step before."""
    if hardware.device.type == "cuda":
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]


def _own(log: Log) -> Log:
    """Return what a step tells in memory that the next one does not write to."""
    if not isinstance(log, dict):
        return log  # whoever records it refuses what is no mapping
    return {k: v.detach().clone() if isinstance(v, Tensor) else v for k, v in log.items()}


def _kept(state: State) -> dict[str, Any]:
    return {name: copy.deepcopy(part.state_dict()) for name, part in state.items()}


def _restore(state: State, before: Mapping[str, Any]) -> None:
    for name, part in state.items():
        part.load_state_dict(before[name])
        if isinstance(part, nn.Module):
            part.zero_grad(set_to_none=True)
