"""Runs of a study: a table or figure of a paper, run, indexed and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reidbench.evaluation.trials import Spread, spread
from reidbench.plots import draw
from reidbench.plots.sources import Wish, chart_of_study
from reidbench.progress import Reporter
from reidbench.registry.faults import blaming
from reidbench.registry.loading import Plugins
from reidbench.results import html
from reidbench.results.measures import ACCURACIES
from reidbench.results.numbers import percent
from reidbench.results.reported import Reported, load_reported
from reidbench.results.result import Result
from reidbench.runs.contested import tell_contested
from reidbench.runs.engines.choice import check_engine, run_jobs
from reidbench.runs.launch import (
    Announce,
    RecordedRun,
    announce_nothing,
    open_session,
)
from reidbench.runs.options import SweepOptions
from reidbench.runs.scheduler import FailedRun, OnFailure
from reidbench.runs.study_plans import plan_study
from reidbench.runs.sweeps import SweepResults
from reidbench.storage.keys import JSON
from reidbench.studies.index import index_of
from reidbench.studies.study import Run, Study

TABULATED = ("mAP", "mAP_trapezoid", "rank1", "rank5")
"""Measures in the table of every study."""


@dataclass(frozen=True)
class MeasuredRun:
    """A run of a study with its results, one a seed, and their files."""

    run: Run
    results: tuple[Result, ...]
    paths: tuple[Path, ...]

    def spread(self, measure: str) -> Spread:
        """Return mean and standard deviation over the seeds."""
        return spread([r.measure(measure) for r in self.results])

    def to_dict(self, measures: Sequence[str]) -> dict[str, JSON]:
        """Return what was run and its measures, ready for JSON."""
        first = self.results[0]
        return {
            "run": self.run.title,
            "recipe": first.recipe["name"],
            "benchmark": first.benchmark["name"],
            "seeds": [r.seed for r in self.results],
            "measures": {m: self.spread(m).to_dict() for m in measures},
            "results": [str(p) for p in self.paths],
        }


@dataclass(frozen=True)
class StudyResults(SweepResults):
    """The results of a study.

    Attributes:
        study: what was run.
        measured: its runs that have a result.
        reported: what the paper reports.
        index: file that names the results; None if there are none.
        figure: drawn from them; None if there are none.
    """

    study: Study
    measured: tuple[MeasuredRun, ...]
    reported: tuple[Reported, ...]
    index: Path | None
    figure: Path | None

    @property
    def measures(self) -> tuple[str, ...]:
        """Those of the study's table."""
        return measures_of(self.study)

    def to_dict(self) -> dict[str, JSON]:
        """Return the study's table and files, ready for JSON, with measures in [0, 1]."""
        return {
            "study": self.study.name,
            "title": self.study.title,
            "measured": [m.to_dict(self.measures) for m in self.measured],
            "reported": [r.to_dict() for r in self.reported],
            "index": str(self.index) if self.index else None,
            "figure": str(self.figure) if self.figure else None,
        }

    def _repr_html_(self) -> str:
        rows = [
            (m.run.title, *(percent(m.spread(name)) for name in self.measures), str(len(m.results)))
            for m in self.measured
        ]
        headings = ("Run", *map(html.heading, self.measures), "Seeds")
        return html.table(self.study.title, headings, rows) + html.listed(
            "Failed", map(str, self.failures)
        )


@blaming()
def run_study(
    study: str,
    options: SweepOptions,
    plugins: Plugins,
    reporter: Reporter,
    masks: str | None = None,
    announce: Announce = announce_nothing,
    on_failure: OnFailure | None = None,
) -> StudyResults:
    """Run a study, write the index of its results and draw its figure.

    Args:
        study: name, or the path of a ``.toml`` file.
        options: of the benchmark, the study's own if it is empty, and of where to compute.
        plugins: where names are looked up.
        reporter: shows the stages.
        masks: what makes person masks, in place of what the study names.
        announce: told of the plans before anything is computed.
        on_failure: told of each failed run; without it the reporter is.

    Raises:
        UsageError: if there is no such study, or none of its runs can be composed.
    """
    execution = options.execution
    check_engine(options.engine, execution)
    planned = plan_study(study, options, plugins, reporter, masks)
    reported = planned.study.cited(load_reported())
    session = open_session(execution, plugins, reporter)
    told = on_failure or (lambda failed: reporter.say(f"failed {failed}"))
    for failed in planned.unfit:
        told(failed)
    tell_contested([job.plan for job in planned.jobs], plugins.registry, reporter)
    announce([job.plan for job in planned.jobs], session)
    outcomes = run_jobs(planned.jobs, session, execution, options.engine, told)
    measured = list(_measured([run for run, _ in planned.lines], outcomes))
    files = _written(planned.study, measured, planned.seeds, reported) if measured else (None, None)
    done = [o for o in outcomes if isinstance(o, RecordedRun)]
    failures = (*planned.unfit, *(o for o in outcomes if isinstance(o, FailedRun)))
    recorded = tuple(d.result for d in done), tuple(d.path for d in done), failures
    return StudyResults(*recorded, planned.study, tuple(measured), reported, *files)


def measures_of(study: Study) -> tuple[str, ...]:
    """Return the measures of a study's table."""
    return (*TABULATED, *(ACCURACIES if study.measure in ACCURACIES else ()))


def _measured(
    runs: Sequence[Run], outcomes: Sequence[RecordedRun | FailedRun]
) -> Iterator[MeasuredRun]:
    """Yield the runs that have a result; outcomes stand in the runs' order, seed after seed."""
    for number, run in enumerate(runs):
        done = [o for o in outcomes[number :: len(runs)] if isinstance(o, RecordedRun)]
        if done:
            yield MeasuredRun(run, tuple(d.result for d in done), tuple(d.path for d in done))


def _written(
    study: Study,
    measured: Sequence[MeasuredRun],
    seeds: tuple[int, ...],
    reported: tuple[Reported, ...],
) -> tuple[Path, Path]:
    """Write the index of a study beside its results, and the figure beside the index."""
    index = index_of(study, [(m.run, m.paths) for m in measured], seeds, reported)
    path = index.save(measured[0].paths[0].parent)
    figure = path.with_suffix(".svg")
    draw.write(chart_of_study(index, path, Wish()), figure)
    return path, figure
