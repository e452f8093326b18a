"""Learning rates as functions of the clock: nothing to save, so resuming is exact."""

from torch.optim import Optimizer


def scale_rates(optimizer: Optimizer, factor: float) -> None:
    """Set each group's rate to ``factor`` times the rate that it was built with."""
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
