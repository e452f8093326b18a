"""Facts that a result had before, for stages that have gone from the cache since.

Scores that are kept need neither the model nor the translator that they were computed by. A run
that reuses them cannot tell anew what training cost; the result that it would replace can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reidbench.results.result import Result
from reidbench.storage.keys import JSON

_PARTS = ("translation", "masks", "cost", "training")
_MACHINE = ("translation", "embedding")
"""Parts of ``execution`` that tell of stages."""


def with_facts_of(result: Result, before: Result) -> Result:
    """Return a result with the facts of stages of which only the one before it tells.

    Nothing is taken over unless both are of one run with equal scores, and stages are lacking.
    """
    lost = _lost(result, before)
    if not lost or not _of_one_run(result, before):
        return result
    parts = {name: _filled(getattr(result, name), getattr(before, name)) for name in _PARTS}
    missed = [warning for warning in before.warnings if warning not in result.warnings]
    execution = _execution(result.execution, before.execution, lost)
    return replace(result, **parts, warnings=[*result.warnings, *missed], execution=execution)


def _execution(
    now: Mapping[str, Any], before: Mapping[str, Any], lost: list[JSON]
) -> dict[str, JSON]:
    told = {name: _filled(now.get(name), before.get(name)) for name in _MACHINE}
    seconds = before if now.get("training_seconds") is None else now
    clocked = {name: seconds.get(name) for name in ("seconds", "training_seconds")}
    return {**now, **told, **clocked, "stages": [*now.get("stages", ()), *lost]}


def _of_one_run(a: Result, b: Result) -> bool:
    same = (a.digest, a.seed, a.scores) == (b.digest, b.seed, b.scores)
    return same and a.uses == b.uses


def _lost(result: Result, before: Result) -> list[JSON]:
    """Return the stages that only the result before tells of, also by no other version of them."""
    now, then = _stages(result), _stages(before)
    renewed = Counter(stage.get("title") for key, stage in now.items() if key not in then)
    lost = []
    for key, stage in then.items():
        if key not in now:
            renewed[stage.get("title")] -= 1
            if renewed[stage.get("title")] < 0:
                lost.append(stage)
    return lost


def _stages(result: Result) -> dict[str, dict[str, JSON]]:
    """Return the stages that a result names, by key."""
    named = result.execution.get("stages")
    stages = named if isinstance(named, list) else []
    return {s["key"]: s for s in stages if isinstance(s, dict) and isinstance(s.get("key"), str)}


def _filled(now: JSON, before: JSON) -> JSON:
    """Return a value with what it lacks taken from an earlier one."""
    if now is None or now in ({}, []):
        return now if before is None else before
    if isinstance(now, Mapping) and isinstance(before, Mapping):
        return {**before, **{k: _filled(v, before.get(k)) for k, v in now.items()}}
    if isinstance(now, list) and isinstance(before, list) and len(now) == len(before):
        return [_filled(*pair) for pair in zip(now, before, strict=True)]
    return now
