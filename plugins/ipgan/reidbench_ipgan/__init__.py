"""IPGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Liu et al., Identity Preserving Generative Adversarial Network for Cross-Domain Person "
    "Re-identification"
)

# Section 4.2 gives 100 + 100 epochs; the batch is that of StarGAN's release.
TRAINING = {"budget.epochs": 200, "budget.batch": 16}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint, the baseline learner and the paper's methods."""
    registry.constraint(
        "semantic-classifier",
        "reidbench_ipgan.constraint:SemanticClassifier",
        summary="a frozen classifier of the source's persons has to know them in translated images",
        paper=PAPER,
    )
    registry.learner(
        "ipgan-baseline",
        "reidbench_ipgan.baseline:Baseline",
        summary="a classifier of the training persons on a layer of 1,024 values; the features "
        "under both are compared",
        paper=PAPER,
    )
    registry.method(
        "ipgan",
        translator="stargan",
        constraints=["semantic-classifier"],
        learner="ipgan-baseline",
        strategy="translated",
        parameters=TRAINING,
        summary="StarGAN with the semantic classifier; the baseline learns from its images",
        paper=PAPER,
    )
    registry.method(
        "ipgan-ibn",
        translator="stargan",
        constraints=["semantic-classifier"],
        learner="ibn",
        strategy="translated",
        parameters=TRAINING,
        summary="StarGAN with the semantic classifier; IBN-reID learns from its images",
        paper=PAPER,
    )
