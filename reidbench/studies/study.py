"""Studies: a table or figure of a paper as a file of runs, at whatever scale."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from reidbench.config.benchmark import Tested, folders
from reidbench.config.compose import Request
from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.registry.registry import Direction, Strategy
from reidbench.results.measures import Drawn
from reidbench.results.reported import Reported
from reidbench.storage.keys import JSON
from reidbench.storage.schema import Text, convert, read_toml, reading, with_shared
from reidbench.studies.plot_kinds import PlotKind

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_Settings = Annotated[dict[str, JSON], Meta(description="a table such as { sianet.margin = 1 }")]


@dataclass(frozen=True)
class Run:
    """One line of a study.

    Attributes:
        label: of its bar or line.
        series: what tells it from other runs of the same label, e.g. ``"LMP"``; may be empty.
        request: what is run.
        settings: values by dotted name, the varied ones too.
        protocol: that takes the place of the benchmark's; None is the benchmark's.
        tested: "source" or "target"; None is as the benchmark has it.
        reported: label of the paper's row; empty if there is none.
        varied: the value of each varied parameter.
    """

    label: str
    series: str
    request: Request
    settings: Mapping[str, JSON]
    protocol: str | None = None
    tested: str | None = None
    reported: str = ""
    varied: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Label, series and varied values: no other run of the study has the same."""
        values = [f"{k.rpartition('.')[2]} = {shown(v)}" for k, v in self.varied.items()]
        return ", ".join(part for part in (self.label, self.series, *values) if part)


@dataclass(frozen=True)
class Study:
    """A table or figure.

    Attributes:
        name: of its file.
        benchmark: name; another one gives the same study at another scale.
        plot: how it is drawn.
        measure: that is drawn.
        reported: the paper's tables, as ``"spgan/table 1"``: where the text contradicts a table,
            both; empty if there is none.
        note: what differs from the paper at this scale.
        varied: the parameters that vary, by dotted name.
        runs: each varied parameter's every value with every run.
    """

    name: str
    path: Path
    title: str
    paper: str
    benchmark: str
    plot: PlotKind
    measure: Drawn
    reported: tuple[str, ...]
    note: str
    varied: tuple[str, ...]
    runs: tuple[Run, ...]

    def cited(self, known: tuple[Reported, ...]) -> tuple[Reported, ...]:
        """Return all rows of the paper's tables.

        Raises:
            UsageError: naming this file, if a table, or the row of a run that is not varied,
                does not exist.
        """
        tables = {r.table for r in known}
        for table in self.reported:
            if table not in tables:
                near = did_you_mean(table, tables)
                raise UsageError(f"{self.path}: 'reported': no such table '{table}'{near}")
        rows = tuple(r for table in self.reported for r in known if r.table == table)
        labels = {r.label for r in rows}
        for run in self.runs:
            # Of a figure's points some cannot be told apart, so that a varied run may have no row.
            if run.reported and not run.varied and run.reported not in labels:
                near = did_you_mean(run.reported, labels)
                raise UsageError(
                    f"{self.path}: run '{run.title}': 'reported': no row '{run.reported}'{near}"
                )
        return rows


def available() -> dict[str, Path]:
    """Return the shipped studies' files by name."""
    return {p.stem: p for folder in folders() for p in sorted((folder / "studies").glob("*.toml"))}


def load_study(name: str) -> Study:
    """Return a shipped study by name, or anybody's by the path of its ``.toml`` file.

    Whether its methods are installed shows only when it is run.

    Raises:
        UsageError: if there is none, or naming the file and the key that is wrong.
    """
    known = available()
    path = known.get(name, Path(name))
    if not (name in known or path.suffix == ".toml"):
        raise UsageError(f"no study is named '{name}'{did_you_mean(name, known)}")
    with reading(path, "a study", UsageError):
        return _study(path, convert(read_toml(path), _File))


def load_all() -> Iterator[Study]:
    """Yield the shipped studies in the order of their names."""
    return (load_study(name) for name in sorted(available()))


def shown(value: JSON) -> str:
    """Return a value as a label has it: ``"8"``, ``"max"``, ``"true"``."""
    return value if isinstance(value, str) else json.dumps(value)


class _Shared(Struct, frozen=True, kw_only=True):
    """The keys that a run may have, and the study for all runs that lack them."""

    protocol: str | None = None
    tested: Tested | Literal[""] | None = None
    masks: str | None = None


