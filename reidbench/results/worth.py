"""The worth of constraints: each recipe with one beside the same recipe without.

A pair agrees in everything that decides its scores but the constraints: benchmark, translator,
learner, strategy, budget, embedding, ranking, precision, initial weights and what was set by hand.
Differences are paired by the seed, which decides the data's order and the initial weights of both.
How far seeds scatter them is told by all recipes that agree so, with whichever constraint: of two
recipes and three seeds alone it would hardly be known.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from reidbench.evaluation.significance import blocked_t, holm
from reidbench.evaluation.trials import Spread, spread
from reidbench.results.differences import LEVEL
from reidbench.results.measures import PRIMARY
from reidbench.results.notebook import Notebook
from reidbench.results.result import Result
from reidbench.results.setting import Setting
from reidbench.storage.keys import JSON, canonical

_NAMES = ("name", "digest", "paper", "components")
_OF_CONSTRAINTS = ("constraints", "source_learners")
"""Parts of a recipe that constraints bring along: in these alone a pair may differ."""


_Group = dict[str, dict[int, Result]]
"""Results that agree in all but the constraints: by these, in canonical form, and by the seed."""


@dataclass(frozen=True)
class Worth:
    """The change that constraints bring to one translator and learner.

    Attributes:
        translator, constraint, learner: names; where parts of one name differ in parameters, with
            these. Several constraints at once are joined by " + ".
        strategy: what the learner learns from.
        modified: what was set by hand besides the constraint, ``"embedding.parts=8"``; may be
            empty.
        seeds: that both were run with.
        without: mean and standard deviation over these seeds without the constraint.
        with_it: the same with it.
        gains: the difference of each seed; fractions of measures in percent, else as the measure
            has it.
        mean: of the gains.
        low: lower end of its interval by t, with the spread of all recipes of its group that have
            these seeds; None of one seed.
        high: upper end.
        p_value: two-sided, by Holm's correction for all of the setting; None of one seed.
    """

    setting: Setting
    translator: str
    constraint: str
    learner: str
    strategy: str
    modified: str
    seeds: tuple[int, ...]
    without: Spread
    with_it: Spread
    gains: tuple[float, ...]
    mean: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        spreads = {"without": self.without.to_dict(), "with_it": self.with_it.to_dict()}
        return {**asdict(self), "seeds": list(self.seeds), "gains": list(self.gains), **spreads}


@dataclass(frozen=True)
class Worths(Notebook):
    """The worth of every constraint among some results.

    Attributes:
        measure: that it is told in.
        rows: by setting, translator, learner and constraint.
    """

    measure: str
    rows: tuple[Worth, ...]

    def by_setting(self) -> Iterator[tuple[Setting, list[Worth]]]:
        """Yield the settings with their rows."""
        for setting in dict.fromkeys(row.setting for row in self.rows):
            yield setting, [row for row in self.rows if row.setting == setting]

    def to_dict(self) -> dict[str, JSON]:
        """Return everything, ready for JSON."""
        return {"measure": self.measure, "rows": [row.to_dict() for row in self.rows]}


def worth_of(results: Iterable[Result], measure: str = PRIMARY) -> Worths:
    """Return what each constraint is worth on each translator.

    Args:
        results: of any recipes; those without a partner are left out.
        measure: one of ``measures.OF_WORTH``.
    """
    settings: dict[Setting, list[Result]] = {}
    for result in results:
        if result.recipe.get("translator") and result.quantity(measure) is not None:
            settings.setdefault(Setting.of(result), []).append(result)
    rows: list[Worth] = []
    for setting in sorted(settings, key=lambda s: (s.benchmark, -s.version, s.digest)):
        rows += _corrected(_worths(setting, settings[setting], measure))
    return Worths(measure, tuple(rows))


def _worths(setting: Setting, results: Sequence[Result], measure: str) -> Iterator[Worth]:
    groups: dict[Hashable, _Group] = {}
    for result in results:
        with_ = groups.setdefault(_shared(result), {})
        with_.setdefault(canonical(_constraints(result)), {})[result.seed] = result
    plain = canonical([])
    pairs = [
        (group, constraints)
        for group in groups.values()
        for constraints in group
        if constraints != plain and group.get(plain, {}).keys() & group[constraints].keys()
    ]
    named = _Names([r for group, c in pairs for key in (plain, c) for r in group[key].values()])
    rows = [_worth(setting, named, group, constraints, measure) for group, constraints in pairs]
    yield from sorted(rows, key=_place)


def _place(row: Worth) -> tuple[str, ...]:
    return row.translator, row.learner, row.strategy, row.modified, row.constraint


def _worth(setting: Setting, named: _Names, group: _Group, constraints: str, measure: str) -> Worth:
    with_it, without = group[constraints], group[canonical([])]
    seeds = tuple(sorted(with_it.keys() & without.keys()))
    others = [of for of in group.values() if of is not with_it and of is not without]
    values = np.array(
        [
            [_told(of[seed], measure) for seed in seeds]
            for of in (with_it, without, *others)
            if of.keys() >= set(seeds)
        ]
    )
    tested = blocked_t(values, LEVEL) if len(seeds) > 1 else (None, None, None)
    first = with_it[seeds[0]]
    return Worth(
        setting,
        named.of(first.recipe["translator"]),
        " + ".join(named.of(part) for part in _constraints(first)),
        named.of(first.recipe.get("learner")),
        str(first.recipe.get("strategy", "")),
        ", ".join(f"{k}={canonical(v)}" for k, v in sorted(_by_hand(first).items())),
        seeds,
        spread(values[1].tolist()),
        spread(values[0].tolist()),
        tuple((values[0] - values[1]).tolist()),
        float(values[0].mean() - values[1].mean()),
        *tested,
    )


def _told(result: Result, measure: str) -> float:
    value = result.quantity(measure)
    assert value is not None, "worth_of leaves out what does not tell it"
    return value


def _corrected(rows: Iterable[Worth]) -> list[Worth]:
    """Return the rows with p-values by Holm's correction for all of them."""
    found = list(rows)
    tested = [row.p_value for row in found if row.p_value is not None]
    corrected = iter(holm(np.array(tested)).tolist())
    return [
        row if row.p_value is None else replace(row, p_value=float(next(corrected)))
        for row in found
    ]


