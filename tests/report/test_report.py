"""The site of a report, as a parser reads it: links, names, escapes, images and labels."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reidbench.errors import ReidbenchError, UsageError
from reidbench.report.charts import line_chart
from reidbench.report.folder import MARKER, Folder, page_id
from reidbench.report.runs import Run, comparable
from reidbench.report.site import write_report
from reidbench.results.commands import command_of
from reidbench.results.result import Result, load
from reidbench.storage.artifacts import Store
from tests.made_results import make_result, make_seeds, save_all, with_sections
from tests.report.pages import Page

COMMITTED = Path(__file__).parents[2] / "results"
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "../../../../etc/passwd",
    "{{ 7 * 7 }} ' onmouseover='alert(1)",
    "x" * 300,
    "\N{RIGHT-TO-LEFT OVERRIDE}spgan\N{ZERO WIDTH SPACE}</td>",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A report of the committed results."""
    out = tmp_path_factory.mktemp("site") / "report"
    write_report([COMMITTED], out, out / "no cache")
    return out


@pytest.fixture(scope="module")
def pages(site) -> dict[str, Page]:
    return {str(p.relative_to(site)): Page(p) for p in sorted(site.rglob("*.html"))}


def hostile_results() -> list[Result]:
    found = []
    for number, name in enumerate(HOSTILE):
        (one,) = with_sections([make_result(0.5, recipe=name, digest=f"{number:032x}", name=name)])
        recipe = {**one.recipe, "paper": name, "learner": {"name": name, name: name}}
        found.append(
            replace(one, recipe=recipe, warnings=[name], modified={name: name}, precision=name)
        )
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    root = tmp_path_factory.mktemp("hostile")
    save_all(hostile_results(), root / "results")
    (root / "results" / "x").mkdir(exist_ok=True)
    (root / "results" / "x" / "<b>broken.json").write_text("{")
    write_report([root / "results"], root / "report", root / "cache")
    return root / "report"


def test_there_is_a_page_for_each_run_method_benchmark_and_dataset(pages):
    runs = [load(path) for path in COMMITTED.glob("*/*.json")]
    names = {str(run.recipe["name"]) for run in runs}
    assert {n for n in pages if n.startswith("methods/")} == {f"methods/{n}.html" for n in names}
    assert len([n for n in pages if n.startswith("runs/")]) == len(runs)
    assert {"benchmarks/synthetic.html", "datasets/synthetic.html"} <= set(pages)
    assert {"index.html", "runs.html", "compare.html"} <= set(pages)


@pytest.mark.parametrize("which", ["site", "hostile"])
def test_links_resolve_inside_the_folder_and_to_places_that_exist(which, request):
    root = request.getfixturevalue(which)
    for path in root.rglob("*.html"):
        page = Page(path)
        for link in page.links:
            assert "://" not in link, (path, link)
            file, place = page.target(link)
            assert file.is_relative_to(root.resolve()), (path, link)
            assert file.is_file(), (path, link)
            if place and file.name != "compare.html":
                assert place in Page(file).ids, (path, link)


@pytest.mark.parametrize("which", ["site", "hostile"])
def test_pages_are_well_formed_and_can_be_read_aloud(which, request):
    for path in request.getfixturevalue(which).rglob("*.html"):
        page = Page(path)
        assert page.unclosed == [], path
        assert max(page.ids.values()) == 1, path
        assert page.all("html")[0]["lang"] == "en"
        assert (
            len(page.all("h1"))
            == len(page.all("main"))
            == len(page.all("title")) - len(page.all("svg"))
        )
        assert all(a.get("alt") for a in page.all("img")), path
        labelled = {a.get("for") for a in page.all("label")}
        for field in page.all("input", "select"):
            assert field["id"] in labelled, (path, field)
        assert all(a.get("scope") in ("col", "row") for a in page.all("th")), path
        assert len(page.all("caption")) == len(page.all("table")), path
        for _, attributes in page.tags:
            for name in ("aria-labelledby",):
                assert attributes.get(name) is None or attributes[name] in page.ids, path
        assert not any("style" in a or any(n.startswith("on") for n in a) for _, a in page.tags)


