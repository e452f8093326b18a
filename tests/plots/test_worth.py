from __future__ import annotations

from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from reidbench.errors import ReidbenchError
from reidbench.plots.style import styled
from reidbench.plots.worth import Interval, draw_worth, intervals, intervals_of
from reidbench.results.worth import worth_of
from tests.made_results import save_all
from tests.results.test_worth import PLAIN, made, part

WITH = made((0.45, 0.46, 0.47), [part("sianet")], name="spgan", digest="e" * 32)


def test_rows_are_the_worths_in_points():
    rows = worth_of([*made(PLAIN), *WITH]).rows
    heading, row = intervals_of(rows, "mAP")
    assert (heading, row.name) == ("cyclegan", "sianet")
    assert row.mean == pytest.approx(5)
    assert (row.low, row.high) == pytest.approx((100 * rows[0].low, 100 * rows[0].high))
    assert row.shown == (rows[0].p_value < 0.05)
    unsure = made((0.45, 0.38, 0.42), [part("sianet")], name="spgan", digest="e" * 32)
    _, row = intervals_of(worth_of([*made(PLAIN), *unsure]).rows, "mAP")
    assert not row.shown


def test_a_heading_names_the_translator_and_the_learner_where_several_are_drawn():
    other = part("pcb")
    more = [*made(PLAIN, learner=other), *made(PLAIN, [part("sianet")], learner=other)]
    both = [*WITH, *made(PLAIN, [part("foreground")])]
    rows = intervals_of(worth_of([*made(PLAIN), *both, *more]).rows, "mAP")
    names = [row if isinstance(row, str) else row.name for row in rows]
    first, second = "cyclegan; ide, finetune", "cyclegan; pcb, finetune"
    assert names == [first, "foreground", "sianet", second, "sianet"]


def test_only_what_is_told_from_zero_is_filled():
    sure, unsure = Interval("a", 1, 0.5, 1.5, shown=True), Interval("b", -1, -3, 1)
    rows = ["of them all", sure, unsure, Interval("c", 2)]
    with styled():
        axes = intervals(Figure().subplots(), rows, "difference")
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True, True]
    bars = [list(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert [0.5, 1.5] in bars
    assert [-3, 1] in bars
    assert len(bars) == 3  # these two and the line of no difference
    labels = axes.get_yticklabels()
    assert [label.get_text() for label in labels] == ["of them all", "a", "b", "c"]
    assert [label.get_fontweight() for label in labels] == ["bold", *["normal"] * 3]


def test_a_figure_is_written_and_several_benchmarks_want_a_choice(tmp_path):
    root = save_all([*made(PLAIN), *WITH], tmp_path / "results")
    path = draw_worth(root)
    assert path == root / "synthetic" / "worth.svg"
    assert "sianet" in path.read_text()
    both = (*made(PLAIN), *WITH)
    elsewhere = [replace(r, benchmark={**r.benchmark, "name": "other"}) for r in both]
    save_all(elsewhere, root)
    with pytest.raises(ReidbenchError, match="choose one of other, synthetic"):
        draw_worth(root)
    assert draw_worth(root, "other").parent.name == "other"
