"""Initial weights of the image translation networks."""

from torch import nn

STD = 0.02  # Radford et al., "Unsupervised representation learning with DCGANs", ICLR 2016


def init_normal(module: nn.Module) -> None:
    """Draw convolution weights from N(0, 0.02) and set biases to zero; for ``Module.apply``."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
