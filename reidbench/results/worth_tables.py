"""The worth of constraints in the cells of tables."""

from __future__ import annotations

from reidbench.evaluation.trials import Spread
from reidbench.results.differences import LEVEL
from reidbench.results.measures import BY_KEY
from reidbench.results.numbers import listed
from reidbench.results.worth import Worth, Worths
from reidbench.results.worth_grid import Grid, Together


def headings(found: Worths) -> tuple[str, ...]:
    """Return what the columns are called; "Set by hand" only where something was."""
    measured = (f"{BY_KEY[found.measure].label} without", "with it", "Worth", "95 % interval", "p")
    by_hand = ("Set by hand",) if _by_hand(found) else ()
    return ("Translator", "Constraint", "Learner", "Learns from", *measured, "Seeds", *by_hand)


def cells(found: Worths, row: Worth) -> list[str]:
    """Return a row's texts under ``headings``."""
    scale = 100 if BY_KEY[found.measure].percent else 1
    interval, p_value = "", ""
    if row.low is not None and row.high is not None and row.p_value is not None:
        interval = f"{scale * row.low:+.1f} to {scale * row.high:+.1f}"
        p_value = f"{row.p_value:.4f}"
    return [
        *(row.translator, row.constraint, row.learner, row.strategy),
        *(_spread(row.without, scale), _spread(row.with_it, scale)),
        *(f"{scale * row.mean:+.1f}", interval, p_value, listed(row.seeds)),
        *([row.modified] if _by_hand(found) else []),
    ]


def caption(found: Worths) -> str:
    """Return what the columns say."""
    unit = "in points" if BY_KEY[found.measure].percent else "in the measure's unit"
    return (
        f"Worth: with the constraint minus without, {unit}: mean of the differences over the "
        f"seeds, its {100 * LEVEL:.0f} % interval by t, with the spread of all rows of the "
        "translator and learner (randomised blocks: the seeds), and p by Holm's correction for all "
        "rows of the table."
    )


def grid_title(grid: Grid) -> str:
    """Return what a grid shows, in a line."""
    shown = f"worth in {BY_KEY[grid.measure].label} by {grid.learner}, {grid.strategy}"
    return "; ".join(filter(None, (f"{grid.setting.title}: {shown}", grid.modified)))


def grid_headings(grid: Grid) -> tuple[str, ...]:
    """Return what the columns of a grid are called; the last only where it can be told."""
    return ("Constraint", *grid.translators, *(("On all of them",) if grid.together else ()))


def grid_rows(grid: Grid) -> list[list[str]]:
    """Return the texts of a grid's rows under ``grid_headings``."""
    found = []
    for name in grid.constraints:
        cells_ = [grid.cells.get((name, translator)) for translator in grid.translators]
        last = [grid.together.get(name)] if grid.together else []
        found.append([name, *(_told(cell, grid.measure) for cell in (*cells_, *last))])
    return found


GRID_CAPTION = (
    "Worth: with the constraint minus without, mean over the seeds, and its 95 % interval as in "
    "the list. On all of them: the mean over translators and seeds, each of which is a block. "
    "A star: told from zero at 5 %, by Holm's correction for all rows of the list, and in the last "
    "column for the constraints of the grid."
)


def _told(worth: Worth | Together | None, measure: str) -> str:
    if worth is None:
        return ""
    scale = 100 if BY_KEY[measure].percent else 1
    mean = f"{scale * worth.mean:+.1f}"
    if worth.low is None or worth.high is None or worth.p_value is None:
        return mean
    star = " *" if worth.p_value < 1 - LEVEL else ""
    return f"{mean} ({scale * worth.low:+.1f} to {scale * worth.high:+.1f}){star}"


def _by_hand(found: Worths) -> bool:
    return any(row.modified for row in found.rows)


def _spread(value: Spread, scale: int) -> str:
    mean = f"{scale * value.mean:.1f}"
    return mean if value.sd is None else f"{mean} ± {scale * value.sd:.1f}"
