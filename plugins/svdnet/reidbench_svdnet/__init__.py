"""SVDNet for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learner."""
    registry.learner(
        "svdnet",
        "reidbench_svdnet.learner:SVDNet",
        summary="a classifier of the training persons on projections that an SVD decorrelates",
        paper="Sun et al., SVDNet for Pedestrian Retrieval, ICCV 2017, arXiv:1703.05693",
    )
