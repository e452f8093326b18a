from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reidbench.evaluation import overlap as module
from reidbench.evaluation.overlap import overlap


def masks(*rows: str) -> np.ndarray:
    """Return masks of one line each; # is on the person."""
    return np.array([[[255 * (c == "#") for c in row]] for row in rows], np.uint8)


def test_by_hand() -> None:
    found = overlap(masks("##..", "####", "...."), masks(".##.", "#...", "...."))
    assert found.mean == pytest.approx((1 / 3 + 1 / 4 + 1) / 3)
    assert found.pooled == pytest.approx(2 / 7)
    assert found.images == 3
    assert set(found.to_dict()) == {"mean", "pooled", "images"}


def test_nobody_found_where_somebody_is_counts_nothing() -> None:
    assert overlap(masks("...."), masks("#...")).mean == 0
    assert overlap(masks("#..."), masks("....")).pooled == 0


def test_half_is_on_the_person() -> None:
    levels = np.array([[[0, 127, 128, 255]]], np.uint8)
    assert overlap(levels, masks("..##")).mean == 1


def test_other_shapes_and_no_masks_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        overlap(masks("#"), masks("##"))
    with pytest.raises(ValueError, match="cannot be compared"):
        overlap(masks("#")[:0], masks("#")[:0])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 9))
def test_equals_the_definition_in_blocks_of_any_size(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 256, (2, 9, 3, 2), np.uint8)
    each = []
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        a, b = (
            {(y, x) for y, line in enumerate(m) for x, v in enumerate(line) if v / 255 > 0.5}
            for m in (one, other)
        )
        each.append((len(a & b), len(a | b)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "_ROWS", rows)
        found = overlap(first, second)
    assert found.mean == pytest.approx(np.mean([i / u if u else 1 for i, u in each]))
    assert found.pooled == pytest.approx(sum(i for i, _ in each) / sum(u for _, u in each))
