"""Tensors are found, and changed, in whatever form a network takes and returns them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from reidbench.engine.nested import mapped, tensors_in


class Pair(NamedTuple):
    first: Tensor
    second: Tensor | None


@dataclass(frozen=True)
class Kept:
    pixels: Tensor
    name: str
    inner: Pair


ONE, TWO = torch.ones(2), torch.full((3,), 2.0)


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (ONE, 1),
        ((ONE, [TWO, 3]), 2),
        ({"a": ONE, "b": {"c": TWO}}, 2),
        (Pair(ONE, None), 1),
        (Kept(ONE, "name", Pair(TWO, ONE)), 3),
        ((), 0),
        ("text", 0),
        (Kept, 0),
    ],
)
def test_a_value_keeps_its_form_and_all_its_tensors_change(value: Any, count: int) -> None:
    before = [*tensors_in(value)]
    doubled = mapped(lambda x: 2 * x, value)
    assert type(doubled) is type(value)
    assert len(before) == count
    for was, now in zip(before, tensors_in(doubled), strict=True):
        torch.testing.assert_close(now, 2 * was)


def test_what_is_no_tensor_stays() -> None:
    changed = mapped(lambda x: -x, Kept(ONE, "name", Pair(TWO, None)))
    assert (changed.name, changed.inner.second) == ("name", None)
    assert mapped(lambda x: -x, [1, "a", ONE])[:2] == [1, "a"]
