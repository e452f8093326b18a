"""The share of the gap between direct transfer and a perfect translation."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from reidbench.errors import ReidbenchError
from reidbench.plots.sources import Wish, chart_of_results
from reidbench.results.gap import Gap
from reidbench.results.leaderboard import Row, build
from reidbench.results.leaderboard_tables import markdown, ranked_cells, truth_rows
from reidbench.results.result import Result
from tests.made_results import make_result, with_sections

WHOLE = {"colour": True, "place": True, "viewpoint": True}


def made(mean_ap: float, seed: int = 0, recipe: str = "spgan", **changes: Any) -> Result:
    result = make_result(mean_ap, seed, recipe=recipe)
    parts = {"learner": {"name": "ide"}, "embedding": {"flip": False}, "ranking": {}}
    parts |= {"translator": {"name": "cyclegan", "parameters": {}}, **changes}
    return replace(result, recipe={**result.recipe, **parts})


def direct(mean_ap: float, seed: int = 0, **changes: Any) -> Result:
    return made(mean_ap, seed, "direct", **{"translator": None, "strategy": "source", **changes})


def perfect(mean_ap: float, seed: int = 0, recipe: str = "perfect", **changes: Any) -> Result:
    named = {"name": "perfect", "parameters": changes.pop("parts", WHOLE)}
    result = made(mean_ap, seed, recipe, **{"translator": named, **changes})
    return replace(result, uses={**result.uses, "ground_truth": True})


def test_it_is_drawn_of_the_rows_that_can_have_it() -> None:
    results = [f(m, s) for s in range(3) for f, m in ((direct, 0.1), (perfect, 0.9), (made, 0.5))]
    chart, path = chart_of_results(results, None, (), Wish(measure="gap_closed"))
    assert path.name == "bars-gap_closed.svg"
    drawn = {p.row: p.values for p in chart.panels[0].points}
    assert drawn["spgan"] == pytest.approx((50.0, 50.0, 50.0))
    with pytest.raises(ReidbenchError, match="no ranked recipe has gap_closed"):
        chart_of_results(results[2::3], None, (), Wish(measure="gap_closed"))


def true(results: list[Result], **values: Any) -> list[Result]:
    """Return results that tell how far their translations are from the truth."""
    region = {"rmse": 20.0, "psnr": 22.1, "ssim": 0.6}
    truth = {
        "person": region,
        "background": {**region, "rmse": 40.0},
        "colour": 12.5,
        "identity_retained": {"translated": 0.25},
        **values,
    }
    return [replace(r, translation={**r.translation, "truth": truth}) for r in results]


def test_it_is_the_share_of_the_way_from_direct_to_perfect():
    gap = Gap.of([direct(0.1), perfect(0.9)])
    assert gap.closed(made(0.5)) == pytest.approx(0.5)
    assert gap.closed(made(0.06)) == pytest.approx(-0.05)
    assert gap.closed(direct(0.1)) == 0
    assert gap.closed(perfect(0.9)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"learner": {"name": "pcb"}},
        {"embedding": {"flip": True}},
        {"ranking": {"rerank": True}},
        {"provenance": {"weights": "other"}},
        {"direction": "target-to-source"},
    ],
)
def test_what_differs_in_more_is_not_compared(changes: dict[str, Any]):
    assert Gap.of([direct(0.1), perfect(0.9)]).closed(made(0.5, **changes)) is None


def test_seeds_benchmarks_and_precisions_are_not_mixed():
    gap = Gap.of([direct(0.1), perfect(0.9)])
    assert gap.closed(made(0.5, seed=1)) is None
    assert gap.closed(replace(made(0.5), precision="bfloat16")) is None
    other = made(0.5)
    assert gap.closed(replace(other, benchmark={**other.benchmark, "version": 2})) is None


def test_one_end_alone_tells_nothing():
    for known in ([direct(0.1)], [perfect(0.9)], [direct(0.9), perfect(0.9)]):
        assert Gap.of(known).closed(made(0.5)) is None


def test_a_partial_truth_is_no_ceiling_and_has_a_share_of_its_own():
    partial = perfect(0.5, recipe="perfect-colour", parts={**WHOLE, "place": False})
    assert Gap.of([direct(0.1), partial]).closed(made(0.3)) is None
    assert Gap.of([direct(0.1), perfect(0.9), partial]).closed(partial) == pytest.approx(0.5)
    other = perfect(0.5, strategy="translated")
    assert Gap.of([direct(0.1), other]).closed(made(0.3)) is None


def test_the_other_direction_has_a_ceiling_of_its_own():
    back = {"direction": "target-to-source", "strategy": "source"}
    gap = Gap.of([direct(0.1), perfect(0.9), perfect(0.5, **back)])
    assert gap.closed(made(0.3, **back)) == pytest.approx(0.5)
    assert gap.closed(made(0.5)) == pytest.approx(0.5)


def test_labels_of_the_target_close_no_gap():
    top = made(0.5)
    labelled = replace(top, uses={**top.uses, "target_labels": True})
    assert Gap.of([direct(0.1), perfect(0.9)]).closed(labelled) is None


def test_results_that_disagree_count_in_no_order():
    for order in permutations([direct(0.1), direct(0.2), perfect(0.9)]):
        assert Gap.of(order).closed(made(0.5)) is None
    assert Gap.of([direct(0.1), direct(0.1), perfect(0.9)]).closed(made(0.5)) is not None


def everything() -> list[Result]:
    """Return three seeds of direct transfer, a perfect translation and two methods."""
    return [
        *(direct(0.1, seed) for seed in range(3)),
        *true(with_sections(perfect(0.9, seed) for seed in range(3))),
        *true(with_sections(made(0.5, seed) for seed in range(3))),
        *with_sections(made(0.6, seed, "older") for seed in range(3)),
    ]


def rows() -> dict[str, Row]:
    (board,) = build(everything()).boards
    return {row.entry.recipe: row for row in board.rows}


def test_what_reads_the_truth_is_shown_and_not_ranked():
    found = rows()
    assert list(found) == ["perfect", "older", "spgan", "direct"]
    assert [row.place for row in found.values()] == [None, 1, 2, 3]
    assert ranked_cells(found["perfect"])[:2] == ["ceiling", "perfect"]
    assert found["perfect"].entry.uses == ("images", "ground truth")
    assert ranked_cells(found["older"])[0] == "1"


def test_a_ceiling_is_no_rival_in_cost():
    (board,) = build(everything()).boards
    cheap = with_sections([r for r in everything() if r.recipe["name"] == "perfect"], training=1)
    others = [r for r in everything() if r.recipe["name"] != "perfect"]
    (cheaper,) = build([*others, *cheap]).boards
    for one in (board, cheaper):
        older = next(row for row in one.rows if row.entry.recipe == "older")
        assert one.is_pareto_optimal(older)


def test_the_leaderboard_has_the_share_and_the_errors():
    (board,) = build(everything()).boards
    assert board.rows[2].entry.value("gap_closed") == pytest.approx(0.5)
    assert truth_rows(board) == [
        ["perfect", "100.0 ± 0.0", "25.0 ± 0.0", "20.0", "40.0", "12.5"],
        ["spgan", "50.0 ± 0.0", "25.0 ± 0.0", "20.0", "40.0", "12.5"],
    ]
    assert [r.entry.recipe for r in board.ordered("gap_closed").rows][:2] == ["perfect", "older"]
    assert [r.entry.recipe for r in board.ordered("person_error").rows][:2] == ["perfect", "spgan"]
    page = markdown(build(everything()))
    assert "### Truth" in page
    assert "| spgan | 50.0 ± 0.0 | 25.0 ± 0.0 | 20.0 | 40.0 | 12.5 |" in page


def test_what_is_not_known_is_left_open():
    seeds = [made(0.5, seed) for seed in range(3)]
    (board,) = build(true(seeds, identity_retained=None)).boards
    assert truth_rows(board) == [["spgan", "-", "-", "20.0", "40.0", "12.5"]]
    (older,) = build(with_sections(seeds)).boards
    assert truth_rows(older) == []
    assert "Truth" not in markdown(build(with_sections(seeds)))
