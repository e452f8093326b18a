"""Networks that stand together."""

from torch import nn


class Networks(nn.Module):
    """Holds networks as attributes rather than being one: costs count each of them."""
