"""Figures drawn to files: of a study, of what is ranked, and of a run's translated images."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots import draw
from reidbench.plots.chart import Chart
from reidbench.plots.sheet import ROWS, Sheet, draw_sheet, side_by_side
from reidbench.plots.sources import Wish, chart_of_results, chart_of_study
from reidbench.plots.style import Width
from reidbench.results.reading import read_results
from reidbench.results.result import load
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON
from reidbench.studies.index import find_index, load_index

# A result may come from anywhere: its key must not lead out of the cache.
PREVIEW = re.compile(r"preview/[0-9a-f]{32}")

# Endings of the files that a browser shows as images.
_SHOWN = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Drawing:
    """A figure that was drawn to a file.

    Attributes:
        chart: what it shows.
        path: of the file.
    """

    chart: Chart
    path: Path

    def to_dict(self) -> dict[str, JSON]:
        """Return the file and every number that is drawn, ready for JSON."""
        return {"figure": str(self.path), **self.chart.to_dict()}

    def _repr_html_(self) -> str:
        kind = _SHOWN.get(self.path.suffix)
        if kind is None:
            return f"<p>{escape(str(self.path))}</p>"
        # As an image it cannot run scripts, whatever a result's names hold.
        data = b64encode(self.path.read_bytes()).decode()
        return f'<img alt="{escape(str(self.path))}" src="data:{kind};base64,{data}">'


def draw_chart(
    study: str | None,
    results: Path,
    wish: Wish,
    benchmark: str | None = None,
    recipes: Sequence[str] = (),
    width: Width = "one",
    output: Path | None = None,
) -> Drawing:
    """Draw a study that was run, or else what the leaderboard ranks.

    Args:
        study: name, or the path of its index; None for the ranked recipes.
        results: folder of results.
        wish: how to draw.
        benchmark: whose results are drawn; needed if there are several.
        recipes: names to draw; empty for all.
        width: columns of a paper.
        output: file to write; None for an SVG among the results.

    Raises:
        ReidbenchError: if there is nothing to draw, or the file cannot be written.
        UsageError: for an unknown name, or a chart that cannot be drawn in that way.
    """
    if study is not None:
        if recipes:
            raise UsageError("--recipe goes without a study, which names its runs itself")
        index = find_index(study, results, benchmark)
        chart, usual = chart_of_study(load_index(index), index, wish), index.with_suffix(".svg")
    else:
        found = read_results(results).results
        chart, below = chart_of_results(found, benchmark, recipes, wish)
        usual = results / below
    path = output or usual
    draw.write(chart, path, width)
    return Drawing(chart, path)


def draw_pictures(results: Sequence[Path], cache: Path, output: Path | None = None) -> Path:
    """Draw the translated images of the runs that made some results, and return the figure's path.

    Of one result all that its run kept; of several the translations of the same images, a row each,
    between the real images (with their truth, where it is known) and those of the destination.

    Args:
        results: files of the results.
        cache: folder of stages, where the runs kept the images.
        output: file to write; None for an SVG beside the first result.

    Raises:
        ReidbenchError: if a run translated nothing, or its images are not in the cache.
        UsageError: if the runs did not translate the same images.
    """
    sheets = [_kept_sheet(result, cache) for result in results]
    sheet = sheets[0] if len(sheets) == 1 else side_by_side(sheets)
    path = output or results[0].with_suffix(".svg")
    draw_sheet(sheet.rows, sheet.labels, path)
    return path


def _kept_sheet(result: Path, cache: Path) -> Sheet:
    record = load(result)
    stages = record.execution.get("stages")
    listed = [str(s.get("key")) for s in stages if isinstance(s, dict)] if stages else []
    keys = [key for key in listed if PREVIEW.fullmatch(key)]
    if not keys:
        raise ReidbenchError(f"{result} has no translated images: its run translated nothing")
    kept = Store(cache).find(keys[0])
    if kept is None:
        raise ReidbenchError(f"the translated images of {result} are not in {cache}; run it again")
    labels = tuple(kept.manifest.get("labels", ROWS))
    return Sheet(str(record.recipe["name"]), labels, np.load(kept.path / "rows.npy"))
