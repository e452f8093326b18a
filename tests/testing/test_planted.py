"""Each typical mistake of an author is found by the check that is meant for it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from reidbench.evaluation.protocols import Market1501
from reidbench.testing.checks import (
    Check,
    find_check,
    run_check,
    run_checks,
    subject_of,
)
from reidbench.testing.checks.check import CHECKS
from reidbench.testing.toys import ToyConstraint, ToyDataset, ToyLearner, ToyTranslator
from tests.testing.planted import DEFECTS, constraints, learners, others, signatures, translators
from tests.testing.planted.learners import ToySegmenter
from tests.testing.planted.sound import UNUSUAL

SOUND: dict[str, type[Any]] = {
    "translator": ToyTranslator,
    "constraint": ToyConstraint,
    "learner": ToyLearner,
    "segmenter": ToySegmenter,
    "dataset": ToyDataset,
    "protocol": Market1501,
}
FILES = (constraints, learners, others, signatures, translators)


@pytest.mark.parametrize("planted", DEFECTS, ids=lambda d: d.title)
def test_the_check_that_is_meant_for_it_finds_a_planted_defect(planted):
    found = run_check(
        find_check(planted.check, planted.kind), subject_of(planted.factory, planted.kind)
    )
    assert found.status == "failed", found.message
    assert re.search(planted.told, found.message), found.message


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_toy_fails_nothing(kind):
    failed = [o for o in run_checks(subject_of(SOUND[kind], kind)) if o.status == "failed"]
    # The toys are all in one module, with those that need torch.
    assert [o.message for o in failed if o.check != "imports-no-torch"] == []


@pytest.mark.parametrize("unusual", UNUSUAL, ids=lambda c: c.__name__)
def test_what_is_unusual_is_no_mistake(unusual):
    failed = [o for o in run_checks(subject_of(unusual, UNUSUAL[unusual])) if o.status == "failed"]
    assert [(o.check, o.message) for o in failed if o.check != "imports-no-torch"] == []


def test_defects_are_many_and_every_check_has_one():
    assert len(DEFECTS) >= 45
    assert len({d.factory for d in DEFECTS}) >= 45
    named = {(d.kind, d.check) for d in DEFECTS}
    everywhere = {check for _, check in named}

    def has_one(kind: str, check: Check) -> bool:
        # The toy segmenter learns nothing; checks of all kinds are one function.
        shared = kind == "segmenter" or len(check.kinds) > 1
        return check.name in everywhere if shared else (kind, check.name) in named

    missing = {c.name for c in CHECKS for k in c.kinds if k in SOUND and not has_one(k, c)}
    cuda = {"trains-on-cuda", "masks-on-cuda"}
    assert missing == {*cuda, "masks-in-bf16", "golden-values-hold"}
