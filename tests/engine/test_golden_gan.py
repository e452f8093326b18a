"""Three steps of the core's loop on fixed images.

Where these numbers, names or orders move, every translator's do: ``FitTranslator.version`` has to
rise, lest artifacts of before pass for those of now.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from reidbench.engine.gan import Domains, fit, set_up
from reidbench.engine.hardware import Hardware
from reidbench.engine.loop import Loop
from reidbench.stages import FitTranslator
from tests.engine.golden import (
    SEED,
    Critic,
    Diary,
    Painter,
    PairCritic,
    first_number,
    watched_streams,
    wave_images,
)

STEPS, BATCH = 3, 4
DOMAINS = Domains.of(wave_images(0, 9), wave_images(2, 7))
RAISE = "numbers of the core's loop have moved: raise FitTranslator.version, then record anew"


@dataclass(frozen=True)
class Trained:
    """A training of three steps."""

    diary: Diary
    translator: Painter
    constraints: dict[str, Critic]
    log: dict[str, float]


def train(folder: Path, kind: type[Critic] = Critic) -> Trained:
    """Train a painter under two critics."""
    diary, logs = Diary(), []
    translator = Painter(diary)
    constraints = {name: kind(name, diary) for name in ("first", "second")}
    context = DOMAINS.context(translator, Hardware(torch.device("cpu")))
    for name, component in {"painter": translator, **constraints}.items():
        set_up(component, name, context, SEED)
    hardware = Hardware(torch.device("cpu"))
    loop = Loop(folder, SEED, hardware, lambda done, total, log: logs.append(dict(log)))
    with watched_streams(diary):
        fit(translator, constraints, DOMAINS, STEPS, BATCH, loop)
    return Trained(diary, translator, constraints, logs[-1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(tmp_path_factory.mktemp("golden"))


def test_the_version_is_that_of_the_numbers_below() -> None:
    assert FitTranslator.version == 1, "record the numbers of this file anew, and the version here"


def test_a_step_is_the_translators_and_then_each_constraints(trained: Trained) -> None:
    order = [
        "translator.training_step",
        *("first.losses", "second.losses"),
        *("first.update", "second.update"),
    ]
    made = [(call.what, call.clock) for call in trained.diary.calls]
    assert made == [(what, (step, STEPS)) for step in range(STEPS) for what in order], RAISE


def test_each_part_of_a_step_begins_a_stream_of_its_own(trained: Trained) -> None:
    for call in trained.diary.calls:
        name, method = call.what.split(".")
        axis = (name,) if name == "translator" else (name, method)
        assert call.drawn == first_number(SEED, *axis, call.clock[0]), f"{call.what}: {RAISE}"
    assert len({call.drawn for call in trained.diary.calls}) == len(trained.diary.calls)


PASSES = {0: [("source", 0), ("target", 0)], 1: [("target", 1)], 2: [("source", 1)]}


@pytest.mark.parametrize("step", range(STEPS))
def test_a_step_draws_from_these_streams_in_this_order(trained: Trained, step: int) -> None:
    begun = [("seed", 4973877684011906863, axis, "pass", n) for axis, n in PASSES[step]]
    recorded: list[tuple[Any, ...]] = [
        ("stream", 7, "translator", step),  # the loop's, under every part's own
        ("seed", 7, "batches"),
        *begun,
        ("generator", 7, "source", step),
        ("generator", 7, "target", step),
        ("stream", 7, "translator", step),
        ("stream", 7, "first", "losses", step),
        ("stream", 7, "second", "losses", step),
        ("stream", 7, "first", "update", step),
        ("stream", 7, "second", "update", step),
    ]
    asked = trained.diary.streams
    begin = asked.index(("stream", 7, "translator", step))
    end = asked.index(("stream", 7, "translator", step + 1)) if step + 1 < STEPS else None
    assert asked[begin:end] == recorded, RAISE


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (Critic, [[7, 8, 2, 1], [3, 5, 4, 0], [6, 1, 4, 8]]),
        (PairCritic, [[7, 6, 8, 5], [2, 1, 1, 3], [3, 5, 5, 2]]),
    ],
)
def test_a_batch_takes_these_rows(
    tmp_path: Path, kind: type[Critic], source: list[list[int]]
) -> None:
    batches = train(tmp_path, kind).translator.batches
    assert [b.source.cam.tolist() for b in batches] == source, RAISE
    assert [b.target.cam.tolist() for b in batches] == TARGET_ROWS, RAISE


TARGET_ROWS = [[6, 0, 2, 3], [5, 4, 1, 1], [0, 6, 5, 2]]  # the target is never paired

WEIGHTS = {
    "painter": [
        *(0.3191330, 0.2313941, 0.3822433),
        *(-0.4058575, -0.4410323, 0.4570560),
        *(0.5422277, 0.4351570, -0.5573592),
    ],
    "first": [0.5858572, 0.2449423, 0.01956359],
    "second": [0.8693570, 0.1917460, 0.6831014],
}
SHOWN = {
    "loss": 0.1533482,
    "first.kept": 0.02406409,
    "first.level": 0.03065408,
    "second.kept": 0.06786766,
    "second.level": 0.03065408,
    "first.apart": 0.5186213,
    "second.apart": 0.3272972,
}


def test_three_steps_give_the_recorded_weights(trained: Trained) -> None:
    weights = {"painter": trained.translator.layer.weight}
    weights |= {name: critic.weight for name, critic in trained.constraints.items()}
    for name, recorded in WEIGHTS.items():
        found = weights[name].flatten().tolist()
        assert found == pytest.approx(recorded, rel=1e-5), f"{name}: {RAISE}"


def test_the_third_step_shows_the_recorded_losses(trained: Trained) -> None:
    assert list(trained.log) == list(SHOWN), RAISE
    assert trained.log == pytest.approx(SHOWN, rel=1e-5), RAISE
