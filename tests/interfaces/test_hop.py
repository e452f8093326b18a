from __future__ import annotations

from dataclasses import fields

import pytest
import torch
from torch import Tensor

from reidbench.interfaces import Hop, Images

LABELS = {"dst": torch.tensor([1, 1])}  # whole numbers have no gradient
TENSORS = [f.name for f in fields(Hop) if f.name not in {"images", *LABELS}]


def make_hop(**more: Tensor | None) -> Hop:
    """Return a hop of which every field is there and hangs on a graph, but for labels."""
    generator = torch.Generator().manual_seed(0)
    leaves = {
        name: torch.randn(2, 3, 4, 2, generator=generator).requires_grad_() for name in TENSORS
    }
    grown: dict[str, Tensor | None] = {name: 2 * leaf for name, leaf in leaves.items()}
    images = Images(torch.zeros(2, 3, 4, 2), torch.tensor([0, 1]), torch.tensor([0, 0]))
    return Hop(images, **{**grown, **LABELS, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TENSORS)
def test_a_detached_hop_hangs_on_no_graph_and_is_otherwise_the_same(name: str) -> None:
    hop = make_hop()
    before, after = getattr(hop, name), getattr(hop.detach(), name)
    assert before.requires_grad
    assert not after.requires_grad
    assert torch.equal(after, before)


def test_what_is_not_on_the_graph_stays_as_it_is() -> None:
    hop = make_hop()
    detached = hop.detach()
    assert detached.images is hop.images
    assert all(torch.equal(getattr(detached, name), label) for name, label in LABELS.items())


@pytest.mark.parametrize("name", [f.name for f in fields(Hop) if f.default is None])
def test_what_a_hop_does_not_carry_its_detached_copy_does_not_either(name: str) -> None:
    assert getattr(make_hop(**{name: None}).detach(), name) is None
