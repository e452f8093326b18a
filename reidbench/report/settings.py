"""Pages of benchmarks and datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reidbench.report.folder import page_id
from reidbench.report.ranking import BoardView
from reidbench.report.runs import Run, recipe_rows


@dataclass
class DataPage:
    """A benchmark, or a dataset.

    Attributes:
        facts: name and value of what is told of it, for each of its forms.
        settings: titles of the boards that it belongs to.
        links: name and id of the pages that belong to it.
    """

    id: str
    name: str
    facts: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    settings: dict[str, None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)


def data_pages(
    runs: Sequence[Run], boards: Sequence[BoardView]
) -> Iterator[tuple[str, str, DataPage]]:
    """Yield path, template and content of the page of each benchmark and dataset."""
    benchmarks: dict[str, DataPage] = {}
    datasets: dict[str, DataPage] = {}
    for run in runs:
        told: Any = run.result.benchmark
        page = _page(benchmarks, str(told["name"]))
        if (version := f"version {told['version']}") not in page.facts:
            page.facts[version] = _benchmark_facts(told)
        page.settings[run.benchmark] = None
        for role in ("source", "target"):
            part = told[role]
            data = _page(datasets, str(part["name"]))
            title = f"{part.get('title', part['name'])} ({part['fingerprint'][:8]})"
            if title not in data.facts:
                data.facts[title] = recipe_rows(part)
            data.links[page.name] = page.id
            page.links[data.name] = data.id
    for page in benchmarks.values():
        yield f"benchmarks/{page.id}.html", "benchmark.html", page
    for page in datasets.values():
        yield f"datasets/{page.id}.html", "dataset.html", page


def _page(pages: dict[str, DataPage], name: str) -> DataPage:
    return pages.setdefault(page_id(name), DataPage(page_id(name), name))


def _benchmark_facts(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [row for row in recipe_rows(told) if row[0] != "name"]
