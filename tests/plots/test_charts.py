from __future__ import annotations

from dataclasses import replace

import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots.chart import AXES, Point, subtitle
from reidbench.plots.sources import FIELDS, Wish, chart_of_results, chart_of_study
from reidbench.results.measures import DRAWN, GAP_CLOSED
from reidbench.results.reported import Reported
from reidbench.studies.index import index_of
from reidbench.studies.study import load_study
from tests.made_results import make_result, make_seeds, with_sections

RESULTS = [
    *make_seeds([0.2, 0.3, 0.4], recipe="spgan"),
    *make_seeds([0.5, 0.5, 0.5], recipe="cyclegan"),
    *make_seeds([0.9, 0.9, 0.9], recipe="tuned", modified={"a.b": 1}),
    *make_seeds([0.1], recipe="lucky"),
]


def parts(result, translator, *constraints):
    """Return a result of a recipe with these parts."""
    recipe = {
        **result.recipe,
        "translator": {"name": translator} if translator else None,
        "constraints": [{"name": c} for c in constraints],
    }
    return replace(result, recipe=recipe)


def test_what_the_leaderboard_ranks_is_drawn_the_best_first():
    chart, path = chart_of_results(RESULTS, None, (), Wish())
    (panel,) = chart.panels
    assert [p.row for p in panel.points] == ["cyclegan", "spgan"]
    assert panel.points[1].values == pytest.approx((20, 30, 40))
    assert str(path) == "synthetic/bars-mAP.svg"
    assert chart.subtitle == "synthetic v1 (synthetic images); mean ± sd of 3 seeds"
    only, _ = chart_of_results(RESULTS, "synthetic", ("spgan",), Wish(measure="rank1"))
    assert [p.row for p in only.panels[0].points] == ["spgan"]
    assert only.measure == "rank1"


@pytest.mark.parametrize(
    ("name", "recipes", "wish", "error"),
    [
        ("synthetc", (), Wish(), "did you mean 'synthetic'"),
        (None, ("spgna",), Wish(), "did you mean 'spgan'"),
        (None, ("tuned",), Wish(), "no ranked recipe is named 'tuned'"),
        (None, (), Wish(kind="line"), "study that varies"),
        (None, (), Wish(reported=True), "goes with a study"),
        (None, ("spgan", "cyclegan"), Wish(kind="heatmap"), "share the cell none x none"),
    ],
)
def test_what_cannot_be_drawn_says_why(name, recipes, wish, error):
    with pytest.raises(UsageError, match=error):
        chart_of_results(RESULTS, name, recipes, wish)


def test_several_benchmarks_want_a_choice_unless_they_are_the_axes():
    there = make_seeds([0.6] * 3, name="other", source={"name": "duke", "fingerprint": "c" * 32})
    results = [*RESULTS, *there]
    with pytest.raises(UsageError, match="choose one with --benchmark: other, synthetic"):
        chart_of_results(results, None, (), Wish())
    wish = Wish(kind="heatmap", rows="source", columns="target")
    chart, path = chart_of_results(results, None, ("spgan",), wish)
    assert {(p.row, p.column) for p in chart.panels[0].points} == {
        ("duke", "synthetic"),
        ("synthetic", "synthetic"),
    }
    assert str(path) == "heatmap-mAP.svg"


def test_translators_by_constraints_leave_floor_and_ceiling_out():
    results = [
        *(parts(r, "cyclegan", "sianet") for r in make_seeds([0.3] * 3, recipe="spgan")),
        *(parts(r, "stargan") for r in make_seeds([0.4] * 3, recipe="stargan")),
        *(parts(r, None) for r in make_seeds([0.1] * 3, recipe="direct")),
    ]
    chart, _ = chart_of_results(results, None, (), Wish(kind="heatmap"))
    cells = {(p.row, p.column) for p in chart.panels[0].points}
    assert cells == {("cyclegan", "sianet"), ("stargan", "none")}
    named, _ = chart_of_results(results, None, ("direct",), Wish(kind="heatmap"))
    assert named.panels[0].rows == ["none"]


def test_parts_of_an_odd_recipe_do_not_stop_the_others():
    odd = replace(make_result(), recipe={"translator": [1], "constraints": "x", "learner": 3})
    assert FIELDS["translator"](odd) == FIELDS["constraints"](odd) == FIELDS["learner"](odd)


VARIED = """
title = "t"
plot = "line"
reported = "spgan/table 5"
[vary]
embedding.parts = [1, 2]
embedding.pool = ["average", "max"]
[[run]]
label = "eSPGAN"
method = "espgan"
reported = "parts {embedding.parts}, {embedding.pool}"
"""


