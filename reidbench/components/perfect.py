"""A reference in place of a translator: the true pictures, where domains are rendered."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from reidbench.data.dataset import TRUTH_PARTS
from reidbench.interfaces import Batch, Clock, Context, ExtraLoss, Hops, Images, Log, Translator

_RENDERED = "the pictures of 'perfect' are rendered, not translated"


class Perfect(Translator):
    """Stands for the true translation, the ceiling of everything that translates.

    It trains nothing and translates no pixels: a run takes the pictures from the renderer, which
    knows what each person looks like through a camera of the other domain. With some parts only
    it tells what translating these alone is worth.

    Args:
        colour: response, light, sharpness and noise are the other camera's.
        place: the background is.
        viewpoint: perspective and size of the person are.

    Raises:
        ValueError: if no part is wanted.
    """

    reads_truth: ClassVar[bool] = True

    def __init__(self, *, colour: bool = True, place: bool = True, viewpoint: bool = True) -> None:
        super().__init__()
        wanted = {"colour": colour, "place": place, "viewpoint": viewpoint}
        self.parts = tuple(part for part in TRUTH_PARTS if wanted[part])
        if not self.parts:
            raise ValueError(f"one of {', '.join(TRUTH_PARTS)} must be true")

    def setup(self, ctx: Context) -> None:
        """Build nothing."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Refuse."""
        raise NotImplementedError(_RENDERED)

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Refuse."""
        raise NotImplementedError(_RENDERED)
