"""Numbers that papers report: shown beside measured ones, never among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from reidbench.results.measures import REPORTED
from reidbench.storage.keys import JSON
from reidbench.storage.schema import SchemaError, Text, convert, read_toml, reading, with_shared

Percent = Annotated[float, Meta(ge=0, le=100, description="a number of percent")]


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
        measures: of ``measures.REPORTED``, in percent.
        note: what another print contradicts, or why a value stands under this label.
        cited: whether the paper prints the value of another one, whose baseline is not its own.
    """

    file: str
    paper: str
    place: str
    label: str
    source: str
    target: str
    protocol: str
    tested: Literal["target", "source"]
    measures: Mapping[str, float]
    note: str = ""
    cited: bool = False

    @property
    def table(self) -> str:
        """The table's name as a study cites it: ``"spgan/table 1"``."""
        return f"{self.file}/{self.place}"

    @property
    def setting(self) -> str:
        """Source, target and the tested dataset, in words."""
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
    return tuple(row for path in _paths(folder) for row in _load(path)[0])


def load_recipes(folder: Path | None = None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the recipes that stand for rows of papers, by file and label, the nearest first.

    Args:
        folder: by default that of the files which ship.

    Raises:
        ReidbenchError: naming file and label, if one is not in order.
    """
    return {
        (path.stem, label): names
        for path in _paths(folder)
        for label, names in _load(path)[1].items()
    }


class _Setting(Struct, frozen=True, kw_only=True):
    """The keys that a row may have, and its table for all rows that lack them."""

    source: str | None = None
    target: str | None = None
    protocol: str | None = None
    tested: Literal["target", "source"] | None = None


class _Row(_Setting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A row of a file's table, with the measures that papers report."""

    label: Text
    note: str = ""
    cited: bool = False
    mAP: Percent | None = None
    rank1: Percent | None = None
    rank5: Percent | None = None
    rank10: Percent | None = None
    rank20: Percent | None = None
    real_accuracy: Percent | None = None
    translated_accuracy: Percent | None = None

    @property
    def measures(self) -> dict[str, float]:
        """Those that are given."""
        given = {name: getattr(self, name) for name in REPORTED}
        return {name: value for name, value in given.items() if value is not None}

    def __post_init__(self) -> None:
        """Refuse a row of nothing."""
        if not self.measures:
            raise ValueError(f"it has no measure; known: {', '.join(REPORTED)}")


class _Table(_Setting, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A ``[[table]]`` of a file."""

    name: Text
    rows: tuple[_Row, ...] = ()


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a file."""

    paper: Text
    table: tuple[_Table, ...] = ()
    recipes: dict[str, Annotated[tuple[Text, ...], Meta(min_length=1)]] = {}


def _paths(folder: Path | None) -> list[Path]:
    folder = folder or default_folder()
    return sorted(folder.glob("*.toml")) if folder else []


def _load(path: Path) -> tuple[list[Reported], dict[str, tuple[str, ...]]]:
    """Return the rows of a file, and the recipes that stand for them by label."""
    with reading(path, "a file of reported numbers"):
        file = convert(read_toml(path), _File)
        rows = [_reported(path.stem, file.paper, t, row) for t in file.table for row in t.rows]
        _refuse_doubled(rows)
        if unknown := sorted(file.recipes.keys() - {row.label for row in rows}):
            raise SchemaError(f"recipes: no row is labelled '{unknown[0]}'")
        return rows, file.recipes


def _reported(file: str, paper: str, table: _Table, row: _Row) -> Reported:
    row = with_shared(row, table, _Setting.__struct_fields__)
    if not row.protocol:
        where = f"table '{table.name}': rows '{row.label}'"
        raise SchemaError(f"{where}: 'protocol' is missing: it must be a text that is not empty")
    return Reported(
        file=file,
        paper=paper,
        place=table.name,
        label=row.label,
        source=row.source or "",
        target=row.target or "",
        protocol=row.protocol,
        tested=row.tested or "target",
        measures=row.measures,
        note=row.note,
        cited=row.cited,
    )


def _refuse_doubled(rows: Iterable[Reported]) -> None:
    seen = set()
    for row in rows:
        identity = (row.place, row.label, row.source, row.target, row.protocol, row.tested)
        if identity in seen:
            raise SchemaError(f"{row.place} has '{row.label}' ({row.setting}) twice")
        seen.add(identity)
