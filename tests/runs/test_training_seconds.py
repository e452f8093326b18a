"""Which stages the seconds of a training are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from reidbench.runs.cost_summary import speed_of
from reidbench.runs.runner import Finished, Outcome
from reidbench.storage.artifacts import Artifact

# Powers of two in thousandths: each sum tells which stages are in it.
SECONDS = {
    "decode": 0.001,
    "segmenter": 0.002,
    "masked": 0.004,
    "translator": 0.008,
    "translate": 0.016,
    "learn": 0.032,
    "translate-test": 0.064,
    "embed": 0.128,
    "evaluate": 0.256,
    "joint": 0.512,
}


@dataclass(frozen=True)
class Named:
    """As much of a stage as has a share in the seconds."""

    kind: str
    inputs: tuple[Named, ...] = ()
    number: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.number}"


@dataclass(frozen=True)
class Last(Named):
    """An evaluation, whose features an input gives."""

    @property
    def embedded(self) -> Named:
        return self.inputs[0]


@dataclass(frozen=True)
class Ends:
    evaluations: tuple[Last, ...]


def chain(kinds: Iterable[str], number: int = 0) -> Last:
    """Return an evaluation that hangs on stages of those kinds, each on the one before."""
    before: tuple[Named, ...] = ()
    for kind in kinds:
        before = (Named(kind, before, number),)
    return Last("evaluate", (Named("embed", before, number),), number)


def outcome(*ends: Last, left_out: str = "") -> Outcome:
    found: dict[str, Named] = {}
    waiting: list[Named] = [*ends]
    while waiting:
        stage = waiting.pop()
        found[stage.key] = stage
        waiting += stage.inputs
    finished = {k: clocked(s) for k, s in found.items() if s.kind != left_out}
    return Outcome(cast(Any, Ends(ends)), cast(Mapping[str, Finished], finished))


def clocked(stage: Named) -> Finished:
    manifest = {"seconds": SECONDS[stage.kind]}
    return Finished(cast(Any, stage), Artifact(stage.key, Path(), manifest), reused=True)


@pytest.mark.parametrize(
    ("kinds", "seconds"),
    [
        (("decode", "learn"), 0.032),
        (("decode", "translator", "translate", "learn"), 0.056),
        (("decode", "segmenter", "masked", "translator", "translate", "learn"), 0.062),
        (("decode", "translator", "joint"), 0.008),
        (("decode", "learn", "translator", "translate-test"), 0.040),
    ],
)
def test_masks_translator_translation_and_learner_make_up_the_training(
    kinds: tuple[str, ...], seconds: float
) -> None:
    speed = speed_of(outcome(chain(kinds)))
    assert speed["training_seconds"] == pytest.approx(seconds)
    assert speed["seconds"] == {kind: SECONDS[kind] for kind in (*kinds, "embed", "evaluate")}


def test_what_splits_share_is_counted_once_and_what_each_has_is_added_up() -> None:
    shared = chain(("decode", "learn"))
    again = Last("evaluate", (Named("embed", shared.embedded.inputs, 1),), 1)
    apart = chain(("decode", "learn"), 2)
    speed = speed_of(outcome(shared, again, apart))
    assert speed["training_seconds"] == pytest.approx(2 * SECONDS["learn"])
    assert speed["seconds"]["embed"] == pytest.approx(3 * SECONDS["embed"])


@pytest.mark.parametrize("gone", ["masked", "decode"])
def test_one_stage_that_has_gone_makes_the_sum_unknown(gone: str) -> None:
    kinds = ("decode", "segmenter", "masked", "translator", "translate", "learn")
    assert speed_of(outcome(chain(kinds), left_out=gone))["training_seconds"] is None
