"""A run that was killed anywhere and started again ends bit-identical to one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from reidbench.engine import loop as training
from reidbench.runs.runner import run_plan
from reidbench.stages import FitTranslator, Learn, Stage
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON
from reidbench.testing.toy_runs import make_session, toy_plan
from tests.runs.killing import Counting

ROOT = Path(__file__).parents[2]
STAGES = toy_plan().stages
TITLES = [stage.title for stage in STAGES]
FIT, LEARN, TUNE = (
    "train toy+kept",
    "learn toy on real images",
    "fine-tune toy on translated images",
)
LATER = {FIT: [4, 6], LEARN: [5, 12], TUNE: [2, 12]}

# Every stage is killed when something of it is done; trainings also in the middle and at the end.
KILLED = [(title, step) for title in TITLES for step in (1, *LATER.get(title, []))]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("killed")


@pytest.fixture(scope="module")
def traces(root: Path) -> list[JSON]:
    """What each process did before it was killed; all worked in one store, one after the other."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.runs.killing", root, json.dumps(KILLED)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def finished(root: Path, traces: list[JSON]) -> dict[str, JSON]:
    """The artifacts after a last run that was not killed."""
    run_plan(toy_plan(), make_session(root))
    return contents(root)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JSON]:
    """The artifacts of one run that nothing disturbed."""
    root = tmp_path_factory.mktemp("whole")
    run_plan(toy_plan(), make_session(root))
    return contents(root)


def contents(root: Path) -> dict[str, JSON]:
    return {a.key: a.manifest["files"] for a in Store(root).artifacts()}


def test_gradient_shares_are_those_of_a_training_that_nothing_disturbed(
    root: Path, finished: dict[str, JSON], tmp_path: Path
) -> None:
    fit = next(s for s in STAGES if isinstance(s, FitTranslator))
    run_plan(toy_plan(), make_session(tmp_path))
    kept = [Store(folder).find(fit.key) for folder in (root, tmp_path)]
    told = [artifact.manifest["training"] for artifact in kept if artifact]
    assert told[0] == told[1]
    assert len(told[0]["gradient_shares"]) == 4


def test_each_process_was_killed_where_it_should_be(traces: list[JSON]) -> None:
    ends = [(titles[-1], done[-1][-1] if titles[-1] in LATER else 1) for titles, done, _ in traces]
    assert ends == KILLED
    assert {killer for *_, killer in traces} == {signal.SIGKILL}


def test_each_process_began_with_the_stage_that_was_not_finished(traces: list[JSON]) -> None:
    begun = [(before[0][-1], after[0][0]) for before, after in pairwise(traces)]
    assert all(before == after for before, after in begun)


def test_trainings_were_taken_up_at_the_last_checkpoint(traces: list[JSON]) -> None:
    taken_up = [
        # A checkpoint follows the call to progress, so that the step it told of comes again.
        (before[1][-1][-1], after[1][0][0])
        for before, after in pairwise(traces)
        if before[0][-1] in LATER
    ]
    assert len(taken_up) == 9
    assert all(before == after for before, after in taken_up)


@pytest.mark.parametrize("stage", STAGES, ids=lambda s: s.title.replace(" ", "-"))
def test_every_stage_ends_as_if_nothing_had_been(
    finished: dict[str, JSON], whole: dict[str, JSON], stage: Stage
) -> None:
    assert finished[stage.key] == whole[stage.key]


def test_nothing_is_left_over(root: Path, finished: dict[str, JSON]) -> None:
    assert set(finished) == {stage.key for stage in STAGES}
    assert Store(root).partial() == []
    assert Store(root).broken() == []


def test_the_stages_named_here_are_all_the_trainings() -> None:
    assert set(LATER) == {s.title for s in STAGES if isinstance(s, FitTranslator | Learn)}


def test_an_interrupted_training_is_taken_up(
    tmp_path: Path, whole: dict[str, JSON], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupting(Counting):
        def progress(self, done: int, total: int, log: Mapping[str, float]) -> None:
            super().progress(done, total, log)
            if self.titles[-1] == FIT and done == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(training, "SHOW_EVERY", 0)
    with pytest.raises(KeyboardInterrupt):
        run_plan(toy_plan(), make_session(tmp_path, Interrupting(), every=0))
    reporter = Counting()
    run_plan(toy_plan(), make_session(tmp_path, reporter))
    assert contents(tmp_path) == whole
    assert reporter.titles[0] == FIT
    assert reporter.done[0] == [3, 4, 5, 6]
