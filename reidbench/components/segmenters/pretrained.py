"""A segmentation network of torchvision's, with weights that the user has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models import segmentation

from reidbench.errors import UsageError, did_you_mean
from reidbench.interfaces import Segmenter, at_least, within
from reidbench.nn.backbones import Backbone
from reidbench.nn.pixels import scale_and_shift
from reidbench.nn.weights import NONE, WeightsFile, find_weights, load_weights

AUXILIARY = "aux_classifier"  # helps training only, and some files have it
VOC_CLASSES, VOC_PERSON = 21, 15


class TorchvisionSegmenter(Segmenter):
    """Takes person masks from a segmentation network of torchvision's; nothing is downloaded.

    The mask is the softmax probability of the class "person".

    Args:
        model: name of a network of ``torchvision.models.segmentation``.
        weights: path of a .pth, .pt or .safetensors file with its weights, or torchvision's name
            of weights that lie in its cache already, e.g. "COCO_WITH_VOC_LABELS_V1".
        person: place of the class "person", from 0; 15 of the labels of PASCAL VOC, where 0 is
            the background.
        classes: number of classes, the background among them.
        height: rows that images are enlarged or reduced to before the network sees them, since it
            was trained on larger pictures than those of persons are; 0 leaves them.

    Raises:
        ValueError: if there is no such network or a value is out of range.
    """

    files: ClassVar[frozenset[str]] = frozenset({"weights"})

    def __init__(
        self,
        *,
        model: str = "lraspp_mobilenet_v3_large",
        weights: str = NONE,
        person: int = VOC_PERSON,
        classes: int = VOC_CLASSES,
        height: int = 256,
    ) -> None:
        known = models.list_models(segmentation)
        if model not in known:
            raise ValueError(f"there is no network '{model}'{did_you_mean(model, known)}")
        at_least(2, classes=classes)
        within(0, classes - 1, person=person)
        at_least(0, height=height)
        self.model, self.weights = model, weights
        self.person, self.classes, self.height = person, classes, height

    def provenance(self) -> Mapping[str, str]:
        """Return the weights' file and its hash.

        Raises:
            UsageError: if no weights are named.
            ReidbenchError: if they are not on this machine.
        """
        file = self._file()
        return {"weights": file.label, "sha256": file.sha256}

    def build(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode.

        Raises:
            ReidbenchError: if the weights are missing or do not fit.
        """
        network = self._network()
        load_weights(Backbone(network, self.classes, AUXILIARY), self._file())
        return network

    def blank(self) -> nn.Module:
        """Return the network to load weights into; no file is needed."""
        return self._network()

    def masks(self, model: nn.Module, pixels: Tensor) -> Tensor:
        """Return how likely each pixel is on a person, ``[B, 1, H, W]``."""
        height, width = pixels.shape[2:]
        scale, shift = (t.to(pixels.device) for t in scale_and_shift("imagenet"))
        logits: Tensor = model(self._sized(pixels) * scale + shift)["out"].float()
        likely = logits.softmax(1)[:, self.person, None]
        return F.interpolate(likely, (height, width), mode="bilinear", antialias=True)

    def _network(self) -> nn.Module:
        network: nn.Module = models.get_model(
            self.model, weights=None, weights_backbone=None, num_classes=self.classes
        )
        return network.eval()

    def _sized(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[2:]
        if self.height in (0, height):
            return pixels
        size = (self.height, max(1, round(width * self.height / height)))
        return F.interpolate(pixels, size, mode="bilinear", antialias=True)

    def _file(self) -> WeightsFile:
        if file := find_weights(self.model, self.weights):
            return file
        raise UsageError(
            "segmenter 'torchvision' makes no masks without weights, and none are downloaded: "
            f"--set torchvision.weights=FILE names a file of those of {self.model}"
        )
