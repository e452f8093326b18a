"""The network M of SPGAN, section 4.2."""

from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (64, 128, 256)
HIDDEN, EMBEDDING = 256, 128
LEAST_SIDE = 16  # pixels; below it no map is left for the third convolution


class SiameseNetwork(nn.Module):
    """Three convolutions, each followed by max pooling, one more pooling, two linear layers.

    A pooling is left out where it would leave nothing for the layer that follows: at 256x128
    pixels all four are there, at 128x64 the last is left out, at 64x32 the last two, and each
    time 512 values reach the linear layers.

    Args:
        image_size: height and width of the images in pixels; each at least ``LEAST_SIDE``.
        pools: 4 as the paper lists them, 3 as it counts them.
    """

    def __init__(self, image_size: tuple[int, int], pools: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        size, inputs = image_size, 3
        for index, width in enumerate(WIDTHS):
            last = index + 1 == len(WIDTHS)
            layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
            size, inputs = _half(size), width
            wanted = 1 + pools - len(WIDTHS) if last else 1
            fitting = _poolings(size, least=1 if last else 2)
            for _ in range(min(wanted, fitting)):
                layers.append(nn.MaxPool2d(2, 2))
                size = _half(size)
        self.maps = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Linear(inputs * size[0] * size[1], HIDDEN),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(HIDDEN, EMBEDDING),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return embeddings ``[B, 128]`` of unit length of images ``[B, 3, H, W]`` in [-1, 1]."""
        return F.normalize(self.head(self.maps(pixels).flatten(1)).float(), dim=1)


def _half(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] // 2, size[1] // 2


def _poolings(size: tuple[int, int], least: int) -> int:
    """Return how many poolings leave at least ``least`` rows and columns."""
    count = 0
    while min(size := _half(size)) >= least:
        count += 1
    return count
