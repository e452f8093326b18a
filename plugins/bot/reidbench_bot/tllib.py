"""The re-ID model of TLlib's tables, which it trains on SPGAN's images.

Jiang, Chen, Fu and Long, Transfer-Learning-library, github.com/thuml/Transfer-Learning-Library,
examples/domain_adaptation/re_identification: its ``baseline.py`` as ``spgan.sh`` calls it. The
model and the soft triplets are those of Ge, Chen and Li, "Mutual Mean-Teaching", ICLR 2020,
arXiv:2001.01526.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from reidbench_bot.learner import BagOfTricks


@dataclass(kw_only=True)
class TLlibBaseline(BagOfTricks):
    """Learns as ``bot`` does, with the settings of TLlib's baseline.

    The parameters are those of ``BagOfTricks``.

    Raises:
        ValueError: if a value is out of range.
    """

    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset()

    stem_relu: bool = False
    batch: int = 16
    epochs: int = 80
    backbone_rate: float = 0.2
    warmup: float = 10 / 80
    first_decay: float = 40 / 80
    second_decay: float = 70 / 80
    margin: float | None = None
    center: float = 0.0
    erasing: float = 0.0
