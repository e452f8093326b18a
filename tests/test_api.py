"""The public API: what ``import reidbench`` offers, its examples, and a notebook's main job."""

from __future__ import annotations

import doctest
import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reidbench
from reidbench.progress import Silent
from reidbench.results.result import load
from reidbench.testing.tiny import write_tiny_benchmark
from tests.made_results import make_result, make_seeds, save_all, with_sections

ROOT = Path(__file__).parents[1]
FUNCTIONS = [n for n in reidbench.__all__ if inspect.isroutine(getattr(reidbench, n))]
EVIL = "<script>alert(1)</script>"

NOTEBOOK = """
import reidbench

here = {"benchmark": "tiny.toml", "results": "mine", "device": "cpu", "progress": False}
plain = reidbench.run(method="cyclegan", **here)
kept = reidbench.run(translator="cyclegan", constraints=["sianet"], **here)
swept = reidbench.sweep(methods=["direct", "cyclegan"], **here)
found = reidbench.compare(kept, plain, resamples=100)
board = reidbench.leaderboard("mine", benchmark="tiny")
drawn = reidbench.plot(results="mine", recipes=["direct", "cyclegan"], output="ranked.svg")
cells = [shown._repr_html_() for shown in (kept, swept, found, board, drawn)]
"""


class Listens(Silent):
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the committed results, a tiny benchmark and a cache of its own."""
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REIDBENCH_DATA_ROOT", raising=False)
    write_tiny_benchmark("tiny.toml")
    return tmp_path


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_public_function_works_by_itself(folder, name, capsys):
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(reidbench, name), name, globs={})
    assert example.examples
    failed = doctest.DocTestRunner().run(example).failed
    assert not failed, capsys.readouterr().out


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_tells_of_every_argument(name):
    function = getattr(reidbench, name)
    text = inspect.getdoc(function)
    for parameter in inspect.signature(function).parameters:
        assert f"\n    {parameter}:" in text or f"\n    **{parameter}:" in text
    assert "\nReturns:\n" in text


def test_there_are_thirteen_public_functions():
    assert len(FUNCTIONS) == 13
    assert dir(reidbench) == reidbench.__all__


def test_importing_the_package_imports_nothing_heavy():
    heavy = {"torch", "numpy", "rich", "pluggy", "click", "matplotlib"}
    code = (
        "import sys, reidbench\n"
        "for name in dir(reidbench):\n"
        "    getattr(reidbench, name) if name.islower() and name != 'load_plugins' else None\n"
        f"print(sorted({heavy!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'rnu'"):
        _ = reidbench.rnu


def test_python_m_reidbench_is_the_command_line():
    command = [sys.executable, "-m", "reidbench", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"reidbench {reidbench.__version__}\n"


def test_a_notebook_runs_compares_and_draws(folder, capfd):
    names = {}
    exec(NOTEBOOK, names)
    assert "".join(capfd.readouterr()) == ""  # progress=False
    kept, swept, found = names["kept"], names["swept"], names["found"]
    path = Path("mine", kept.file_name)
    assert load(path).to_dict() == json.loads(json.dumps(kept.to_dict()))
    assert path.with_suffix(".png").is_file()
    assert [(r.recipe["name"], r.seed) for r in swept] == [
        ("direct", 0), ("cyclegan", 0), ("direct", 1), ("cyclegan", 1)
    ]  # fmt: skip
    assert all(p.is_file() for p in swept.paths)
    gain = kept.measure("mAP") - names["plain"].measure("mAP")
    assert found.measures["mAP"].over_queries.difference == pytest.approx(gain)
    assert {row.entry.recipe for row in names["board"].boards[0].rows} == {"direct", "cyclegan"}
    assert Path("ranked.svg").read_text().count("synthetic images") == 1
    assert all(cell.startswith(("<table>", "<p>", "<img")) for cell in names["cells"])


def test_a_run_is_the_command_s(folder):
    from click.testing import CliRunner

    from reidbench.cli import cli

    ours = reidbench.run(
        method="direct", settings={"ide.epochs": 2}, benchmark="tiny.toml", device="cpu",
        results="ours", progress=False,
    )  # fmt: skip
    line = "run --method direct --set ide.epochs=2 --benchmark tiny.toml --device cpu"
    assert CliRunner().invoke(cli, [*line.split(), "--results", "theirs"]).exit_code == 0
    records = [
        json.loads(Path(place, ours.file_name).read_text()) | {"execution": None}
        for place in ("ours", "theirs")
    ]
    assert records[0] == records[1]
    assert records[0]["modified"] == {"ide.epochs": 2}


def test_what_fails_in_a_sweep_is_raised_at_the_end_and_loses_nothing(folder, monkeypatch):
    from reidbench.runs import scheduler

    record = scheduler.run_and_record

    def failing(plan, session, results):
        if plan.seed == 0:
            raise ValueError("a slip")
        return record(plan, session, results)

    monkeypatch.setattr(scheduler, "run_and_record", failing)
    told = Listens()
    how = {"methods": "direct", "benchmark": "tiny.toml", "device": "cpu", "results": "mine"}
    with pytest.raises(reidbench.SweepError, match="1 of 2 runs failed") as caught:
        reidbench.sweep(**how, progress=told)
    swept = caught.value.sweep
    assert [r.seed for r in swept] == [1]
    assert told.lines == ["failed direct seed 0: unexpected ValueError: a slip"]
    again = reidbench.sweep(**how, progress=False, raise_failures=False)
    assert again.to_dict()["failures"] == [
        {"run": "direct seed 0", "reason": "unexpected ValueError: a slip"}
    ]
    assert "a slip" in again._repr_html_()


STUDY = """
title = "a small table"
benchmark = "tiny.toml"
[[run]]
label = "direct"
method = "direct"
"""


def test_a_study_is_run_on_its_own_benchmark(folder):
    Path("small.toml").write_text(STUDY)
    done = reidbench.sweep(
        study="small.toml", seeds=[0], device="cpu", results="mine", progress=False
    )
    assert (len(done), done.index.name, done.figure.name) == (1, "small.json", "small.svg")
    assert done.to_dict()["measured"][0]["benchmark"] == "tiny"
    assert "a small table" in done._repr_html_()
    with pytest.raises(reidbench.UsageError, match="a study names its own runs"):
        reidbench.sweep(study="small.toml", methods="direct", progress=False)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: reidbench.run(progress=False), reidbench.UsageError, "name what to run"),
        (lambda: reidbench.compose(), reidbench.UsageError, "name what to run"),
        (lambda: reidbench.run(method="spgn", progress=False), reidbench.UsageError, "spgn"),
        (lambda: reidbench.run(method="spgan", devise="cpu"), TypeError, "did you mean 'device'"),
        (lambda: reidbench.load_results("none"), reidbench.ReidbenchError, "no results in none"),
        (lambda: reidbench.leaderboard(by="rnk1"), reidbench.UsageError, "did you mean 'rank1'"),
        (lambda: reidbench.evaluate("f.npz", "g.npz", protocol="x"), reidbench.UsageError, "'x'"),
    ],
)
def test_a_call_that_cannot_be_done_says_what_would_do(folder, call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_one_name_may_stand_without_a_list(folder):
    recipe = reidbench.compose(translator="cyclegan", constraints="sianet", benchmark="tiny.toml")
    assert [c.name for c in recipe.constraints] == ["sianet"]


def test_results_from_anybody_cannot_run_scripts_in_a_notebook(tmp_path):
    results = with_sections(make_seeds([0.5, 0.6, 0.7], recipe=EVIL, provenance=EVIL))
    folder = save_all([*results, make_result(recipe=EVIL, digest="e" * 32, modified={EVIL: EVIL})],
                      tmp_path)  # fmt: skip
    (folder / "synthetic" / "x.json").write_text(json.dumps({"schema": 1, "reidbench": [EVIL]}))
    found = reidbench.load_results(folder)
    for shown in (found, found[0], reidbench.leaderboard(folder), reidbench.leaderboard(found)):
        page = shown._repr_html_()
        assert page.count("&lt;script&gt;") > (not isinstance(shown, reidbench.Result))
        assert "<script" not in page


def test_html_tells_the_measures_in_percent():
    page = make_result(0.123, seed=7, recipe="mine")._repr_html_()
    assert "<td>mine</td>" in page
    assert "<td>12.3</td>" in page
    assert "<td>7</td>" in page


def test_features_in_files_and_in_arrays_score_alike(tmp_path):
    rng = np.random.default_rng(0)
    pids, cams = np.repeat(np.arange(1, 9), 2), np.tile([0, 1], 8)
    features = rng.normal(size=(16, 4)).astype(np.float32)
    sets = {"query": slice(0, None, 2), "gallery": slice(1, None, 2)}
    arrays = {s: (features[rows], pids[rows], cams[rows]) for s, rows in sets.items()}
    names = ("features", "pids", "cams")
    for role, each in arrays.items():
        np.savez(tmp_path / f"{role}.npz", **dict(zip(names, each, strict=True)))
    both = {f"{s}_{n}": a for s, each in arrays.items() for n, a in zip(names, each, strict=True)}
    np.savez(tmp_path / "both.npz", **both)
    given = reidbench.evaluate(arrays["query"], arrays["gallery"])
    read = reidbench.evaluate(tmp_path / "query.npz", tmp_path / "gallery.npz")
    one = reidbench.evaluate(str(tmp_path / "both.npz"))
    assert given.to_dict() == read.to_dict() == one.to_dict()
    reranked = reidbench.evaluate(arrays["query"], arrays["gallery"], rerank=True, k1=3, k2=2)
    found = reidbench.compare(reranked, given, resamples=100)
    gain = reranked.measure("mAP") - given.measure("mAP")
    assert found.measures["mAP"].over_queries.difference == pytest.approx(gain)
    assert any("ranking option rerank" in note for note in found.notes)
    assert "8 queries" in given._repr_html_()


def test_results_of_several_recipes_are_no_side_of_a_comparison():
    mixed = [make_result(recipe="a"), make_result(seed=1, recipe="b")]
    with pytest.raises(reidbench.ReidbenchError, match="'a = b' must be results that differ in"):
        reidbench.compare(mixed, make_result())


def test_a_result_s_file_tells_nothing_more(tmp_path):
    result = make_result()
    assert list(json.loads(result.save(tmp_path).read_text())) == list(result.to_dict())
    assert replace(result) == result
