"""Numbers as tables show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reidbench.evaluation.trials import Spread

PREFIXES = ("", "k", "M", "G", "T", "P")


def percent(value: Spread) -> str:
    """Return mean and standard deviation in percent: ``"65.3 ± 1.2"``."""
    mean = f"{100 * value.mean:.1f}"
    return mean if value.sd is None else f"{mean} ± {100 * value.sd:.1f}"


def rounded(value: float) -> str:
    """Return a number in three digits and a prefix for its thousands: ``"1.23 M"``."""
    power = 0
    while abs(value) >= 999.5 and power < len(PREFIXES) - 1:
        value, power = value / 1000, power + 1
    return f"{value:.3g} {PREFIXES[power]}".rstrip()


def listed(values: Iterable[int]) -> str:
    """Return whole numbers as a person lists them: ``"0, 1, 2"``."""
    return ", ".join(map(str, values))
