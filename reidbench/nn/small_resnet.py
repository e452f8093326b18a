"""A residual network small enough to learn persons at 64x32 pixels on a CPU."""

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

WIDTHS = (32, 64, 128)


class SmallResNet(nn.Module):
    """Eight layers: a strided stem, three residual blocks and a classifier.

    He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with one basic block a
    stage. 0.31 million parameters before the classifier.

    Args:
        num_classes: outputs of the classifier ``fc``, which stands on the pooled features.
    """

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential(
            _block(WIDTHS[0], WIDTHS[0], 1),
            _block(WIDTHS[0], WIDTHS[1], 2),
            _block(WIDTHS[1], WIDTHS[2], 2),
        )
        self.fc: nn.Module = nn.Linear(WIDTHS[-1], num_classes)
        self.apply(_init_he)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the classifier's outputs ``[B, num_classes]``."""
        maps = self.stages(self.stem(pixels))
        return self.fc(F.adaptive_avg_pool2d(maps, 1).flatten(1))  # type: ignore[no-any-return]


def _block(inputs: int, outputs: int, stride: int) -> BasicBlock:
    if stride == 1:
        return BasicBlock(inputs, outputs)
    shortcut = nn.Sequential(
        nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
    )
    return BasicBlock(inputs, outputs, stride, shortcut)


def _init_he(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
