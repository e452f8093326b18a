"""Triplets of the hardest images, against a loop over all triplets."""

import itertools

import pytest
import torch

from reidbench.nn.triplet import batch_hard


def by_hand(features: torch.Tensor, pid: list[int], margin: float) -> float:
    """Return the mean over the anchors of the worst of all their triplets."""
    worst = []
    for a in range(len(pid)):
        distances = [float((features[a] - other).norm()) for other in features]
        positives = [d for d, p in zip(distances, pid, strict=True) if p == pid[a]]
        negatives = [d for d, p in zip(distances, pid, strict=True) if p != pid[a]]
        triplets = itertools.product(positives, negatives)
        worst.append(max((max(0.0, margin + p - n) for p, n in triplets), default=0.0))
    return sum(worst) / len(worst)


@pytest.mark.parametrize("margin", [0.0, 0.3, 2.0])
@pytest.mark.parametrize("pid", [[0, 0, 1, 1, 2, 2], [7, 7, 7, -1, 5, -1], [0] * 6], ids=str)
def test_hardest_triplets_are_the_worst_of_all(margin: float, pid: list[int]) -> None:
    features = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    found = batch_hard(features, torch.tensor(pid), margin)
    assert found.item() == pytest.approx(by_hand(features, pid, margin), rel=1e-5)


def test_gradients_are_finite_where_images_are_alike_or_have_no_partner() -> None:
    for pid in ([0, 0, 1], [0, 1, 2], [0, 0, 0]):
        features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.5, 0.5]], requires_grad=True)
        batch_hard(features, torch.tensor(pid), 0.3).backward()  # type: ignore[no-untyped-call]
        assert features.grad is not None
        assert features.grad.isfinite().all()


def test_gradients_are_those_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(6, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    pid = torch.tensor([0, 0, 1, 1, 2, 2])
    assert torch.autograd.gradcheck(lambda x: batch_hard(x, pid, 1.0), features)
