"""A component whose source changes at an equal version: it is told, and --dev computes again."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reidbench.config.compose import Request
from reidbench.registry import origin
from reidbench.registry.origin import Origin
from reidbench.registry.registry import Registration, Registry
from reidbench.results.leaderboard import build
from reidbench.results.result import Result
from reidbench.runs.contested import tell_contested
from reidbench.runs.recording import result_of
from reidbench.runs.runner import Outcome, Session, run_plan
from reidbench.runs.sources import forget_begun, note_begun
from reidbench.storage.artifacts import RESUME
from reidbench.testing.toy_runs import make_plan, make_session, toy_benchmark
from tests.runs.test_no_picture import Told

Save = Callable[[str], Registry]
CODE = """
from reidbench.testing.toys import ToyConstraint

class Mine(ToyConstraint):
    scale = {scale}

    def losses(self, hops, clock):
        return {{n: self.scale * t for n, t in super().losses(hops, clock).items()}}
"""


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Registry) -> Iterator[Save]:
    """Save the author's file, as the next command would import it."""
    monkeypatch.syspath_prepend(tmp_path)
    more = Registration("mine", Origin("mine-dist", "0.1"))
    more.constraint("mine", "authors_file:Mine")
    registry.add(more)

    def write(scale: str) -> Registry:
        (tmp_path / "authors_file.py").write_text(CODE.format(scale=scale))
        sys.modules.pop("authors_file", None)
        importlib.invalidate_caches()
        sys.path_importer_cache.clear()
        origin._digest.cache_clear()
        return registry

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield write
    sys.modules.pop("authors_file", None)
    origin._digest.cache_clear()


def run(registry: Registry, session: Session) -> Outcome:
    request = Request(None, "toy", ["mine"], "toy")
    return run_plan(make_plan(registry, toy_benchmark(), request=request), session)


def recorded(outcome: Outcome) -> Result:
    return result_of(outcome, datetime.now(UTC))


def made(outcome: Outcome) -> set[str]:
    return {f.stage.kind for f in outcome.finished.values() if not f.reused}


def test_a_changed_source_is_told_and_dev_computes_again(save: Save, tmp_path: Path) -> None:
    told = Told()
    session = make_session(tmp_path / "cache", told)
    first = run(save("1.0"), session)
    same = run(save("1.0"), session)
    assert (told.lines, same.stale, made(same)) == ([], (), set())
    other = run(save("2.0"), session)
    assert made(other) == set()
    (line,) = told.lines
    assert "stale? another source of constraint 'mine' at the same version made" in line
    assert "--dev" in line
    warned = [w for w in recorded(other).warnings if w.startswith("stale?")]
    assert warned == [
        "stale? another source of constraint 'mine' (mine-dist 0.1) made some of what was reused"
    ]
    again = run(save("2.0"), replace(session, dev=True))
    assert made(again) == made(first) - {"decode"}
    assert again.stale == ()
    assert made(run(save("2.0"), replace(session, dev=True))) == set()
    keys = [e.finished.keys() for e in (first, again)]
    assert keys[0] == keys[1]


def test_results_and_leaderboard_tell_whose_components_they_are(save: Save, tmp_path: Path) -> None:
    result = recorded(run(save("1.0"), make_session(tmp_path / "cache")))
    parts = {p["name"]: p for p in result.recipe["components"]}
    assert parts.keys() == {"toy", "mine", "market1501"}
    assert parts["market1501"]["bundled"]
    assert (parts["mine"]["distribution"], parts["mine"]["bundled"]) == ("mine-dist", False)
    assert result.recipe["constraints"][0]["distribution"] == "mine-dist"
    assert "distribution" not in result.recipe["translator"]
    read = Result.from_dict(result.to_dict())
    (left_out,) = build([read]).unranked
    assert left_out.entry.others == ("constraint mine version 1 of mine-dist 0.1",)
    mixed = replace(read, seed=1, recipe={**read.recipe, "components": [dict(parts["mine"])]})
    mixed.recipe["components"][0] |= {"source": "x", "distribution_version": "0.2"}
    (row,) = build([read, mixed]).boards[0].rows
    (told,) = row.entry.others
    assert told == "constraint mine version 1 of mine-dist 0.1 and 0.2, of several sources"


def test_checkpoints_of_another_source_are_noted_or_thrown_away(tmp_path: Path) -> None:
    old, new = {"constraint mine": ["a"]}, {"constraint mine": ["b"]}
    begun = tmp_path / RESUME
    begun.mkdir()
    assert note_begun(tmp_path, old, afresh=False) == old
    (begun / "translator.safetensors").touch()
    assert note_begun(tmp_path, old, afresh=True) == old
    assert (begun / "translator.safetensors").exists()
    assert note_begun(tmp_path, new, afresh=False) == {"constraint mine": ["a", "b"]}
    assert note_begun(tmp_path, new, afresh=True) == new
    assert not (begun / "translator.safetensors").exists()
    forget_begun(tmp_path)
    assert not begun.exists()


def test_a_contested_name_is_told_where_it_is_used_alone(registry: Registry) -> None:
    late = Registration("late", Origin("late-dist", "9"))
    late.constraint("kept", "a:B")
    with pytest.raises(Exception, match=r"already registered by plugin 'toys' \(late-dist 9; "):
        registry.add(late)
    told, benchmark = Told(), toy_benchmark()
    tell_contested(
        [make_plan(registry, benchmark, request=Request("direct", learner="toy"))], registry, told
    )
    assert told.lines == []
    tell_contested([make_plan(registry, benchmark)] * 2, registry, told)
    (line,) = told.lines
    assert line.startswith("warning: constraint 'kept' is that of reidbench ")
    assert "plugin 'late' of late-dist 9 wanted the name and is not loaded" in line
