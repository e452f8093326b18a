"""The site of a report in headless Chromium: keyboard, sorting, filters, pivot and comparison."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reidbench.report.site import write_report
from reidbench.results.compared_methods import of_results
from reidbench.results.comparison import contrast
from reidbench.results.result import load
from tests.made_results import make_seeds, save_all
from tests.report.test_report import COMMITTED, hostile_results
from tests.results.test_gap import direct, made

NO_PLAYWRIGHT = "left out: no playwright; pip install 'reidbench[browser]' brings it"
NO_CHROMIUM = "left out: no Chromium; 'apt install chromium' or 'playwright install chromium' does"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
sync_api = pytest.importorskip("playwright.sync_api", reason=NO_PLAYWRIGHT)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if CHROMIUM is None and not Path(own).exists():
            pytest.skip(NO_CHROMIUM)
        path = CHROMIUM or own
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Runs of two benchmarks, with queries that can be paired, and hostile names."""
    root = tmp_path_factory.mktemp("browser")

    def told(result: Any, first: list[int]) -> Any:
        columns = {"pid": [1, 1, 2, 3], "first": first, "ap": [1 / rank for rank in first]}
        return replace(result, scores={**result.scores, "per_query": columns})

    results = [
        *(told(direct(value, seed), [1, 2, 9, 4]) for seed, value in enumerate((0.1, 0.12, 0.11))),
        *(told(made(value, seed), [1, 1, 1, 5]) for seed, value in enumerate((0.5, 0.52, 0.49))),
        *make_seeds([0.3] * 3, recipe="other", name="elsewhere"),
        *hostile_results(),
    ]
    save_all(results, root / "results")
    write_report([root / "results"], root / "site", root / "cache")
    return root / "site"


