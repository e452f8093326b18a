"""SPGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Deng et al., Similarity-preserving Image-image Domain Adaptation for Person "
    "Re-identification, arXiv:1811.10551 (after CVPR 2018)"
)

# github.com/Simon4Yan/Learning-via-Translation
TENSORFLOW = {
    "cyclegan.discriminator_norm": True,
    "cyclegan.same_padding": True,
    "cyclegan.affine": True,
    "cyclegan.init": "xavier",
    "cyclegan.decay_from": 1.0,
    # 2 (pos + pos + 2 neg) / 3, whose negative pair of two real images moves no generator.
    "sianet.weight": 8 / 3,
    "sianet.negative_weight": 0.0,
    "sianet.negatives": "real",
    "sianet.convolutions": 4,
    "sianet.hidden": 128,
    "sianet.embedding": 64,
    "sianet.dropout": 0.5,
    "sianet.init": "xavier",
}

# github.com/Simon4Yan/eSPGAN, train_spgan.py. Its test takes the weights of the 7th epoch, and no
# rate decays: so long is the run, of which SiaNet rests for one epoch and is not heeded for two.
PYTORCH = {
    "budget.epochs": 7,
    "budget.batch": 8,
    "cyclegan.discriminator_norm": True,
    "cyclegan.same_padding": True,
    "cyclegan.init": "pytorch",
    "cyclegan.decay_from": 1.0,
    "cyclegan.generator_every": 2,
    "cyclegan.pool": 400,  # 50 batches
    "sianet.negative_weight": 0.5,
    "sianet.negatives": "real",
    "sianet.pools": 3,
    "sianet.hidden": 128,
    "sianet.embedding": 64,
    "sianet.bias": False,
    "sianet.dropout": 0.5,
    "sianet.learn_from": 1 / 7,
    "sianet.guide_from": 2 / 7,
}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the constraint, the method of the paper and those of its two releases."""
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
    registry.method(
        "spgan@tensorflow",
        translator="cyclegan",
        constraints=["sianet"],
        learner="ide",
        parameters=TENSORFLOW,
        summary="as the authors' TensorFlow release trains it, of CVPR 2018",
        paper=PAPER,
    )
    registry.method(
        "spgan@pytorch",
        translator="cyclegan",
        constraints=["sianet"],
        learner="ide",
        parameters=PYTORCH,
        summary="as the authors' PyTorch release trains it",
        paper=PAPER,
    )
