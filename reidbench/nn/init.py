"""Initial weights of the image translation networks."""

from collections.abc import Callable, Mapping
from typing import Literal

from torch import nn

STD = 0.02  # Radford et al., "Unsupervised representation learning with DCGANs", ICLR 2016

Init = Literal["normal", "xavier", "pytorch"]


def init_normal(module: nn.Module) -> None:
    """Draw convolution weights from N(0, 0.02) and set biases to zero; for ``Module.apply``."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def init_xavier(module: nn.Module) -> None:
    """Draw weights as TensorFlow's layers do, uniformly, and set biases to zero.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, eq. 16.
    """
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def keep(module: nn.Module) -> None:
    """Leave the weights as PyTorch's layers draw them."""


INITS: Mapping[Init, Callable[[nn.Module], None]] = {
    "normal": init_normal,
    "xavier": init_xavier,
    "pytorch": keep,
}
