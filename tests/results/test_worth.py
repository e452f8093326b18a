from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.results.reading import read_worth
from reidbench.results.worth import worth_of
from reidbench.results.worth_tables import cells, headings
from tests.made_results import make_result, save_all

PLAIN = (0.40, 0.42, 0.41)


def part(name, **parameters):
    return {"name": name, "version": 1, "parameters": parameters}


def made(values, constraints=(), *, name="r", translator=None, modified=None, **recipe):
    """Return a result a seed of a recipe with these parts."""
    parts = {
        "translator": translator or part("cyclegan", cycle=10.0),
        "constraints": list(constraints),
        "learner": part("ide", epochs=30),
        "budget": {"steps": 900, "epochs": 6, "batch": 4},
        **recipe,
    }
    results = [make_result(v, s, recipe=name, modified=modified) for s, v in enumerate(values)]
    return [replace(r, recipe={**r.recipe, **parts}) for r in results]


def only(found):
    (row,) = found.rows
    return row


def test_a_constraint_is_held_against_the_same_recipe_without_it():
    with_it = made((0.45, 0.45, 0.47), [part("sianet", weight=2.0)], name="spgan")
    row = only(worth_of([*made(PLAIN), *with_it]))
    assert (row.translator, row.constraint, row.learner) == ("cyclegan", "sianet", "ide")
    assert row.seeds == (0, 1, 2)
    gaps = np.array([0.05, 0.03, 0.06])
    assert row.mean == pytest.approx(gaps.mean())
    half = 4.302652729911275 * gaps.std(ddof=1) / np.sqrt(3)  # t of two degrees, from a table
    assert (row.low, row.high) == pytest.approx((gaps.mean() - half, gaps.mean() + half))
    assert row.without.mean == pytest.approx(np.mean(PLAIN))
    assert row.with_it.mean == pytest.approx(np.mean([0.45, 0.45, 0.47]))


def test_the_spread_is_that_of_all_recipes_of_the_translator():
    """Held against least squares: seeds and recipes as columns of a design, as in any textbook."""
    values = np.array([PLAIN, (0.45, 0.45, 0.47), (0.38, 0.43, 0.39), (0.50, 0.44, 0.48)])
    recipes = [[], *([part(name)] for name in ("sianet", "foreground", "joint-learner"))]
    found = worth_of([r for v, c in zip(values, recipes, strict=True) for r in made(v, c)])
    row = next(row for row in found.rows if row.constraint == "sianet")

    methods, seeds = np.repeat(np.eye(4), 3, axis=0), np.tile(np.eye(3), (4, 1))
    design = np.hstack([methods, seeds[:, 1:]])
    fitted, squares, rank, _ = np.linalg.lstsq(design, values.ravel(), rcond=None)
    weights = np.array([-1, 1, 0, 0, 0, 0])
    covariance = np.linalg.inv(design.T @ design) * squares / (12 - rank)
    half = 2.446911851144968 * np.sqrt(weights @ covariance @ weights)  # t of six degrees
    assert row.mean == pytest.approx(weights @ fitted)
    assert (row.low, row.high) == pytest.approx((row.mean - half, row.mean + half))


def test_a_recipe_without_the_seeds_of_a_pair_tells_nothing_of_its_spread():
    pair = [*made(PLAIN), *made((0.45, 0.45, 0.47), [part("sianet")])]
    alone = only(worth_of(pair))
    rows = worth_of([*pair, *made((0.1, 0.9), [part("foreground")])]).rows
    beside = next(row for row in rows if row.constraint == "sianet")
    assert (beside.low, beside.high) == (alone.low, alone.high)


@pytest.mark.parametrize(
    "differs",
    [
        {"learner": part("ide", epochs=20)},
        {"strategy": "translated"},
        {"translator": part("cyclegan", cycle=5.0)},
        {"budget": {"steps": 1800, "epochs": 6, "batch": 4}},
        {"modified": {"embedding.parts": 8}},
        {"provenance": {"weights": "a file"}},
    ],
)
def test_recipes_that_differ_in_more_are_no_pair(differs):
    found = worth_of([*made(PLAIN), *made(PLAIN, [part("sianet")], **differs)])
    assert found.rows == ()


