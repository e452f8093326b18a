"""CycleGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Zhu et al., Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial "
    "Networks, ICCV 2017"
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the translator, the two methods that papers compare with and the release."""
    registry.translator(
        "cyclegan",
        "reidbench_cyclegan.translator:CycleGAN",
        summary="two generators and two discriminators held together by cycle consistency",
        paper=PAPER,
    )
    registry.method(
        "cyclegan",
        translator="cyclegan",
        learner="ide",
        summary="CycleGAN with the identity loss",
        paper=PAPER,
    )
    registry.method(
        "cyclegan-noidt",
        translator="cyclegan",
        learner="ide",
        parameters={"cyclegan.identity": 0.0},
        summary="CycleGAN without the identity loss",
        paper=PAPER,
    )
    registry.method(
        "cyclegan@official",
        translator="cyclegan",
        learner="ide",
        parameters={"budget.epochs": 200, "cyclegan.discriminator_norm": True},
        summary="as the authors' release trains it by default",
        paper=PAPER,
    )