@pytest.fixture
def study(tmp_path):
    """The index of a study that varies two parameters, and where it lies."""
    (tmp_path / "mine.toml").write_text(VARIED)
    runs = load_study(str(tmp_path / "mine.toml")).runs
    measured = [
        (run, [r.save(tmp_path) for r in make_seeds([n / 10] * 2, digest=str(n))])
        for n, run in enumerate(runs)
    ]
    printed = Reported(
        "spgan", "Deng et al., T", "table 5", "parts 2, max", "a", "b", "sq", "target",
        {"mAP": 30.5},
    )  # fmt: skip
    index = index_of(load_study(str(tmp_path / "mine.toml")), measured, (0, 1), (printed,))
    return index, index.save(tmp_path / "synthetic")


def test_a_study_is_drawn_over_the_first_parameter_a_line_a_value_of_the_second(study):
    chart = chart_of_study(*study, Wish())
    assert [(p.row, p.column, p.values[0]) for p in chart.panels[0].points] == [
        ("pool = average", 1, 0.0),
        ("pool = max", 1, 10.0),
        ("pool = average", 2, 20.0),
        ("pool = max", 2, pytest.approx(30.0)),
    ]
    assert chart.column_name == "embedding.parts"


def test_a_study_of_two_parameters_is_a_heat_map_of_them(study):
    chart = chart_of_study(*study, Wish(kind="heatmap"))
    assert (chart.row_name, chart.column_name) == ("embedding.parts", "embedding.pool")
    assert chart.panels[0].rows == ["1", "2"]


def test_a_study_as_bars_names_every_value(study):
    chart = chart_of_study(*study, Wish(kind="bars"))
    assert chart.panels[0].rows[0] == "eSPGAN, parts = 1, pool = average"


def test_reported_numbers_stand_where_their_run_stands_but_apart(study):
    measured, reported = chart_of_study(*study, Wish(reported=True)).panels
    assert (measured.title, reported.title) == (
        "measured",
        "reported: Deng et al., table 5, a -> b, sq",
    )
    assert reported.points == (Point("pool = max", 2, (30.5,)),)
    with pytest.raises(UsageError, match="cites no rank1"):
        chart_of_study(*study, Wish(reported=True, measure="rank1"))
    with pytest.raises(UsageError, match="bars and lines"):
        chart_of_study(*study, Wish(reported=True, kind="heatmap"))


def test_prints_of_several_settings_never_share_a_panel(study):
    index, path = study
    (first,) = index.reported
    others = [{"source": "c"}, {"protocol": "mq"}, {"place": "text"}, {"tested": "source"}]
    several = replace(index, reported=(first, *(replace(first, **other) for other in others)))
    _, *panels = chart_of_study(several, path, Wish(reported=True)).panels
    assert [len(panel.points) for panel in panels] == [1] * 5


def test_a_study_that_varies_nothing_has_no_line(study):
    index, path = study
    plain = replace(index, runs=tuple(replace(r, varied={}) for r in index.runs[:1]))
    with pytest.raises(UsageError, match="varies nothing"):
        chart_of_study(plain, path, Wish(kind="line"))


def test_translation_quality_is_drawn_where_it_is_told():
    results = with_sections(make_seeds([0.2, 0.3, 0.4]), translated=0.25)
    chart, path = chart_of_results(results, None, (), Wish(measure="translated_accuracy"))
    assert chart.panels[0].points[0].values == (25, 25, 25)
    assert str(path) == "synthetic/bars-translated_accuracy.svg"
    mixed, _ = chart_of_results([*RESULTS[3:], *results], None, (), Wish(measure="real_accuracy"))
    assert [p.row for p in mixed.panels[0].points] == ["spgan"]
    with pytest.raises(ReidbenchError, match=r"'cyclegan' .* has no real_accuracy"):
        chart_of_results(RESULTS, None, ("cyclegan",), Wish(measure="real_accuracy"))
    with pytest.raises(ReidbenchError, match="no ranked recipe has real_accuracy"):
        chart_of_results(RESULTS, None, (), Wish(measure="real_accuracy"))


def test_every_measure_has_an_axis():
    assert set(AXES) == {*DRAWN, GAP_CLOSED}


def test_the_subtitle_counts_seeds():
    one, three = Point("a", "", (1.0,)), Point("b", "", (1.0, 2.0, 3.0))
    real = make_result(synthetic=False, name="m-to-p")
    assert subtitle([real], [one]) == "m-to-p v1; 1 seed"
    assert subtitle([real], [one, three]) == "m-to-p v1; mean ± sd of 1 to 3 seeds"
