"""The IDE of SA-GAN's tables.

"Spatial-Aware GAN for Unsupervised Person Re-identification", arXiv:1911.11312, section IV-B: no
new layer but the classifier, one rate everywhere, a tenth of it after 25 of 50 epochs.
"""

from __future__ import annotations

from dataclasses import dataclass

from reidbench_ide.learner import IDE


@dataclass(kw_only=True)
class SpatialIDE(IDE):
    """Learns as IDE does, with the settings that all rows of SA-GAN's tables share.

    The parameters are those of ``IDE``.

    Raises:
        ValueError: if a value is out of range.
    """

    bottleneck: int = 0
    dropout: float = 0.0
    lr: float = 0.01
    backbone_lr: float = 0.01
    decay_from: float = 0.5
    batch: int = 128
    epochs: int = 50
