from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from reidbench.cli.verbs import plot
from reidbench.errors import UsageError
from reidbench.plots.fields import FIELDS
from reidbench.plots.sheet import Sheet, side_by_side
from reidbench.results.result import load
from reidbench.storage.artifacts import Store
from tests.made_results import make_seeds, save_all

COMMITTED = Path(__file__).parents[2] / "results"

MINE = """{
  "schema": 1, "study": "mine", "title": "Mine", "paper": "", "note": "", "plot": "bars",
  "measure": "mAP", "seeds": [0, 1, 2], "reported": [],
  "runs": [{"label": "floor", "series": "", "varied": {}, "reported": "", "results": RESULTS}]
}"""


@pytest.fixture
def results(tmp_path):
    """The committed results of the synthetic benchmark as it is, and a study of direct transfer."""
    folder = tmp_path / "results"
    (folder / "synthetic").mkdir(parents=True)
    for path in (COMMITTED / "synthetic").glob("*.json"):
        if not load(path).modified:
            shutil.copy(path, folder / "synthetic")
    names = sorted(p.name for p in (folder / "synthetic").glob("direct-*.json"))
    (folder / "synthetic" / "studies").mkdir(exist_ok=True)
    index = folder / "synthetic" / "studies" / "mine.json"
    index.write_text(MINE.replace("RESULTS", json.dumps(names)))
    return folder


def test_choices_are_those_of_the_modules_that_draw():
    assert set(plot.FIELDS) == set(FIELDS)


def test_the_ranked_recipes_are_drawn_among_the_results(invoke, results):
    done = invoke("plot", "--results", results)
    assert done.exit_code == 0, done.stderr
    path = results / "synthetic" / "bars-mAP.svg"
    assert done.stdout == f"{path}\n"
    drawn = path.read_text()
    assert "synthetic v3 (synthetic images)" in drawn
    assert drawn.index(">supervised<") < drawn.index(">cyclegan<") < drawn.index(">direct<")


def test_a_study_is_drawn_beside_its_index(invoke, results):
    done = invoke("plot", "mine", "--results", results, "--measure", "rank1", "--json")
    record = json.loads(done.stdout)
    assert record["figure"] == str(results / "synthetic" / "studies" / "mine.svg")
    (point,) = record["panels"][0]["points"]
    assert point["row"] == "floor"
    assert len(point["values"]) == 3
    assert ">rank-1 accuracy (%)<" in Path(record["figure"]).read_text()


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_the_ending_names_the_format(invoke, results, tmp_path, ending):
    path = tmp_path / "new" / f"a.{ending}"
    args = ("--recipe", "spgan", "--kind", "heatmap", "--width", "two")
    assert invoke("plot", "--results", results, *args, "-o", path).exit_code == 0
    start = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[ending]
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["mien"], "did you mean 'mine'?"),
        (["spgan-table1"], "was not run"),
        (["mine", "--recipe", "spgan"], "--recipe goes without a study"),
        (["mine", "--benchmark", "other"], "was not run on 'other'"),
        (["mine", "--reported"], "cites no mAP"),
        (["--benchmark", "sinthetic"], "did you mean 'synthetic'?"),
        (["--recipe", "spgna"], "did you mean 'spgan'?"),
        (["--measure", "rank-1"], "'rank-1' is not one of"),
        (["-o", "a.gif"], "a figure ends in"),
    ],
)
def test_what_cannot_be_drawn_is_one_error(invoke, results, args, error):
    done = invoke("plot", "--results", results, *args)
    assert done.exit_code == 2
    assert error in done.stderr
    assert len([x for x in done.stderr.splitlines() if x.startswith("error")]) == 1


def test_no_results_say_how_to_make_some(invoke, tmp_path):
    done = invoke("plot", "--results", tmp_path)
    assert done.exit_code == 1
    assert "reidbench sweep --method all" in done.stderr


@pytest.fixture
def kept(results, tmp_path):
    """A result whose pictures are in a cache, and that cache."""
    (path,) = (results / "synthetic").glob("spgan-*-seed0.json")
    (key,) = (s["key"] for s in load(path).execution["stages"] if s["key"].startswith("preview/"))
    rows = np.zeros((4, 2, 64, 32, 3), np.uint8)
    store = Store(tmp_path / "cache")
    store.prepare()
    store.make(key, {}, lambda folder: np.save(folder / "rows.npy", rows) or {})
    return path, tmp_path / "cache"


def test_pictures_of_a_result_are_drawn_from_what_its_run_kept(invoke, kept, tmp_path):
    path, cache = kept
    done = invoke("plot", "--pictures", path, "--cache", cache)
    assert done.stdout == f"{path.with_suffix('.svg')}\n"
    assert ">translated<" in path.with_suffix(".svg").read_text()
    assert (
        invoke("plot", "--pictures", path, "--cache", cache, "-o", tmp_path / "a.pdf").exit_code
        == 0
    )
    gone = invoke("plot", "--pictures", path, "--cache", tmp_path / "none")
    assert gone.exit_code == 1
    assert "run it again" in gone.stderr


