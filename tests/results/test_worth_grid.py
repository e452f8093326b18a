from __future__ import annotations

import numpy as np
import pytest

from reidbench.evaluation.significance import blocked_t, holm, paired_t
from reidbench.results.worth import worth_of
from reidbench.results.worth_grid import grids
from reidbench.results.worth_tables import grid_headings, grid_rows
from tests.results.test_worth import PLAIN, made, part

HIGH = (0.45, 0.46, 0.47)
STARGAN = part("stargan")


def both(values, other, constraint):
    """Return a constraint's results on CycleGAN and on StarGAN."""
    return [
        *made(values, [part(constraint)]),
        *made(other, [part(constraint)], translator=STARGAN),
    ]


def plain():
    return [*made(PLAIN), *made(HIGH, translator=STARGAN)]


def only(results, measure="mAP"):
    (grid,) = grids(worth_of(results, measure))
    return grid


def test_rows_are_constraints_and_columns_translators():
    grid = only([*plain(), *both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")])
    assert (grid.constraints, grid.translators) == (("sianet",), ("cyclegan", "stargan"))
    assert grid.cells["sianet", "stargan"].mean == pytest.approx(-0.03)
    assert grid_headings(grid) == ("Constraint", "cyclegan", "stargan", "On all of them")


def test_on_all_of_them_each_translator_and_seed_is_a_block():
    grid = only([*plain(), *both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")])
    gaps = [0.05, 0.03, 0.06, -0.02, -0.02, -0.05]  # with one constraint, a paired t of six
    found = grid.together["sianet"]
    assert found.mean == pytest.approx(np.mean(gaps))
    assert (found.low, found.high, found.p_value) == pytest.approx(paired_t(gaps))


def test_each_constraint_is_held_against_none_on_all_of_them():
    results = [*plain(), *both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")]
    grid = only([*results, *both((0.30, 0.31, 0.33), (0.35, 0.36, 0.35), "foreground")])
    means = {name: found.mean for name, found in grid.together.items()}
    assert means == pytest.approx({"sianet": 0.05 / 6, "foreground": -0.61 / 6})
    assert all(found.low < found.mean < found.high for found in grid.together.values())
    gains = [
        [0.0] * 6,
        [0.05, 0.03, 0.06, -0.02, -0.02, -0.05],
        [-0.1, -0.11, -0.08, -0.1, -0.1, -0.12],
    ]
    alone = [blocked_t(np.array([gains[k], gains[0], gains[3 - k]]))[2] for k in (1, 2)]
    told = [grid.together[name].p_value for name in ("sianet", "foreground")]
    assert told == pytest.approx(holm(np.array(alone)).tolist())
    assert told != pytest.approx(alone)


def test_a_constraint_that_one_translator_lacks_has_an_empty_cell():
    results = [*plain(), *both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")]
    grid = only([*results, *made(PLAIN, [part("foreground")])])
    assert set(grid.together) == {"sianet"}
    rows = {row[0]: row[1:] for row in grid_rows(grid)}
    assert rows["foreground"][1:] == ["", ""]
    assert rows["foreground"][0].startswith("+0.0 (")


def test_one_seed_tells_no_interval():
    one = [*made(PLAIN[:1]), *made(HIGH[:1], translator=STARGAN)]
    grid = only([*one, *both((0.45,), (0.43,), "sianet")])
    assert grid.together == {}
    assert grid_rows(grid) == [["sianet", "+5.0", "-2.0"]]


def test_a_translator_that_lacks_common_seeds_leaves_nothing_to_tell_of_all():
    """The mean of the others is not that of all."""
    third = part("sagan")
    results = [*plain(), *made(PLAIN[:1], translator=third)]
    results += both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")
    grid = only([*results, *made((0.5,), [part("sianet")], translator=third)])
    assert len(grid.translators) == 3
    assert grid.together == {}


def test_a_notebook_shows_the_grid_below_the_list():
    found = worth_of([*plain(), *both((0.45, 0.45, 0.47), (0.43, 0.44, 0.42), "sianet")])
    assert found._repr_html_().count("<table>") == 2


def test_translators_that_share_no_constraint_make_no_grid():
    assert not list(grids(worth_of([*plain(), *made(HIGH, [part("sianet")])])))
    other = made(HIGH, [part("foreground")], translator=STARGAN)
    assert not list(grids(worth_of([*plain(), *made(HIGH, [part("sianet")]), *other])))


def test_what_is_told_from_zero_has_a_star():
    results = [*plain(), *both((0.60, 0.62, 0.61), (0.651, 0.661, 0.67), "sianet")]
    assert all(text.endswith("*") for text in grid_rows(only(results))[0][1:])