def test_names_of_any_origin_are_text(hostile):
    for path in hostile.rglob("*.html"):
        page = Page(path)
        assert [str(a["src"]).removeprefix("../") for a in page.all("script")] == ["script.js"]
        assert not any("onerror" in a or "onmouseover" in a for _, a in page.tags), path
    text = "".join(Page(hostile / "index.html").text)
    for name in HOSTILE:
        assert name in text
    assert "<b>broken.json" in text


def test_no_file_lies_outside_of_the_folder(hostile):
    assert {p.name for p in hostile.parent.iterdir()} <= {"report", "results"}
    names = [p.name for p in hostile.rglob("*") if p.is_file()]
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9._@+-]*", name) for name in names)


def test_scripts_of_runs_hold_one_call_of_plain_json(hostile):
    for path in (hostile / "data").iterdir():
        text = path.read_text()
        assert text.startswith("reidbenchRun(")
        assert text.isascii()
        assert json.loads(text.removeprefix("reidbenchRun(").removesuffix(");\n"))["id"] == (
            path.stem
        )


def test_a_run_s_page_tells_what_its_result_tells(pages):
    text = " ".join(pages["runs/synthetic-spgan-cea5d614-seed0.html"].text)
    for word in ("37.2 %", "sianet", "sianet.similarity", "random initialisation", "46.0 %"):
        assert word in text
    assert "reidbench run --method spgan --benchmark synthetic --seed 0" in text
    assert "the run's features are not in the cache; run it again" in text
    assert "Curves of losses are left out" in text


def test_a_method_s_page_has_its_paper_and_what_that_reports_apart(pages):
    text = " ".join(pages["methods/spgan.html"].text)
    measured, reported = text.split("Reported, not measured")
    assert "arXiv:1811.10551" in measured
    assert "37.6 ± 4.1" in measured
    assert "spgan/table 1" in reported
    assert "25.1" in reported
    assert "25.1" not in measured
    assert "reidbench-spgan: equations" in reported


def test_warnings_are_told(hostile):
    page = next(p for p in (hostile / "runs").iterdir() if "script-alert" in p.name)
    assert "Warnings" in page.read_text()


def test_rendered_images_are_shown_and_real_ones_when_asked_for(tmp_path):
    (real,) = with_sections([make_result(name="real", synthetic=False)])
    (made,) = with_sections([make_result(name="made")])
    root = tmp_path / "results"
    for result in (real, made):
        recipe = {**result.recipe, "translator": {"name": "cyclegan"}}
        file = replace(result, recipe=recipe).save(root)
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(file.with_suffix(".png"))
    plain = write_report([root], tmp_path / "plain", tmp_path)
    assert plain.pictures == 1
    assert [p.name.split("-")[0] for p in (tmp_path / "plain" / "images").iterdir()] == ["made"]
    page = next((tmp_path / "plain" / "runs").glob("real-*")).read_text()
    assert "shown only by a report made --with-images" in page
    asked = write_report([root], tmp_path / "asked", tmp_path, with_images=True)
    assert asked.pictures == 2


def test_a_broken_picture_is_left_out_with_the_reason(tmp_path):
    (one,) = with_sections([make_result()])
    file = replace(one, recipe={**one.recipe, "translator": {"name": "gan"}}).save(tmp_path / "r")
    file.with_suffix(".png").write_bytes(b"<svg onload=alert(1)>")
    assert write_report([tmp_path / "r"], tmp_path / "site", tmp_path).pictures == 0
    page = next((tmp_path / "site" / "runs").iterdir()).read_text()
    assert "the picture beside the result cannot be read" in page


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": {"cmc": ["a", None], "per_query": {"pid": ["x"], "first": [[]], "ap": ["<b>"]}}},
        {"scores": {"cmc": {}, "per_query": 3}},
        {"recipe": {"translator": [1], "constraints": {"a": 1}, "learner": 7, "paper": {"a": []}}},
        {"recipe": {"ranking": {"odd": 1}, "direction": 3, "strategy": None}},
        {"execution": {"stages": {"a": 1}, "seconds": []}},
        {"execution": {"stages": [1, {"key": "embed/../../etc", "title": ["<i>"]}]}},
        {"benchmark": {"target": {"name": "t", "fingerprint": "f", "title": {"a": "</td>"}}}},
        {"masks": {"from": "<b>"}, "translation": {"classifier": ["<b>"], "guided": "yes"}},
    ],
)
def test_odd_values_of_a_foreign_file_leave_the_other_pages_whole(tmp_path, changes):
    one = make_result()
    odd = {name: {**getattr(one, name), **value} for name, value in changes.items()}
    save_all([replace(one, **odd), *make_seeds([0.1] * 3, recipe="good")], tmp_path / "r")
    assert write_report([tmp_path / "r"], tmp_path / "site", tmp_path / "cache").runs == 4
    for path in (tmp_path / "site").rglob("*.html"):
        assert Page(path).unclosed == []


