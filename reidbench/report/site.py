"""Report of results: every page of the site, written to a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from reidbench import __version__
from reidbench.errors import ReidbenchError
from reidbench.progress import Progress
from reidbench.report.folder import Folder, page_id
from reidbench.report.methods import Method, methods_of
from reidbench.report.pictures import ranked_picture, sheet_of
from reidbench.report.ranking import boards_of, headings
from reidbench.report.runs import (
    Run,
    comparable,
    cost_rows,
    gradient_table,
    loss_charts,
    matching_chart,
    measure_rows,
    recipe_rows,
    runs_of,
    stage_rows,
)
from reidbench.report.settings import data_pages
from reidbench.results import ranking_tables, worth_tables
from reidbench.results.commands import command_of
from reidbench.results.leaderboard import build
from reidbench.results.leaderboard_tables import CAPTION, DIFFERENCES_CAPTION
from reidbench.results.order_pairs import between_benchmarks
from reidbench.results.reported import load_reported
from reidbench.results.result import Result, Unreadable, load_all
from reidbench.results.worth import worth_of
from reidbench.results.worth_grid import grids


@dataclass(frozen=True)
class Site:
    """A report that was written.

    Attributes:
        folder: of its pages; ``index.html`` is the first.
        runs: number of runs.
        pages: number of files.
        bytes: size of them all.
        pictures: number of images of people.
    """

    folder: Path
    runs: int
    pages: int
    bytes: int
    pictures: int


def write_report(
    results: Sequence[Path],
    out: Path,
    cache: Path,
    *,
    with_images: bool = False,
    progress: Progress = lambda done, of, values: None,
) -> Site:
    """Write the site of one or several folders of results.

    Args:
        results: folders of results.
        out: folder of the site; an earlier report there is replaced.
        cache: folder of stages; losses and ranked lists are shown as far as it holds them.
        with_images: show real images of people too; rendered ones always are.
        progress: told how many runs are written, and of how many.

    Raises:
        ReidbenchError: if there are no results, or a file cannot be written.
        UsageError: if ``out`` holds something that is no report.
    """
    runs, unreadable = _read(results)
    folder = Folder(out)
    pages = _Pages(folder, cache, with_images)
    board = build([run.result for run in runs], unreadable)
    boards, methods = boards_of(board, runs), methods_of(runs, results, load_reported())
    _assets(folder)
    shared = {"boards": boards, "runs": runs, "methods": methods}
    rankings = between_benchmarks(board, [run.result for run in runs])
    told = {"unreadable": unreadable, "captions": _CAPTIONS, "rankings": rankings}
    worths = worth_of(run.result for run in runs)
    told |= {"worths": worths, "grids": list(grids(worths)), "worth": worth_tables}
    pages.write("index.html", "index.html", **shared, **told, ranked=ranking_tables)
    pages.write("runs.html", "runs.html", runs=runs)
    pages.write("compare.html", "compare.html", runs=runs)
    for number, run in enumerate(runs, 1):
        _write_run(pages, run, methods)
        progress(number, len(runs), {})
    for method in methods.values():
        pages.write("method.html", f"methods/{method.id}.html", method=method, boards=boards)
    for name, template, page in data_pages(runs, boards):
        pages.write(template, name, page=page, boards=boards)
    folder.finish()
    written = folder.written
    return Site(out, len(runs), len(written), sum(written.values()), pages.pictures)


_CAPTIONS = (CAPTION, DIFFERENCES_CAPTION)


class _Pages:
    """Templates, and what all pages share."""

    def __init__(self, folder: Folder, cache: Path, with_images: bool) -> None:
        self.folder, self.cache, self.with_images = folder, cache, with_images
        self.pictures = 0
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("reidbench.report"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        names = {"version": __version__, "page_id": page_id, "headings": headings()}
        self._templates.globals.update(names)

    def write(self, template: str, name: str, **values: Any) -> None:
        """Render a page."""
        values["root"] = "../" * name.count("/")
        text = self._templates.get_template(template).render(values, here=name)
        self.folder.write(name, text.encode())

    def picture(self, name: str, content: bytes) -> str:
        """Write an image and return its path below the folder."""
        self.folder.write(name, content)
        self.pictures += 1
        return name


def _read(results: Sequence[Path]) -> tuple[list[Run], list[Unreadable]]:
    found: list[tuple[Path, Result]] = []
    unreadable: list[Unreadable] = []
    for root in results:
        each = load_all(root)
        bad = {u.path for u in each.unreadable}
        paths = [path for path in sorted(root.glob("*/*.json")) if path not in bad]
        found += zip(paths, each.results, strict=True)
        unreadable += each.unreadable
    if not found:
        raise ReidbenchError(
            f"there are no results in {', '.join(map(str, results))}; make some "
            "(e.g. reidbench sweep --method all) or name another folder"
        )
    return runs_of(found), unreadable


def _assets(folder: Folder) -> None:
    for name in ("style.css", "script.js"):
        folder.write(name, files("reidbench.report").joinpath("assets", name).read_bytes())


def _write_run(pages: _Pages, run: Run, methods: Mapping[str, Method]) -> None:
    data = json.dumps(comparable(run), separators=(",", ":"))
    pages.folder.write(f"data/{run.id}.js", f"reidbenchRun({data});\n".encode())
    steps, shares, untold = gradient_table(run.result)
    pictures = _pictures(pages, run)
    pages.write(
        "run.html",
        f"runs/{run.id}.html",
        run=run,
        method=methods[str(run.result.recipe["name"])],
        measures=measure_rows(run.result),
        costs=cost_rows(run.result),
        stages=stage_rows(run.result),
        recipe=recipe_rows(run.result.recipe),
        origin=recipe_rows(_origin(run.result)),
        command=command_of(run.result),
        matching=matching_chart(run.result),
        losses=loss_charts(run.result, pages.cache),
        steps=steps,
        shares=shares,
        untold=untold,
        pictures=pictures,
    )


def _origin(result: Result) -> dict[str, Any]:
    """Return what a run's provenance is, without the recipe and the stages."""
    kept = {k: v for k, v in result.execution.items() if k not in ("stages", "seconds")}
    return {
        "reidbench": result.reidbench,
        "benchmark": dict(result.benchmark),
        "uses": dict(result.uses),
        "set by hand": dict(result.modified) or "nothing",
        "execution": kept,
        "digest": result.digest,
    }


def _pictures(pages: _Pages, run: Run) -> dict[str, tuple[str, str]]:
    """Return path and reason of the run's pictures: where one is empty the other is not."""
    withheld = ""
    if not (run.synthetic or pages.with_images):
        withheld = "real images of people are shown only by a report made --with-images"
    found = {}
    for what, make in (("sheet", sheet_of), ("ranked", ranked_picture)):
        content, reason = (b"", withheld) if withheld else make(run, pages.cache)
        path = pages.picture(f"images/{run.id}-{what}.png", content) if content else ""
        found[what] = (path, reason)
    return found
