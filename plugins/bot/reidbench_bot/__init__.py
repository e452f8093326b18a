"""The strong baseline of "Bag of Tricks" for reidbench, and TLlib's after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.registry.registry import Registration


@hookimpl
def reidbench_register(registry: Registration) -> None:
    """Register the learners."""
    registry.learner(
        "bot",
        "reidbench_bot.learner:BagOfTricks",
        summary="a classifier and triplets of the training persons, with batch normalisation "
        "between them (BNNeck) and the tricks of today's trainers",
        paper="Luo et al., Bag of Tricks and a Strong Baseline for Deep Person Re-identification, "
        "CVPRW 2019, arXiv:1903.07071",
    )
    registry.learner(
        "bot-tllib",
        "reidbench_bot.tllib:TLlibBaseline",
        summary="bot with the settings of TLlib's baseline: soft triplets, a slower backbone",
        paper="Jiang, Chen, Fu and Long, Transfer-Learning-library, 2020, "
        "github.com/thuml/Transfer-Learning-Library (examples/domain_adaptation/re_identification)",
    )
