"""Places on several benchmarks, against the scores that they are of."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots import rankings
from reidbench.plots.rankings import RankLine, draw_rankings, rank_lines, rank_lines_of
from reidbench.plots.style import styled
from reidbench.results.leaderboard import build
from reidbench.results.orders import measured_orders
from tests.made_results import make_seeds, save_all

MEANS = {
    "one": {"a": 0.5, "b": 0.4, "c": 0.3, "d": 0.2, "e": 0.1},
    "two": {"a": 0.1, "b": 0.3, "c": 0.6, "e": 0.05},
    "three": {"b": 0.7, "c": 0.6, "d": 0.5, "alone": 0.4},
    "far": {"x": 0.1, "a": 0.2},
}


def made(means=MEANS, **how):
    found = [
        result
        for benchmark, methods in means.items()
        for recipe, mean in methods.items()
        for result in make_seeds([mean + 0.01, mean, mean - 0.01], recipe=recipe, name=benchmark,
                                 digest=f"{recipe}-{benchmark}", **how)
    ]  # fmt: skip
    for result in found:
        result.scores["rank1"] = 1 - result.scores["mAP"]
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return save_all(made(), tmp_path_factory.mktemp("made"))


@pytest.fixture
def axes():
    with styled():
        yield Figure().subplots()


def texts(axes):
    return {text.get_text(): text.xy for text in axes.texts}


def test_lines_are_of_the_methods_that_two_benchmarks_rank():
    results = made()
    orders = {o.name: o for o in measured_orders(build(results), results, "mAP")}
    found, left_out = rank_lines_of([orders["one"], orders["two"], orders["three"]])
    assert {line.name: line.scores for line in found} == {
        "a": (pytest.approx(50), pytest.approx(10), None),
        "b": (pytest.approx(40), pytest.approx(30), pytest.approx(70)),
        "c": (pytest.approx(30), pytest.approx(60), pytest.approx(60)),
        "d": (pytest.approx(20), None, pytest.approx(50)),
        "e": (pytest.approx(10), pytest.approx(5), None),
    }
    assert [line.name for line in found][:2] == ["b", "c"]  # of all three
    assert left_out == 0


def test_too_many_lines_are_cut_to_those_of_most_benchmarks(monkeypatch):
    monkeypatch.setattr(rankings, "MOST_LINES", 3)
    results = made()
    orders = measured_orders(build(results), results, "mAP")
    found, left_out = rank_lines_of([o for o in orders if o.name != "far"])
    assert {line.name for line in found} >= {"b", "c"}
    assert (len(found), left_out) == (3, 2)


def test_the_best_of_a_column_stands_above_and_the_last_below(axes):
    lines = [RankLine("a", (50.0, 10.0)), RankLine("b", (40.0, 30.0)), RankLine("c", (30.0, 60.0))]
    assert rank_lines(axes, lines) is axes
    assert [line.get_ydata().tolist() for line in axes.lines] == [[0, 1], [0.5, 0.5], [1, 0]]
    assert texts(axes) == {
        "a  50.0": (0, 0), "b  40.0": (0, 0.5), "c  30.0": (0, 1),
        "10.0  a": (1, 1), "30.0  b": (1, 0.5), "60.0  c": (1, 0),
    }  # fmt: skip
    assert axes.get_ylim() == (1, 0)


def test_a_column_that_lacks_a_method_is_passed_by_a_dashed_line(axes):
    rank_lines(axes, [RankLine("a", (50.0, None, 10.0)), RankLine("b", (40.0, 30.0, 20.0))])
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0, 2], [0, 1], [1, 2]]
    assert [line.get_linestyle() for line in axes.lines] == ["--", "-", "-"]
    assert "30.0" in texts(axes)


def test_a_method_that_both_ends_lack_is_named_between(axes):
    lines = [RankLine("a", (50.0, 40.0, 30.0, 20.0)), RankLine("between", (None, 10.0, 5.0, None))]
    rank_lines(axes, lines)
    found = texts(axes)
    assert found["between  10.0"] == (1, 1)
    assert found["5.0"] == (2, 1)


def test_long_names_break_after_a_plus(axes):
    name = "stargan+ipgan-baseline+translated"
    rank_lines(axes, [RankLine(name, (50.0, 40.0))])
    assert "stargan+ipgan-baseline+\ntranslated  50.0" in texts(axes)


def test_benchmarks_that_share_three_methods_are_drawn_with_their_correlation(results, tmp_path):
    path = tmp_path / "r.svg"
    assert draw_rankings(results, output=path) == path
    text = path.read_text()
    assert "Places by mAP (%), mean of 3 seeds" in text
    assert text.count(">tau-b<") == 1  # the columns are narrow: of one and three
    assert ">+1.00<" in text
    assert ">A: one (version 1, synthetic images, float32)<" in text
    assert "three (version" in text
    assert "far" not in text
    assert ">alone" not in text
    assert "dashed: not ranked on the benchmark between" in text  # a, which three lacks
    assert draw_rankings(results) == results / "rankings.svg"


def test_columns_stand_as_they_are_named_and_a_gap_is_explained(results, tmp_path):
    path = tmp_path / "r.svg"
    draw_rankings(results, ["one", "two", "three"], width="two", output=path, measure="rank1")
    text = path.read_text()
    assert text.index(">one<") < text.index(">two<") < text.index(">three<")
    assert "Places by rank-1 (%)" in text
    assert ">d  80.0<" in text
    assert text.count(">tau-b") == 1  # two and three share two methods
    assert ">tau-b +0.00<" in text
    draw_rankings(results, ["one", "two"], output=path)
    assert "dashed" not in path.read_text()


def test_methods_left_out_are_counted(results, tmp_path, monkeypatch):
    monkeypatch.setattr(rankings, "MOST_LINES", 3)
    draw_rankings(results, output=tmp_path / "r.svg")
    assert "left out: 2 more, ranked on the fewest benchmarks" in (tmp_path / "r.svg").read_text()


def test_only_the_recipes_named_are_drawn(results, tmp_path):
    path = tmp_path / "r.svg"
    draw_rankings(results, ["one", "two"], ["a", "b", "c"], output=path)
    assert ">e  10.0<" not in path.read_text()
    draw_rankings(results, ["one", "two"], output=path)
    assert ">e  10.0<" in path.read_text()


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ({"benchmarks": ["one", "tow"]}, UsageError, "did you mean 'two'"),
        ({"benchmarks": ["one"]}, ReidbenchError, "no two benchmarks share 3 ranked methods"),
        ({"benchmarks": ["one", "far"]}, ReidbenchError, "no two benchmarks share 3"),
        ({"recipes": ["z"]}, UsageError, "no ranked recipe is named 'z'"),
        ({"recipes": ["a", "b"]}, ReidbenchError, "no two benchmarks share 3"),
        ({"measure": "fid"}, UsageError, "takes one of mAP, .*, not fid"),
    ],
)
def test_what_cannot_be_drawn_says_why(results, tmp_path, args, error, message):
    with pytest.raises(error, match=message):
        draw_rankings(results, output=tmp_path / "r.svg", **args)
    assert not (tmp_path / "r.svg").exists()


def test_columns_without_an_order_are_drawn_without_a_correlation(tmp_path):
    tied = save_all(made({"one": {"a": 0.3, "b": 0.2, "c": 0.1}, "two": dict.fromkeys("abc", 0.3)}),
                    tmp_path / "results")  # fmt: skip
    draw_rankings(tied, output=tmp_path / "r.svg")
    assert ">tau-b" not in (tmp_path / "r.svg").read_text()
