"""Committed results: no number of theirs moves, whatever changes in the code around them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reidbench.config.benchmark import load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.registry.loading import load_plugins
from reidbench.results.leaderboard import build
from reidbench.results.leaderboard_tables import markdown
from reidbench.results.result import Result, load, load_all
from reidbench.storage.keys import digest
from reidbench.studies.index import load_index, results_of

FOLDER = Path(__file__).parents[2] / "results"
PATHS = sorted(FOLDER.glob("*/*.json"))
INDEXES = sorted(FOLDER.glob("*/studies/*.json"))
LIGHT = 20_000
"""Bytes of a result on average: 500 of them are 10 MB."""
OF_SETTING = {"protocol", "tested"}
"""What a study sets by hand of the benchmark, whose digest is then another."""
NOT_IDENTITY = ("name", "digest", "paper", "provenance", "components")


@pytest.fixture(scope="module")
def results() -> dict[Path, Result]:
    return {path: load(path) for path in PATHS}


def composed_today(result: Result) -> set[str]:
    """Return the digests of the result's recipe, put together anew from its method or its parts.

    What was changed in a method tells neither whether its parameters stayed: both ways are tried.
    """
    recipe, benchmark = result.recipe, load_benchmark(result.benchmark["name"])
    name, changed, _ = recipe["name"].partition("+")
    ways = [Request(method=name)]
    if changed and (translator := recipe.get("translator")):
        names = [c["name"] for c in recipe["constraints"]]
        ways.append(Request(translator=translator["name"], constraints=names))
    registry = load_plugins().registry
    modified = {k: v for k, v in result.modified.items() if k not in OF_SETTING}
    same = {
        "learner": recipe["learner"]["name"],
        "strategy": recipe["strategy"],
        "direction": recipe.get("direction", "source-to-target"),
    }
    return {compose(replace(w, **same), benchmark, registry, modified).digest for w in ways}


def of_the_shipped_version(result: Result) -> bool:
    """Return whether the result's benchmark still is what it was: versions set other parameters."""
    return load_benchmark(result.benchmark["name"]).version == result.benchmark["version"]


def test_every_committed_result_is_read_and_lies_where_its_digest_says(results) -> None:
    assert len(results) >= 60
    assert [FOLDER / result.file_name for result in results.values()] == list(results)
    assert load_all(FOLDER).unreadable == ()
    assert "mock" not in {result.benchmark["name"] for result in results.values()}


def test_benchmarks_of_committed_results_have_the_digests_of_the_shipped_files(results) -> None:
    for path, result in results.items():
        shipped = load_benchmark(result.benchmark["name"])
        if of_the_shipped_version(result) and not result.modified.keys() & OF_SETTING:
            assert shipped.digest == result.benchmark["digest"], path


def test_recipes_of_committed_results_have_the_digests_of_their_identities(results) -> None:
    for path, result in results.items():
        identity = {k: v for k, v in result.recipe.items() if k not in NOT_IDENTITY}
        assert digest(identity) == result.recipe["digest"], path


def test_recipes_composed_today_have_the_digests_of_committed_results(results) -> None:
    registry = load_plugins().registry
    methods = {m.name for m in registry.methods()}
    learners = {e.name for e in registry.entries("learner")}
    current = [r for r in results.values() if of_the_shipped_version(r)]
    composed = 0
    for digested, result in {r.recipe["digest"]: r for r in current}.items():
        installed = result.recipe["name"].partition("+")[0] in methods
        if installed and result.recipe["learner"]["name"] in learners:
            assert digested in composed_today(result), result.recipe["name"]
            composed += 1
    assert composed >= 2  # direct transfer and the ceiling need one learner alone


@pytest.mark.parametrize("path", INDEXES, ids=lambda path: path.stem)
def test_committed_studies_find_their_committed_results(path: Path) -> None:
    index = load_index(path)
    assert (index.study, index.runs != ()) == (path.stem, True)
    for run in index.runs:
        assert len(results_of(run, path)) == len(index.seeds)


def test_committed_results_leave_the_repository_light() -> None:
    sizes = [path.stat().st_size for path in PATHS]
    assert sum(sizes) / len(sizes) < LIGHT, "write them anew, as results/README.md shows"


def test_the_committed_leaderboard_is_the_page_of_the_committed_results() -> None:
    found = load_all(FOLDER)
    page = markdown(build(found.results, found.unreadable))
    assert page.encode() == (FOLDER / "LEADERBOARD.md").read_bytes()
