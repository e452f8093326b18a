"""Steps of a translator outside a run, for the tests of plugins."""

from __future__ import annotations

import torch
from torch import Tensor

from reidbench.engine.streams import stream
from reidbench.interfaces import Batch, Clock, ExtraLoss, Hops, Log, Translator


def no_extra_loss(hops: Hops) -> Tensor:
    """Return 0: no constraint takes part."""
    return torch.zeros(())


def train_steps(
    translator: Translator,
    batch: Batch,
    steps: int,
    extra_loss: ExtraLoss = no_extra_loss,
    *,
    first: int = 0,
    total: int = 6,
) -> tuple[Hops, Log]:
    """Make steps ``first`` to ``first + steps - 1`` of ``total``, all on one batch.

    Each draws from a stream of its own, so that cutting a training in two changes no number.

    Returns:
        the hops and the log of the last step.
    """
    for index in range(first, first + steps):
        with stream(3, index):
            made = translator.training_step(batch, extra_loss, Clock(index, total))
    return made
