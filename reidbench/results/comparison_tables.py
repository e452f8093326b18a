"""A comparison as tables of text."""

from __future__ import annotations

from collections.abc import Iterator

from reidbench.evaluation.trials import Spread
from reidbench.results.compared_methods import ComparedMethod
from reidbench.results.comparison import Comparison, Difference, MeasureComparison
from reidbench.results.measures import COMPARED, labels

MEASURES = labels(*COMPARED)
ABOUT = (
    "In percent; mAP takes precision at the hits, the trapezoid is the Market-1501 package's. "
    "No correction is made for looking at several measures."
)


def columns(found: Comparison) -> tuple[str, ...]:
    """Return the headings of both tables."""
    return "", "A", "B", "A - B", f"{100 * found.level:.0f} % interval", "p"


def titles(found: Comparison) -> tuple[str, str]:
    """Return the title of the table over queries and over seeds; empty where there is none."""
    over = f"{found.queries} with a match, of {found.persons} persons"
    queries = f"Over queries ({over}): these models on other persons"
    if not all(m.over_seeds for m in found.measures.values()):
        return queries, ""
    n = found.measures["mAP"].difference.n
    return queries, f"Over {n} seeds: models trained anew, on the same persons"


def sides(found: Comparison) -> list[tuple[str, str]]:
    """Return of each side its letter and name, and what it is, in one line."""
    pairs = (("A", found.first), ("B", found.second))
    return [(f"{letter}  {side.name}", _described(side)) for letter, side in pairs]


def over_queries(found: Comparison) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table over queries: each measure, and each of its seeds."""
    for name, compared in found.measures.items():
        means = compared.first.mean, compared.second.mean
        yield MEASURES[name], *map(_percent, means), *_uncertain(compared.over_queries)
        for one in compared.by_seed if len(compared.by_seed) > 1 else ():
            means = one.first, one.second
            yield f"  seed {one.seeds[0]}", *map(_percent, means), *_uncertain(one.over_queries)


def over_seeds(found: Comparison) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table over seeds."""
    for name, compared in found.measures.items():
        if compared.over_seeds is not None:
            difference, interval, p_value = _uncertain(compared.over_seeds)
            difference += _sd(compared.difference)
            both = (_percent(s.mean) + _sd(s) for s in (compared.first, compared.second))
            yield MEASURES[name], *both, difference, interval, p_value


def verdicts(found: Comparison) -> list[str]:
    """Return what the intervals of each measure show, a line each."""
    return [f"{MEASURES[name]}: {_verdict(m)}" for name, m in found.measures.items()]


def about(found: Comparison) -> tuple[str, ...]:
    """Return what a reader should know besides, in sentences."""
    return (ABOUT, *found.notes)


def _described(side: ComparedMethod) -> str:
    seeds = [str(seed) for seed in side.seeds if seed is not None]
    by_hand = "values set by hand"
    told = {"recipe": side.remarks.get("recipe"), "seeds": ", ".join(seeds)}
    told[by_hand] = side.remarks.get(by_hand)
    return "; ".join(f"{what} {value}" for what, value in told.items() if value)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _sd(value: Spread) -> str:
    return "" if value.sd is None else f" ± {100 * value.sd:.1f}"


def _uncertain(d: Difference) -> tuple[str, str, str]:
    """Return the texts of a difference, its interval and its p-value."""
    return f"{100 * d.difference:+.1f}", _interval(d), f"{d.p_value:.4f}"


def _interval(d: Difference) -> str:
    return f"{100 * d.low:+.1f} to {100 * d.high:+.1f}"


def _verdict(compared: MeasureComparison) -> str:
    """Return what each interval shows, and plainly where it shows nothing."""
    parts = [_said(compared.over_queries) + " over queries"]
    if compared.over_seeds is not None:
        parts.append(f"{_said(compared.over_seeds)} over {compared.difference.n} seeds")
    return "; ".join(parts)


def _said(d: Difference) -> str:
    if not d.shown:
        return f"no difference shown at this size ({_interval(d)})"
    ahead, ends = ("A", (d.low, d.high)) if d.difference > 0 else ("B", (-d.high, -d.low))
    between = " to ".join(map(_percent, ends))
    return f"{ahead} is ahead by {_percent(abs(d.difference))} points ({between})"
