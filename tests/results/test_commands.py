"""What is missing to be ranked, as a command that makes it."""

from __future__ import annotations

from dataclasses import replace

from reidbench.results.commands import advice, command_of_seeds
from reidbench.results.leaderboard import build
from tests.made_results import make_result, make_seeds
from tests.test_docs import parsed


def test_the_missing_seeds_of_a_method_are_one_sweep_of_it():
    command = command_of_seeds(make_result(precision="bf16"), [0, 2])
    assert command == (
        "reidbench sweep --method spgan --benchmark synthetic --precision bf16 --seeds 0,2"
    )
    assert parsed(command.split()[1:])["seeds"] == "0,2"


def test_the_missing_seeds_of_a_recipe_of_parts_are_runs_with_nothing_set_by_hand():
    made = make_result(modified={"ide.epochs": 2})
    own = {"name": "cyclegan+x+y+ide", "learner": {"name": "ide"}}
    own |= {"translator": {"name": "cyclegan"}, "constraints": [{"name": "x"}, {"name": "y"}]}
    command = command_of_seeds(replace(made, recipe={**made.recipe, **own}), [1, 2])
    runs = [
        "reidbench run --translator cyclegan --constraint x --constraint y --learner ide "
        f"--strategy finetune --benchmark synthetic --seed {seed}"
        for seed in (1, 2)
    ]
    assert command == " && ".join(runs)
    assert parsed(runs[0].split()[1:])["seed"] in (1, "1")


def test_those_that_lack_the_least_are_told_first_and_the_rest_counted():
    results = [r for name in "abcd" for r in make_seeds([0.5], recipe=name)]
    told = advice(build([*results, *make_seeds([0.5] * 2, recipe="most")]).unranked)
    assert told.startswith("most: seed 2 missing (make it: ")
    assert told.endswith("; and 2 more")


def test_no_command_makes_the_mock_rank_or_settles_two_scores_of_a_seed():
    twice = [*make_seeds([0.5] * 3), make_result(0.6, 0)]
    mock = make_seeds([0.5], name="mock")
    assert [u.command for u in build([*twice, *mock]).unranked] == ["", ""]
    assert advice(build(twice).unranked) == ""
