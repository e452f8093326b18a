"""CUT for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = "Park et al., Contrastive Learning for Unpaired Image-to-Image Translation, ECCV 2020"


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the translator and the method."""
    registry.translator(
        "cut",
        "reidbench_cut.translator:CUT",
        summary="one generator, whose patches must resemble those at the same place of the input",
        paper=PAPER,
    )
    registry.method(
        "cut",
        translator="cut",
        learner="ide",
        parameters={"budget.epochs": 400},
        summary="CUT: one-sided translation held by contrasted patches",
        paper=PAPER,
    )
