"""Studies: a table or figure of a paper as a file of runs, at whatever scale."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from reidbench.config.benchmark import folders
from reidbench.config.compose import Request
from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.registry.registry import DIRECTIONS, STRATEGIES
from reidbench.results.reported import Reported
from reidbench.results.result import DRAWN
from reidbench.storage.keys import JSON

Kind = Literal["bars", "line", "heatmap"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STUDY = ("title", "paper", "benchmark", "plot", "measure", "note")
_RUN = ("method", "translator", "constraints", "learner", "strategy", "direction")
_EITHER = ("protocol", "tested", "masks")  # a run's own goes before the study's
_OWN = ("label", "series", "settings", "reported")


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
    plot: Kind
    measure: str
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
    try:
        return _parse(path, tomllib.loads(path.read_text()))
    except OSError as error:
        raise UsageError(f"cannot read the study {path}: {error.strerror}") from error
    except ReidbenchError as error:
        raise UsageError(f"{path}: {error}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not a study: {error}") from error


def load_all() -> Iterator[Study]:
    """Yield the shipped studies in the order of their names."""
    return (load_study(name) for name in sorted(available()))


def shown(value: JSON) -> str:
    """Return a value as a label has it: ``"8"``, ``"max"``, ``"true"``."""
    return value if isinstance(value, str) else json.dumps(value)


def _parse(path: Path, raw: Mapping[str, Any]) -> Study:
    if not _NAME.fullmatch(path.stem):
        raise ReidbenchError("a study's file is named in lower-case letters, digits and . _ -")
    _refuse_unknown(raw, (*_STUDY, *_EITHER, "reported", "run", "vary"), "")
    vary = _vary(raw.get("vary", {}))
    plot = _choice(raw, "plot", KINDS, "bars")
    if plot == "line" and not vary:
        raise ReidbenchError("plot 'line' needs [vary], e.g. \"sianet.margin\" = [0, 1, 2]")
    study = Study(
        name=path.stem,
        path=path,
        title=_text(raw, "title", required=True),
        paper=_text(raw, "paper"),
        benchmark=_text(raw, "benchmark") or "synthetic",
        plot=plot,
        measure=_choice(raw, "measure", DRAWN, "mAP"),
        reported=_tables(raw),
        note=_text(raw, "note"),
        varied=tuple(vary),
        runs=tuple(_runs(raw, vary)),
    )
    _refuse_doubled(study.runs)
    return study


def _runs(raw: Mapping[str, Any], vary: Mapping[str, list[JSON]]) -> Iterator[Run]:
    entries = raw.get("run", [])
    if not isinstance(entries, list) or not entries:
        raise ReidbenchError("it needs a [[run]]")
    for number, entry in enumerate(entries, 1):
        _refuse_unknown(entry, (*_OWN, *_RUN, *_EITHER), f"run {number}: ")
        shared = {k: raw[k] for k in _EITHER if k in raw}
        for values in product(*vary.values()):
            yield _run({**shared, **entry}, dict(zip(vary, values, strict=True)))


def _run(raw: Mapping[str, Any], varied: Mapping[str, JSON]) -> Run:
    label = _text(raw, "label", required=True)
    where = f"run '{label}': "
    settings = _dotted(raw.get("settings", {}), f"{where}settings: ")
    if doubled := settings.keys() & varied.keys():
        raise ReidbenchError(f"{where}'{doubled.pop()}' is set and varied")
    return Run(
        label=label,
        series=_text(raw, "series", where),
        request=_request(raw, where),
        settings={**settings, **varied},
        protocol=_text(raw, "protocol", where) or None,
        tested=_choice(raw, "tested", ("source", "target"), "", where) or None,
        reported=_filled(_text(raw, "reported", where), varied),
        varied=varied,
    )


def _request(raw: Mapping[str, Any], where: str) -> Request:
    constraints = raw.get("constraints", [])
    if not isinstance(constraints, list) or not all(isinstance(c, str) for c in constraints):
        raise ReidbenchError(f"{where}'constraints' is a list of names")
    names = {k: _text(raw, k, where) or None for k in ("method", "translator", "learner", "masks")}
    if not (names["method"] or names["translator"]):
        raise ReidbenchError(f"{where}needs a 'method' or a 'translator'")
    strategy = _choice(raw, "strategy", STRATEGIES, "", where) or None
    direction = _choice(raw, "direction", DIRECTIONS, "", where) or None
    return Request(constraints=tuple(constraints), strategy=strategy, direction=direction, **names)


def _tables(raw: Mapping[str, Any]) -> tuple[str, ...]:
    given = raw.get("reported", [])
    tables = [given] if isinstance(given, str) else given
    if not isinstance(tables, list) or not all(isinstance(t, str) for t in tables):
        raise ReidbenchError("'reported' is a table's name, or a list of them")
    return tuple(filter(None, tables))


def _vary(raw: Any) -> dict[str, list[JSON]]:
    values = _dotted(raw, "vary: ")
    for name, each in values.items():
        if not isinstance(each, list) or not each:
            raise ReidbenchError(f"vary: '{name}' needs a list of values")
    return values


def _dotted(raw: Any, where: str) -> dict[str, Any]:
    """Return a table by dotted names, whether they were written in quotes or not."""
    if not isinstance(raw, dict):
        raise ReidbenchError(f"{where}not a table such as {{ sianet.margin = 1 }}")
    flat: dict[str, Any] = {}
    for name, value in raw.items():
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


def _text(raw: Mapping[str, Any], name: str, where: str = "", required: bool = False) -> str:
    value = raw.get(name, "")
    if not isinstance(value, str):
        raise ReidbenchError(f"{where}'{name}' is a text, not {value!r}")
    if required and not value:
        raise ReidbenchError(f"{where}it needs a '{name}'")
    return value


def _choice(
    raw: Mapping[str, Any], name: str, known: tuple[Any, ...], default: Any, where: str = ""
) -> Any:
    value = _text(raw, name, where) or default
    if value not in (*known, default):
        near = did_you_mean(value, known)
        raise ReidbenchError(f"{where}'{name}' cannot be '{value}'{near}")
    return value


def _refuse_unknown(raw: Any, known: tuple[str, ...], where: str) -> None:
    if not isinstance(raw, dict):
        raise ReidbenchError(f"{where}not a table")
    for name in raw:
        if name not in known:
            raise ReidbenchError(f"{where}no key is named '{name}'{did_you_mean(name, known)}")


def _refuse_doubled(runs: tuple[Run, ...]) -> None:
    titles = [run.title for run in runs]
    for title in titles:
        if titles.count(title) > 1:
            raise ReidbenchError(f"two runs are called '{title}'; give them a 'series'")
