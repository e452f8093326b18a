"""Ranking of results. Only like is ranked with like; what is left out is listed with the reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from reidbench.evaluation.trials import Spread, spread
from reidbench.keys import JSON, canonical
from reidbench.results import Result, Unreadable

PRIMARY = "mAP"
SHOWN = (PRIMARY, "rank1", "mAP_trapezoid")
HEADINGS = {"mAP": "mAP", "rank1": "rank-1", "mAP_trapezoid": "mAP (trapezoid)"}

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """What the rows of one table have in common.

    Attributes:
        digest: of the benchmark's definition, so that an edited copy is a setting of its own.
        source: name and fingerprint of the source data.
        target: name and fingerprint of the target data.
        protocol: name and version.
        seeds: every one of which a ranked recipe must have run.
    """

    benchmark: str
    version: int
    digest: str
    synthetic: bool
    source: tuple[str, str]
    target: tuple[str, str]
    protocol: tuple[str, int]
    seeds: tuple[int, ...]
    precision: str

    @classmethod
    def of(cls, result: Result) -> Setting:
        """Return the setting a result was measured in."""
        b = result.benchmark
        return cls(
            b["name"],
            b["version"],
            b["digest"],
            b["synthetic"],
            (b["source"]["name"], b["source"]["fingerprint"]),
            (b["target"]["name"], b["target"]["fingerprint"]),
            (b["protocol"]["name"], b["protocol"]["version"]),
            tuple(b["seeds"]),
            result.precision,
        )

    @property
    def title(self) -> str:
        """Benchmark, version and precision; rendered data is named as such."""
        kind = ", synthetic images" if self.synthetic else ""
        return f"{self.benchmark} (version {self.version}{kind}, {self.precision})"

    @property
    def details(self) -> str:
        """What the title leaves out, in one line."""
        (source, s), (target, t), (protocol, p) = self.source, self.target, self.protocol
        return (
            f"{source} ({s[:8]}) to {target} ({t[:8]}), protocol {protocol} version {p}, "
            f"seeds {_numbers(self.seeds)}, definition {self.digest[:8]}"
        )


@dataclass(frozen=True)
class Row:
    """One recipe, ranked.

    Attributes:
        place: 1 for the best; rows of the same mean share it.
        digest: of the recipe.
        uses: which of the target's "images", "cameras" and "labels" it was trained with.
        measures: mean, standard deviation and number of seeds of each of ``SHOWN``.
    """

    place: int
    recipe: str
    digest: str
    uses: tuple[str, ...]
    measures: dict[str, Spread]


@dataclass(frozen=True)
class Unranked:
    """Results of one recipe that cannot be ranked, and why."""

    setting: Setting
    recipe: str
    digest: str
    uses: tuple[str, ...]
    seeds: tuple[int, ...]
    measures: dict[str, Spread]
    reason: str


@dataclass(frozen=True)
class Board:
    """One table: recipes measured in the same setting, the best first."""

    setting: Setting
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Leaderboard:
    """Everything that was found, ranked or not."""

    boards: tuple[Board, ...]
    unranked: tuple[Unranked, ...]
    unreadable: tuple[Unreadable, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON, with scores as fractions in [0, 1]."""
        boards = [{**asdict(b), "title": b.setting.title} for b in self.boards]
        unreadable = [{"path": str(u.path), "reason": u.reason} for u in self.unreadable]
        unranked = [asdict(u) for u in self.unranked]
        return {"boards": boards, "unranked": unranked, "unreadable": unreadable}


def build(results: Iterable[Result], unreadable: Sequence[Unreadable] = ()) -> Leaderboard:
    """Rank results.

    A recipe is ranked in a setting if nothing of it was modified and all of the benchmark's
    seeds are there; only those seeds count.
    """
    ranked: dict[Setting, list[list[Result]]] = {}
    unranked = []
    for group in _grouped(results, lambda r: (r.digest, Setting.of(r))).values():
        setting, distinct = Setting.of(group[0]), _distinct(group)
        counted = [r for r in distinct if r.seed in setting.seeds]
        if reason := _obstacle(setting, counted):
            unranked.append(_unranked(setting, distinct, reason))
            continue
        ranked.setdefault(setting, []).append(counted)
        if others := [r for r in distinct if r.seed not in setting.seeds]:
            unranked.append(_unranked(setting, others, "not among the benchmark's seeds"))
    boards = [Board(s, _rows(groups)) for s, groups in ranked.items()]
    return Leaderboard(
        tuple(sorted(boards, key=lambda b: _order(b.setting))),
        tuple(sorted(unranked, key=lambda u: (*_order(u.setting), u.recipe, u.digest, u.reason))),
        tuple(unreadable),
    )


def percent(value: Spread) -> str:
    """Return mean and standard deviation in percent: ``"65.3 ± 1.2"``."""
    mean = f"{100 * value.mean:.1f}"
    return mean if value.sd is None else f"{mean} ± {100 * value.sd:.1f}"


def _obstacle(setting: Setting, counted: Sequence[Result]) -> str:
    """Return why the results of a recipe cannot be ranked; empty if they can."""
    if counted and counted[0].modified:
        changes = (f"{k}={canonical(v)}" for k, v in sorted(counted[0].modified.items()))
        return f"modified: {', '.join(changes)}"
    seeds = [r.seed for r in counted]
    if doubled := sorted({s for s in seeds if seeds.count(s) > 1}):
        return f"{_named(doubled)} scored differently in two files"
    if missing := sorted(set(setting.seeds) - set(seeds)):
        return f"{_named(missing)} missing"
    return ""


def _rows(groups: Sequence[Sequence[Result]]) -> tuple[Row, ...]:
    measured = [(g, _measures(g)) for g in groups]
    means = [m[PRIMARY].mean for _, m in measured]
    rows = [
        Row(
            1 + sum(other > m[PRIMARY].mean for other in means),
            _name(g),
            g[0].recipe["digest"],
            _uses(g[0]),
            m,
        )
        for g, m in measured
    ]
    return tuple(sorted(rows, key=lambda r: (r.place, r.recipe, r.digest)))


def _unranked(setting: Setting, group: Sequence[Result], reason: str) -> Unranked:
    seeds = tuple(sorted(r.seed for r in group))
    first = group[0]
    return Unranked(
        setting, _name(group), first.recipe["digest"], _uses(first), seeds, _measures(group), reason
    )


def _measures(group: Sequence[Result]) -> dict[str, Spread]:
    ordered = sorted(group, key=lambda r: r.seed)  # the order of addition must not show
    return {name: spread([r.measure(name) for r in ordered]) for name in SHOWN}


def _distinct(group: Sequence[Result]) -> list[Result]:
    """Return the results without copies: files of one seed with the same scores are one."""
    return [g[0] for g in _grouped(group, lambda r: (r.seed, canonical(r.scores))).values()]


def _grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _name(group: Sequence[Result]) -> str:
    return " = ".join(sorted({r.recipe["name"] for r in group}))


def _uses(result: Result) -> tuple[str, ...]:
    return tuple(u for u in ("images", "cameras", "labels") if result.uses[f"target_{u}"])


def _order(setting: Setting) -> tuple[Any, ...]:
    """Return the sorting key of a setting: by name, the newest version first."""
    return (setting.benchmark, -setting.version, setting.precision != "float32", *vars(setting).values())


def _numbers(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def _named(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {_numbers(seeds)}"
