import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reidbench_svdnet.decorrelation import decorrelated, orthogonality
from torch.nn import functional as F

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(0, 99))


def weight_of(shape):
    k, n, seed = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(k, max(k, n), generator=generator)


@settings(max_examples=30, deadline=None)
@given(shapes)
def test_vectors_are_orthogonal_and_projections_keep_their_distances(shape):
    weight = weight_of(shape)
    new = decorrelated(weight)
    assert (new.dtype, new.shape) == (weight.dtype, weight.shape)
    gram = new @ new.T
    torch.testing.assert_close(gram, gram.diag().diag(), atol=1e-4, rtol=0)
    points = torch.randn(9, weight.shape[1])
    before, after = (torch.cdist(points @ w.T, points @ w.T) for w in (weight, new))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-4)


@settings(max_examples=30, deadline=None)
@given(shapes)
def test_lengths_are_the_singular_values_and_angles_are_acute(shape):
    weight = weight_of(shape)
    new = decorrelated(weight)
    lengths = torch.linalg.eigvalsh(weight @ weight.T).clamp(min=0).sqrt()
    torch.testing.assert_close(new.norm(dim=1).sort()[0], lengths, atol=1e-3, rtol=1e-3)
    assert ((weight * new).sum(1) >= 0).all()


def test_orthogonal_vectors_are_left_where_and_as_they_are():
    basis = torch.linalg.qr(torch.randn(6, 6))[0]
    weight = basis[:4] * torch.tensor([[2.0], [-3.0], [0.5], [1.0]])
    torch.testing.assert_close(decorrelated(weight), weight)


def test_vectors_take_the_nearest_column_in_turn():
    # W^T W of these rows has the eigenvectors (1, 1) and (1, -1): columns of US are (2, 0)-like.
    weight = torch.tensor([[1.0, 0.1], [1.0, -0.1]])
    long, short = torch.tensor([2**0.5, 0.0]), torch.tensor([0.0, -0.1 * 2**0.5])
    torch.testing.assert_close(decorrelated(weight), torch.stack([long, short]))
    torch.testing.assert_close(decorrelated(-weight), torch.stack([-long, -short]))


def test_matching_is_that_of_a_plain_loop():
    weight = torch.randn(6, 9, dtype=torch.float64)
    directions, lengths, _ = torch.linalg.svd(weight.T, full_matrices=False)
    left, expected = [*(directions * lengths).T], []
    for row in weight:
        cosines = [float(F.cosine_similarity(row, c, dim=0)) for c in left]
        best = max(range(len(left)), key=lambda i: abs(cosines[i]))
        expected.append(left.pop(best) * (1 if cosines[best] > 0 else -1))
    torch.testing.assert_close(decorrelated(weight), torch.stack(expected))


def test_vectors_without_a_direction_of_their_own_vanish():
    weight = torch.tensor([[1.0, 2.0, 0.0]]).repeat(3, 1)
    new = decorrelated(weight)
    torch.testing.assert_close(new[0], 3**0.5 * weight[0])
    assert new[1:].abs().max() < 1e-6


def test_orthogonality_is_that_of_the_paper():
    assert orthogonality(torch.eye(3)) == 1
    assert orthogonality(torch.ones(4, 2)).item() == pytest.approx(1 / 4)
    # Gram matrix (2, -1; -1, 1): diagonal 3, absolute values 5.
    assert orthogonality(torch.tensor([[1.0, 1.0], [-1.0, 0.0]])).item() == pytest.approx(3 / 5)


def test_orthogonality_is_measured_in_full_precision():
    weight = torch.randn(9, 20)
    with torch.autocast("cpu", torch.bfloat16):
        assert orthogonality(weight) == orthogonality(weight)
        narrow = orthogonality(weight)
    assert narrow == orthogonality(weight)
