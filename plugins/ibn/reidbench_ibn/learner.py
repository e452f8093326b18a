"""IBN-reID.

Liu, Li and Pei, "Identity Preserving Generative Adversarial Network for Cross-Domain Person
Re-identification", section 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass

from reidbench_ipgan.baseline import Baseline, BaselineModel

from reidbench.nn.backbones import RESIDUAL, Backbone
from reidbench_ibn.network import Variant, add_instance_norms


@dataclass(kw_only=True)
class _InstanceNorms:
    """The parameter of IBN's own, which the MRO puts in front of the baseline's."""

    variant: Variant = "ipgan"


@dataclass(kw_only=True)
class IBN(Baseline, _InstanceNorms):
    """Learns as the baseline does, with instance normalisation in the shallow layers.

    Attributes:
        variant: the places of instance normalisation: "ipgan", "ipgan-after-relu", "ibn-a" or
            "ibn-b"; see ``add_instance_norms``.
        backbone: "small-resnet" or a residual network of torchvision's, e.g. "resnet50".
        weights: those of the network as it is without instance normalisation.
        batch_norm: instance normalisation always learns, whatever this says.
        backbone_lr: learning rate of the backbone, with its instance normalisation.

    The other parameters are those of ``Baseline``.

    Raises:
        ValueError: if a value is out of range, or the backbone is no residual network.
    """

    def __post_init__(self) -> None:
        """Check the ranges, and that instance normalisation has a place in the backbone."""
        super().__post_init__()
        if not self.backbone.startswith(RESIDUAL):
            raise ValueError(
                f"backbone '{self.backbone}' is no residual network ({', '.join(RESIDUAL)}): "
                "where its instance normalisation would stand is not known"
            )

    def classifier(self, backbone: Backbone, num_pids: int) -> BaselineModel:
        """Return a new model on top of a backbone, which is given its instance normalisation."""
        add_instance_norms(backbone.network, self.variant)
        return super().classifier(backbone, num_pids)
