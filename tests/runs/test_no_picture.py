"""A picture that cannot be drawn: it is told, and no score is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.progress import Silent
from reidbench.registry.registry import Registry
from reidbench.results.result import load
from reidbench.runs import launch
from reidbench.runs.launch import run_and_record
from reidbench.stages import Evaluate, Preview
from reidbench.testing.toy_runs import make_session, toy_plan


class Told(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def breaks(*_: object, **__: object) -> None:
    raise RuntimeError("no font")


def test_a_stage_of_examples_that_fails_is_told_and_loses_no_score(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    session = make_session(tmp_path / "cache", told)
    monkeypatch.setattr(Preview, "compute", breaks)
    done = run_and_record(toy_plan(), session, tmp_path / "results")
    assert done.picture is None
    assert told.lines == ["warning: no picture of the translation: RuntimeError: no font"]
    kept = load(done.path)
    assert kept.execution["picture_missing"] == "RuntimeError: no font"
    monkeypatch.undo()
    again = run_and_record(toy_plan(), session, tmp_path / "results")
    assert again.picture
    assert again.picture.is_file()
    assert dict(again.result.scores) == dict(kept.scores)
    assert "picture_missing" not in again.result.execution


def test_a_picture_that_cannot_be_written_loses_no_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    monkeypatch.setattr(launch, "save_picture", breaks)
    done = run_and_record(toy_plan(), make_session(tmp_path / "cache", told), tmp_path / "results")
    assert done.picture is None
    assert "no font" in told.lines[0]
    assert load(done.path).seed == 0


def test_any_other_stage_that_fails_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Evaluate, "compute", breaks)
    with pytest.raises(RuntimeError, match="no font"):
        run_and_record(toy_plan(), make_session(tmp_path / "cache"), tmp_path / "results")
    assert not list(tmp_path.glob("results/*/*.json"))
