"""Context in which a component builds its networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from reidbench.interfaces.learner import FeatureLearner


@dataclass(frozen=True)
class SourceModel:
    """A re-ID model trained on the source's training images, in evaluation mode.

    Attributes:
        learner: the learner that trained it and knows how to use it.
        model: the network; the weights are the receiver's own copy.
    """

    learner: FeatureLearner
    model: nn.Module


@dataclass(frozen=True)
class Context:
    """Sizes, device and source model, given to a component that builds its networks.

    Attributes:
        image_size: height and width in pixels.
        num_pids: number of labelled identities in the source's training set.
        num_domains: domains the translator tells apart; index 0 is the source.
        device: device of the networks (the caller moves them there after ``setup``).
        source_model: the model that a constraint asked for by its ``source_learner``.
    """

    image_size: tuple[int, int]
    num_pids: int
    num_domains: int
    device: torch.device
    source_model: SourceModel | None = None
