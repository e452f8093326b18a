from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reidbench_cyclegan.translator import CycleGAN
from reidbench_spgan.constraint import SiaNet
from torch import Tensor, nn

from reidbench.engine import compiling
from reidbench.engine.compiling import TRIED, YES, Compilation, networks_of, why_not
from reidbench.engine.gan import fit, set_up
from reidbench.engine.hardware import Hardware
from reidbench.engine.history import trends
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log
from reidbench.nn.gradient_penalty import gradient_penalty
from reidbench.testing.checks.material import domains

CPU = torch.device("cpu")
CUDA = torch.device("cuda")
STEPS = 3


@pytest.fixture(params=["eager"])
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A quick compiler: it captures all, and writes no code."""
    monkeypatch.setattr(compiling, "BACKEND", request.param)
    torch.compiler.reset()
    return str(request.param)


def trained(folder: Path, compile: str) -> tuple[CycleGAN, Loop, list[str]]:
    translator = CycleGAN(width=4, blocks=1, discriminator_width=4, pool=2)
    constraints = {"sianet": SiaNet(hidden=8, embedding=4)}
    said: list[str] = []
    loop = Loop(folder, 3, Hardware(CPU, compile=compile), say=said.append)
    for name, part in {"translator": translator, **constraints}.items():
        set_up(part, name, domains().context(translator, loop.hardware), 3)
    fit(translator, constraints, domains(), STEPS, 2, loop)
    return translator, loop, said


def ends(folder: Path) -> dict[str, float]:
    found = trends(folder / "translator.losses.jsonl")
    return {name: values["end"] for name, values in found.items()}  # type: ignore[index,call-overload,misc]


def test_compiled_steps_tell_the_same_losses(tmp_path: Path, compiler: str) -> None:
    calls: list[str] = []
    original = nn.Module.compile

    def counting(self: nn.Module, *args: object, **how: object) -> None:
        calls.append(type(self).__name__)
        original(self, *args, **how)

    _, loop, _ = trained(tmp_path / "plain", "auto")
    assert loop.used == {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Module, "compile", counting)
        compiled, loop, said = trained(tmp_path / "compiled", "on")
    assert sorted(set(calls)) == ["PatchGAN", "ResNetGenerator", "SiameseNetwork"]
    assert (loop.used, said) == ({"compiled": {"translator": YES}}, [])
    assert ends(tmp_path / "compiled") == pytest.approx(ends(tmp_path / "plain"), rel=1e-4)
    assert all(n._compiled_call_impl is None for n in networks_of([compiled]))


def test_a_compiler_that_fails_costs_a_line_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no compiler here\nand so on")

    torch.compiler.reset()
    monkeypatch.setattr(compiling, "BACKEND", broken)
    plain, _, _ = trained(tmp_path / "plain", "off")
    given_up, loop, (said,) = trained(tmp_path / "compiled", "on")
    assert "given up, and the training goes on" in said
    assert "no compiler here" in said
    assert str(loop.used["compiled"]["translator"]).startswith("no: ")  # type: ignore[index,call-overload]
    for name, value in plain.state_dict().items():
        if isinstance(value, Tensor):
            assert torch.equal(value, given_up.state_dict()[name]), name
    assert ends(tmp_path / "compiled") == ends(tmp_path / "plain")


class Failing(nn.Linear):
    """Fails at a call, after its weights were changed."""

    def __init__(self, at: int) -> None:
        super().__init__(1, 1)
        self.at, self.calls = at, 0

    def step(self) -> Log:
        self.calls += 1
        with torch.no_grad():
            self.weight += 1
        if self.calls == self.at:
            raise RuntimeError("out of luck")
        return {"weight": self.weight.sum()}


@pytest.mark.parametrize(("at", "calls"), [(1, 5), (TRIED, 9)])
def test_a_step_that_failed_is_undone(at: int, calls: int) -> None:
    part = Failing(at)
    start = float(part.weight.detach())
    compilation = Compilation({"part": part}, Hardware(CPU, compile="on"), 9, lambda _: None)
    for _ in range(calls - 1):
        compilation.make(part.step)
    assert float(part.weight.detach()) == pytest.approx(start + calls - 1)
    assert compilation.outcome == "no: RuntimeError: out of luck"


def test_later_errors_and_those_of_components_are_their_own() -> None:
    part = Failing(TRIED + 1)
    compilation = Compilation({"part": part}, Hardware(CPU, compile="on"), 9, lambda _: None)
    for _ in range(TRIED):
        compilation.make(part.step)
    with pytest.raises(RuntimeError, match="out of luck"):
        compilation.make(part.step)

    def wrong() -> Log:
        raise ReidbenchError("training diverged")

    fresh = Compilation({"part": part}, Hardware(CPU, compile="on"), 9, lambda _: None)
    with pytest.raises(ReidbenchError, match="training diverged"):
        fresh.make(wrong)


@pytest.mark.parametrize(
    ("hardware", "steps", "outcome"),
    [
        (Hardware(CPU), 9999, ""),
        (Hardware(CPU, compile="off"), 9999, ""),
        (Hardware(CPU, compile="on"), 1, YES),
        (Hardware(CUDA, compile="on"), 1, YES),
        (Hardware(CUDA, compile="off"), 9999, "no: --compile off"),
        (Hardware(CUDA, deterministic=True), 9999, "no: --deterministic"),
        (Hardware(CUDA), 299, "no: fewer than 300 steps"),
        (Hardware(CUDA), 300, "no: Triton is not installed"),
    ],
)
def test_what_is_compiled_by_itself(
    hardware: Hardware, steps: int, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.utils._triton.has_triton", lambda: False)
    assert why_not(hardware, steps) == outcome


def test_a_penalty_is_computed_through_a_compiled_critic(compiler: str) -> None:
    torch.manual_seed(0)
    critic, points = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)), torch.randn(5, 3)

    def slopes() -> list[Tensor]:
        return list(
            torch.autograd.grad(gradient_penalty(critic, points), [*critic.parameters()][:3])
        )

    expected = slopes()
    critic.compile(backend=compiler)
    critic(points).sum().backward()
    for a, b in zip(slopes(), expected, strict=True):
        torch.testing.assert_close(a, b)


def test_the_clock_goes_on_whatever_is_compiled(tmp_path: Path, compiler: str) -> None:
    clocks: list[int] = []

    def step(clock: Clock) -> Log:
        clocks.append(clock.step)
        return {}

    Loop(tmp_path, 0, Hardware(CPU, compile="on")).run(7, step, {})
    assert clocks == [*range(7)]
