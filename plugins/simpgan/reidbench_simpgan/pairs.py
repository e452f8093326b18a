"""Pairs that the siamese classifier learns from.

Zheng, Zheng and Yang, "A Discriminatively Learned CNN Embedding for Person Re-identification",
TOMM 2017: as many negative pairs as positive ones at first, and more of them with every epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reidbench.data.arrays import Rows, pair_up, shuffled_rows
from reidbench.interfaces import at_least
from reidbench.storage.keys import derive_seed


@dataclass(frozen=True)
class PairDraw:
    """Every image once a pass as the first of a pair, beside one of its person or of another.

    Attributes:
        negatives: negative pairs for each positive one, in the first pass.
        growth: factor on ``negatives`` after each pass.
        limit: the most that ``negatives`` comes to.

    Raises:
        ValueError: if a value is out of range.
    """

    negatives: float
    growth: float
    limit: float

    def __post_init__(self) -> None:
        """Refuse what gives no ratio."""
        at_least(0, negatives=self.negatives)
        at_least(1, negatives_growth=self.growth)
        at_least(self.negatives, negatives_limit=self.limit)

    def positive_share(self, epoch: int) -> float:
        """Return which part of a pass's pairs show one person."""
        return 1 / (1 + min(self.negatives * self.growth**epoch, self.limit))

    def rows(self, pids: NDArray[np.int64], batch: int, step: int, seed: int) -> Rows:
        """Return the rows of a step, ``(2k, 2k + 1)`` being a pair, as a function of the step."""
        pairs = batch // 2
        anchors = shuffled_rows(len(pids), pairs, step, seed, "learner")
        places = range(step * pairs, (step + 1) * pairs)
        kinds = [self._positive(*divmod(place, len(pids))) for place in places]
        rng = np.random.default_rng(derive_seed(seed, "learner", "partner", step))
        return pair_up(pids, anchors, kinds, rng)

    def _positive(self, epoch: int, place: int) -> bool:
        """Spread the positive pairs evenly over the pass, so that each batch has its share."""
        share = self.positive_share(epoch)
        return int((place + 1) * share) > int(place * share)
