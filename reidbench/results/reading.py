"""A folder of results as a whole: what lies in it, and its leaderboard."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.results.brief import load_all_in_brief
from reidbench.results.leaderboard import Leaderboard, build
from reidbench.results.measures import COLUMNS, OF_WORTH, PRIMARY
from reidbench.results.result import Found, load_all, uncollected
from reidbench.results.worth import Worths, worth_of


def read_results(root: Path) -> Found:
    """Return every result in a folder, and the files that are none.

    Raises:
        ReidbenchError: if there is no result.
    """
    found = load_all(root)
    if not found.results:
        raise no_results(root)
    return found


def read_leaderboard(root: Path, benchmark: str | None = None, by: str = PRIMARY) -> Leaderboard:
    """Return the leaderboard of a folder of results.

    Args:
        root: folder of results.
        benchmark: the only one to keep; None keeps all.
        by: column of ``COLUMNS`` that orders the rows, the best first.

    Raises:
        ReidbenchError: if nothing lies in the folder.
        UsageError: if there is no such column, or no result of such a benchmark.
    """
    with uncollected():
        found = load_all_in_brief(root)
        if not (found.results or found.unreadable):
            raise no_results(root)
        return selected(build(found.results, found.unreadable), benchmark, by)


def read_worth(root: Path, benchmark: str | None = None, measure: str = PRIMARY) -> Worths:
    """Return what each constraint is worth on each translator, of a folder of results.

    Args:
        root: folder of results.
        benchmark: the only one to keep; None keeps all.
        measure: one of ``measures.OF_WORTH``.

    Raises:
        ReidbenchError: if nothing lies in the folder, or no two results differ in a constraint
            alone.
        UsageError: if there is no such measure, or no result of such a benchmark.
    """
    if measure not in OF_WORTH:
        raise UsageError(f"no worth is told in '{measure}'{did_you_mean(measure, OF_WORTH)}")
    results = read_results(root).results
    known = {str(result.benchmark["name"]) for result in results}
    if benchmark is not None and benchmark not in known:
        raise _no_benchmark(benchmark, known)
    found = worth_of((r for r in results if benchmark in (None, r.benchmark["name"])), measure)
    if not found.rows:
        raise ReidbenchError(
            "no result with a constraint has a partner without it that agrees in all else; "
            "'reidbench sweep --study constraints' makes both"
        )
    return found


def selected(board: Leaderboard, benchmark: str | None, by: str = PRIMARY) -> Leaderboard:
    """Return the part of one benchmark, its rows ordered by a column.

    Raises:
        UsageError: if there is no such column, or no result of such a benchmark.
    """
    if by not in COLUMNS:
        raise UsageError(f"no column is named '{by}'{did_you_mean(by, COLUMNS)}")
    shown = board if benchmark is None else _only(board, benchmark)
    if by == PRIMARY:
        return shown
    return replace(shown, boards=tuple(b.ordered(by) for b in shown.boards))


def _only(board: Leaderboard, benchmark: str) -> Leaderboard:
    settings = [b.setting for b in board.boards] + [u.setting for u in board.unranked]
    known = {setting.benchmark for setting in settings}
    if benchmark not in known:
        raise _no_benchmark(benchmark, known)
    return replace(
        board,
        boards=tuple(b for b in board.boards if b.setting.benchmark == benchmark),
        unranked=tuple(u for u in board.unranked if u.setting.benchmark == benchmark),
    )


def _no_benchmark(name: str, known: Collection[str]) -> UsageError:
    return UsageError(f"there are no results of benchmark '{name}'{did_you_mean(name, known)}")


def no_results(root: Path) -> ReidbenchError:
    """Return the error that a folder holds no results."""
    return ReidbenchError(
        f"there are no results in {root}; make some (e.g. reidbench sweep --method all) "
        "or name another folder with --results"
    )
