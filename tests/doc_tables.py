"""Write the tables of measured numbers into the pages: ``python -m tests.doc_tables``.

A table stands between two comments. The first says what it shows:

    <!-- table: methods BENCHMARK COLUMN... [: RECIPE...] -->
    <!-- table: worth BENCHMARK MEASURE... -->
    <!-- table: grid BENCHMARK LEARNER STRATEGY MEASURE -->
    <!-- table: shares BENCHMARK RECIPE... -->
    <!-- table: along BENCHMARK RECIPE QUANTITY... -->
    <!-- table: rankings BENCHMARK [RECIPE-TO-LEAVE-OUT...] -->
    <!-- table: study BENCHMARK STUDY MEASURE... -->
    <!-- table: order BENCHMARK AHEAD>BEHIND... -->
    <!-- end of table -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import mean

from scipy.stats import spearmanr

from reidbench import compare_rankings
from reidbench.evaluation.trials import spread
from reidbench.plots.figures import shares_of
from reidbench.results import ranking_tables
from reidbench.results.compared_methods import of_results
from reidbench.results.comparison import contrast
from reidbench.results.leaderboard import Board, Row, build
from reidbench.results.measures import BY_KEY
from reidbench.results.numbers import percent
from reidbench.results.result import Result, load_all
from reidbench.results.worth import worth_of
from reidbench.results.worth_grid import grids
from reidbench.results.worth_tables import cells, grid_headings, grid_rows, headings
from reidbench.storage.keys import canonical
from reidbench.studies.index import load_index, results_of

ROOT = Path(__file__).parents[1]
PAGES = (
    *("README.md", "docs/results.md", "docs/findings.md", "docs/real-data.md", "docs/studies.md"),
    *(f"plugins/{name}/README.md" for name in ("hhl", "ipgan", "ptgan", "simpgan")),
    "examples/reidbench-cut/README.md",
)
_TABLE = re.compile(r"(<!-- table: (.*?) -->\n).*?(<!-- end of table -->)", re.DOTALL)


@cache
def results() -> tuple[Result, ...]:
    return tuple(load_all(ROOT / "results").results)


@cache
def board(benchmark: str) -> Board:
    """Return the board of the benchmark's newest version that has one."""
    boards = [b for b in build(results()).boards if b.setting.benchmark == benchmark]
    return max(boards, key=lambda b: b.setting.version)


def written(text: str) -> str:
    """Return a page with its tables as the results have them."""
    return _TABLE.sub(lambda found: found[1] + table(found[2]) + found[3], text)


def table(what: str) -> str:
    """Return a table's lines; the first word names the function that yields them."""
    kind, *words = what.split()
    known = {f.__name__: f for f in (methods, worth, grid, order, along, shares, rankings, study)}
    return "".join(f"{line}\n" for line in known[kind](words))


def methods(words: Sequence[str]) -> Iterator[str]:
    """Yield a row a recipe, the best first: all that are ranked, or those that are named."""
    benchmark, *rest = words
    cut = rest.index(":") if ":" in rest else len(rest)
    columns, recipes = rest[:cut], rest[cut + 1 :]
    yield from head(["method", "learner", *(BY_KEY[c].label for c in columns)])
    learners = {r.digest: learner(r) for r in results()}
    rows = board(benchmark).rows
    missing = set(recipes) - {row.entry.recipe for row in rows}
    assert not missing, f"{benchmark} ranks no {missing}"
    for row in rows:
        if not recipes or row.entry.recipe in recipes:
            yield line([name(row), learners[row.entry.digest], *(cell(row, c) for c in columns)])


def worth(words: Sequence[str]) -> Iterator[str]:
    """Yield a row a translator, learner and constraint, with each measure's worth."""
    benchmark, *measures = words
    told = [result for result in newest(benchmark) if not result.modified]
    found = [worth_of(told, measure) for measure in measures]
    yield from head(
        ["translator", "constraint", "learner", "learns from"]
        + [f"{BY_KEY[m].label}, worth" for m in measures]
        + ["95 % interval", "p"]
    )
    for rows in zip(*(f.rows for f in found), strict=True):
        texts = [
            dict(zip(headings(f), cells(f, row), strict=True))
            for f, row in zip(found, rows, strict=True)
        ]
        first = texts[0]
        names = [first[key] for key in ("Translator", "Constraint", "Learner", "Learns from")]
        yield line([*names, *(t["Worth"] for t in texts), first["95 % interval"], first["p"]])


def grid(words: Sequence[str]) -> Iterator[str]:
    """Yield a row a constraint, with its worth on each translator by one learner, and on all."""
    benchmark, named, strategy, measure = words
    (found,) = (
        one
        for one in grids(worth_of(newest(benchmark), measure))
        if (one.learner, one.strategy, one.modified) == (named, strategy, "")
    )
    yield from head(grid_headings(found))
    yield from map(line, grid_rows(found))


