"""Targets with several divisions into training and test persons."""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.dataset import Samples, Split
from reidbench.registry.registry import Registration, Registry
from reidbench.results.leaderboard import build
from reidbench.results.result import Result
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.runs.setting import open_setting
from reidbench.testing.toy_runs import make_plan
from reidbench.testing.toys import ToyDataset

HERE = "tests.runs.test_splits"
DIRECT = Request("direct", learner="toy")


class Divided(ToyDataset):
    """Every further split mistakes more of the gallery, so that the scores differ."""

    def __init__(self, *, split: int = 0) -> None:
        super().__init__(domain="b")
        self.split = split

    def samples(self, split: Split) -> Samples:
        samples = super().samples(split)
        if split != "gallery":
            return samples
        return replace(samples, pids=np.roll(samples.pids, self.split))

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        return ToyDataset(domain="b").read(split, index)

    def fingerprint(self) -> str:
        return f"divided-{self.split}"

    @property
    def division(self) -> str:
        return f"toy division {self.split}"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("divided")
    more.dataset("divided", f"{HERE}:Divided")
    registry.add(more)
    return registry


@pytest.fixture
def divided(benchmark_: Benchmark) -> Benchmark:
    return replace(benchmark_, target=DatasetSpec("divided"), splits=(0, 1, 2))


def measured(registry: Registry, benchmark: Benchmark, session: Session) -> Result:
    outcome = run_plan(make_plan(registry, benchmark, request=DIRECT), session)
    return result_of(outcome, datetime.now(UTC))


def test_scores_are_the_mean_over_the_splits(
    registry: Registry, divided: Benchmark, session: Session
) -> None:
    result = measured(registry, divided, session)
    each = [
        measured(registry, replace(divided, splits=(split,)), session).measure("mAP")
        for split in divided.splits
    ]
    assert len(set(each)) > 1
    assert result.measure("mAP") == pytest.approx(statistics.mean(each))
    assert result.scores["spread"]["mAP"]["sd"] == pytest.approx(statistics.stdev(each))
    assert [s["mAP"] for s in result.scores["splits"]] == each


def test_the_result_names_the_divisions(
    registry: Registry, divided: Benchmark, session: Session
) -> None:
    target = measured(registry, divided, session).benchmark["target"]
    assert target["splits"] == [0, 1, 2]
    assert target["division"] == [f"toy division {split}" for split in range(3)]
    assert "split" not in target["parameters"]


def test_all_splits_and_one_are_never_ranked_together(
    registry: Registry, divided: Benchmark, session: Session
) -> None:
    once = replace(divided, seeds=(0,))
    benchmarks = (once, replace(once, splits=(1,)))
    results = [measured(registry, benchmark, session) for benchmark in benchmarks]
    assert [len(board.rows) for board in build(results).boards] == [1, 1]


def test_a_split_named_by_hand_takes_the_place_of_all(
    registry: Registry, divided: Benchmark
) -> None:
    setting = open_setting(divided, registry, None, {"target.split": 1})
    assert [t.parameters["split"] for t in setting.targets] == [1]
    assert setting.modified == {"target.split": 1}
