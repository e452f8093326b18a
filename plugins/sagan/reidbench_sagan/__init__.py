"""SA-GAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration
    from reidbench.storage.keys import JSON

PAPER = "Zhang et al., Spatial-Aware GAN for Unsupervised Person Re-identification"

LEARNER = "ide-sagan"
CONSTRAINTS = ("masked-identity", "sianet")
# lambda_siam is open: with SPGAN's 2 its pair (X, X_S) held every S at the identity.
PAIRS: dict[str, JSON] = {"sianet.pairs": "spatial", "sianet.weight": 0.2}
# lambda_idt is open. Half of what the pixels of a cycle weigh, as in CycleGAN.
SETTINGS: dict[str, JSON] = {"masked-identity.weight": 50.0, **PAIRS}
VARIANTS: dict[str, tuple[dict[str, JSON], str]] = {
    "sagan": ({}, "a spatial transformer and then a generator, each way, with masks and SiaNet"),
    "sagan-m10": ({"rendering.codes": 10}, "SA-GAN with ten translations of each image (M=10)"),
    "sagan-ws": ({"sagan.spatial": False}, "SA-GAN without its spatial part (WS)"),
    "sagan-wd": ({"sagan.cycle": "entangled"}, "SA-GAN with an ordinary cycle loss (WD)"),
}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the translator, the constraint, the learner and the methods of tables I to III."""
    registry.translator(
        "sagan",
        "reidbench_sagan.translator:SAGAN",
        summary="moves pixels by a predicted transform, then paints them; both learned at once",
        paper=PAPER,
    )
    registry.constraint(
        "masked-identity",
        "reidbench_sagan.masked_identity:MaskedIdentity",
        summary="a translated image keeps the colours of the person where the mask shows them",
        paper=PAPER,
    )
    registry.learner(
        LEARNER,
        "reidbench_sagan.learner:SpatialIDE",
        summary="IDE with the settings that all rows of SA-GAN's tables share",
        paper=PAPER,
    )
    for name, (parameters, summary) in VARIANTS.items():
        registry.method(
            name,
            translator="sagan",
            constraints=CONSTRAINTS,
            learner=LEARNER,
            parameters=SETTINGS | parameters,
            summary=summary,
            paper=PAPER,
        )
    registry.method(
        "sagan-wp",
        translator="sagan",
        constraints=("sianet",),  # without G there is nothing that eq. 5 could find changed
        learner=LEARNER,
        parameters=PAIRS | {"sagan.pixel": False},
        summary="SA-GAN without its generators: images are moved only (WP)",
        paper=PAPER,
    )