def along(words: Sequence[str]) -> Iterator[str]:
    """Yield how far mAP goes along with each quantity, over recipes learned as a named one is."""
    benchmark, recipe, *quantities = words
    how = {r.digest: canonical([r.recipe["learner"], r.recipe["strategy"]]) for r in results()}
    (named,) = {how[result.digest] for result in ranked(benchmark, recipe)}
    rows = [row for row in board(benchmark).rows if row.place is not None]
    entries = [row.entry for row in rows if how[row.entry.digest] == named]
    yield from head(["quantity", "Spearman's correlation with mAP", "p", "recipes"])
    for quantity in quantities:
        told = [e for e in entries if quantity in e.quantities]
        found = spearmanr(
            [e.measures["mAP"].mean for e in told], [e.quantities[quantity].mean for e in told]
        )
        texts = [f"{found.statistic:+.2f}", f"{found.pvalue:.3f}", str(len(told))]
        yield line([BY_KEY[quantity].label, *texts])


def shares(words: Sequence[str]) -> Iterator[str]:
    """Yield how the gradients at the translated pixels divide among losses, in percent of all.

    Of the middle of the training and of its end, each the mean over the seeds.
    """
    benchmark, *recipes = words
    yield from head(["method", "in the middle", "at the end"])
    for recipe in recipes:
        measured = [shares_of(result)[1] for result in ranked(benchmark, recipe)]
        texts = [
            ", ".join(
                f"{loss} {100 * mean(one[loss][at] for one in measured):.0f}"
                for loss in measured[0]
            )
            for at in (2, 3)
        ]
        yield line([f"`{recipe}`", *texts])


def rankings(words: Sequence[str]) -> Iterator[str]:
    """Yield how much alike a benchmark and all others, and the papers, rank the same methods."""
    benchmark, *without = words
    found = compare_rankings(benchmark, results=ROOT / "results", without=without)
    yield from head(ranking_tables.HEADINGS)
    yield from map(line, ranking_tables.rows(found))


def study(words: Sequence[str]) -> Iterator[str]:
    """Yield a row a run of a study that was run, in the study's order."""
    benchmark, name, *columns = words
    path = ROOT / "results" / benchmark / "studies" / f"{name}.json"
    yield from head(["run", *(BY_KEY[c].label for c in columns), "seeds"])
    for run in load_index(path).runs:
        told = results_of(run, path)
        warned = " (!)" if any(result.warnings for result in told) else ""
        texts = [
            *(f"{key.rpartition('.')[2]} = {value}" for key, value in run.varied.items()),
            *filter(None, (run.series,)),
        ]
        title = ", ".join([run.label + warned, *texts])
        yield line([title, *(of_seeds(told, c) for c in columns), str(len(told))])


def of_seeds(told: Sequence[Result], column: str) -> str:
    values = [result.quantity(column) for result in told]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return ""
    found = spread(known)
    return percent(found) if BY_KEY[column].percent else f"{found.mean:.1f}"


def order(words: Sequence[str]) -> Iterator[str]:
    """Yield a row for each two recipes of which a paper has the first ahead of the second."""
    benchmark, *pairs = words
    yield from head(
        ["should be ahead", "of", "mAP", "mAP", "ahead by", "over seeds", "over queries", "is it"]
    )
    for ahead, behind in (pair.split(">") for pair in pairs):
        sides = [of_results(ranked(benchmark, name), name) for name in (ahead, behind)]
        found = contrast(*sides).measures["mAP"]
        means = [f"{100 * side.mean:.1f}" for side in (found.first, found.second)]
        seeds, queries = found.over_seeds, found.over_queries
        assert seeds is not None, "one seed tells no interval"
        texts = [f"{100 * d.low:+.1f} to {100 * d.high:+.1f}" for d in (seeds, queries)]
        gap = f"{100 * found.difference.mean:+.1f}"
        verdict = ("yes" if seeds.low > 0 else "no, behind") if seeds.shown else "not told apart"
        yield line([f"`{ahead}`", f"`{behind}`", *means, gap, *texts, verdict])


def newest(benchmark: str) -> list[Result]:
    """Return the results of a benchmark's newest version that has a board."""
    named = (benchmark, board(benchmark).setting.version)
    return [r for r in results() if (r.benchmark["name"], r.benchmark["version"]) == named]


def ranked(benchmark: str, recipe: str) -> list[Result]:
    """Return the results of a ranked recipe, one a seed."""
    digests = {row.entry.digest for row in board(benchmark).rows if row.entry.recipe == recipe}
    assert len(digests) == 1, f"{benchmark} ranks {len(digests)} recipes named {recipe}"
    return [result for result in results() if result.digest in digests]


def head(titles: Sequence[str]) -> list[str]:
    return [line(titles), f"|{'---|' * len(titles)}"]


def line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(texts)} |"


def name(row: Row) -> str:
    told = f"`{row.entry.recipe}`" + (" (!)" if row.entry.warnings else "")
    return f"{told}, ceiling" if row.place is None else told


def learner(result: Result) -> str:
    recipe = result.recipe
    return f"{recipe['learner']['name']}, {recipe['strategy']}"


def cell(row: Row, column: str) -> str:
    spreads = {**row.entry.quantities, **row.entry.measures}
    if column not in spreads:
        return ""
    return percent(spreads[column]) if BY_KEY[column].percent else f"{spreads[column].mean:.1f}"


def main() -> None:
    for page in map(ROOT.joinpath, PAGES):
        page.write_text(written(page.read_text()))


if __name__ == "__main__":
    main()
