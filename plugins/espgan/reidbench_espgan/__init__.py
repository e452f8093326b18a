"""eSPGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Deng et al., Similarity-preserving Image-image Domain Adaptation for Person "
    "Re-identification, arXiv:1811.10551"
)

# Section 4.2: both networks see images normalised alike; 10 epochs and 5 of linear decay.
TRAINING = {
    "budget.epochs": 15,
    "budget.batch": 16,
    "cyclegan.lr": 1e-4,
    "cyclegan.decay_from": 2 / 3,
    "learner.normalisation": "half",
}

# github.com/Simon4Yan/eSPGAN, espgan.py
PYTORCH = {
    **TRAINING,
    "budget.batch": 8,
    "cyclegan.lr": 2e-4,
    "cyclegan.decay_from": 1.0,
    "cyclegan.discriminator_norm": True,
    "cyclegan.same_padding": True,
    "cyclegan.init": "pytorch",
    "cyclegan.generator_every": 3,
    "cyclegan.enlarge": 1.125,
    "cyclegan.pool": 400,  # 50 batches
    "joint-learner.reconstructed": True,
}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint and the methods of the paper and of its release."""
    registry.constraint(
        "joint-learner",
        "reidbench_espgan.constraint:JointLearner",
        summary="the feature learner has to know the persons in translated images, and learns "
        "from them",
        paper=PAPER,
    )
    registry.method(
        "espgan",
        translator="cyclegan",
        constraints=["joint-learner"],
        learner="ide",
        strategy="joint",
        parameters=TRAINING,
        summary="translator and feature learner trained together",
        paper=PAPER,
    )
    registry.method(
        "espgan-naive",
        translator="cyclegan",
        constraints=["joint-learner"],
        learner="ide",
        parameters={**TRAINING, "joint-learner.frozen": True},
        summary="the source's model guides the translator and learns afterwards (table 2)",
        paper=PAPER,
    )
    registry.method(
        "espgan-sianet",
        translator="cyclegan",
        constraints=["joint-learner", "sianet"],
        learner="ide",
        strategy="joint",
        parameters=TRAINING,
        summary="eSPGAN with SPGAN's constraint (table 4)",
        paper=PAPER,
    )
    registry.method(
        "espgan@pytorch",
        translator="cyclegan",
        constraints=["joint-learner"],
        learner="ide",
        strategy="joint",
        parameters=PYTORCH,
        summary="as the authors' release trains it",
        paper=PAPER,
    )