@pytest.fixture
def visit(browser, site):
    """Open a page, and find nothing in the console once the test is over."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    told: list[str] = []

    def go(name: str, folder: Path = site) -> Any:
        page = context.new_page()
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("dialog", lambda dialog: told.append(dialog.message) or dialog.dismiss())
        page.goto((folder / name.partition("#")[0]).as_uri() + name[len(name.partition("#")[0]) :])
        return page

    yield go
    context.close()
    assert told == []


def rows(page: Any, table: str = "board") -> list[str]:
    """Return the headings of the rows that are shown."""
    found = page.locator(f"#{table} tbody tr:not([hidden]) th")
    return [text.strip() for text in found.all_inner_texts()]


def test_every_page_fits_a_phone_and_has_nothing_in_its_console(visit, site):
    page = visit("index.html")
    for path in sorted(site.rglob("*.html")):
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_columns_are_sorted_by_the_keyboard_with_unknown_values_last(visit):
    page = visit("index.html")
    heading = page.locator("#board thead th").nth(2)
    assert heading.inner_text() == "mAP"
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    values = page.locator("#board tbody tr td:nth-child(3)").evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.value))"
    )
    assert values == sorted(values, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "ascending"
    page.locator("#board thead button", has_text="Gain").click()
    assert heading.get_attribute("aria-sort") is None
    assert rows(page)[0] == "spgan"
    assert page.locator("#board tbody tr").last.locator("td").nth(8).inner_text() == "-"


def test_rows_are_filtered_by_words_benchmark_and_rank(visit):
    page = visit("index.html")
    page.get_by_label("Filter").fill("CYCLEGAN")
    assert rows(page) == ["spgan"]
    assert page.locator("output").inner_text().startswith("1 of ")
    page.get_by_label("Filter").fill("")
    page.locator("#board-benchmark").select_option(
        "elsewhere (version 1, synthetic images, float32)"
    )
    assert rows(page) == ["other"]
    page.locator("#board-benchmark").select_option("")
    page.get_by_label("ranked only").check()
    assert sorted(rows(page)) == ["direct", "other", "spgan"]


def test_the_board_pivots_to_parts(visit):
    page = visit("index.html")
    page.locator("#pivot-benchmark").select_option(
        "synthetic (version 1, synthetic images, float32)"
    )
    lines = [row.inner_text().split("\t") for row in page.locator("#pivot tr").all()]
    assert lines == [["translator", "none"], ["cyclegan", "50.3"], ["none", "11.0"]]
    page.locator("#pivot-rows").select_option("learner")
    cells = page.locator("#pivot td").all_inner_texts()
    assert cells == ["30.7 (mean of 2)"]
    page.locator("#pivot-rest").select_option("cyclegan")
    assert page.locator("#pivot td").all_inner_texts() == ["50.3"]


def test_chosen_runs_are_compared_query_by_query(visit, site):
    page = visit("compare.html")
    (base,) = (p.stem for p in (site / "data").glob("synthetic-direct-*-seed0.js"))
    (other,) = (p.stem for p in (site / "data").glob("synthetic-spgan-*-seed0.js"))
    page.locator(f"input[value='{base}']").check()
    page.locator(f"input[value='{other}']").check()
    page.locator("#comparison h2", has_text="spgan, seed 0 against direct, seed 0").wait_for()
    told = page.locator("#comparison").inner_text()
    # mAP: (1 + 1 + 1 + 1/5 - 1 - 1/2 - 1/9 - 1/4) / 4; rank-1: from 1 to 3 of 4 queries
    assert "mAP\t+33.5\t" in told
    assert "rank-1\t+50.0\t+0.0 to +75.0" in told or "rank-1\t+50.0\t+0.0 to " in told
    assert "2 found first only by spgan, seed 0, 0 only by direct, seed 0" in told
    assert "translator.name" in told
    assert page.evaluate("location.hash").count(",") == 1
    again = visit(f"compare.html#{base},{other}")
    again.locator("#comparison h2").first.wait_for()
    assert again.locator("input:checked").count() == 2
    page.get_by_role("button", name="Choose none").click()
    assert "Nothing is chosen" in page.locator("#comparison").inner_text()


def test_runs_of_other_queries_are_not_paired(visit, site):
    ids = [
        next((site / "data").glob(f"{n}-*-seed0.js")).stem for n in ("synthetic-spgan", "elsewhere")
    ]
    page = visit("compare.html#" + ",".join(ids))
    page.get_by_text("they cannot be paired").wait_for()


def test_names_run_no_script_and_stay_text_in_the_comparison(visit, site):
    ids = [p.stem for p in sorted((site / "data").iterdir()) if "seed0" in p.stem]
    page = visit("compare.html#" + ",".join(ids))
    page.locator("#comparison h2").first.wait_for()
    assert page.locator("#comparison img, #comparison script").count() == 0
    assert "<script>alert(1)</script>" in page.locator("#comparison").inner_text()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(visit):
    page = visit("index.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser, site, scheme):
    axe = pytest.importorskip("axe_core_python.sync_playwright", reason=NO_PLAYWRIGHT)
    context = browser.new_context(color_scheme=scheme, bypass_csp=True)
    kinds = ("runs", "methods", "benchmarks", "datasets")
    names = [str(next((site / kind).iterdir()).relative_to(site)) for kind in kinds]
    page = context.new_page()
    for name in ("index.html", "runs.html", "compare.html", *names):
        page.goto((site / name).as_uri())
        found = axe.Axe().run(page)["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in found] == [], name
    context.close()


def test_pages_do_without_their_script(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "index.html").as_uri())
    assert page.locator("#board tbody tr").count() > 3
    assert not page.locator("form").first.is_visible()
    context.close()


def test_committed_results_and_their_images_are_shown(visit, tmp_path):
    root = tmp_path / "results" / "synthetic"
    root.mkdir(parents=True)
    for ending in ("json", "png"):
        shutil.copy(COMMITTED / "synthetic" / f"spgan-cea5d614-seed0.{ending}", root)
    write_report([root.parent], tmp_path / "site", tmp_path)
    page = visit("runs/synthetic-spgan-cea5d614-seed0.html", tmp_path / "site")
    widths = page.locator("img").evaluate_all("images => images.map(i => i.naturalWidth)")
    assert len(widths) == 1
    assert widths[0] > 100


def test_the_page_s_intervals_are_those_of_compare_but_for_the_draws(visit, tmp_path):
    root = tmp_path / "results" / "synthetic"
    root.mkdir(parents=True)
    names = ("spgan-cea5d614-seed0", "cyclegan-a95fec21-seed0")
    for name in names:
        shutil.copy(COMMITTED / "synthetic" / f"{name}.json", root)
    write_report([root.parent], tmp_path / "site", tmp_path)
    page = visit("compare.html#" + ",".join(f"synthetic-{n}" for n in names), tmp_path / "site")
    page.locator("#comparison section").wait_for()
    shown = page.locator("#comparison section tr").nth(1).inner_text()
    told = [float(x) for x in shown.replace("to", "\t").split("\t")[1:]]
    sides = [of_results([load(root / f"{name}.json")], name) for name in names]
    found = contrast(sides[1], sides[0], samples=2000).measures["mAP"].over_queries
    ends = (found.difference, found.low, found.high)
    assert told == pytest.approx([100 * end for end in ends], abs=0.4)