def test_pictures_of_several_results_stand_side_by_side(invoke, results, tmp_path):
    paths = [
        next((results / "synthetic").glob(f"{name}-*-seed0.json")) for name in ("spgan", "cyclegan")
    ]
    store = Store(tmp_path / "cache")
    store.prepare()
    for shade, path in enumerate(paths, 1):
        (key,) = (
            s["key"] for s in load(path).execution["stages"] if s["key"].startswith("preview/")
        )
        rows = np.zeros((5, 2, 64, 32, 3), np.uint8)
        rows[2] = 100 * shade
        facts = {"labels": ["source", "truth", "translated", "reconstructed", "target"]}
        store.make(key, {}, lambda folder, r=rows, f=facts: np.save(folder / "rows.npy", r) or f)
    both = [part for path in paths for part in ("--pictures", path)]
    done = invoke("plot", *both, "--cache", tmp_path / "cache", "-o", tmp_path / "both.svg")
    assert done.exit_code == 0, done.stderr
    text = (tmp_path / "both.svg").read_text()
    places = [text.index(f">{label}<") for label in ("source", "truth", "spgan", "cyclegan")]
    assert places == sorted(places)
    assert ">reconstructed<" not in text


def test_side_by_side_each_row_is_what_its_recipe_made():
    def sheet(recipe, labels, made):
        shades = {"source": 1, "truth": 2 + made, "target": 9}
        rows = [np.full((2, 8, 4, 3), shades.get(label, made), np.uint8) for label in labels]
        return Sheet(recipe, labels, np.stack(rows))

    first = sheet("spgan", ("source", "truth", "translated", "target"), 40)
    moved = sheet("sagan", ("source", "truth", "mask", "adapted, code 1", "target"), 70)
    joined = side_by_side([first, moved])
    assert joined.labels == ("source", "truth", "spgan", "sagan", "target")
    assert joined.rows[:, 0, 0, 0, 0].tolist() == [1, 42, 40, 70, 9]


def test_pictures_of_other_images_do_not_stand_side_by_side():
    labels = ("source", "translated", "target")
    first = Sheet("spgan", labels, np.zeros((3, 2, 8, 4, 3), np.uint8))
    other = Sheet("cyclegan", labels, np.ones((3, 2, 8, 4, 3), np.uint8))
    with pytest.raises(UsageError, match="'spgan' and 'cyclegan' did not translate the same"):
        side_by_side([first, other])


def test_pictures_of_what_translated_nothing(invoke, results, tmp_path):
    (path,) = (results / "synthetic").glob("direct-*-seed0.json")
    done = invoke("plot", "--pictures", path, "--cache", tmp_path)
    assert done.exit_code == 1
    assert "its run translated nothing" in done.stderr


def test_the_key_of_a_result_does_not_lead_out_of_the_cache(invoke, kept):
    path, cache = kept
    shutil.copytree(cache / "objects" / "preview", cache / "preview")
    record = json.loads(path.read_text())
    name = next((cache / "preview").iterdir()).name
    for stage in record["execution"]["stages"]:
        stage["key"] = f"preview/../../preview/{name}"
    path.write_text(json.dumps(record))
    done = invoke("plot", "--pictures", path, "--cache", cache)
    assert done.exit_code == 1
    assert "its run translated nothing" in done.stderr


def test_places_on_several_benchmarks_are_drawn_from_results(invoke, tmp_path):
    made = [
        result
        for benchmark in ("here", "there")
        for place, recipe in enumerate("abc")
        for result in make_seeds([0.1 * place] * 3, recipe=recipe, name=benchmark)
    ]
    path = tmp_path / "r.svg"
    rankings = ("plot", "rankings", "--results", save_all(made, tmp_path / "results"), "-o", path)
    done = invoke(*rankings, "--measure", "rank1")
    assert done.stdout == f"{path}\n"
    assert "Places by rank-1 (%)" in path.read_text()
    both = ("--benchmark", "there", "--benchmark", "here", "--width", "two")
    assert invoke(*rankings, *both).exit_code == 0
    text = path.read_text()
    assert text.index(">there<") < text.index(">here<")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("rankings", "--kind", "line"), "'plot rankings' takes no --kind"),
        (("rankings", "a.json"), "'a.json' is one too many"),
        (("cmc", "--benchmark", "a", "--benchmark", "b"), "only 'plot rankings' draws more"),
        (("--benchmark", "a", "--benchmark", "b"), "only 'plot rankings' draws more"),
    ],
)
def test_what_figures_of_several_benchmarks_refuse(invoke, args, error):
    done = invoke("plot", *args, "--results", COMMITTED)
    assert done.exit_code == 2
    assert error in done.stderr
