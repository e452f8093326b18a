"""The values that a training step shows."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

Log = Mapping[str, Tensor | float]
"""Losses and other scalars of one step, by name; a tensor is read only when it is shown."""
