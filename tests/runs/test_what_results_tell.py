"""What a result says of its run beside the scores: data used, what was set, means over splits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal, cast

import pytest
import torch

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request, compose
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import Batch, Clock, ExtraLoss, Hops, Log
from reidbench.registry.registry import Registration, Registry
from reidbench.results.result import Result
from reidbench.runs.cost_summary import translation_quality_of
from reidbench.runs.plan import Plan, plan
from reidbench.runs.recording import result_of, unique_stages
from reidbench.runs.runner import Finished, Outcome, Session, run_plan
from reidbench.runs.setting import open_setting
from reidbench.storage.artifacts import Artifact
from reidbench.testing.toy_runs import TOYS, make_plan
from reidbench.testing.toys import ToyDataset, ToyTranslator


class Photographed(ToyDataset):
    """Stands for real images."""

    synthetic = False

    def fingerprint(self) -> str:
        return f"photographed {super().fingerprint()}"


class Leaking(ToyDataset):
    """Trains on its test images, by choice."""

    trains_on_test = True  # type: ignore[assignment]

    def fingerprint(self) -> str:
        return f"leaking {super().fingerprint()}"


class PerCamera(ToyTranslator):
    split: ClassVar[Literal["dataset", "camera"]] = "camera"


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("told")
    for name in ("Photographed", "Leaking"):
        more.dataset(name.lower(), f"{__name__}:{name}")
    more.translator("per-camera", f"{__name__}:PerCamera")
    registry.add(more)
    return registry


def planned(registry: Registry, benchmark: Benchmark, request: Request, **settings: Any) -> Plan:
    recipe = compose(request, benchmark, registry, settings)
    return plan(recipe, open_setting(benchmark, registry, None, {}), 0, "float32")


def ran(registry: Registry, benchmark: Benchmark, request: Request, session: Session) -> Result:
    outcome = run_plan(planned(registry, benchmark, request), session)
    return result_of(outcome, datetime.now(UTC))


DIRECT = Request("direct", learner="toy")
TOY = Request(translator="toy", constraints=[], learner="toy")
BY_CAMERA = replace(TOY, translator="per-camera")
BACKWARDS = replace(TOY, direction="target-to-source")


@pytest.mark.parametrize(
    ("request_", "target", "uses"),
    [
        (DIRECT, "toy", set()),
        (DIRECT, "leaking", set()),
        (Request("supervised", learner="toy"), "toy", {"target_images", "target_labels"}),
        (TOY, "toy", {"target_images"}),
        (BACKWARDS, "toy", {"target_images"}),
        (TOY, "leaking", {"target_images", "test_images"}),
        (BY_CAMERA, "toy", {"target_images", "target_cameras"}),
    ],
)
def test_a_result_tells_what_of_the_target_was_used(
    registry: Registry,
    benchmark_: Benchmark,
    session: Session,
    request_: Request,
    target: str,
    uses: set[str],
) -> None:
    benchmark = replace(benchmark_, target=DatasetSpec(target, {"domain": "b"}))
    told = ran(registry, benchmark, request_, session).uses
    assert set(told) == {"target_images", "target_cameras", "target_labels", "test_images"}
    assert {name for name, used in told.items() if used} == uses


@pytest.mark.parametrize(
    ("source", "target", "synthetic"),
    [
        ("toy", "toy", True),
        ("toy", "photographed", True),
        ("photographed", "toy", True),
        ("photographed", "photographed", False),
    ],
)
def test_one_rendered_domain_makes_a_result_synthetic(
    registry: Registry,
    benchmark_: Benchmark,
    session: Session,
    source: str,
    target: str,
    synthetic: bool,
) -> None:
    benchmark = replace(
        benchmark_,
        source=DatasetSpec(source, {"domain": "a"}),
        target=DatasetSpec(target, {"domain": "b"}),
    )
    assert ran(registry, benchmark, DIRECT, session).benchmark["synthetic"] is synthetic


def test_what_was_set_of_data_and_of_the_recipe_stands_in_the_result(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    recipe = compose(DIRECT, benchmark_, registry, {"toy.epochs": 1})
    changes = {"target.ids": 5}
    setting = open_setting(benchmark_, registry, None, changes)
    outcome = run_plan(plan(recipe, setting, 0, "float32"), session)
    result = result_of(outcome, datetime.now(UTC))
    assert result.modified == {"target.ids": 5, "toy.epochs": 1}


def test_translated_test_images_are_measured_in_the_gallery_and_shown_of_the_query(
    registry: Registry, benchmark_: Benchmark
) -> None:
    made = planned(registry, benchmark_, BACKWARDS)
    (quality,) = made.translation_quality
    assert made.preview is not None
    assert quality.translated.originals.split == "gallery"
    assert made.preview.translated.originals.split == "query"


def quality(value: float, warnings: list[str]) -> dict[str, Any]:
    """Return a record of what one translation kept, each measure with a value of its own."""
    measures = {"fid": 10 * value, "kid": value / 10, "ssim": value / 2}
    accuracy = {"real": value / 4, "translated": value / 8}
    return {"classifier": "toy", "accuracy": accuracy, "warnings": warnings, **measures}


def kept_in(folder: Path, *records: dict[str, Any]) -> Outcome:
    """Return an outcome whose splits kept what the records tell."""
    finished = {}
    for number, record in enumerate(records):
        stage = SimpleNamespace(key=f"preserve/{number}")
        place = folder / str(number)
        place.mkdir()
        (place / "preservation.json").write_text(json.dumps(record))
        finished[stage.key] = Finished(cast(Any, stage), Artifact(stage.key, place, {}), True)
    quality = tuple(f.stage for f in finished.values())
    ends = SimpleNamespace(translation_quality=quality, truth_errors=())
    return Outcome(cast(Any, ends), cast(Mapping[str, Finished], finished))


def test_what_several_splits_kept_is_their_mean(tmp_path: Path) -> None:
    each = [quality(0.2, ["few"]), quality(0.6, ["few", "old"])]
    found = translation_quality_of(kept_in(tmp_path, *each))
    assert found["splits"] == each
    assert {k: found[k] for k in ("fid", "kid", "ssim")} == pytest.approx(
        {"fid": 4.0, "kid": 0.04, "ssim": 0.2}
    )
    assert found["accuracy"] == pytest.approx({"real": 0.1, "translated": 0.05})
    assert found["warnings"] == ["few", "old"]


def test_one_split_is_told_as_it_is(tmp_path: Path) -> None:
    record = quality(0.3, [])
    assert translation_quality_of(kept_in(tmp_path, record)) == record


def test_a_stage_that_one_run_made_and_the_next_reused_was_made() -> None:
    made, other = (
        Finished(cast(Any, None), Artifact(key, Path(), {}), reused=False) for key in ("a/0", "b/0")
    )
    plan = cast(Any, None)
    outcomes = [
        Outcome(plan, {"a/0": made}),
        Outcome(plan, {"a/0": replace(made, reused=True), "b/0": other}),
    ]
    assert unique_stages(outcomes) == [made, other]


def test_several_sources_are_declared(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    more = Registration("several")
    more.dataset("toy-c", f"{TOYS}:ToyDataset")
    registry.add(more)
    source = DatasetSpec("toy+toy-c", {"toy-c": {"domain": "c"}})
    plan = make_plan(
        registry, replace(benchmark_, source=source), request=Request("direct", learner="toy")
    )
    told = result_of(run_plan(plan, session), datetime.now(UTC)).benchmark["source"]
    assert told["name"] == "toy+toy-c"
    assert [p["title"] for p in told["parts"]] == ["toy:a", "toy-c:c"]
    assert len({told["fingerprint"], *(p["fingerprint"] for p in told["parts"])}) == 3


class Scattering(ToyTranslator):
    """Makes use of an operation that torch has in no repeatable form."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        torch.ones(3).put_(torch.tensor([0]), torch.ones(1))
        return super().training_step(batch, extra_loss, clock)


def test_how_stages_were_computed_is_told_where_it_was_not_the_plain_way(
    registry: Registry, benchmark_: Benchmark, session: Session
) -> None:
    more = Registration("scattering")
    more.translator("scattering", f"{__name__}:Scattering")
    registry.add(more)
    careful = replace(session, hardware=Hardware(torch.device("cpu"), deterministic=True))
    told = stages(ran(registry, benchmark_, replace(TOY, translator="scattering"), careful))
    assert all(stage["deterministic"] for stage in told)
    (fitted,) = (stage for stage in told if "not_repeatable" in stage)
    assert fitted["not_repeatable"] == ["put_"]
    (plain,) = {tuple(stage) for stage in stages(ran(registry, benchmark_, BY_CAMERA, session))} - {
        tuple(told[0])
    }
    assert plain == ("title", "key", "seconds", "device", "reused")


def stages(result: Result) -> list[dict[str, Any]]:
    return cast(list[dict[str, Any]], result.execution["stages"])
