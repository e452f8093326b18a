"""A run that was killed anywhere and started again ends bit-identical to one that was not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from reidbench import training
from reidbench.keys import JSON
from reidbench.runner import execute
from reidbench.store import Store
from tests.core.killing import Counting
from tests.core.toy_runs import make_session, toy_plan

ROOT = Path(__file__).parents[2]
TITLES = [stage.title for stage in toy_plan().stages]
FIT, LEARN, TUNE = (
    "train toy+kept",
    "learn toy on real images",
    "fine-tune toy on translated images",
)

# Every stage is killed when something of it is done; trainings also in the middle and at the end.
KILLED = [
    *((title, 1) for title in TITLES),
    *((FIT, n) for n in (4, 6)),
    *((title, n) for title in (LEARN, TUNE) for n in (5, 12)),
]


def slug(title: str, least: int) -> str:
    return f"{title} {least}".replace(" ", "-").replace(":", "-")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stores in which a run was killed, by scenario, and one in which every one came."""
    folder = tmp_path_factory.mktemp("killed")
    scenarios = [(str(folder / slug(*k)), *k) for k in KILLED]
    scenarios += [(str(folder / "again-and-again"), *k) for k in sorted(KILLED, key=_place)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.killing", json.dumps(scenarios)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [signal.SIGKILL] * len(scenarios)
    return folder


def _place(killed: tuple[str, int]) -> tuple[int, int]:
    return TITLES.index(killed[0]), killed[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, JSON]:
    root = tmp_path_factory.mktemp("whole")
    execute(toy_plan(), make_session(root))
    return contents(root)


def contents(root: Path) -> dict[str, JSON]:
    return {a.key: a.manifest["files"] for a in Store(root).artifacts()}


@pytest.mark.parametrize("killed", KILLED, ids=lambda k: slug(*k))
def test_a_killed_run_ends_as_if_nothing_had_been(
    roots: Path, whole: dict[str, JSON], killed: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SHOW_EVERY", 0)
    root, reporter = roots / slug(*killed), Counting()
    title, step = killed
    finished = toy_plan().stages[: TITLES.index(title)]
    assert set(contents(root)) == {stage.key for stage in finished}
    execute(toy_plan(), make_session(root, reporter))
    assert contents(root) == whole
    assert Store(root).partial() == []
    assert reporter.titles == TITLES[TITLES.index(title) :]
    if title in (FIT, LEARN, TUNE):
        # The checkpoint of the step before was taken up, not more and not less.
        assert reporter.done[0][0] == step


def test_a_run_killed_again_and_again_gets_there(roots: Path, whole: dict[str, JSON]) -> None:
    root = roots / "again-and-again"
    outcome = execute(toy_plan(), make_session(root))
    assert contents(root) == whole
    scores = json.loads((outcome.artifact(toy_plan().evaluate).path / "scores.json").read_text())
    assert 0 < scores["mAP"] <= 1


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
        execute(toy_plan(), make_session(tmp_path, Interrupting(), every=0))
    reporter = Counting()
    execute(toy_plan(), make_session(tmp_path, reporter))
    assert contents(tmp_path) == whole
    assert reporter.titles[0] == FIT
    assert reporter.done[0] == [3, 4, 5, 6]
