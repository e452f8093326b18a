"""SPGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry import Registration

PAPER = (
    "Deng et al., Similarity-preserving Image-image Domain Adaptation for Person "
    "Re-identification, arXiv:1811.10551 (after CVPR 2018)"
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint and the method of the paper."""
    registry.constraint(
        "sianet",
        "reidbench_spgan.constraint:SiaNet",
        summary="a siamese network keeps a translated image near its original and far from the "
        "images of the other domain",
        paper=PAPER,
    )
    registry.method(
        "spgan",
        translator="cyclegan",
        constraints=["sianet"],
        learner="ide",
        summary="CycleGAN with identity loss and SiaNet",
        paper=PAPER,
    )
