"""Pages of runs: what a result tells, as text for a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reidbench.errors import ReidbenchError
from reidbench.plots.figures import cmc_of_result, shares_of
from reidbench.plots.kept import losses
from reidbench.report.charts import LineChart, line_chart, shares_table
from reidbench.report.folder import page_id
from reidbench.results.measures import BY_KEY, MEASURES, QUANTITIES
from reidbench.results.numbers import rounded
from reidbench.results.result import Result
from reidbench.results.setting import Setting
from reidbench.results.words import in_words
from reidbench.storage.keys import canonical, digest

RANKS_SHOWN = (1, 5, 10, 20, 50)


@dataclass(frozen=True)
class Run:
    """A result with its place in the site.

    Attributes:
        id: name of its page, without folder and ending.
        result: what was measured.
        file: it was read from.
    """

    id: str
    result: Result
    file: Path

    @property
    def name(self) -> str:
        """Recipe and seed."""
        return f"{self.result.recipe['name']}, seed {self.result.seed}"

    @property
    def benchmark(self) -> str:
        """Title of the setting."""
        return Setting.of(self.result).title

    @property
    def words(self) -> str:
        """Parts of the recipe, in words."""
        return in_words(self.result.recipe)

    @property
    def synthetic(self) -> bool:
        """True if its images are rendered, source and target."""
        return self.result.benchmark["synthetic"] is True


def runs_of(found: Sequence[tuple[Path, Result]]) -> list[Run]:
    """Return the runs of results, copies once, each with an id of its own."""
    runs: dict[str, Run] = {}
    for file, result in found:
        stem = page_id(f"{result.file_name.parent}-{result.file_name.stem}")
        name, number = stem, 1
        while name in runs and runs[name].result.to_dict() != result.to_dict():
            number += 1
            name = f"{stem}-{number}"
        runs.setdefault(name, Run(name, result, file))
    return list(runs.values())


def measure_rows(result: Result) -> list[tuple[str, str, str]]:
    """Return label, value and meaning of what a result tells besides costs."""
    told = [(BY_KEY[m], result.measure(m)) for m in MEASURES]
    told += [
        (BY_KEY[q], value)
        for q in QUANTITIES
        if not BY_KEY[q].place.startswith(("cost.", "execution."))
        and (value := result.quantity(q)) is not None
    ]
    return [
        (m.label, f"{100 * value:.1f} %" if m.percent else rounded(value), m.meaning)
        for m, value in told
    ]


def cost_rows(result: Result) -> list[tuple[str, str]]:
    """Return label and value of what a run cost."""
    keys = [q for q in QUANTITIES if BY_KEY[q].place.startswith(("cost.", "execution."))]
    told = ((BY_KEY[q].label, result.quantity(q)) for q in keys)
    return [(label, rounded(value)) for label, value in told if value is not None]


def stage_rows(result: Result) -> list[tuple[str, str, str, str]]:
    """Return title, seconds, device and key of a run's stages."""
    stages: Any = result.execution.get("stages")
    told = [s for s in stages if isinstance(s, dict)] if isinstance(stages, list) else []
    fields = ("title", "seconds", "device", "key")
    return [tuple(_text(s.get(f, "")) for f in fields) for s in told]  # type: ignore[misc]


def recipe_rows(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the dotted name and the text of everything in a table of a result."""
    rows: list[tuple[str, str]] = []
    _add_rows(value, "", rows)
    return rows


def _add_rows(value: Any, name: str, rows: list[tuple[str, str]]) -> None:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            _add_rows(inner, f"{name}.{key}" if name else str(key), rows)
    elif isinstance(value, list) and any(isinstance(v, dict) for v in value):
        for number, inner in enumerate(value, 1):
            _add_rows(inner, f"{name}.{number}", rows)
    else:
        rows.append((name, _text(value)))


def matching_chart(result: Result) -> LineChart | None:
    """Return the chart of a result's matching curve; None if it tells none."""
    try:
        curve = cmc_of_result(result)
    except ReidbenchError:
        return None
    points = np.stack([np.arange(1.0, len(curve) + 1), curve], axis=1)
    title = "Queries with a match by each rank"
    return line_chart(title, "rank", "%", {"matched": points}, log_x=True)


def loss_charts(result: Result, cache: Path) -> list[LineChart]:
    """Return a chart for each training whose losses the cache holds."""
    charts = (
        line_chart(f"Losses: {phase}", "step", "loss", series, log_y=True)
        for phase, series in losses(result, cache).items()
    )
    return [chart for chart in charts if chart is not None]


def gradient_table(result: Result) -> tuple[list[str], list[tuple[str, list[str]]], str]:
    """Return the headings and rows of the gradients' shares, or the reason why there are none."""
    steps, shares = shares_of(result)
    reason = str(result.training.get("gradient_shares_missing") or "no translator was trained")
    return [f"step {s + 1}" for s in steps], shares_table(shares), "" if steps else reason


def comparable(run: Run) -> dict[str, Any]:
    """Return what the page of comparisons needs of a run, ready for JSON.

    Runs whose ``queries`` are equal are paired query by query.
    """
    result = run.result
    told: Any = result.scores.get("per_query")
    columns: Any = told if isinstance(told, dict) else {}
    persons, first = columns.get("pid"), columns.get("first")
    precision = columns.get("ap")
    paired = all(map(_numbers, (persons, first, precision)))
    paired = paired and len(persons) == len(first) == len(precision)
    setting = [Setting.of(result).title, result.benchmark["target"]["fingerprint"]]
    return {
        "id": run.id,
        "name": run.name,
        "benchmark": run.benchmark,
        "measures": {BY_KEY[m].label: round(100 * result.measure(m), 2) for m in MEASURES},
        "queries": digest([*setting, persons]) if paired else "",
        "pid": persons if paired else [],
        "first": first if paired else [],
        "ap": [None if v is None else round(v, 4) for v in precision] if paired else [],
        "recipe": dict(_compared_rows(result)),
    }


def _numbers(column: Any) -> bool:
    """Return whether a column of a file holds numbers, or nothing, and nothing else."""
    return isinstance(column, list) and all(v is None or type(v) in (int, float) for v in column)


def _compared_rows(result: Result) -> Iterator[tuple[str, str]]:
    parts = {k: v for k, v in result.recipe.items() if k not in ("digest", "paper")}
    yield from recipe_rows(parts)
    yield "precision", result.precision
    for name, value in result.modified.items():
        yield f"set by hand: {name}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    # As JSON has numbers, in a tenth of the time: a report has hundreds of them for each run.
    return repr(value) if type(value) in (int, float) else canonical(value)
