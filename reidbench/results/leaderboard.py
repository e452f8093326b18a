"""Ranking of results. Only like is ranked with like; what is left out is listed with the reason."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeVar

from msgspec import to_builtins

from reidbench.evaluation.trials import Spread, spread
from reidbench.results.commands import command_of_seeds
from reidbench.results.differences import Gain, gains, not_told_apart
from reidbench.results.gap import Gap
from reidbench.results.measures import BY_KEY, MEASURES, PRIMARY, SHOWN
from reidbench.results.notebook import Notebook
from reidbench.results.numbers import listed
from reidbench.results.others import of_others
from reidbench.results.pareto import pareto_front
from reidbench.results.result import Result, Unreadable
from reidbench.results.setting import Setting
from reidbench.results.texts import Texts
from reidbench.results.words import in_words
from reidbench.storage.keys import JSON, canonical

USES = {
    "images": "target_images",
    "cameras": "target_cameras",
    "labels": "target_labels",
    "test images": "test_images",
    "ground truth": "ground_truth",
    "translated elsewhere": "translated_elsewhere",
}
CEILING = "ground truth"
"""Rows that use this are no rivals: they stand among the others without a place."""
MOCK = "mock"
"""The benchmark for trying plugins, which trains nothing to the end: its results never rank."""
_MEASURES_OF = itemgetter(*MEASURES)
T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """One recipe and what it scored.

    Attributes:
        recipe: its name; several, if the same recipe was run under several.
        digest: of all that decides the scores but the seed; it stands in the file names.
        weights: where the initial weights came from.
        uses: which of the target's data it was trained with, as ``USES`` names them.
        seeds: that were run.
        measures: mean, standard deviation and number of seeds of each of ``SHOWN``.
        quantities: the same of each of ``QUANTITIES``, where all of the seeds tell it.
        classifier: the model that translation quality was measured with.
        guided: whether the translator was trained against that model.
        warnings: of all its results, each once, in the order of the seeds.
        others: its components that are not the project's own, with version and distribution.
        words: what the recipe is made of, in words.
    """

    recipe: str
    digest: str
    weights: str
    uses: tuple[str, ...]
    seeds: tuple[int, ...]
    measures: dict[str, Spread]
    quantities: dict[str, Spread]
    classifier: str
    guided: bool
    warnings: tuple[str, ...]
    others: tuple[str, ...]
    words: str

    @classmethod
    def of(cls, group: Sequence[Result], gap: Gap) -> Entry:
        """Return the entry of results that differ in the seed alone."""
        ordered = sorted(group, key=lambda r: r.seed)  # the order of addition must not show
        first = ordered[0]
        return cls(
            " = ".join(sorted({r.recipe["name"] for r in ordered})),
            first.digest,
            ", ".join(str(w) for w in first.recipe["provenance"].values()),
            tuple(use for use, field in USES.items() if first.uses.get(field)),
            tuple(r.seed for r in ordered),
            {name: spread([r.measure(name) for r in ordered]) for name in SHOWN},
            gap.quantities(ordered),
            str(first.translation.get("classifier", "")),
            first.translation.get("guided") is True,
            tuple(dict.fromkeys(w for r in ordered for w in r.warnings)),
            of_others(ordered),
            in_words(first.recipe),
        )

    def value(self, column: str) -> float | None:
        """Return the mean of one of ``measures.COLUMNS``; None where it is not known."""
        found = {**self.quantities, **self.measures}.get(column)
        return None if found is None else found.mean


@dataclass(frozen=True)
class Row:
    """One recipe, ranked.

    Attributes:
        place: 1 for the best; rows of the same mean share it. None for a ceiling.
        gain: over direct transfer; None where that is not known.
        groups: letters of the groups of recipes that no test tells apart; a ceiling is in none.
    """

    place: int | None
    entry: Entry
    gain: Gain | None
    groups: str


@dataclass(frozen=True)
class Unranked:
    """Results of one recipe that cannot be ranked, and why.

    Attributes:
        command: makes what is missing; empty where no command would.
    """

    setting: Setting
    entry: Entry
    reason: str
    command: str = ""


@dataclass(frozen=True)
class Board:
    """One table: recipes measured in the same setting, the best first."""

    setting: Setting
    rows: tuple[Row, ...]

    def ordered(self, column: str) -> Board:
        """Return it ordered by one of ``measures.COLUMNS``, rows without it last."""
        sign = -1 if BY_KEY[column].larger_is_better else 1

        def rank(row: Row) -> tuple[bool, float]:
            value = row.entry.value(column)
            return value is None, sign * (value or 0.0)

        return replace(self, rows=tuple(sorted(self.rows, key=rank)))

    def is_pareto_optimal(self, row: Row) -> bool:
        """Return whether no other row scores as much for less training, or more for as much.

        What was trained with more of the target's data is no rival.
        """
        mine = row.entry.value("cost")
        return (mine, row.entry.measures[PRIMARY].mean) in self._fronts[row.entry.uses]

    @cached_property
    def _fronts(self) -> dict[tuple[str, ...], set[tuple[float, float]]]:
        """Cost and score of what is optimal, by what of the target's data may be used."""
        fronts = {}
        for uses in {row.entry.uses for row in self.rows}:
            rivals = (row.entry for row in self.rows if set(row.entry.uses) <= set(uses))
            fronts[uses] = pareto_front((e.value("cost"), e.measures[PRIMARY].mean) for e in rivals)
        return fronts


