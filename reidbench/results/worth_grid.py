"""The worth of constraints as a grid: constraints by translators, and on all of these together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.evaluation.scores import Doubles
from reidbench.evaluation.significance import blocked_t, holm
from reidbench.results.differences import LEVEL
from reidbench.results.setting import Setting
from reidbench.results.worth import Worth, Worths


@dataclass(frozen=True)
class Together:
    """The worth of a constraint on all translators of a grid.

    Attributes:
        mean: of the differences over translators and seeds.
        low: lower end of its interval by t. Translators and seeds are the blocks, so that its width
            tells how unlike the translators take the constraint as well.
        high: upper end.
        p_value: two-sided, by Holm's correction for the constraints of the grid.
    """

    mean: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Grid:
    """The worth of constraints on several translators, by one learner.

    Attributes:
        measure: that it is told in.
        learner, strategy, modified: as of each of its :class:`Worth`.
        translators: the columns.
        constraints: the rows.
        cells: by constraint and translator; a pair that was not run has none.
        together: by constraint, of those that all translators have; empty unless each translator
            has two seeds in common with all of these.
    """

    setting: Setting
    measure: str
    learner: str
    strategy: str
    modified: str
    translators: tuple[str, ...]
    constraints: tuple[str, ...]
    cells: Mapping[tuple[str, str], Worth]
    together: Mapping[str, Together]


def grids(found: Worths) -> Iterator[Grid]:
    """Yield a grid for each setting and learner where several translators share a constraint."""
    groups: dict[tuple[Setting, str, str, str], list[Worth]] = {}
    for row in found.rows:
        key = (row.setting, row.learner, row.strategy, row.modified)
        groups.setdefault(key, []).append(row)
    for (setting, learner, strategy, modified), rows in groups.items():
        translators = tuple(dict.fromkeys(row.translator for row in rows))
        constraints = tuple(sorted({row.constraint for row in rows}))
        cells = {(row.constraint, row.translator): row for row in rows}
        if len(rows) > len(constraints):
            yield Grid(
                *(setting, found.measure, learner, strategy, modified),
                *(translators, constraints, cells, _together(cells, constraints, translators)),
            )


def _together(
    cells: Mapping[tuple[str, str], Worth], constraints: Sequence[str], translators: Sequence[str]
) -> dict[str, Together]:
    whole = [c for c in constraints if all((c, t) in cells for t in translators)]
    gains: list[dict[tuple[str, int], float]] = [
        {
            (translator, seed): gain
            for translator in translators
            for cell in [cells[constraint, translator]]
            for seed, gain in zip(cell.seeds, cell.gains, strict=True)
        }
        for constraint in whole
    ]
    blocks = [block for block in gains[0] if all(block in of for of in gains)] if gains else []
    seeds = Counter(translator for translator, _ in blocks)
    if not gains or any(seeds[translator] < 2 for translator in translators):
        return {}
    values = np.array([[0.0] * len(blocks), *([of[block] for block in blocks] for of in gains)])
    tested = [blocked_t(_first(values, row), LEVEL) for row in range(1, len(values))]
    p_values = holm(np.array([p for _, _, p in tested])).tolist()
    return {
        constraint: Together(float(mean), low, high, p)
        for constraint, mean, (low, high, _), p in zip(
            whole, values[1:].mean(axis=1), tested, p_values, strict=True
        )
    }


def _first(values: Doubles, row: int) -> Doubles:
    """Return the rows with one of them first and the one without a constraint second."""
    others = [n for n in range(1, len(values)) if n != row]
    return values[[row, 0, *others]]
