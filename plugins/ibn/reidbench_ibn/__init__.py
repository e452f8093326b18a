"""IBN-reID for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Liu et al., Identity Preserving Generative Adversarial Network for Cross-Domain Person "
    "Re-identification; after Pan et al., Two at Once, ECCV 2018, arXiv:1807.09441"
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learner."""
    registry.learner(
        "ibn",
        "reidbench_ibn.learner:IBN",
        summary="IPGAN's baseline with instance normalisation in its shallow layers",
        paper=PAPER,
    )
