"""Index of a study that was run: labels and result files; no plugin is needed to draw it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from reidbench.errors import UsageError, did_you_mean
from reidbench.results.measures import Drawn
from reidbench.results.reported import Reported
from reidbench.results.result import Result, load
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON
from reidbench.storage.schema import convert, read_json, reading
from reidbench.studies.plot_kinds import PlotKind
from reidbench.studies.study import Run, Study

SCHEMA = 1
FOLDER = "studies"

# An index may come from anywhere: what it names must lie beside the folder it stands in.
_ResultName = Annotated[
    str,
    Meta(
        pattern=r"\A[a-z0-9_@+-][a-z0-9._@+-]*\.json\Z",
        description="the name of a result's file, in lower-case letters and without a folder",
    ),
]


@dataclass(frozen=True)
class IndexedRun:
    """A run of a study and where its results are.

    Attributes:
        label: of its bar or line.
        series: what tells it from other runs of the same label.
        varied: the value of each varied parameter.
        reported: label of the paper's row; empty if there is none.
        results: names of files in the benchmark's folder of results, one a seed.
    """

    label: str
    series: str
    varied: Mapping[str, JSON]
    reported: str
    results: Annotated[tuple[_ResultName, ...], Meta(min_length=1, description="one file at least")]


@dataclass(frozen=True)
class Index:
    """A study that was run.

    Attributes:
        study: its name.
        plot: how it is drawn.
        measure: that is drawn.
        seeds: that were asked for.
        runs: those that scored at least once.
        reported: the paper's table.
    """

    study: str
    title: str
    paper: str
    note: str
    plot: PlotKind
    measure: Drawn
    seeds: tuple[int, ...]
    runs: tuple[IndexedRun, ...]
    reported: tuple[Reported, ...] = ()

    def save(self, folder: Path) -> Path:
        """Write it below a benchmark's folder of results and return its path."""
        path = folder / FOLDER / f"{self.study}.json"
        write_json(path, {"schema": SCHEMA, **asdict(self)})
        return path


class _Header(Struct, frozen=True):
    """The key that tells which layout the rest has."""

    schema: Literal[1]


def index_of(
    study: Study,
    measured: Iterable[tuple[Run, Sequence[Path]]],
    seeds: tuple[int, ...],
    reported: tuple[Reported, ...],
) -> Index:
    """Return the index of a study of whose runs each has the result files that are named."""
    runs = tuple(
        IndexedRun(r.label, r.series, r.varied, r.reported, tuple(p.name for p in paths))
        for r, paths in measured
        if paths
    )
    return Index(
        study.name, study.title, study.paper, study.note, study.plot, study.measure, seeds, runs,
        reported,
    )  # fmt: skip


def load_index(path: Path) -> Index:
    """Return the index in a file.

    Raises:
        ReidbenchError: naming the file, if it cannot be read or is no index.
    """
    with reading(path, "the index of a study"):
        raw = read_json(path)
        convert(raw, _Header)
        return convert(raw, Index)


def find_index(name: str, results: Path, benchmark: str | None) -> Path:
    """Return the index of a study by its name or its file's path.

    Args:
        name: of the study, or a path that ends in ``.json``.
        results: folder of results.
        benchmark: on which it was run; needed if it was run on several.

    Raises:
        UsageError: if it was not run there, or on several benchmarks.
    """
    if name.endswith(".json"):
        return Path(name)
    paths = sorted(results.glob(f"*/{FOLDER}/*.json"))
    found = [p for p in paths if benchmark in (None, p.parents[1].name)]
    named = [p for p in found if p.stem == name]
    if len(named) == 1:
        return named[0]
    if named:
        where = ", ".join(p.parents[1].name for p in named)
        raise UsageError(f"study '{name}' was run on {where}; choose one with --benchmark")
    known = {p.stem for p in found}
    near = did_you_mean(name, known) if known else f"; run it: reidbench sweep --study {name}"
    on = f" on '{benchmark}'" if benchmark else ""
    raise UsageError(f"study '{name}' was not run{on} in {results}{near}")


def results_of(run: IndexedRun, path: Path) -> list[Result]:
    """Return the results of a run of the index at ``path``, one a seed.

    Raises:
        ReidbenchError: naming the file that cannot be read.
    """
    return [load(path.parents[1] / name) for name in run.results]
