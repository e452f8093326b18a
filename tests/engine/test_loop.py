from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam

from reidbench.engine.descent import descend
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log
from reidbench.progress import Progress, silent
from reidbench.testing.toy_runs import CPU

STEPS = 5


def make_loop(folder: Path, every: float = 0, progress: Progress = silent, seed: int = 0) -> Loop:
    return Loop(folder, seed, CPU, progress, every)


class StoppedError(Exception):
    """Stands for whatever ends a training early."""


class Study:
    """A training in two phases, with dropout, two optimisers and one network for both."""

    def __init__(self, stop: tuple[str, int] = ("", 0)) -> None:
        torch.manual_seed(3)
        self.network = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 2))
        self.stop = stop
        self.seen: list[tuple[str, int, float]] = []

    def train(self, loop: Loop) -> dict[str, Tensor]:
        for name, optimiser in (
            ("first", SGD(self.network.parameters(), 0.1, momentum=0.9)),
            ("second", Adam(self.network.parameters(), 0.01)),
        ):
            state = {"network": self.network, "optimiser": optimiser}
            loop.run(STEPS, self._step(name, optimiser), state, name)
        return self.network.state_dict()

    def _step(self, name: str, optimiser: torch.optim.Optimizer) -> Callable[[Clock], Log]:
        def step(clock: Clock) -> Log:
            if self.stop == (name, clock.step):
                raise StoppedError
            x = torch.randn(16, 4)
            loss = F.cross_entropy(self.network(x), (x.sum(1) > 0).long())
            descend(optimiser, loss)
            self.seen.append((name, clock.step, float(loss.detach())))
            return {"loss": loss.detach()}

        return step


def assert_equal(got: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    assert got.keys() == wanted.keys()
    assert [k for k in got if not torch.equal(got[k], wanted[k])] == []


@pytest.mark.parametrize(
    ("phase", "at", "every"),
    [
        ("first", 0, 0),
        ("first", 3, 0),
        ("second", 0, 0),
        ("second", STEPS - 1, 0),
        ("second", 2, 60),
    ],
)
def test_a_resumed_training_equals_one_that_never_stopped(
    tmp_path: Path, phase: str, at: int, every: float
) -> None:
    study = Study()
    whole = study.train(make_loop(tmp_path / "whole"))
    stopped = Study(stop=(phase, at))
    with pytest.raises(StoppedError):
        stopped.train(make_loop(tmp_path / "resumed", every))
    resumed = Study()
    assert_equal(resumed.train(make_loop(tmp_path / "resumed", every)), whole)
    if every < 1:
        assert stopped.seen + resumed.seen == study.seen


def test_it_may_stop_again_and_again(tmp_path: Path) -> None:
    whole = Study().train(make_loop(tmp_path / "whole"))
    for stop in (("first", 2), ("first", 4), ("second", 0), ("second", 3)):
        with pytest.raises(StoppedError):
            Study(stop).train(make_loop(tmp_path / "resumed"))
    assert_equal(Study().train(make_loop(tmp_path / "resumed")), whole)


def test_a_keyboard_interrupt_loses_only_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    whole = Study().train(make_loop(tmp_path / "whole"))

    def interrupt(done: int, total: int, log: Mapping[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Study().train(make_loop(tmp_path / "resumed", 0, interrupt))
    assert_equal(Study().train(make_loop(tmp_path / "resumed")), whole)


def test_a_finished_training_does_nothing(tmp_path: Path) -> None:
    first, again = Study(), Study()
    wanted = first.train(make_loop(tmp_path))
    assert_equal(again.train(make_loop(tmp_path)), wanted)
    assert again.seen == []


def test_steps_phases_and_seeds_have_streams_of_their_own(tmp_path: Path) -> None:
    drawn: list[float] = []

    def step(clock: Clock) -> Log:
        drawn.append(float(torch.rand(())))
        return {}

    for seed in (0, 1):
        for phase in ("first", "second"):
            make_loop(tmp_path / str(seed), 60, seed=seed).run(4, step, {}, phase)
    assert len(set(drawn)) == 16
    make_loop(tmp_path / "again", 60).run(4, step, {}, "first")
    assert drawn[16:] == drawn[:4]


def test_training_leaves_the_global_stream_untouched(tmp_path: Path) -> None:
    study = Study()
    before = torch.get_rng_state()
    study.train(make_loop(tmp_path))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_clock_runs_from_zero(tmp_path: Path) -> None:
    clocks: list[Clock] = []

    def step(clock: Clock) -> Log:
        clocks.append(clock)
        return {}

    make_loop(tmp_path).run(3, step, {})
    assert clocks == [Clock(0, 3), Clock(1, 3), Clock(2, 3)]
    assert [c.progress for c in clocks] == [0, 1 / 3, 2 / 3]


@pytest.mark.parametrize(("progress", "factor"), [(0, 1), (49, 1), (50, 1), (75, 0.5), (99, 0.02)])
def test_rates_are_held_and_then_fall_to_zero(progress: int, factor: float) -> None:
    assert Clock(progress, 100).decay(0.5) == pytest.approx(factor)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_loss_is_named_and_leaves_no_checkpoint(tmp_path: Path, bad: float) -> None:
    def step(clock: Clock) -> Log:
        return {"good": 0.5, "adversarial": torch.tensor(bad if clock.step == 2 else 1.0)}

    with pytest.raises(ReidbenchError, match=r"adversarial is not finite at step 3 of 'gan'"):
        make_loop(tmp_path).run(5, step, {}, "gan")
    seen: list[int] = []
    make_loop(tmp_path).run(5, lambda clock: seen.append(clock.step) or {}, {}, "gan")  # type: ignore[func-returns-value]
    assert seen == [2, 3, 4]


def test_losses_are_shown_a_few_times_a_second_and_at_the_end(tmp_path: Path) -> None:
    shown: list[tuple[int, int, Mapping[str, float]]] = []
    loop = make_loop(tmp_path, 60, lambda *what: shown.append(what))
    loop.run(500, lambda clock: {"loss": torch.tensor(float(clock.step))}, {})
    assert shown[-1] == (500, 500, {"loss": 499.0})
    assert len(shown) < 50


def test_checkpoints_are_as_far_apart_as_asked(tmp_path: Path) -> None:
    path, saved = tmp_path / "train.safetensors", []

    def step(clock: Clock) -> Log:
        saved.append(path.exists())
        return {}

    make_loop(tmp_path, every=60).run(5, step, {})
    assert not any(saved)
    assert path.exists()


def test_a_step_runs_in_the_precision_asked_for(tmp_path: Path) -> None:
    kinds = []

    def step(clock: Clock) -> Log:
        kinds.append((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
        return {}

    for precision in ("float32", "bf16"):
        hardware = Hardware(torch.device("cpu"), precision)
        Loop(tmp_path / precision, 0, hardware).run(1, step, {})
    assert kinds == [torch.float32, torch.bfloat16]
