"""Figures of ranked recipes and of single runs, against the numbers that they show."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from reidbench.cli.verbs import plot
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import Features, Market1501, RankingOptions, evaluate
from reidbench.evaluation.trials import Spread
from reidbench.plots.chart import Point, averaged
from reidbench.plots.figures import cmc_of, draw_figure, marks_of
from reidbench.plots.kept import MOST_POINTS, losses, read_losses
from reidbench.plots.panels import (
    Curve,
    Mark,
    RankedRow,
    cmc_curves,
    gradient_shares,
    loss_curves,
    marks_in_plane,
    ranked_images,
)
from reidbench.plots.ranked import ranked_rows
from reidbench.plots.sources import Wish, chart_of_results, ranked_groups
from reidbench.plots.style import styled
from reidbench.results.result import Result, load_all
from reidbench.storage.artifacts import Store
from reidbench.studies.plot_kinds import FIGURES, OF_RANKED
from tests.made_results import make_result, make_seeds, save_all

COMMITTED = Path(__file__).parents[2] / "results"


@pytest.fixture(scope="module")
def committed() -> tuple[Result, ...]:
    return load_all(COMMITTED).results


@pytest.fixture
def axes():
    with styled():
        yield Figure().subplots()


def test_each_figure_of_the_committed_results_is_drawn(tmp_path):
    for name in OF_RANKED:
        path = tmp_path / f"{name}.svg"
        draw_figure(name, COMMITTED, (), tmp_path, benchmark="synthetic", output=path)
        text = path.read_text()
        assert ">cyclegan-noidt<" in text
        assert "synthetic v3 (synthetic images); mean ± sd of 3 seeds" in text
    run = next((COMMITTED / "synthetic").glob("spgan-cea5d614-seed0.json"))
    draw_figure("curves", COMMITTED, [run], tmp_path, output=tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text()
    assert ">sianet.similarity<" in text
    assert "losses are left out: the cache has none of this run" in text


def test_curves_are_those_of_the_results_and_end_at_one(committed):
    groups = ranked_groups(committed, "synthetic", ["perfect", "direct"])
    perfect, direct = cmc_of(groups)
    assert (perfect.name, perfect.values.shape) == ("perfect", (3, 50))
    for curve, (_, results) in ((perfect, groups[0]), (direct, groups[1])):
        for row, result in zip(curve.values, results, strict=True):
            assert row[0] == pytest.approx(100 * result.scores["rank1"])
            assert row[9] == pytest.approx(100 * result.scores["rank10"])
    short = replace(make_result(), scores={**make_result().scores, "cmc": [0.5, 1.0]})
    entry = ranked_groups(committed, "synthetic", ["direct"])[0][0]
    assert cmc_of([(entry, [short])])[0].values[0, [0, 1, 49]].tolist() == [50, 100, 100]


def test_marks_stand_at_the_means_and_leave_out_what_is_not_known(committed):
    groups = ranked_groups(committed, "synthetic", ())
    found = {mark.name: mark for mark in marks_of(groups, "identity_retained")}
    assert "direct" not in found
    assert found["perfect"].ceiling
    assert not found["spgan"].ceiling
    assert found["spgan"].x.mean == pytest.approx(46.6, abs=0.05)
    assert found["spgan"].y.mean == pytest.approx(37.6, abs=0.05)
    with pytest.raises(ReidbenchError, match="no ranked recipe has person_error"):
        marks_of(ranked_groups(make_seeds([0.5] * 3), None, ()), "person_error")


def test_functions_on_axes_return_the_axes_that_they_drew_on(axes):
    curve = Curve("spgan", np.array([[10.0, 20, 30], [30.0, 40, 50]]))
    assert cmc_curves(axes, [curve]) is axes
    assert axes.lines[0].get_ydata().tolist() == [20, 30, 40]
    assert len(axes.collections) == 1  # the band


def test_a_ceiling_is_hollow_and_costs_stand_on_a_logarithmic_axis(axes):
    marks = [
        Mark("perfect", Spread(1e12, None, 1), Spread(90, 1.0, 3), ceiling=True),
        Mark("spgan", Spread(2e12, 0.0, 3), Spread(40, 2.0, 3)),
    ]
    assert marks_in_plane(axes, marks, ("x", "y"), logarithmic=True) is axes
    faces = [container.lines[0].get_markerfacecolor() for container in axes.containers]
    assert faces[0] == "white"
    assert faces[1] != "white"
    assert axes.get_xscale() == "log"
    labels = [t.get_text() for t in axes.get_xticklabels()]
    assert "1 T" in labels
    assert not any("mathdefault" in label for label in labels)


def test_losses_are_logarithmic_where_they_are_positive(axes):
    positive = np.array([[0, 1.0], [1, 0.1]])
    assert loss_curves(axes, {"cycle": positive}) is axes
    assert axes.get_yscale() == "log"
    other = Figure().subplots()
    loss_curves(other, {"cycle": positive, "critic": -positive})
    assert other.get_yscale() == "linear"


def test_shares_are_stacked_to_the_whole(axes):
    gradient_shares(axes, [0, 9], {"cycle": [0.75, 0.5], "adversarial": [0.25, None]})
    tops = [patch.get_y() + patch.get_height() for patch in axes.patches]
    assert tops == [75, 50, 100, 50]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["step 1", "step 10"]


def test_ranked_images_have_frames_that_differ_without_colour(axes):
    images = np.zeros((3, 8, 4, 3), np.uint8)
    row = RankedRow("query 0", images[0], images, ("right", "wrong", "junk"))
    assert ranked_images(axes, [row]) is axes
    assert [patch.get_linestyle() for patch in axes.patches] == ["-", "--", ":"]
    assert len(axes.images) == 4
    assert len(axes.lines) == 1  # the cross of the wrong one


def test_losses_are_read_up_to_a_damaged_line_and_thinned(tmp_path):
    path = tmp_path / "gan.losses.jsonl"
    lines = [json.dumps({"step": i, "cycle": 2.0 * i}) for i in range(1000)]
    path.write_text("\n".join(lines) + '\n{"step": 1000, "cyc')
    points = read_losses(path)["cycle"]
    assert len(points) <= MOST_POINTS
    assert points[0].tolist() == [1.5, 3.0]  # the mean of four steps
    path.write_text('{"step": 0, "cycle": 1}\n[1]\n{"step": 2, "cycle": 1}')
    assert read_losses(path)["cycle"].tolist() == [[0, 1]]


def stage(kind: str, title: str = "") -> dict[str, str]:
    return {"key": f"{kind}/{len(kind):032x}", "title": title or kind}


@pytest.fixture
def run(tmp_path):
    """A result whose run kept losses, features and test images in a cache, and its features."""
    rng = np.random.default_rng(0)
    sets = {
        role: Features(
            rng.normal(size=(count, 4)).astype(np.float32),
            rng.integers(1, 5, count),
            rng.integers(1, 3, count),
        )
        for role, count in (("query", 6), ("gallery", 20))
    }
    scores = evaluate(sets["query"], sets["gallery"], Market1501(), RankingOptions())
    stages = [stage("translator", "train spgan"), stage("embed"), stage("learn", "learn ide")]
    first = make_result()
    result = replace(
        first,
        scores={**first.scores, **scores.to_dict()},
        execution={"stages": [*stages, stage("gone")]},
    )
    store, cache = Store(tmp_path / "cache"), tmp_path / "cache"
    store.prepare()
    tests = [{"key": f"decode/{number * 16}"} for number in ("ab", "cd")]

    def embedded(folder: Path) -> dict[str, object]:
        for role, images in sets.items():
            for field in ("features", "pids", "cams"):
                np.save(folder / f"{role}_{field}.npy", getattr(images, field))
        return {"inputs": ["learn/x", *(t["key"] for t in tests)]}

    for test, images in zip(tests, sets.values(), strict=True):
        pixels = np.arange(len(images), dtype=np.uint8)[:, None, None, None]
        whole = np.broadcast_to(pixels, (len(images), 8, 4, 3))
        store.make(test["key"], {}, lambda f, w=whole: np.save(f / "pixels.npy", w) or {})
    text = '{"step": 0, "cycle": 2.0}\n{"step": 1, "cycle": 1.0}\n'
    for key in (stages[0]["key"], stages[2]["key"]):
        store.make(key, {}, lambda f: (f / "phase.losses.jsonl").write_text(text) and {})
    store.make(stages[1]["key"], {}, embedded)
    return result, cache, sets


def test_losses_of_a_run_are_those_that_its_cache_holds(run, tmp_path):
    result, cache, _ = run
    found = losses(result, cache)
    assert list(found) == ["train spgan", "learn ide"]
    assert found["train spgan"]["cycle"].tolist() == [[0, 2], [1, 1]]
    assert losses(result, tmp_path / "none") == {}


def test_ranked_rows_are_the_nearest_images_of_queries_from_best_to_worst(run):
    result, cache, sets = run
    rows = ranked_rows(result, cache, queries=3, columns=5)
    scores = [row.label.split("AP ")[1] for row in rows]
    numbers = [int(score.removesuffix(" %")) for score in scores]
    assert numbers == sorted(numbers, reverse=True)
    query, gallery = sets["query"], sets["gallery"]
    for row in rows:
        number = int(row.query[0, 0, 0])
        units = [s.features / np.linalg.norm(s.features, axis=1)[:, None] for s in sets.values()]
        order = np.argsort(((units[0][number] - units[1]) ** 2).sum(1), kind="stable")[:5]
        assert row.images[:, 0, 0, 0].tolist() == order.tolist()
        for image, mark in zip(order, row.marks, strict=True):
            same = gallery.pids[image] == query.pids[number]
            camera = gallery.cams[image] == query.cams[number]
            assert mark == ("junk" if same and camera else "right" if same else "wrong")


def test_what_is_not_in_the_cache_is_said(run, tmp_path):
    result, cache, _ = run
    with pytest.raises(ReidbenchError, match="features are not in the cache"):
        ranked_rows(result, tmp_path / "none")
    drawn = replace(
        result,
        benchmark={**result.benchmark, "protocol": {"name": "single-gallery-shot", "version": 1}},
    )
    with pytest.raises(ReidbenchError, match="has no ranked list"):
        ranked_rows(drawn, cache)
    for folder in (cache / "objects" / "decode").iterdir():
        (folder / "manifest.json").unlink()
    with pytest.raises(ReidbenchError, match="test images are not in the cache"):
        ranked_rows(result, cache)


def test_a_run_is_drawn_from_its_cache(run, tmp_path):
    result, cache, _ = run
    file = result.save(tmp_path / "results")
    for name, word in (("curves", ">train spgan<"), ("ranked", ">AP ")):
        path = draw_figure(name, tmp_path, [file], cache)
        assert path == file.with_suffix(f".{name}.svg")
        assert word in path.read_text()


def test_recipes_of_one_cell_are_averaged_seed_by_seed_when_asked_to(committed):
    chart, _ = chart_of_results(
        committed, "synthetic", (), Wish(kind="heatmap", measure="mAP", mean=True)
    )
    cells = {(p.row, p.column): p.values for p in chart.panels[0].points}
    plain = {
        r.recipe["name"]
        for r in committed
        if (r.recipe.get("translator") or {}).get("name") == "cyclegan" and not r.modified
        if not r.recipe["constraints"] and r.benchmark["name"] == "synthetic"
    }
    assert len(plain) > 2
    groups = ranked_groups(committed, "synthetic", sorted(plain))
    all_of_them = np.array([[100 * r.measure("mAP") for r in rs] for _, rs in groups])
    assert cells["cyclegan", "none"] == pytest.approx(all_of_them.mean(axis=0))
    assert "cells of several recipes are their mean" in chart.subtitle
    with pytest.raises(UsageError, match="--shared mean"):
        chart_of_results(committed, "synthetic", (), Wish(kind="heatmap"))
    with pytest.raises(ReidbenchError, match="differ in their seeds"):
        averaged([Point("a", "b", (1.0,)), Point("a", "b", (1.0, 2.0))])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("curves",), "name its result file"),
        (("cmc", "a.json"), "takes no result files"),
        (("cmc", "--kind", "line"), "takes no --kind"),
        (("some-study", "a.json"), "only 'curves', 'ranked' and 'features' read a result"),
    ],
)
def test_what_a_figure_has_no_use_for_is_refused(tmp_path, arguments, error):
    from click.testing import CliRunner

    save_all(make_seeds([0.5] * 3), tmp_path)
    done = CliRunner().invoke(plot.command, [*arguments, "--results", str(tmp_path)])
    assert done.exit_code != 0
    assert error in done.output + str(done.exception)
    assert set(FIGURES) >= {"cmc", "curves"}
