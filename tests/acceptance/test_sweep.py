"""Many runs by one command."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.ground import computed

FAILING = """
    import torch
    from reidbench.hookspecs import hookimpl
    from reidbench.interfaces import IdentityConstraint

    class Diverging(IdentityConstraint):
        def setup(self, ctx): pass
        def losses(self, hops, clock): return {"bad": hops[0].fake.sum() * float("nan")}

    class Faulty(Diverging):
        def losses(self, hops, clock): raise TypeError("a slip of its author")

    @hookimpl
    def reidbench_register(registry):
        registry.constraint("diverging", "reidbench_failing:Diverging")
        registry.constraint("faulty", "reidbench_failing:Faulty")
"""


def test_methods_and_seeds_share_stages(place):
    methods = ("--method", "direct", "--method", "spgan", "--seeds", "0-1")
    swept = place("sweep", *methods, "--json")
    assert swept.exit_code == 0, swept.stderr
    runs = [(r["recipe"]["name"], r["seed"]) for r in json.loads(swept.stdout)]
    assert sorted(runs) == [("direct", 0), ("direct", 1), ("spgan", 0), ("spgan", 1)]
    assert len(computed(place.cache, "decode")) == 4
    assert len(computed(place.cache, "translator")) == 2
    assert len(computed(place.cache, "learn")) == 4  # fine-tuning starts from direct transfer
    again = place("sweep", *methods)
    assert "to compute" not in again.stderr
    assert "±" in again.stdout


@pytest.mark.parametrize(
    ("constraint", "reason"),
    [("diverging", "training diverged"), ("faulty", "a slip of its author")],
)
def test_a_failing_run_stops_no_other(place, install, constraint, reason):
    install("failing", FAILING)
    names = ("--constraint", constraint, "--constraint", "none")
    swept = place("sweep", "--translator", "cyclegan", *names, "--seeds", "0", "--json")
    assert swept.exit_code == 1
    assert "error: 1 of 2 runs failed" in swept.stderr
    assert reason in swept.stderr
    assert "Traceback" not in swept.stderr
    assert [r["recipe"]["name"] for r in json.loads(swept.stdout)] == ["cyclegan"]


def test_a_setting_goes_to_those_that_have_its_owner(place):
    methods = ("--method", "direct", "--method", "cyclegan")
    swept = place("sweep", *methods, "--seeds", "0", "--set", "cyclegan.lr=0.001", "--json")
    assert swept.exit_code == 0, swept.stderr
    direct, cyclegan = json.loads(swept.stdout)
    assert direct["modified"] == {}
    assert cyclegan["modified"] == {"cyclegan.lr": 0.001}


def test_a_setting_of_nobody_is_refused(place):
    swept = place("sweep", "--method", "direct", "--set", "cyclgan.lr=0.001")
    assert swept.exit_code == 2
    assert "'cyclgan' is no part of this run" in swept.stderr
    assert not computed(place.cache, "decode", "learn")
