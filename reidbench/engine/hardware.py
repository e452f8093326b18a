"""Device and precision of a computation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

from reidbench.errors import UsageError

PRECISIONS = ("float32", "tf32", "bf16")
COMPILE = ("auto", "on", "off")


@dataclass(frozen=True)
class Hardware:
    """A device, and how it computes.

    Attributes:
        precision: "float32"; "tf32", whose products are rounded to 10 bits, on CUDA devices; or
            "bf16" for autocast to bfloat16.
        deterministic: only operations that give the same bits again, where there are such.
        compile: trainings run compiled: "on", "off", or "auto" where it pays.
    """

    device: torch.device
    precision: str = "float32"
    deterministic: bool = False
    compile: str = "auto"

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Return the context that forward passes and their gradients run in."""
        with self._products(), self._casts():
            yield

    def _casts(self) -> AbstractContextManager[None]:
        enabled = self.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def _products(self) -> AbstractContextManager[None]:
        if self.device.type != "cuda":
            return nullcontext()
        return _cuda_products(tf32=self.precision == "tf32", search=not self.deterministic)

    @property
    def description(self) -> str:
        """Name of the device, for a person to read."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"{self.device.type}, {torch.get_num_threads()} threads"


@contextmanager
def _cuda_products(*, tf32: bool, search: bool) -> Iterator[None]:
    """Set how CUDA multiplies: by TF32 or exactly; by kernels searched for each shape or not."""
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32, cudnn.benchmark
    _set_products("high" if tf32 else "highest", tf32, search)
    try:
        yield
    finally:
        _set_products(*before)


def _set_products(products: str, convolutions: bool, search: bool) -> None:
    torch.set_float32_matmul_precision(products)
    torch.backends.cudnn.allow_tf32 = convolutions
    torch.backends.cudnn.benchmark = search


def choose(
    device: str, precision: str, *, deterministic: bool = False, compile: str = "auto"
) -> Hardware:
    """Return the hardware of the options of an execution.

    Args:
        device: "auto" (an accelerator if there is one), "cpu", "cuda" or "cuda:N".
        precision: one of ``PRECISIONS``.
        deterministic: only operations that give the same bits again.
        compile: one of ``COMPILE``.

    Raises:
        UsageError: if this machine does not have it, or options exclude each other.
    """
    if precision not in PRECISIONS:
        raise UsageError(f"--precision takes {_either(PRECISIONS)}, not '{precision}'")
    if compile not in COMPILE:
        raise UsageError(f"--compile takes {_either(COMPILE)}, not '{compile}'")
    if deterministic and compile == "on":
        raise UsageError(
            "--compile on chooses kernels by their speed, which --deterministic excludes; leave "
            "one out"
        )
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device takes auto, cpu, cuda or cuda:N, not '{device}'") from error
    _refuse_absent(chosen)
    if precision == "tf32" and chosen.type != "cuda":
        raise UsageError(f"--precision tf32 is of CUDA devices; use float32 on {chosen.type}")
    return Hardware(chosen, precision, deterministic, compile)


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _refuse_absent(device: torch.device) -> None:
    if device.type == "cpu":
        return
    if device.type != "cuda":
        raise UsageError(f"--device takes auto, cpu, cuda or cuda:N, not '{device}'")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise UsageError(f"--device {device}: this machine has {count} CUDA devices; use cpu")
