"""One step of an optimiser, at a rate that is a function of the clock."""

from collections.abc import Sequence

from torch import Tensor
from torch.optim import Optimizer


def scale_rates(optimizer: Optimizer, factor: float) -> None:
    """Set each group's rate to ``factor`` times the rate that it was built with.

    No schedule is kept, so that there is nothing to save and resuming is exact.
    """
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def descend(optimizer: Optimizer | Sequence[Optimizer], loss: Tensor) -> None:
    """Make one step of an optimiser, or of several together, down the gradient of ``loss``."""
    together = [optimizer] if isinstance(optimizer, Optimizer) else optimizer
    for each in together:
        each.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    for each in together:
        each.step()
