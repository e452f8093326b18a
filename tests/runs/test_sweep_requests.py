"""The requests that the names of a sweep stand for."""

from __future__ import annotations

from reidbench.registry.loading import load_plugins
from reidbench.runs.sweeps import Combinations, requests_of


def test_strategy_and_direction_are_for_what_translates():
    names = Combinations(
        methods=["direct", "cyclegan"],
        translators=["stargan"],
        strategy="translated",
        direction="source-to-target",
    )
    asked = list(requests_of(names, load_plugins().registry))
    assert [(r.method, r.translator) for r in asked] == [
        ("direct", None),
        ("cyclegan", None),
        (None, "stargan"),
    ]
    assert [r.strategy for r in asked] == [None, "translated", "translated"]
    assert [r.direction for r in asked] == [None, "source-to-target", "source-to-target"]
