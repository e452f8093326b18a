"""A history of translated images for the discriminators.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
Training", CVPR 2017, section 2.3; as CycleGAN uses it.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from reidbench.interfaces import to_device


class ImagePool(nn.Module):
    """Swaps some of the images passing through for earlier ones.

    Its content is part of ``state_dict``, so that a resumed run continues exactly.

    Args:
        size: images held; 0 lets every image pass.
        image_size: height and width of the images in pixels.
    """

    images: Tensor

    def __init__(self, size: int, image_size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, 3, *image_size))
        self.filled = 0

    def get_extra_state(self) -> Tensor:
        """Return the number of images held; off the device, where reading it would wait."""
        return torch.tensor(self.filled)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore the number of images held."""
        self.filled = int(state)

    def forward(self, fakes: Tensor) -> Tensor:
        """Return ``[B, 3, H, W]``: each row itself, or with probability 1/2 an earlier image.

        While the pool is filling, rows pass and are kept. Draws from torch's global stream, the
        same amount whatever the pool holds.
        """
        size = len(self.images)
        if size == 0:
            return fakes
        swap = (torch.rand(len(fakes)) < 0.5).tolist()
        slots = torch.randint(size, (len(fakes),)).tolist()
        rows = fakes.detach()
        passing, held = self._plan(swap, slots)
        given = _gathered(self.images, rows, passing)
        if held:
            kept = rows.to(self.images.dtype).index_select(0, _index(held.values(), rows))
            self.images.index_copy_(0, _index(held, rows), kept)
        return given

    def _plan(self, swap: list[bool], slots: list[int]) -> tuple[list[int], dict[int, int]]:
        """Return what each row becomes, and the rows that slots hold afterwards.

        A row becomes an image of the pool, by its slot, or a row, by its negative number from -1.
        """
        passing: list[int] = []
        held: dict[int, int] = {}
        for row, (chosen, slot) in enumerate(zip(swap, slots, strict=True)):
            filling = self.filled < len(self.images)
            if filling:
                slot = self.filled
                self.filled += 1
            swaps = chosen and not filling
            passing.append((-1 - held[slot] if slot in held else slot) if swaps else -1 - row)
            if filling or swaps:
                held[slot] = row
        return passing, held


def _gathered(images: Tensor, rows: Tensor, passing: list[int]) -> Tensor:
    """Return a new batch of earlier images and of rows, all of each kind copied at once."""
    made = rows.clone()
    earlier = {row: place for row, place in enumerate(passing) if place >= 0}
    others = {row: -1 - place for row, place in enumerate(passing) if place < 0}
    swapped = {row: other for row, other in others.items() if row != other}
    for origin, places in ((images, earlier), (rows, swapped)):
        if places:
            chosen = origin.index_select(0, _index(places.values(), rows))
            made.index_copy_(0, _index(places, rows), chosen.to(made.dtype))
    return made


def _index(places: Iterable[int], on: Tensor) -> Tensor:
    return to_device(torch.tensor(list(places)), on.device)
