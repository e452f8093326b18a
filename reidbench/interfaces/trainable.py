"""A module that owns its optimisers: the base of translators and identity constraints."""

from __future__ import annotations

from typing import ClassVar

from torch import nn
from torch.optim import Optimizer


class Trainable(nn.Module):
    """A module that owns optimisers. Raise ``version`` whenever its numbers change.

    Attributes:
        omitted_from_key_at_default: parameters added after results had been made, whose
            defaults change nothing; keys leave them out at their defaults, so that those results
            stay valid.
    """

    version: ClassVar[int] = 1
    omitted_from_key_at_default: ClassVar[frozenset[str]] = frozenset()

    def optimizers(self) -> dict[str, Optimizer]:
        """Return the optimisers held as attributes, by attribute name; checkpoints use this."""
        return {k: v for k, v in vars(self).items() if isinstance(v, Optimizer)}
