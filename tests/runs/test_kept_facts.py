"""The same command never leaves a result that tells less than the one before it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reidbench.results.merging import with_facts_of
from reidbench.results.result import Result, load
from reidbench.runs.launch import run_and_record
from reidbench.runs.runner import Session
from reidbench.testing.toy_runs import toy_plan
from tests.made_results import make_result


def recorded(session: Session, results: Path) -> Result:
    return load(run_and_record(toy_plan(), session, results).path)


@pytest.mark.parametrize("kind", ["learn", "translator", "translate", "embed", "decode"])
def test_what_has_gone_from_the_cache_is_still_told(
    session: Session, tmp_path: Path, kind: str
) -> None:
    first = recorded(session, tmp_path)
    for key in [a.key for a in session.store.artifacts() if a.key.startswith(f"{kind}/")]:
        session.store.remove(key)
    bare = run_and_record(toy_plan(), session, tmp_path / "elsewhere").result
    again = recorded(session, tmp_path)
    if kind == "learn":
        assert bare.cost["training_flops"] is None
    for name in ("cost", "training", "translation", "masks", "warnings", "scores"):
        assert getattr(again, name) == getattr(first, name), name
    for name in ("seconds", "training_seconds", "translation", "embedding"):
        assert again.execution[name] == first.execution[name]
    keys = [{s["key"] for s in r.execution["stages"]} for r in (first, again)]
    assert keys[0] <= keys[1]


def test_a_damaged_result_is_replaced(session: Session, tmp_path: Path) -> None:
    first = run_and_record(toy_plan(), session, tmp_path)
    first.path.write_text("[" * 9999)
    assert recorded(session, tmp_path).cost == first.result.cost


def of_stages(*keys: str, flops: int | None = None, **changes: object) -> Result:
    stages = [{"key": k, "title": k.partition("/")[0]} for k in keys]
    execution = {"stages": stages, "training_seconds": flops}
    cost = {"training_flops": flops, "learning": [{"steps": flops}]}
    return replace(make_result(), execution=execution, cost=cost, **changes)  # type: ignore[arg-type]


def test_only_facts_of_lacking_stages_are_taken_over() -> None:
    before = of_stages("learn/a", "embed/a", flops=7, warnings=["at chance", "x"])
    now = of_stages("embed/a", warnings=["x"])
    merged = with_facts_of(now, before)
    assert merged.cost == before.cost
    assert merged.warnings == ["x", "at chance"]
    assert merged.execution["training_seconds"] == 7
    for whole in (of_stages("learn/a", "embed/a"), of_stages("learn/b", "embed/a")):
        assert with_facts_of(whole, before) is whole


@pytest.mark.parametrize("change", [{"seed": 9}, {"scores": {"mAP": 0.1}}, {"precision": "bf16"}])
def test_nothing_is_taken_from_another_run(change: dict[str, object]) -> None:
    before = of_stages("learn/a", "embed/a", flops=7, **change)
    now = of_stages("embed/a")
    assert with_facts_of(now, before) is now
