"""Commands that repeat a run, and that make what a recipe lacks to be ranked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reidbench.results.numbers import listed

if TYPE_CHECKING:
    from reidbench.results.leaderboard import Unranked
    from reidbench.results.result import Result

TOLD = 3  # recipes; a folder may hold hundreds


def command_of(result: Result) -> str:
    """Return the command that repeats a run, quoted for a shell.

    Stages that are in the cache are reused; a run that was interrupted continues.
    """
    recipe, words = result.recipe, ["reidbench", "run"]
    if "+" in str(recipe["name"]):
        words += _parts_of(recipe)
    else:
        words += ["--method", str(recipe["name"])]
    words += ["--benchmark", str(result.benchmark["name"]), "--seed", str(result.seed)]
    if result.precision != "float32":
        words += ["--precision", result.precision]
    for name, value in result.modified.items():
        text = value if isinstance(value, str) else json.dumps(value)
        words += ["--set", f"{name}={text}"]
    return shlex.join(words)


def command_of_seeds(result: Result, seeds: Sequence[int]) -> str:
    """Return what runs a result's recipe with other seeds and nothing set by hand, for a shell.

    One sweep of a method; of a recipe of parts, whose strategy no sweep takes, a run for each seed.
    """
    if "+" in str(result.recipe["name"]):
        runs = (replace(result, seed=seed, modified={}) for seed in seeds)
        return " && ".join(map(command_of, runs))
    words = ["reidbench", "sweep", "--method", str(result.recipe["name"])]
    words += ["--benchmark", str(result.benchmark["name"])]
    if result.precision != "float32":
        words += ["--precision", result.precision]
    return shlex.join([*words, "--seeds", listed(seeds).replace(" ", "")])


def advice(unranked: Sequence[Unranked]) -> str:
    """Return what keeps recipes from being ranked, each with its command; empty if there is none.

    Those that lack the least come first.
    """
    lacking = sorted((u for u in unranked if u.command), key=lambda u: -len(u.entry.seeds))
    told = [f"{u.entry.recipe}: {u.reason} (make it: {u.command})" for u in lacking[:TOLD]]
    more = len(lacking) - len(told)
    return "; ".join([*told, f"and {more} more"] if more > 0 else told)


def _parts_of(recipe: Mapping[str, Any]) -> list[str]:
    def name(part: Any) -> str:
        return str(part.get("name")) if isinstance(part, Mapping) else "none"

    constraints = recipe.get("constraints")
    each = [name(c) for c in constraints] if isinstance(constraints, list) else []
    words = ["--translator", name(recipe.get("translator"))]
    words += [w for c in each for w in ("--constraint", c)]
    words += ["--learner", name(recipe.get("learner"))]
    for option in ("strategy", "direction"):
        if recipe.get(option):
            words += [f"--{option}", str(recipe[option])]
    return words
