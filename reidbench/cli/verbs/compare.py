"""``reidbench compare``: how much two results differ, and how sure that is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reidbench.cli import options
from reidbench.results.measures import COMPARED, labels

if TYPE_CHECKING:
    from reidbench.evaluation import Spread
    from reidbench.results.compared_methods import ComparedMethod
    from reidbench.results.comparison import Comparison, Difference, MeasureComparison

ABOUT = (
    "In percent; mAP takes precision at the hits, the trapezoid is the Market-1501 package's. "
    "No correction is made for looking at several measures."
)
MEASURES = labels(*COMPARED)


@click.command("compare")
@click.argument("a")
@click.argument("b")
@options.results
@click.option(
    "--benchmark",
    default="synthetic",
    show_default=True,
    metavar="NAME",
    help="The benchmark whose results a recipe's name stands for.",
)
@click.option(
    "--resamples",
    type=click.IntRange(100),
    default=10_000,
    show_default=True,
    help="Resamples of the bootstrap and swaps of the randomisation test.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seeds them.")
@options.as_json
def command(
    a: str, b: str, results: Path, benchmark: str, resamples: int, seed: int, as_json: bool
) -> None:
    """Show how much two results differ, over queries and over seeds.

    A and B are each a recipe's name, for all its seeds among the results; the file of one result;
    or a file that 'reidbench evaluate --output' wrote. Queries are paired and persons kept whole:
    the intervals are of a bootstrap over persons, p of a randomisation test. Seeds are paired too,
    by Student's t. Results of different benchmarks, protocols, data or queries are refused.

    \b
    Examples:
      reidbench compare spgan cyclegan
      reidbench compare plain.json reranked.json --json
    """
    from reidbench.results.compared_methods import find
    from reidbench.results.comparison import contrast

    first, second = (find(text, results, benchmark) for text in (a, b))
    found = contrast(first, second, samples=resamples, seed=seed)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    _show(found)


def _show(found: Comparison) -> None:
    from reidbench.cli.tables import console, show_pairs, show_table

    out = console()
    show_pairs((f"{letter}  {side.name}", _described(side)) for letter, side in _sides(found))
    interval = f"{100 * found.level:.0f} % interval"
    columns = ("", "A", "B", "A - B", interval, "p")
    over = f"{found.queries} with a match, of {found.persons} persons"
    show_table(
        f"\nOver queries ({over}): these models on other persons",
        columns,
        _over_queries(found),
        columns[1:],
    )
    if all(m.over_seeds for m in found.measures.values()):
        n = found.measures["mAP"].difference.n
        show_table(
            f"\nOver {n} seeds: models trained anew, on the same persons",
            columns,
            _over_seeds(found),
            columns[1:],
        )
    lines = [f"{MEASURES[name]}: {_verdict(m)}" for name, m in found.measures.items()]
    out.print("\n" + "\n".join(lines) + "\n", markup=False)
    out.print("\n".join((ABOUT, *found.notes)), style="dim", markup=False)


def _sides(found: Comparison) -> list[tuple[str, ComparedMethod]]:
    return [("A", found.first), ("B", found.second)]


def _described(side: ComparedMethod) -> str:
    """Return what a side is, in one line."""
    seeds = [str(seed) for seed in side.seeds if seed is not None]
    by_hand = "values set by hand"
    told = {"recipe": side.remarks.get("recipe"), "seeds": ", ".join(seeds)}
    told[by_hand] = side.remarks.get(by_hand)
    return "; ".join(f"{what} {value}" for what, value in told.items() if value)


def _over_queries(found: Comparison) -> Iterator[tuple[str, ...]]:
    for name, compared in found.measures.items():
        means = compared.first.mean, compared.second.mean
        yield MEASURES[name], *map(_percent, means), *_uncertain(compared.over_queries)
        for one in compared.by_seed if len(compared.by_seed) > 1 else ():
            means = one.first, one.second
            yield f"  seed {one.seeds[0]}", *map(_percent, means), *_uncertain(one.over_queries)


def _over_seeds(found: Comparison) -> Iterator[tuple[str, ...]]:
    for name, compared in found.measures.items():
        if compared.over_seeds is not None:
            difference, interval, p_value = _uncertain(compared.over_seeds)
            difference += _sd(compared.difference)
            sides = (_percent(s.mean) + _sd(s) for s in (compared.first, compared.second))
            yield MEASURES[name], *sides, difference, interval, p_value


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
    """Say what each interval shows, and plainly where it shows nothing."""
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
