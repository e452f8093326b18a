"""One step of an optimiser, at a rate that is a function of the clock."""

from torch import Tensor
from torch.optim import Optimizer


def scale_rates(optimizer: Optimizer, factor: float) -> None:
    """Set each group's rate to ``factor`` times the rate that it was built with.

    No schedule is kept, so that there is nothing to save and resuming is exact.
    """
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor


def limit_rates(optimizer: Optimizer, most: float) -> None:
    """Bring the highest of the groups' rates down to ``most``, and the others in proportion.

    Before the first step; where no rate is higher, all stay as they are.
    """
    highest = max(group["lr"] for group in optimizer.param_groups)
    for group in optimizer.param_groups:
        group["lr"] *= min(1.0, most / highest) if highest > 0 else 1.0


def descend(optimizer: Optimizer, loss: Tensor) -> None:
    """Make one step down the gradient of ``loss``."""
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
