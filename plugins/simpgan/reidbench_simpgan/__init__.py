"""SimPGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reidbench.registry.registry import Registration
    from reidbench.storage.keys import JSON

PAPER = (
    "Lv and Wang, Cross-dataset Person Re-Identification Using Similarity Preserved Generative "
    "Adversarial Networks, KSEM 2018"
)

# Section 4.4 names SGD and no rate. A step sees one pair of each domain (section 4.3); ten epochs
# of Market-1501 are the 130,000 images that the authors' release trains on.
TRAINING: dict[str, JSON] = {
    "budget.batch": 2,
    "budget.epochs": 10,
    "cyclegan.identity": 0.0,
    "cyclegan.optimizer": "sgd",
    "cyclegan.lr": 1e-3,
}
BY_SCORE: dict[str, JSON] = {"embedding.retrieval": "verification"}
ADAM: dict[str, JSON] = {"cyclegan.optimizer": "adam", "cyclegan.lr": 2e-4}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint, the siamese learner and the paper's methods."""
    registry.constraint(
        "similarity-consistency",
        "reidbench_simpgan.constraint:SimilarityConsistency",
        summary="a frozen siamese classifier of the source has to verify pairs after a whole cycle",
        paper=PAPER,
    )
    registry.learner(
        "siamese",
        "reidbench_simpgan.learner:Siamese",
        summary="verifies pairs by the weighted squares of their features' differences, and names "
        "the training persons",
        paper=PAPER,
    )
    _simpgan(
        registry,
        "simpgan",
        TRAINING | BY_SCORE,
        "the target's test images, translated to the source's style, scored by its classifier",
    )
    _simpgan(
        registry,
        "simpgan@adam",
        TRAINING | ADAM | BY_SCORE,
        "SimPGAN by the optimiser of the authors' release",
    )
    _simpgan(registry, "simpgan-features", TRAINING, "SimPGAN, ranked by distances of features")
    registry.method(
        "gan",
        translator="cyclegan",
        learner="siamese",
        strategy="source",
        direction="target-to-source",
        parameters=TRAINING | BY_SCORE | {"cyclegan.cycle": 0.0},
        summary="SimPGAN with nothing but its adversarial losses (table 1)",
        paper=PAPER,
    )
    registry.method(
        "simpgan-direct",
        translator="none",
        learner="siamese",
        strategy="source",
        parameters=BY_SCORE,
        summary="the siamese classifier of the source on the target as it is (table 1)",
        paper=PAPER,
    )


def _simpgan(
    registry: Registration, name: str, parameters: Mapping[str, JSON], summary: str
) -> None:
    registry.method(
        name,
        translator="cyclegan",
        constraints=["similarity-consistency"],
        learner="siamese",
        strategy="source",
        direction="target-to-source",
        parameters=parameters,
        summary=summary,
        paper=PAPER,
    )
