"""StarGAN for reidbench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration

PAPER = (
    "Choi et al., StarGAN: Unified Generative Adversarial Networks for Multi-Domain "
    "Image-to-Image Translation, CVPR 2018"
)

# github.com/yunjey/stargan
OFFICIAL = {
    "budget.batch": 16,
    "budget.steps": 200_000,
    "stargan.adversarial": "wgan-gp",
    "stargan.generator_every": 5,
    "stargan.destinations": "any",
    # It takes a hundred-thousandth off the rate at every thousandth step: 99.9 % are left.
    "stargan.decay_from": 1.0,
}


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the translator, the method that IPGAN compares with and the release."""
    registry.translator(
        "stargan",
        "reidbench_stargan.translator:StarGAN",
        summary="one generator, told the domain, for the source and every camera of the target",
        paper=PAPER,
    )
    registry.method(
        "stargan",
        translator="stargan",
        learner="ide",
        strategy="translated",
        parameters={"budget.batch": 16, "budget.epochs": 200},
        summary="source images in the style of each target camera, without a constraint",
        paper=PAPER,
    )
    registry.method(
        "stargan@official",
        translator="stargan",
        learner="ide",
        strategy="translated",
        parameters=OFFICIAL,
        summary="as the authors' release trains it",
        paper=PAPER,
    )