def _shared(result: Result) -> Hashable:
    """Return what a result must share with its partner, as a text."""
    recipe = {k: v for k, v in result.recipe.items() if k not in (*_NAMES, *_OF_CONSTRAINTS)}
    budget = dict(recipe.pop("budget", None) or {})
    if budget.get("steps") is not None:
        budget.pop("epochs", None)  # steps decide
    return canonical([dict(result.benchmark), recipe, budget, result.precision, _by_hand(result)])


def _constraints(result: Result) -> list[Any]:
    listed = result.recipe.get("constraints")
    return listed if isinstance(listed, list) else []


def _by_hand(result: Result) -> dict[str, JSON]:
    """Return what was set by hand, but for components' parameters: the recipe names these."""
    recipe = result.recipe
    parts = (recipe["translator"], recipe.get("learner"), *_constraints(result))
    names = {part.get("name") for part in parts if isinstance(part, Mapping)}
    return {k: v for k, v in result.modified.items() if k.partition(".")[0] not in names}


class _Names:
    """Names of components, with the parameters in which those of one name differ."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._values: dict[str, dict[str, set[str]]] = {}
        parts: dict[str, dict[str, Any]] = {}
        for result in results:
            recipe = result.recipe
            for part in (recipe["translator"], recipe.get("learner"), *_constraints(result)):
                if isinstance(part, Mapping):
                    parts.setdefault(str(part.get("name")), {})[canonical(part)] = part
        for name, versions in parts.items():
            tables = [dict(part.get("parameters") or {}) for part in versions.values()]
            keys = dict.fromkeys(key for table in tables for key in table)
            values = {k: {canonical(table.get(k)) for table in tables} for k in keys}
            self._values[name] = {k: v for k, v in values.items() if len(v) > 1}

    def of(self, part: Any) -> str:
        """Return a component's name: ``"sianet"``, or ``"sianet (weight=0.2)"`` beside others."""
        if not isinstance(part, Mapping):
            return ""
        parameters = part.get("parameters") or {}
        told = [
            f"{key}={canonical(parameters[key])}"
            for key in self._values.get(str(part.get("name")), ())
            if key in parameters
        ]
        return f"{part.get('name')} ({', '.join(told)})" if told else str(part.get("name"))
