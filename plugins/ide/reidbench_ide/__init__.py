"""IDE+ for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Zheng et al., Person Re-identification: Past, Present and Future, arXiv:1610.02984; "
    "as IDE+ in Deng et al., arXiv:1811.10551"
)


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learner."""
    registry.learner(
        "ide",
        "reidbench_ide.learner:IDE",
        summary="a classifier of the training persons, whose pooled features are compared",
        paper=PAPER,
    )