@dataclass(frozen=True)
class Leaderboard(Notebook):
    """Everything that was found, ranked or not."""

    boards: tuple[Board, ...]
    unranked: tuple[Unranked, ...]
    unreadable: tuple[Unreadable, ...]

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON, with scores as fractions in [0, 1]."""
        boards = [{**to_builtins(b), "title": b.setting.title} for b in self.boards]
        unreadable = [{"path": str(u.path), "reason": u.reason} for u in self.unreadable]
        unranked = [to_builtins(u) for u in self.unranked]
        return {"boards": boards, "unranked": unranked, "unreadable": unreadable}


def build(results: Iterable[Result], unreadable: Sequence[Unreadable] = ()) -> Leaderboard:
    """Rank results.

    A recipe is ranked in a setting if nothing of it was modified and all of the benchmark's
    seeds are there; only those seeds count.
    """
    results = list(results)
    gap = Gap.of(results)
    ranked: dict[Setting, list[list[Result]]] = {}
    unranked = []
    for group in _grouped(results, lambda r: _identity(r, gap.texts)).values():
        setting, distinct = Setting.of(group[0]), _distinct(group)
        if reason := _obstacle(setting, distinct):
            command = _remedy(setting, distinct)
            unranked.append(Unranked(setting, Entry.of(distinct, gap), reason, command))
            continue
        counted = [r for r in distinct if r.seed in setting.seeds]
        ranked.setdefault(setting, []).append(counted)
        if others := [r for r in distinct if r.seed not in setting.seeds]:
            reason = "not among the benchmark's seeds"
            unranked.append(Unranked(setting, Entry.of(others, gap), reason))
    boards = [Board(s, _rows(groups, gap)) for s, groups in ranked.items()]
    return Leaderboard(
        tuple(sorted(boards, key=lambda b: _order(b.setting))),
        tuple(sorted(unranked, key=lambda u: (_order(u.setting), u.entry.recipe, u.reason))),
        tuple(unreadable),
    )


def _obstacle(setting: Setting, group: Sequence[Result]) -> str:
    """Return why the results of a recipe cannot be ranked; empty if they can."""
    if setting.benchmark == MOCK:
        return f"{MOCK} is for trying plugins: its numbers mean nothing"
    if modified := group[0].modified:
        return f"modified: {', '.join(f'{k}={canonical(v)}' for k, v in sorted(modified.items()))}"
    seeds = [r.seed for r in group]
    if doubled := sorted({s for s in seeds if seeds.count(s) > 1}):
        return f"{_named(doubled)} scored differently in two files"
    if missing := sorted(set(setting.seeds) - set(seeds)):
        return f"{_named(missing)} missing"
    return ""


def _remedy(setting: Setting, group: Sequence[Result]) -> str:
    """Return the command that makes what keeps a recipe from being ranked; empty if none does."""
    run = set() if group[0].modified else {r.seed for r in group}
    missing = sorted(set(setting.seeds) - run)
    return command_of_seeds(group[0], missing) if missing and setting.benchmark != MOCK else ""


def _rows(groups: Sequence[Sequence[Result]], gap: Gap) -> tuple[Row, ...]:
    """Return the rows in the order of their means; ceilings have no place and take none."""
    found = [(Entry.of(group, gap), group) for group in groups]
    found.sort(key=lambda f: (-f[0].measures[PRIMARY].mean, f[0].recipe, f[0].digest))
    gained = gains([group for _, group in found], gap)
    rivals = [(entry, group) for entry, group in found if CEILING not in entry.uses]
    means = [-entry.measures[PRIMARY].mean for entry, _ in rivals]
    letters = iter(not_told_apart([_by_seed(group) for _, group in rivals]))
    rows = []
    for (entry, _), gain in zip(found, gained, strict=True):
        if CEILING in entry.uses:
            rows.append(Row(None, entry, gain, ""))
        else:  # the first of those that have its mean
            place = 1 + bisect_left(means, -entry.measures[PRIMARY].mean)
            rows.append(Row(place, entry, gain, next(letters)))
    return tuple(rows)


def _by_seed(group: Sequence[Result]) -> list[float]:
    return [r.measure(PRIMARY) for r in sorted(group, key=lambda r: r.seed)]


def _identity(result: Result, texts: Texts) -> Hashable:
    """Return what must be equal for two results to be the same but for their seed."""
    recipe = result.recipe
    changed = canonical(result.modified) if result.modified else ""
    return Setting.of(result), recipe["digest"], texts.of(recipe["provenance"]), changed


def _distinct(group: Sequence[Result]) -> list[Result]:
    """Return the results without copies: files of one seed with the same scores are one."""

    def content(result: Result) -> Hashable:
        return result.seed, _MEASURES_OF(result.scores)

    return [same[0] for same in _grouped(group, content).values()]


def _grouped(items: Iterable[T], key: Callable[[T], Hashable]) -> dict[Hashable, list[T]]:
    groups: dict[Hashable, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _order(setting: Setting) -> tuple[Any, ...]:
    """Return the sorting key of a setting: by name, the newest version first."""
    return (
        setting.benchmark,
        -setting.version,
        setting.precision != "float32",
        *vars(setting).values(),
    )


def _named(seeds: Sequence[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {listed(seeds)}"
