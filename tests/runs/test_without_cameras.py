"""Runs whose target has no camera labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.dataset import Samples, Split
from reidbench.errors import ReidbenchError
from reidbench.evaluation import AllButSelf, Features, evaluate
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.stages.score import FIELDS
from reidbench.testing.toy_runs import make_plan
from reidbench.testing.toys import ToyDataset


class Cameraless(ToyDataset):
    """The gallery begins with the queries' own pictures."""

    def __init__(self) -> None:
        super().__init__(domain="b")

    def samples(self, split: Split) -> Samples:
        found = super().samples(split)
        if split == "gallery":
            query = super().samples("query")
            names = [*(f"again/{name}" for name in query.names), *found.names]
            pids = np.concatenate([query.pids, found.pids])
            found = Samples(names, pids, np.zeros_like(pids))
        return replace(found, cams=np.full(len(found), -1))

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        queries = len(super().samples("query"))
        if split == "gallery":
            split, index = ("query", index) if index < queries else (split, index - queries)
        image = ToyDataset(domain="b").read(split, index)
        rng = np.random.default_rng([index, split == "query"])  # all hard to tell apart
        return (image // 4 + rng.integers(0, 190, 3, dtype=np.uint8)).astype(np.uint8)

    def fingerprint(self) -> str:
        return "cameraless"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("cameraless")
    more.dataset("cameraless", f"{__name__}:Cameraless")
    registry.add(more)
    return registry


def benchmark_of(benchmark: Benchmark, protocol: str) -> Benchmark:
    return replace(benchmark, target=DatasetSpec("cameraless"), protocol=DatasetSpec(protocol))


def test_the_querys_own_picture_is_left_out_whatever_its_name(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    scores = {}
    for protocol in ("no-camera", "all-but-self"):
        made = make_plan(
            registry, benchmark_of(benchmark_, protocol), request=Request("direct", learner="toy")
        )
        outcome = run_plan(made, session)
        scores[protocol] = result_of(outcome, datetime.now(UTC)).scores
    with session.store.held(made.evaluations[0].embedded.key) as artifact:
        query, gallery = (
            Features(*(np.load(artifact.path / f"{name}_{field}.npy") for field in FIELDS))
            for name in ("query", "gallery")
        )
    numbered = [replace(s, files=np.arange(len(s))) for s in (query, gallery)]
    expected = evaluate(*numbered, AllButSelf(), made.recipe.ranking)
    assert scores["all-but-self"]["mAP"] == expected.mean_ap
    assert scores["no-camera"]["rank1"] == 1 > scores["all-but-self"]["mAP"]


def test_what_needs_cameras_is_refused_before_anything_is_computed(
    registry: Registry, benchmark_: Benchmark
) -> None:
    with pytest.raises(ReidbenchError, match=r"scored by market1501: .*no camera labels.*no-cam"):
        make_plan(registry, benchmark_of(benchmark_, "market1501"))
