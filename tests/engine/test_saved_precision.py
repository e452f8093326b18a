"""Nothing that is kept for the gradient is wider than the precision that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn

from reidbench.nn.norm import ReflectionPad, _Mirrored, _OnAccelerator, instance_norm
from reidbench.registry.loading import load_plugins
from reidbench.testing.checks import Subject, find_subjects
from reidbench.testing.checks.check import SkippedCheck
from reidbench.testing.checks.learners import few, fitted
from reidbench.testing.checks.learners import made as made_learner
from reidbench.testing.checks.material import NARROW, domains, train
from reidbench.testing.checks.translators import made

SUBJECTS = [s for s in find_subjects(load_plugins(), bundled=True) if isinstance(s, Subject)]
IMAGE = 3  # channels; an image is in float32 under any precision, and is no feature map
MEANT = {
    "sagan": {(4, 4, 32, 24), (4, 32, 24, 2)},  # what it moves, and where to: no feature maps
    "pcb": {(8, 128, 12, 6)},  # the last map, which it pools in float32
}


@contextmanager
def saved() -> Iterator[list[Tensor]]:
    """Note what is saved for the gradient."""
    kept: list[Tensor] = []

    def note(x: Tensor) -> Tensor:
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        yield kept


def wide_maps(kept: list[Tensor]) -> set[tuple[int, ...]]:
    """Return the shapes of feature maps that are kept in float32."""
    maps = (x for x in kept if x.ndim == 4 and x.shape[1] > IMAGE and x.shape[2] * x.shape[3] > 1)
    return {tuple(x.shape) for x in maps if x.dtype != torch.bfloat16 and not x.is_leaf}


@pytest.mark.parametrize(
    "subject", [s for s in SUBJECTS if s.kind == "translator"], ids=lambda s: s.title
)
def test_a_translator_keeps_maps_in_bf16(subject: Subject) -> None:
    try:
        translator = made(subject, NARROW)
    except SkippedCheck as reason:
        pytest.skip(str(reason))
    with saved() as kept:
        train(translator, {}, domains(), last=1, hardware=NARROW)
    assert any(x.dtype == torch.bfloat16 for x in kept)
    assert wide_maps(kept) == MEANT.get(subject.name, set())


@pytest.mark.parametrize(
    "subject", [s for s in SUBJECTS if s.kind == "learner"], ids=lambda s: s.title
)
def test_a_learner_keeps_maps_in_bf16(subject: Subject) -> None:
    learner, model = made_learner(subject, epochs=1)
    with saved() as kept:
        fitted(learner.fit, model, few(), NARROW)
    assert any(x.dtype == torch.bfloat16 for x in kept)
    assert wide_maps(kept) == MEANT.get(subject.name, set())


def test_a_compiled_network_keeps_less_and_nothing_wide() -> None:
    layers = [ReflectionPad(1), nn.Conv2d(8, 8, 3), instance_norm(8, affine=True), nn.ReLU()]
    network = nn.Sequential(nn.Conv2d(3, 8, 1), *layers, nn.Conv2d(8, 8, 1))
    network.to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 16, 16).contiguous(memory_format=torch.channels_last)
    held = []
    for way in (network, torch.compile(network, backend="aot_eager_decomp_partition")):
        with saved() as kept, NARROW.autocast():
            way(x)
        assert wide_maps(kept) == set()
        held.append({k.data_ptr(): k.nbytes for k in kept if k.ndim == 4 and len(k) == 2})
    plain, compiled = (sum(sizes.values()) for sizes in held)
    assert compiled < plain


def test_what_an_accelerator_keeps_is_as_narrow() -> None:
    x = torch.randn(2, 8, 6, 5).bfloat16().contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    norm = instance_norm(8, affine=True)
    with saved() as kept, NARROW.autocast():
        _OnAccelerator.apply(_Mirrored.apply(x, 1), norm.weight, norm.bias, norm.eps)
    assert wide_maps(kept) == set()
    assert [k.shape for k in kept if k.dtype == torch.bfloat16] == [(2, 8, 8, 7)]
