"""Checks of plugins: what ``reidbench plugin check`` does, as functions and as one line for pytest.

    from reidbench.testing.checks import parametrize_with_checks

    @parametrize_with_checks("mine")
    def test_conforms(check):
        check()

There is a module for each kind of component. A check is a plain function of a ``Subject``;
``subject_of(MyTranslator, "translator")`` makes one of any class.
"""

from reidbench.testing.checks.check import (
    Check,
    FailedCheck,
    PluginSubject,
    SkippedCheck,
    Subject,
    subject_of,
)

# In the order in which the checks of a component run: what the others rest on comes first.
from reidbench.testing.checks import (  # isort: skip
    components,  # noqa: F401
    plugins,  # noqa: F401
    translators,  # noqa: F401
    translations,  # noqa: F401
    constraints,  # noqa: F401
    learners,  # noqa: F401
    embeddings,  # noqa: F401
    segmenters,  # noqa: F401
    datasets,  # noqa: F401
    protocols,  # noqa: F401
    golden,
)
from reidbench.testing.checks.parametrize import parametrize_with_checks
from reidbench.testing.checks.running import (
    Outcome,
    checks_of,
    find_check,
    find_subjects,
    run_check,
    run_checks,
)

record_golden_values = golden.record

__all__ = [
    "Check",
    "FailedCheck",
    "Outcome",
    "PluginSubject",
    "SkippedCheck",
    "Subject",
    "checks_of",
    "find_check",
    "find_subjects",
    "parametrize_with_checks",
    "record_golden_values",
    "run_check",
    "run_checks",
    "subject_of",
]
