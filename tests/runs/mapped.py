"""A learner that has a feature map."""

from __future__ import annotations

from torch import Tensor, nn

from reidbench.testing.toys import ToyLearner


class MappedLearner(ToyLearner):
    def feature_map(self, model: nn.Module, pixels: Tensor) -> Tensor:
        assert isinstance(model, nn.Sequential)
        features: Tensor = model[0](pixels.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return features