def test_losses_in_the_cache_are_drawn(tmp_path):
    key = f"translator/{1:032x}"
    one = replace(make_result(), execution={"stages": [{"key": key, "title": "train gan"}]})
    one.save(tmp_path / "r")
    store = Store(tmp_path / "cache")
    store.prepare()
    text = '{"step": 0, "cycle": 2.0}\n{"step": 1, "cycle": 1.0}\n'
    store.make(key, {}, lambda f: (f / "gan.losses.jsonl").write_text(text) and {})
    write_report([tmp_path / "r"], tmp_path / "site", tmp_path / "cache")
    page = next((tmp_path / "site" / "runs").iterdir()).read_text()
    assert "Losses: train gan: cycle" in page


def test_results_of_several_folders_stand_together_and_copies_once(tmp_path):
    first = save_all(make_seeds([0.4, 0.5, 0.6]), tmp_path / "a")
    second = save_all(make_seeds([0.4, 0.5, 0.6]), tmp_path / "b")
    save_all(make_seeds([0.7] * 3, recipe="theirs"), second)
    found = write_report([first, second], tmp_path / "site", tmp_path)
    assert found.runs == 6
    save_all([make_result(0.9, 0)], second)  # another score of the same run
    assert write_report([first, second], tmp_path / "site", tmp_path).runs == 7


def test_a_report_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path):
    root, out = tmp_path / "results", tmp_path / "site"
    save_all(make_seeds([0.4, 0.5, 0.6]), root)
    save_all(make_seeds([0.4, 0.5, 0.6], recipe="gone"), root)
    write_report([root], out, tmp_path)
    (out / "runs" / "mine.txt").write_text("mine")
    for file in (root / "synthetic").glob("gone-*"):
        file.unlink()
    write_report([root], out, tmp_path)
    assert not list(out.rglob("*gone*"))
    assert (out / "runs" / "mine.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.html").write_text("mine")
    with pytest.raises(UsageError, match="no report of reidbench"):
        write_report([root], other, tmp_path)


def test_a_marker_or_a_link_of_another_origin_leads_nowhere(tmp_path):
    out, outside = tmp_path / "site", tmp_path / "outside"
    outside.mkdir()
    (outside / "victim.html").write_text("mine")
    out.mkdir()
    (out / "runs").symlink_to(outside)
    marker = {"reidbench": "report", "files": ["../outside/victim.html", "runs/victim.html"]}
    (out / MARKER).write_text(json.dumps(marker))
    folder = Folder(out)
    assert (outside / "victim.html").read_text() == "mine"
    for name in ("runs/a.html", "../a.html", "/tmp/a.html", "runs/../../a.html", "a.exe"):
        with pytest.raises(ReidbenchError, match="does not lie in the report's folder"):
            folder.write(name, b"")
    assert [p.name for p in outside.iterdir()] == ["victim.html"]


def test_no_results_say_how_to_make_some(tmp_path):
    with pytest.raises(ReidbenchError, match="reidbench sweep --method all"):
        write_report([tmp_path], tmp_path / "site", tmp_path)


@pytest.mark.parametrize("name", [*HOSTILE, "", "..", "@+", "---", "é"])
def test_a_page_s_name_is_always_a_file_s(name):
    assert re.fullmatch(r"[a-z0-9][a-z0-9._@+-]*", page_id(name))


def test_the_command_repeats_the_run_and_quotes_what_a_shell_would_read():
    result = make_result(recipe="spgan", modified={"sianet.margin": 1, "odd.name": "$(rm -rf ~)"})
    command = command_of(result)
    assert command.startswith("reidbench run --method spgan --benchmark synthetic --seed 0")
    assert "--set sianet.margin=1" in command
    assert "'odd.name=$(rm -rf ~)'" in command
    parts = {"translator": {"name": "cyclegan"}, "learner": {"name": "ide"}}
    composed = replace(
        result,
        recipe={**result.recipe, **parts, "name": "cyclegan+x+ide", "constraints": [{"name": "x"}]},
    )
    assert "--translator cyclegan --constraint x --learner ide --strategy finetune" in command_of(
        composed
    )


