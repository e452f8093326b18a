"""The network M of SPGAN, section 4.2."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from reidbench.nn.init import INITS

WIDTHS = (64, 128, 256, 512)
LEAST_SIDE = 16  # pixels; below it no map is left for the last convolution

Init = Literal["pytorch", "xavier"]


class SiameseNetwork(nn.Module):
    """Convolutions, each followed by max pooling, one more pooling, two linear layers.

    A pooling is left out where it would leave nothing for the layers that follow: at 256x128
    pixels all four are there, at 128x64 the last is left out, at 64x32 the last two, and each
    time 512 values reach the linear layers.

    Args:
        image_size: height and width of the images in pixels; each at least ``LEAST_SIDE``.
        pools: 4 as the paper lists them, 3 as it counts them; those that the convolutions leave
            over come last.
        convolutions: 3, or 4 with 512 channels in the last.
        hidden: width of the first linear layer.
        embedding: width of the second.
        bias: give the linear layers biases.
        dropout: probability between them.
        init: distribution of the initial weights.
    """

    def __init__(
        self,
        image_size: tuple[int, int],
        pools: int = 4,
        *,
        convolutions: int = 3,
        hidden: int = 256,
        embedding: int = 128,
        bias: bool = True,
        dropout: float = 0.0,
        init: Init = "pytorch",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size, inputs = image_size, 3
        for index, width in enumerate(WIDTHS[:convolutions], 1):
            layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            size, inputs = _half(size), width
            left = convolutions - index
            wanted = 1 if left else 1 + pools - convolutions
            for _ in range(min(wanted, _poolings(size, least=2**left))):
                layers.append(nn.MaxPool2d(2, 2))
                size = _half(size)
        self.maps = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(inputs * size[0] * size[1], hidden, bias=bias),
            nn.LeakyReLU(0.2, inplace=True),
            *([nn.Dropout(dropout)] if dropout else []),
            nn.Linear(hidden, embedding, bias=bias),
        )
        self.apply(INITS[init])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return embeddings ``[B, D]`` of unit length of images ``[B, 3, H, W]`` in [-1, 1]."""
        return F.normalize(self.head(self.maps(pixels).flatten(1)).float(), dim=1)


def _half(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] // 2, size[1] // 2


def _poolings(size: tuple[int, int], least: int) -> int:
    """Return how many poolings leave at least ``least`` rows and columns."""
    count = 0
    while min(size := _half(size)) >= least:
        count += 1
    return count
