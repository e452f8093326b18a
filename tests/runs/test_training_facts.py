"""The training of a run's translator, as the result tells of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from reidbench.results.result import Result
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Session, run_plan
from reidbench.testing.toy_runs import toy_plan


def test_a_result_holds_the_gradient_shares_of_its_translator(session: Session) -> None:
    result = result_of(run_plan(toy_plan(), session), datetime.now(UTC))
    shares = result.training["gradient_shares"]
    assert [entry["step"] for entry in shares] == [0, 1, 3, 4]
    for entry in shares:
        terms = entry["terms"]
        assert {"cycle", "colour"} < set(terms)
        assert any(name.startswith("kept.") for name in terms)
        assert abs(sum(term["share"] for term in terms.values()) - 1) < 1e-4
    again = Result.from_dict(result.to_dict())
    assert again.training == result.training
    assert again.digest == replace(result, training={}).digest


def test_an_artifact_of_an_earlier_version_tells_nothing_of_it(session: Session) -> None:
    outcome = run_plan(toy_plan(), session)
    for item in outcome.finished.values():
        item.artifact.manifest.pop("training", None)
    result = result_of(outcome, datetime.now(UTC))
    assert result.training == {}
    assert "training" not in result.to_dict()
