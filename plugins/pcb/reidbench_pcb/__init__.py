"""PCB for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learner."""
    registry.learner(
        "pcb",
        "reidbench_pcb.learner:PCB",
        summary="a classifier of the training persons for each of six stripes of the image",
        paper="Sun et al., Beyond Part Models, ECCV 2018, arXiv:1711.09349",
    )
