"""PTGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Wei et al., Person Transfer GAN to Bridge Domain Gap for Person Re-Identification, CVPR 2018"
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint and the method that puts it on CycleGAN."""
    registry.constraint(
        "foreground",
        "reidbench_ptgan.constraint:Foreground",
        summary="a translated image stays near its original, in squares, where the mask shows the "
        "person",
        paper=PAPER,
    )
    registry.method(
        "ptgan",
        translator="cyclegan",
        constraints=["foreground"],
        learner="ide",
        parameters={"cyclegan.identity": 0.0, "budget.epochs": 40},
        summary="CycleGAN without identity loss, whose persons are held by their masks",
        paper=PAPER,
    )
