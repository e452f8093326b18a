"""Losses of every step, recorded beside the checkpoints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import nn

from reidbench.engine import history
from reidbench.engine.history import History, _fetched, trends
from reidbench.engine.loop import Loop
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log
from reidbench.testing.toy_runs import CPU


def lines(path: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def train(folder: Path, steps: int, stop: int = -1, bad: int = -1) -> Path:
    def step(clock: Clock) -> Log:
        if clock.step == stop:
            raise KeyboardInterrupt
        value = torch.tensor(float("nan") if clock.step == bad else 1 / (1 + clock.step))
        return {"tensor": value, "number": 2.0 * clock.step}

    Loop(folder, 0, CPU, checkpoint_every=0).run(steps, step, {"part": nn.Linear(1, 1)}, "phase")
    return folder / "phase.losses.jsonl"


def test_every_step_has_a_line(tmp_path: Path) -> None:
    found = lines(train(tmp_path, 3))
    assert found == [
        {"step": 0, "tensor": 1.0, "number": 0.0},
        {"step": 1, "tensor": 0.5, "number": 2.0},
        {"step": 2, "tensor": 0.333333, "number": 4.0},
    ]


def test_an_interrupted_training_continues_its_lines(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", 6).read_text()
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", 6, stop=4)
    assert train(tmp_path / "broken", 6).read_text() == whole


def test_lines_after_the_checkpoint_are_forgotten_and_a_half_line_too(tmp_path: Path) -> None:
    path = train(tmp_path, 4)
    whole = path.read_text()
    with path.open("a") as file:
        file.write('{"step": 4, "tensor": 9}\n{"step": 5, "ten')
    History(tmp_path, "phase", 4)
    assert path.read_text() == whole


def test_a_step_that_nobody_is_shown_may_not_be_infinite(tmp_path: Path) -> None:
    history = History(tmp_path, "phase", 0)
    history.add(0, {"good": 1.0, "bad": torch.tensor(float("nan"))})
    history.add(1, {"good": 1.0, "bad": torch.tensor(1.0)})
    with pytest.raises(ReidbenchError, match="diverged: bad is not finite at step 1 of 'phase'"):
        history.settle()


def test_a_graph_is_not_kept(tmp_path: Path) -> None:
    history = History(tmp_path, "phase", 0)
    history.add(0, {"loss": (torch.ones((), requires_grad=True) * 2)})
    assert not history._waiting[0][1]["loss"].requires_grad  # type: ignore[union-attr]
    assert history.settle() == {"loss": 2.0}


def written(path: Path, values: list[float]) -> Path:
    rows = [{"step": i, "loss": v} for i, v in enumerate(values)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_trend_is_the_line_through_the_last_tenth(tmp_path: Path) -> None:
    # 100 steps: the last ten fall from 1.9 to 1.0, in all 9/10 of what a line of that slope gains.
    values = [9.0] * 90 + [1.9 - 0.1 * i for i in range(10)]
    trend = trends(written(tmp_path / "x", values))["loss"]
    assert trend == {
        "end": pytest.approx(1.45),
        "change": pytest.approx(-0.9 / 1.45, rel=1e-4),
        "error": pytest.approx(0, abs=1e-6),
    }


def test_noise_has_an_error_as_large_as_its_trend(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    values = (1 + torch.rand(1000, generator=generator)).tolist()
    trend = trends(written(tmp_path / "x", values))["loss"]
    assert isinstance(trend, dict)
    assert abs(trend["change"]) < 2 * trend["error"]


def test_a_few_steps_have_an_end_and_no_trend(tmp_path: Path) -> None:
    trend = trends(written(tmp_path / "x", [3.0, 2.0]))["loss"]
    assert trend == {"end": 2.0, "change": None, "error": None}


def test_hundreds_of_steps_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []

    def fetched(waiting: Sequence[tuple[int, Log]]) -> list[dict[str, float]]:
        reads.append(len(waiting))
        return _fetched(waiting)

    monkeypatch.setattr(history, "_fetched", fetched)
    loss = torch.ones(())
    Loop(tmp_path, 0, CPU).run(1000, lambda clock: {"loss": loss}, {})
    assert sum(reads) == 1000
    assert len(reads) < 50
