"""HHL for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration
    from reidbench.storage.keys import JSON

PAPER = "Zhong et al., Generalizing a Person Retrieval Model Hetero- and Homogeneously, ECCV 2018"

# github.com/zhunzhong07/HHL, stargan4reid
SETTINGS: dict[str, JSON] = {
    "budget.batch": 16,
    "budget.epochs": 200,
    "stargan.adversarial": "wgan-gp",
    "stargan.generator_every": 5,
    "stargan.destinations": "any",
    # The learner sees no translated source images: one each is enough to measure the translator by.
    "rendering.cameras": "one",
}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learner and the method."""
    registry.learner(
        "hhl",
        "reidbench_hhl.learner:HHL",
        summary="classifies the source's persons, and parts by triplets what shows other persons "
        "or another domain; the target's views of one image stay together",
        paper=PAPER,
    )
    registry.method(
        "hhl",
        translator="stargan",
        learner="hhl",
        strategy="source+views",
        parameters=SETTINGS,
        summary="camera invariance by StarGAN and domain connectedness, by triplets",
        paper=PAPER,
    )