class _Run(_Shared, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A ``[[run]]`` of a file."""

    label: Text
    series: str = ""
    method: str = ""
    translator: str = ""
    constraints: Annotated[tuple[str, ...], Meta(description="a list of names")] = ()
    learner: str = ""
    strategy: Strategy | Literal[""] = ""
    direction: Direction | Literal[""] = ""
    settings: _Settings = {}
    reported: str = ""

    def __post_init__(self) -> None:
        """Refuse a run of nothing."""
        if not (self.method or self.translator):
            raise ValueError("it needs a 'method' or a 'translator'")


class _File(_Shared, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A study's file: the keys that it may have."""

    title: Text
    run: Annotated[tuple[_Run, ...], Meta(min_length=1, description="one or more [[run]]")]
    paper: str = ""
    benchmark: str = "synthetic"
    plot: PlotKind = "bars"
    measure: Drawn = "mAP"
    note: str = ""
    reported: Annotated[
        str | tuple[str, ...], Meta(description="a table's name, or a list of them")
    ] = ()
    vary: _Settings = {}


def _study(path: Path, file: _File) -> Study:
    if not _NAME.fullmatch(path.stem):
        raise ReidbenchError("a study's file is named in lower-case letters, digits and . _ -")
    vary = _vary(file.vary)
    if file.plot == "line" and not vary:
        raise ReidbenchError("plot 'line' needs [vary], e.g. \"sianet.margin\" = [0, 1, 2]")
    tables = (file.reported,) if isinstance(file.reported, str) else file.reported
    study = Study(
        name=path.stem,
        path=path,
        title=file.title,
        paper=file.paper,
        benchmark=file.benchmark or "synthetic",
        plot=file.plot,
        measure=file.measure,
        reported=tuple(filter(None, tables)),
        note=file.note,
        varied=tuple(vary),
        runs=tuple(_runs(file, vary)),
    )
    _refuse_doubled(study.runs)
    return study


def _runs(file: _File, vary: Mapping[str, list[JSON]]) -> Iterator[Run]:
    for run in (with_shared(each, file, _Shared.__struct_fields__) for each in file.run):
        for values in product(*vary.values()):
            yield _run(run, dict(zip(vary, values, strict=True)))


def _run(run: _Run, varied: Mapping[str, JSON]) -> Run:
    where = f"run '{run.label}': "
    settings = _dotted(run.settings, f"{where}settings: ")
    if doubled := settings.keys() & varied.keys():
        raise ReidbenchError(f"{where}'{doubled.pop()}' is set and varied")
    request = Request(
        method=run.method or None,
        translator=run.translator or None,
        constraints=run.constraints,
        learner=run.learner or None,
        strategy=run.strategy or None,
        direction=run.direction or None,
        masks=run.masks or None,
    )
    return Run(
        label=run.label,
        series=run.series,
        request=request,
        settings={**settings, **varied},
        protocol=run.protocol or None,
        tested=run.tested or None,
        reported=_filled(run.reported, varied),
        varied=varied,
    )


def _vary(table: Mapping[str, JSON]) -> dict[str, list[JSON]]:
    values = _dotted(table, "vary: ")
    for name, each in values.items():
        if not isinstance(each, list) or not each:
            raise ReidbenchError(f"vary: '{name}' needs a list of values")
    return values


def _dotted(table: Mapping[str, JSON], where: str) -> dict[str, Any]:
    """Return a table by dotted names, whether they were written in quotes or not."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        inner = value if isinstance(value, dict) else {"": value}
        flat |= {f"{name}.{key}".rstrip("."): v for key, v in inner.items()}
    for name in flat:
        if "." not in name:
            raise ReidbenchError(f"{where}'{name}' needs an owner, e.g. sianet.{name}")
    return flat


def _filled(template: str, varied: Mapping[str, JSON]) -> str:
    """Return ``template`` with ``{name}`` replaced by the value of each varied parameter."""
    for name, value in varied.items():
        template = template.replace(f"{{{name}}}", shown(value))
    return template


def _refuse_doubled(runs: tuple[Run, ...]) -> None:
    titles = [run.title for run in runs]
    for title in titles:
        if titles.count(title) > 1:
            raise ReidbenchError(f"two runs are called '{title}'; give them a 'series'")
