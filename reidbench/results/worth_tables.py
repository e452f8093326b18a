"""The worth of constraints in the cells of a table."""

from __future__ import annotations

from reidbench.evaluation.trials import Spread
from reidbench.results.differences import LEVEL
from reidbench.results.measures import BY_KEY
from reidbench.results.numbers import listed
from reidbench.results.worth import Worth, Worths


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
        f"seeds, its {100 * LEVEL:.0f} % interval by Student's paired t, and p by Holm's "
        "correction for all rows of the table."
    )


def _by_hand(found: Worths) -> bool:
    return any(row.modified for row in found.rows)


def _spread(value: Spread, scale: int) -> str:
    mean = f"{scale * value.mean:.1f}"
    return mean if value.sd is None else f"{mean} ± {scale * value.sd:.1f}"
