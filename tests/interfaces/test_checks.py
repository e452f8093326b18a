from collections.abc import Callable

import pytest

from reidbench.interfaces import at_least, within


def test_values_in_range_pass() -> None:
    at_least(0, a=0, b=2.5)
    within(0, 2, margin=0, other=2)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: at_least(1, width=3, blocks=0), r"blocks must be a number of at least 1, got 0"),
        (lambda: within(0, 2, margin=2.1), r"margin must be in \[0, 2\], got 2.1"),
        (lambda: within(0, 2, margin=float("nan")), r"margin must be in"),
        (lambda: at_least(0, lr=float("inf")), r"lr must be a number of at least 0, got inf"),
        (lambda: at_least(0, lr=float("nan")), r"lr must be a number of at least 0, got nan"),
    ],
)
def test_values_out_of_range_are_named(check: Callable[[], None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check()
