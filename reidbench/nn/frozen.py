"""Holding one player's parameters still while another one learns."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Build graphs inside the body that pass gradients through ``modules`` but not into them.

    Parameters that were already frozen stay frozen afterwards.
    """
    held = [p for m in modules for p in m.parameters() if p.requires_grad]
    for parameter in held:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in held:
            parameter.requires_grad_(True)
