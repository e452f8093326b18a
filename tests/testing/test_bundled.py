"""No check raises a false alarm: everything that is bundled passes all that apply to it."""

from __future__ import annotations

import pytest

from reidbench.registry.loading import load_plugins
from reidbench.testing.checks import PluginSubject, Subject, find_subjects, run_checks
from reidbench.testing.checks.check import CHECKS

SUBJECTS = find_subjects(load_plugins(), bundled=True)
PASSED: set[tuple[str, str]] = set()
NOWHERE = {"trains-on-cuda", "masks-on-cuda", "golden-values-hold"}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.title)
def test_a_bundled_part_fails_no_check(subject: Subject | PluginSubject) -> None:
    outcomes = list(run_checks(subject))
    assert outcomes
    assert [f"{o.check}: {o.message}" for o in outcomes if o.status == "failed"] == []
    PASSED.update((subject.kind, o.check) for o in outcomes if o.status == "passed")


def test_every_check_applies_to_something_bundled() -> None:
    if len(PASSED) < 2:
        pytest.skip("the tests above did not run")
    every = {(kind, c.name) for c in CHECKS for kind in c.kinds if c.name not in NOWHERE}
    assert every - PASSED == set()


def test_the_distributions_of_the_project_are_the_bundled_ones() -> None:
    assert [p.distribution for p in load_plugins().found if not p.bundled] == []
