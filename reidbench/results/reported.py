"""Numbers that papers report: shown beside measured ones, never among them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.results.result import ACCURACIES
from reidbench.storage.keys import JSON

MEASURES = ("mAP", "rank1", "rank5", "rank10", "rank20", *ACCURACIES)

_TABLE = ("name", "source", "target", "protocol", "tested", "rows")
_ROW = ("label", "source", "target", "protocol", "tested", "note", *MEASURES)
_TESTED = ("target", "source")


@dataclass(frozen=True)
class Reported:
    """One row of a table, or one bar or point of a figure.

    Attributes:
        file: name of the file it stands in; short for the paper.
        paper: authors, title, where it was published.
        place: the table or figure, e.g. ``"table 1"``.
        label: of the row, as printed or, where the print is no text, in words.
        source: dataset with identities; empty if the paper names none.
        target: dataset adapted to; empty if there is none.
        protocol: in words.
        tested: "target", or "source" where the paper tests on the source after adaptation.
        measures: of ``MEASURES``, in percent.
        note: what another print contradicts, or why a value stands under this label.
    """

    file: str
    paper: str
    place: str
    label: str
    source: str
    target: str
    protocol: str
    tested: str
    measures: Mapping[str, float]
    note: str = ""

    @property
    def table(self) -> str:
        """What a study cites: ``"spgan/table 1"``."""
        return f"{self.file}/{self.place}"

    @property
    def setting(self) -> str:
        """From where to where, and on what it was tested, in words."""
        arrow = " -> ".join(name for name in (self.source, self.target) if name)
        return f"{arrow}, tested on {self.source}" if self.tested == "source" else arrow

    def to_dict(self) -> dict[str, JSON]:
        """Return the fields by name, ready for JSON."""
        return {**asdict(self), "measures": dict(self.measures)}


def default_folder() -> Path | None:
    """Return where the files ship: inside the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    folders = (package / "_reported", package.parent / "results" / "reported")
    return next((f for f in folders if f.is_dir()), None)


def load_reported(folder: Path | None = None) -> tuple[Reported, ...]:
    """Return every number in a folder of ``.toml`` files, in the order of names and of rows.

    Args:
        folder: by default that of the files which ship.

    Raises:
        ReidbenchError: naming file and table, if one is not in order.
    """
    folder = folder or default_folder()
    paths = sorted(folder.glob("*.toml")) if folder else []
    return tuple(row for path in paths for row in _load(path))


def rows_of(table: str, known: Iterable[Reported]) -> tuple[Reported, ...]:
    """Return the rows of a table by its name, ``"spgan/table 1"``.

    Raises:
        UsageError: with the nearest name.
    """
    rows = tuple(known)
    found = tuple(r for r in rows if r.table == table)
    if not found:
        near = did_you_mean(table, {r.table for r in rows})
        raise UsageError(f"no reported table is named '{table}'{near}")
    return found


def _load(path: Path) -> list[Reported]:
    try:
        raw = tomllib.loads(path.read_text())
        rows = list(_rows(path.stem, raw))
        _refuse_doubled(rows)
        return rows
    except OSError as error:
        raise ReidbenchError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, TypeError) as error:  # a wrong TOML file is a ValueError too
        raise ReidbenchError(f"{path}: not a file of reported numbers: {error}") from error


def _rows(file: str, raw: Mapping[str, Any]) -> Iterator[Reported]:
    _refuse_unknown(raw, ("paper", "table"), "the file")
    paper, tables = _text(raw, "paper", "the file"), raw.get("table", [])
    if not isinstance(tables, list):
        raise ValueError("'table' must be given as [[table]]")
    for table in tables:
        name = _text(table, "name", "a table")
        _refuse_unknown(table, _TABLE, name)
        shared = {k: v for k, v in table.items() if k not in ("name", "rows")}
        for row in table.get("rows", []):
            yield _row(file, paper, name, {**shared, **row})


def _row(file: str, paper: str, place: str, raw: Mapping[str, Any]) -> Reported:
    label = _text(raw, "label", place)
    where = f"{place}, '{label}'"
    _refuse_unknown(raw, _ROW, where)
    words = {k: raw.get(k, "") for k in ("source", "target", "note")}
    if any(not isinstance(v, str) for v in words.values()):
        raise ValueError(f"{where}: source, target and note are texts")
    if (tested := raw.get("tested", "target")) not in _TESTED:
        raise ValueError(f"{where}: tested is {' or '.join(_TESTED)}, not {tested!r}")
    protocol, measures = _text(raw, "protocol", where), _measures(raw, where)
    return Reported(
        file, paper, place, label, protocol=protocol, tested=tested, measures=measures, **words
    )


def _measures(raw: Mapping[str, Any], where: str) -> dict[str, float]:
    found = {name: raw[name] for name in MEASURES if name in raw}
    if not found:
        raise ValueError(f"{where} has no measure; known: {', '.join(MEASURES)}")
    for name, value in found.items():
        if type(value) not in (int, float) or not 0 <= value <= 100:
            raise ValueError(f"{where}: {name} is a number of percent, not {value!r}")
    return {name: float(value) for name, value in found.items()}


def _refuse_unknown(raw: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in raw:
        if name not in known:
            raise ValueError(f"{where} has no key '{name}'{did_you_mean(name, known)}")


def _refuse_doubled(rows: Iterable[Reported]) -> None:
    seen = set()
    for row in rows:
        identity = (row.place, row.label, row.source, row.target, row.protocol, row.tested)
        if identity in seen:
            raise ValueError(f"{row.place} has '{row.label}' ({row.setting}) twice")
        seen.add(identity)


def _text(raw: Any, name: str, where: str) -> str:
    value = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} needs a '{name}', a text")
    return value
