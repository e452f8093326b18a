"""A history of translated images for the discriminators.

Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
Training", CVPR 2017, section 2.3; as CycleGAN uses it.
"""

import torch
from torch import Tensor, nn


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
        rows = zip(fakes.detach(), swap, slots, strict=True)
        return torch.stack([self._pass(fake, chosen, slot) for fake, chosen, slot in rows])

    def _pass(self, fake: Tensor, swap: bool, slot: int) -> Tensor:
        if self.filled < len(self.images):
            self.images[self.filled] = fake
            self.filled += 1
            return fake
        if not swap:
            return fake
        earlier = self.images[slot].clone()
        self.images[slot] = fake
        return earlier