@pytest.mark.parametrize(
    "differs",
    [
        {"budget": {"steps": 900, "epochs": 200, "batch": 4}},  # the steps decide
        {"source_learners": {"sianet": part("ide")}},  # what the constraint is made from
        {"modified": {"sianet.weight": 1}},  # set by hand, of the constraint itself
        {"modified": {"cyclegan.cycle": 10.0}},  # the parameters tell it, and they agree
        {"paper": "another", "components": []},
    ],
)
def test_what_the_constraint_brings_along_may_differ(differs):
    assert len(worth_of([*made(PLAIN), *made(PLAIN, [part("sianet")], **differs)]).rows) == 1


def test_another_benchmark_or_precision_is_no_partner():
    other = [replace(r, precision="bf16") for r in made(PLAIN, [part("sianet")])]
    assert not worth_of([*made(PLAIN), *other]).rows
    moved = [
        replace(r, benchmark={**r.benchmark, "version": 2}) for r in made(PLAIN, [part("sianet")])
    ]
    assert not worth_of([*made(PLAIN), *moved]).rows


def test_seeds_that_only_one_of_them_has_are_left_out():
    row = only(worth_of([*made(PLAIN), *made(PLAIN[:2], [part("sianet")])]))
    assert row.seeds == (0, 1)
    alone = only(worth_of([*made(PLAIN), *made((0.5,), [part("sianet")])]))
    assert (alone.low, alone.p_value) == (None, None)
    assert alone.mean == pytest.approx(0.1)


def test_parts_of_one_name_are_told_by_what_they_differ_in():
    light, heavy = part("sianet", weight=0.2, margin=2), part("sianet", weight=2.0, margin=2)
    both = [heavy, part("foreground")]
    found = worth_of([*made(PLAIN), *made(PLAIN, [light]), *made(PLAIN, both)])
    names = [row.constraint for row in found.rows]
    assert names == ["sianet (weight=0.2)", "sianet (weight=2.0) + foreground"]


def test_p_values_are_corrected_for_all_rows_of_a_setting():
    with_it = made((0.45, 0.46, 0.47), [part("sianet")])
    alone = only(worth_of([*made(PLAIN), *with_it]))
    other = made((0.40, 0.43), [part("foreground")])  # tells nothing of the other's spread
    rows = worth_of([*made(PLAIN), *with_it, *other]).rows
    twice = next(row for row in rows if row.constraint == "sianet")
    assert twice.p_value == pytest.approx(2 * alone.p_value)


def test_errors_are_told_in_their_own_unit():
    truth = {"truth": {"person": {"rmse": 30.5}}}
    plain = [replace(r, translation=truth) for r in made(PLAIN)]
    truth = {"truth": {"person": {"rmse": 28.0}}}
    with_it = [replace(r, translation=truth) for r in made(PLAIN, [part("foreground")])]
    found = worth_of([*plain, *with_it], "person_error")
    assert "-2.5" in cells(found, only(found))
    assert worth_of([*made(PLAIN), *with_it], "person_error").rows == ()  # one does not tell it


def test_a_column_of_what_was_set_by_hand_stands_only_where_something_was():
    by_hand = {"embedding.parts": 8}
    plain, with_it = made(PLAIN), made(PLAIN, [part("sianet")])
    found = worth_of([*plain, *with_it])
    assert "Set by hand" not in headings(found)
    more = made(PLAIN, modified=by_hand) + made(PLAIN, [part("sianet")], modified=by_hand)
    found = worth_of([*plain, *with_it, *more])
    assert [cells(found, row)[-1] for row in found.rows] == ["", "embedding.parts=8"]
    assert len(headings(found)) == len(cells(found, found.rows[0]))


def test_a_folder_is_read_and_its_faults_are_named(tmp_path):
    root = save_all(made(PLAIN), tmp_path)
    with pytest.raises(ReidbenchError, match="no result with a constraint has a partner"):
        read_worth(root)
    save_all(made(PLAIN, [part("sianet")], name="spgan", digest="e" * 32), root)
    assert len(read_worth(root, "synthetic").rows) == 1
    with pytest.raises(UsageError, match=r"no results of benchmark 'synthetik'.*synthetic"):
        read_worth(root, "synthetik")
    with pytest.raises(UsageError, match="no worth is told in 'map'"):
        read_worth(root, measure="map")
    assert "<table>" in read_worth(root)._repr_html_()
