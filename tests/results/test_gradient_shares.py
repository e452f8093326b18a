"""What is said of a constraint whose gradient is out of proportion."""

from __future__ import annotations

from typing import Any

from reidbench.results.gradient_shares import remarks


def training(**shares: list[float | None]) -> dict[str, Any]:
    """Return the record of losses by name, with ``__`` for a dot."""
    steps = range(len(next(iter(shares.values()))))
    entries = [
        {
            "step": step,
            "terms": {
                name.replace("__", "."): {"norm": values[step], "share": values[step]}
                for name, values in shares.items()
            },
        }
        for step in steps
    ]
    return {"gradient_shares": entries}


def test_a_constraint_that_is_never_a_hundredth_is_as_good_as_off() -> None:
    told = remarks(training(cycle=[0.99, 0.995], sianet__similarity=[0.0001, 0.005]))
    assert told == ["sianet.similarity is as good as off: never more than 0.5 % of the gradients"]
    assert remarks(training(cycle=[0.9, 0.98], sianet__similarity=[0.0001, 0.02])) == []


def test_a_constraint_of_four_fifths_on_average_drowns_the_rest() -> None:
    told = remarks(training(cycle=[0.02, 0.2], joint__identity=[0.98, 0.8]))
    assert told == ["joint.identity drowns the other losses: 89 % of the gradients on average"]
    assert remarks(training(cycle=[0.02, 0.5], joint__identity=[0.98, 0.5])) == []


def test_the_translators_own_losses_are_not_remarked_on() -> None:
    assert remarks(training(cycle=[0.999, 0.999], adversarial=[0.001, 0.001])) == []


def test_without_figures_nothing_is_said() -> None:
    assert remarks({}) == []
    assert remarks({"gradient_shares_missing": "it is silent"}) == []
    assert remarks(training(kept__x=[None, None])) == []