def test_runs_of_the_same_queries_alone_are_paired():
    def told(pids, **changes):
        columns = {"pid": pids, "first": [1, 2], "ap": [1.0, None]}
        one = make_result(**changes)
        return comparable(
            Run("a", replace(one, scores={**one.scores, "per_query": columns}), Path())
        )

    first = told([1, 2])
    assert first["queries"] == told([1, 2], recipe="other")["queries"] != ""
    assert first["queries"] != told([1, 3])["queries"]
    assert first["queries"] != told([1, 2], version=2)["queries"]
    assert told([1, 2, 3])["queries"] == ""
    assert comparable(Run("a", make_result(), Path()))["queries"] == ""


def test_a_chart_of_nothing_is_none_and_ticks_lie_within_it():
    assert line_chart("t", "x", "y", {"a": np.empty((0, 2))}) is None
    points = np.array([[1.0, 0.001], [900.0, 20.0]])
    chart = line_chart("t", "x", "y", {"a": points}, log_x=True, log_y=True)
    assert chart is not None
    assert all(46 <= x <= 472 for x, _ in chart.x_ticks)
    assert [text for _, text in chart.x_ticks] == ["1", "10", "100"]
    flat = line_chart("t", "x", "y", {"a": np.array([[0.0, 5.0], [1.0, 5.0]])})
    assert flat is not None
    assert len(flat.y_ticks) > 1


def test_the_verb_writes_the_site_and_loads_no_torch(tmp_path):
    save_all(make_seeds([0.4, 0.5, 0.6]), tmp_path / "results")
    code = (
        "import sys; from reidbench.cli import cli\n"
        "try: cli.main(['report', 'results', '-o', 'site', '--json'])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "REIDBENCH_CACHE": str(tmp_path / "cache")},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["runs"], told["page"]) == (3, "site/index.html")
    assert (tmp_path / "site" / "index.html").is_file()


def test_benchmarks_that_share_three_methods_are_held_against_each_other(tmp_path):
    orders = {"here": "abcd", "there": "dcba", "small": "ab"}
    found = [
        result
        for benchmark, order in orders.items()
        for place, recipe in enumerate(order)
        for result in make_seeds(
            [0.8 - 0.2 * place + 0.001 * (seed * place % 3) for seed in range(3)],
            recipe=recipe,
            name=benchmark,
        )
    ]
    write_report([save_all(found, tmp_path / "results")], tmp_path / "site", tmp_path)
    page = Page(tmp_path / "site" / "index.html")
    cells = [text.strip() for text in page.text if text.strip()]
    start = cells.index("Orders by mAP, of the methods that both benchmarks rank")
    row = cells.index("there", start)
    assert cells[row - 1 : row + 3] == ["here", "there", "4", "-1.00"]
    assert "small" not in cells[start:]
    assert "Told apart and reversed" in cells[start:]


def test_benchmarks_on_which_all_methods_score_alike_have_no_order_to_show(tmp_path):
    tied = [
        result
        for benchmark in ("here", "there")
        for recipe in "abc"
        for result in make_seeds([0.1, 0.2, 0.3], recipe=recipe, name=benchmark)
    ]
    write_report([save_all(tied, tmp_path / "results")], tmp_path / "site", tmp_path)
    assert "rankings" not in Page(tmp_path / "site" / "index.html").ids


def test_the_worth_of_constraints_is_told(pages, tmp_path):
    cells = [text.strip() for text in pages["index.html"].text if text.strip()]
    start = cells.index("Constraints: what is each worth?")
    row = cells.index("sianet", cells.index("cyclegan (identity=5.0)", cells.index("p", start)))
    assert cells[row - 1] == "cyclegan (identity=5.0)"
    told = " ".join(cells[start:row])
    assert "Holm's correction" in told
    assert "On all of them" in told
    alone = make_seeds([0.1, 0.2, 0.3])
    write_report([save_all(alone, tmp_path / "results")], tmp_path / "site", tmp_path)
    assert "worth" not in Page(tmp_path / "site" / "index.html").ids
