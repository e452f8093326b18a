"""The one line of a plugin's tests: a test for each check, and failures that are expected."""

from __future__ import annotations

import pytest

from reidbench.errors import UsageError
from reidbench.testing.checks import find_check, parametrize_with_checks, subject_of
from reidbench.testing.checks.parametrize import BoundCheck
from reidbench.testing.toys import ToyLearner, ToyTranslator
from tests.testing.planted.learners import EmbedsNaN


def test_each_check_is_a_test_with_a_name():
    parameters = parametrize_with_checks("market1501").args[1]
    names = [p.id for p in parameters]
    assert "protocol-market1501:-is-deterministic" in names
    assert "dataset-market1501:-pickles" in names
    assert all(not p.marks for p in parameters)


def test_a_check_that_is_expected_to_fail_must_and_says_why():
    mark = parametrize_with_checks(
        "single-shot", expected_failures={"is-deterministic": "it draws on purpose"}
    )
    marked = [p for p in mark.args[1] if p.marks]
    assert [p.id for p in marked] == ["protocol-single-shot:-is-deterministic"]
    (xfail,) = marked[0].marks
    assert xfail.kwargs == {"reason": "it draws on purpose", "strict": True}


def test_a_check_of_no_such_name_cannot_be_expected_to_fail():
    with pytest.raises(UsageError, match=r"is-determinist.*did you mean 'is-deterministic'"):
        parametrize_with_checks("single-shot", expected_failures={"is-determinist": "x"})


def test_a_failure_shows_the_mistake_the_reason_and_the_remedy():
    bound = BoundCheck(find_check("embeds-a-matrix", "learner"), subject_of(EmbedsNaN, "learner"))
    with pytest.raises(pytest.fail.Exception) as caught:
        bound()
    assert "learner mine: embeds-a-matrix: features are not finite" in str(caught.value)
    assert "To mend it: Return [B, D] of finite floats" in str(caught.value)


def test_a_check_that_does_not_apply_is_skipped_and_one_that_passes_says_nothing():
    name = "codes-pick-translations"
    bound = BoundCheck(find_check(name, "translator"), subject_of(ToyTranslator, "translator"))
    with pytest.raises(pytest.skip.Exception, match="it takes no codes"):
        bound()
    toy = subject_of(ToyLearner, "learner")
    BoundCheck(find_check("keeps-the-contract", "learner"), toy)()
