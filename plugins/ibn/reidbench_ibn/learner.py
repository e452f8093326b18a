"""IBN-reID.

Liu, Li and Pei, "Identity Preserving Generative Adversarial Network for Cross-Domain Person
Re-identification", section 3.4.
"""

from __future__ import annotations

from reidbench_ipgan.baseline import Baseline, BaselineModel

from reidbench.components.classifying_learner import BatchNorm, Normalisation
from reidbench.nn.backbones import Backbone
from reidbench.nn.weights import NONE
from reidbench_ibn.network import Variant, add_instance_norms

RESIDUAL = ("small-resnet", "resnet", "resnext", "wide_resnet")


class IBN(Baseline):
    """Learns as the baseline does, with instance normalisation in the shallow layers.

    Args:
        variant: where instance normalisation stands: "ipgan", "ipgan-after-relu", "ibn-a" or
            "ibn-b"; see ``add_instance_norms``.
        backbone: "small-resnet" or a residual network of torchvision's, e.g. "resnet50".
        weights: "none" for random initialisation, the path of a file, or a name of torchvision's,
            e.g. "IMAGENET1K_V1", whose file must be on this machine; of the network as it is
            without instance normalisation.
        bottleneck: width of the first of the two layers; 0 leaves it out.
        plain: nothing but dropout stands between the two layers; else batch normalisation and
            ReLU too.
        dropout: probability before the classifier.
        batch_norm: what becomes of the backbone's batch normalisation: "learn", "statistics" (its
            running statistics stay as loaded) or "frozen" (its affine weights too). Instance
            normalisation always learns.
        normalisation: "imagenet", or "half" for mean and deviation 0.5 a channel.
        lr: learning rate of the new layers on top.
        backbone_lr: learning rate of the backbone, with its instance normalisation.
        decay_from: fraction of the run after which both rates are a tenth.
        momentum: of SGD, with Nesterov's look-ahead.
        weight_decay: of SGD, for all weights.
        batch: images in a step.
        epochs: passes over the images.
        flip: mirror training images at random.
        enlarge: enlarge training images by this factor and crop at random (288 to 256 pixels).

    Raises:
        ValueError: if a value is out of range, or the backbone is no residual network.
    """

    def __init__(
        self,
        *,
        variant: Variant = "ipgan",
        backbone: str = "resnet50",
        weights: str = NONE,
        bottleneck: int = 1024,
        plain: bool = False,
        dropout: float = 0.5,
        batch_norm: BatchNorm = "learn",
        normalisation: Normalisation = "imagenet",
        lr: float = 0.1,
        backbone_lr: float = 0.01,
        decay_from: float = 0.8,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        batch: int = 128,
        epochs: int = 50,
        flip: bool = True,
        enlarge: float = 1.125,
    ) -> None:
        super().__init__(
            backbone=backbone,
            weights=weights,
            bottleneck=bottleneck,
            plain=plain,
            dropout=dropout,
            batch_norm=batch_norm,
            normalisation=normalisation,
            lr=lr,
            backbone_lr=backbone_lr,
            decay_from=decay_from,
            momentum=momentum,
            weight_decay=weight_decay,
            batch=batch,
            epochs=epochs,
            flip=flip,
            enlarge=enlarge,
        )
        if not backbone.startswith(RESIDUAL):
            raise ValueError(
                f"backbone '{backbone}' is no residual network ({', '.join(RESIDUAL)}): "
                "where its instance normalisation would stand is not known"
            )
        self.variant = variant

    def classifier(self, backbone: Backbone, num_pids: int) -> BaselineModel:
        """Return a new model on top of a backbone, which is given its instance normalisation."""
        add_instance_norms(backbone.network, self.variant)
        return super().classifier(backbone, num_pids)
