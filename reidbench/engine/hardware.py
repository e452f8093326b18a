"""Device and precision of a computation."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from reidbench.errors import UsageError

PRECISIONS = ("float32", "bf16")


@dataclass(frozen=True)
class Hardware:
    """A device and the precision of forward passes.

    Attributes:
        precision: "float32", or "bf16" for autocast to bfloat16.
    """

    device: torch.device
    precision: str = "float32"

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context that forward passes run in."""
        enabled = self.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    @property
    def description(self) -> str:
        """Name of the device, for a person to read."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{self.device.type}, {torch.get_num_threads()} threads"


def choose(device: str, precision: str) -> Hardware:
    """Return the hardware of the options ``--device`` and ``--precision``.

    Args:
        device: "auto" (an accelerator if there is one), "cpu", "cuda" or "cuda:N".
        precision: one of ``PRECISIONS``.

    Raises:
        UsageError: if this machine does not have it.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"--precision takes {' or '.join(PRECISIONS)}, not '{precision}'")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device takes auto, cpu, cuda or cuda:N, not '{device}'") from error
    _refuse_absent(chosen)
    return Hardware(chosen, precision)


def _refuse_absent(device: torch.device) -> None:
    if device.type == "cpu":
        return
    if device.type != "cuda":
        raise UsageError(f"--device takes auto, cpu, cuda or cuda:N, not '{device}'")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise UsageError(f"--device {device}: this machine has {count} CUDA devices; use cpu")
