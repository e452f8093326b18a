"""Checks of the ranges of constructors' parameters."""

import math


def at_least(least: float, **values: float) -> None:
    """Refuse values below ``least``.

    Raises:
        ValueError: naming the first value that is too small.
    """
    for name, value in values.items():
        if not least <= value < math.inf:  # NaN is refused too
            raise ValueError(f"{name} must be a number of at least {least}, got {value}")


def within(low: float, high: float, **values: float) -> None:
    """Refuse values outside ``[low, high]``.

    Raises:
        ValueError: naming the first value that lies outside.
    """
    for name, value in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must be in [{low}, {high}], got {value}")
