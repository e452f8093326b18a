"""CamStyle for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = "Zhong et al., Camera Style Adaptation for Person Re-identification, CVPR 2018"


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the translator, the learner and the method that puts them together."""
    registry.translator(
        "camstyle",
        "reidbench_camstyle.translator:CamStyle",
        summary="a CycleGAN for each pair of the source and a camera of the target",
        paper=PAPER,
    )
    registry.learner(
        "ide-lsr",
        "reidbench_camstyle.learner:SmoothedIDE",
        summary="IDE whose labels are smoothed on translated images alone",
        paper=PAPER,
    )
    registry.method(
        "camstyle",
        translator="camstyle",
        learner="ide-lsr",
        strategy="source+translated",
        parameters={"budget.epochs": 50},
        summary="CamStyle from the source to each target camera, with label smoothing",
        paper=PAPER,
    )
