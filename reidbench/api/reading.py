"""Result files as objects: read, ranked, compared and drawn; no torch and no plugins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from reidbench.api.options import Names, names_of

if TYPE_CHECKING:
    from reidbench.plots.drawing import Drawing
    from reidbench.plots.style import Width
    from reidbench.results.compared_methods import ComparedMethod
    from reidbench.results.comparison import Comparison
    from reidbench.results.leaderboard import Leaderboard
    from reidbench.results.rankings import Rankings
    from reidbench.results.reproduction import Reproduction
    from reidbench.results.result import Found, Result
    from reidbench.results.worth import Worths
    from reidbench.runs.feature_scores import FeatureScores
    from reidbench.studies.plot_kinds import PlotKind

Side: TypeAlias = "str | Path | Result | Iterable[Result] | FeatureScores"
"""A recipe's name, a file, a result, the results of one recipe's seeds, or scores of features."""


def load_results(folder: str | Path = "results") -> Found:
    """Return every result in a folder.

    Args:
        folder: of results, as :func:`reidbench.run` fills it.

    Returns:
        A sequence of the results by path, with ``unreadable``, the files that are none.

    Raises:
        ReidbenchError: if there is no result.

    Example:
        >>> import reidbench
        >>> found = reidbench.load_results("results")
        >>> len(found) > 0, found.unreadable
        (True, ())
        >>> "synthetic" in {result.benchmark["name"] for result in found}
        True
    """
    from reidbench.results.reading import read_results

    return read_results(Path(folder))


def leaderboard(
    results: str | Path | Iterable[Result] = "results",
    *,
    benchmark: str | None = None,
    by: str = "mAP",
) -> Leaderboard:
    """Rank the results of all recipes that can be compared.

    Args:
        results: folder of results, or results.
        benchmark: the only one to show; None shows all.
        by: column that orders the rows, the best first, e.g. "rank1" or "cost".

    Returns:
        Ranked boards, and what is not ranked with the reason.

    Raises:
        ReidbenchError: if there are no results.
        UsageError: if there is no such column, or no result of such a benchmark.

    Example:
        >>> import reidbench
        >>> board = reidbench.leaderboard("results", benchmark="synthetic")
        >>> [part.setting.benchmark for part in board.boards]
        ['synthetic']
        >>> [row.place for row in board.boards[0].rows][:3]  # ceilings have no place
        [None, None, 1]
    """
    from reidbench.results.leaderboard import build
    from reidbench.results.reading import read_leaderboard, selected

    if isinstance(results, str | Path):
        return read_leaderboard(Path(results), benchmark, by)
    return selected(build(results), benchmark, by)


def compare(
    a: Side,
    b: Side,
    *,
    results: str | Path = "results",
    benchmark: str = "synthetic",
    resamples: int = 10_000,
    seed: int = 0,
) -> Comparison:
    """Return how much two methods differ, over queries and over seeds, and how sure that is.

    Args:
        a: method that a positive difference speaks for: a recipe's name, for all its seeds among
            the results; the file of a result or of scores; results; or scores of features.
        b: the other.
        results: folder in which names are looked up.
        benchmark: whose results a name stands for.
        resamples: of the bootstrap, and swaps of the randomisation test.
        seed: of both.

    Returns:
        Differences of each measure with intervals and p-values.

    Raises:
        UsageError: if a name is unknown or could mean several things.
        ReidbenchError: if the two are not of the same benchmark, data, protocol or queries.

    Example:
        >>> import reidbench
        >>> found = reidbench.compare("spgan", "direct", resamples=100)
        >>> found.first.name, found.second.name, found.measures["mAP"].difference.n
        ('spgan', 'direct', 3)
    """
    from reidbench.results.comparison import contrast

    first, second = (_compared(side, Path(results), benchmark) for side in (a, b))
    return contrast(first, second, samples=resamples, seed=seed)


def compare_rankings(
    a: str | None = None,
    b: str | None = None,
    *,
    results: str | Path | Iterable[Result] = "results",
    measure: str = "mAP",
    ceilings: bool = False,
    without: Names = (),
    resamples: int = 10_000,
    seed: int = 0,
) -> Rankings:
    """Return how much alike benchmarks and papers rank the same methods.

    Args:
        a: benchmark with ranked results, or table of a paper such as "spgan/table 1"; None compares
            each benchmark with each other, and with each table that holds three of its methods.
        b: the other; None compares ``a`` with all others.
        results: folder of results, or results.
        measure: what both orders are by, e.g. "rank1".
        ceilings: keep recipes that read the truth.
        without: methods to leave out.
        resamples: draws of the seeds; up to four seeds a side, all draws are taken.
        seed: seeds them.

    Returns:
        A sequence of comparisons: Kendall's tau-b with its interval over the seeds, which pairs of
        methods stand in the same order, and which do not although both sides tell them apart.

    Raises:
        UsageError: if a name is unknown, the two are one, or share fewer than three methods.
        ReidbenchError: if there is nothing to compare.

    Example:
        >>> import reidbench
        >>> (found, *_) = reidbench.compare_rankings("synthetic", "spgan/table 1")
        >>> found.second.name
        'spgan/table 1, dukemtmc -> market1501'
        >>> -1 <= found.correlation.tau <= 1
        True
    """
    from reidbench.results.order_pairs import read_rankings

    names = [name for name in (a, b) if name is not None]
    folder = Path(results) if isinstance(results, str | Path) else results
    return read_rankings(
        folder,
        names,
        measure=measure,
        ceilings=ceilings,
        left_out=names_of(without),
        samples=resamples,
        seed=seed,
    )


def plot(
    study: str | None = None,
    *,
    benchmark: str | None = None,
    kind: PlotKind | None = None,
    measure: str | None = None,
    recipes: Names = (),
    rows: str = "translator",
    columns: str = "constraints",
    reported: bool = False,
    width: Width = "one",
    output: str | Path | None = None,
    results: str | Path = "results",
) -> Drawing:
    """Draw a study that was run, or what the leaderboard ranks.

    Args:
        study: its name; None draws the ranked recipes of a benchmark.
        benchmark: whose results are drawn; needed if there are several.
        kind: "bars", "line" or "heatmap"; as the study says, or bars, if None.
        measure: as the study says, or "mAP", if None.
        recipes: those to draw; none for all.
        rows: of a heat map, e.g. "translator", "learner" or "source".
        columns: of a heat map.
        reported: draw the paper's numbers too, in panels of their own.
        width: "one" or "two" columns of a paper.
        output: file to write, .svg, .pdf or .png; None for an SVG among the results.
        results: folder of results.

    Returns:
        The drawing: its file in ``path``, its numbers in ``chart``.

    Raises:
        ReidbenchError: if there is nothing to draw, or the file cannot be written.
        UsageError: for an unknown name, or a chart that cannot be drawn in that way.

    Example:
        >>> import reidbench
        >>> drawn = reidbench.plot(benchmark="synthetic", measure="rank1", output="ranked.svg")
        >>> drawn.path.read_text().startswith("<?xml"), drawn.chart.measure
        (True, 'rank1')
    """
    from reidbench.plots.drawing import draw_chart
    from reidbench.plots.sources import Wish

    wish = Wish(kind, measure, rows, columns, reported)
    file = None if output is None else Path(output)
    return draw_chart(study, Path(results), wish, benchmark, names_of(recipes), width, file)


def reproduced(again: str | Path, results: str | Path = "results") -> Reproduction:
    """Hold results that were made again against those before.

    Args:
        again: folder of the new ones.
        results: folder of those before.

    Returns:
        Which are equal in all that a seed decides, and in what the others differ.

    Raises:
        ReidbenchError: if one of the folders holds no result.

    Example:
        >>> import reidbench
        >>> reidbench.reproduced("results", "results").holds
        True
    """
    from reidbench.results.reading import read_results
    from reidbench.results.reproduction import hold_against

    return hold_against(read_results(Path(again)), read_results(Path(results)))


def worth(
    results: str | Path = "results", *, benchmark: str | None = None, measure: str = "mAP"
) -> Worths:
    """Return what each constraint is worth on each translator.

    Each result with constraints is held against the one without, of the same seed, that agrees in
    all else.

    Args:
        results: folder of results.
        benchmark: the only one to keep; None keeps all.
        measure: that the worth is told in, e.g. "mAP", "identity_retained" or "person_error".

    Returns:
        A row for each pair, with the mean of the differences over the seeds and its interval.

    Raises:
        ReidbenchError: if there is no result, or no pair.
        UsageError: if there is no such measure, or no result of such a benchmark.

    Example:
        >>> import reidbench
        >>> found = reidbench.worth(benchmark="synthetic")
        >>> "sianet" in [row.constraint for row in found.rows]
        True
    """
    from reidbench.results.reading import read_worth

    return read_worth(Path(results), benchmark, measure)


def _compared(side: Side, results: Path, benchmark: str) -> ComparedMethod:
    from reidbench.results.compared_methods import find, of_results, of_scores
    from reidbench.results.result import Result

    if isinstance(side, str | Path):
        return find(str(side), results, benchmark)
    if isinstance(side, Result):
        return of_results([side], f"{side.recipe['name']} seed {side.seed}")
    if isinstance(side, Iterable):
        listed = list(side)
        return of_results(listed, " = ".join(sorted({str(r.recipe["name"]) for r in listed})))
    return of_scores(side.to_dict(), side.title)
