"""Bounds of the transforms, at the far ends of each family's range."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from reidbench_sagan.transforms import TRANSFORMS
from scipy.linalg import logm

from reidbench.data.synthetic.dataset import Synthetic

BOUND = 0.95
CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def family(name, bound=BOUND):
    return TRANSFORMS[name](bound)


def raster(side=15):
    axis = torch.linspace(-1, 1, side, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)[None]


def jacobians(transform, t, xy, step=1e-6):
    """Return the Jacobian's determinants ``[B, N]`` by central differences."""
    slopes = []
    for axis in range(2):
        offset = torch.zeros(2, dtype=xy.dtype)
        offset[axis] = step
        change = transform.points(t, xy + offset) - transform.points(t, xy - offset)
        slopes.append(change / (2 * step))
    (a, b), (c, d) = (s.unbind(2) for s in slopes)
    return a * d - b * c


def signs(name):
    """Return raw numbers at the far ends of their range, with zeros among them."""
    count = family(name).raw
    return st.lists(st.sampled_from([-1e3, 0.0, 1e3]), min_size=count, max_size=count)


@settings(max_examples=40, deadline=None)
@given(numbers=signs("homography"))
def test_homography_is_finite_and_upright_at_any_extreme(numbers):
    transform = family("homography")
    t = transform.bounded(torch.tensor([numbers], dtype=torch.float64))
    least = (2 - 2**BOUND) / 2**BOUND  # h_33 is 1 here, and up to 2^bound of exp(A)
    for either in (t, transform.inverse(t)):
        third = np.c_[CORNERS, np.ones(4)] @ either.view(3, 3).numpy()[2]
        assert third.min() >= least - 1e-9
        assert (jacobians(transform, either, raster()) > 0).all()


def test_no_larger_bound_keeps_the_homography_finite():
    raw = torch.zeros(1, 8, dtype=torch.float64)
    raw[0, 0], raw[0, 6] = 1e6, -1e6
    worst = family("homography", 1.0).bounded(raw).view(3, 3)
    assert abs(worst[2, 0] + worst[2, 2]) < 1e-5


@settings(max_examples=40, deadline=None)
@given(numbers=signs("affine"))
def test_affine_map_stretches_and_shrinks_within_two(numbers):
    t = family("affine", 1.0).bounded(torch.tensor([numbers], dtype=torch.float64))
    linear = t.view(2, 3)[:, :2].numpy()
    assert np.linalg.det(linear) >= 1 / 4
    assert np.abs(linear).sum(1).max() <= 2
    assert np.abs(np.linalg.inv(linear)).sum(1).max() <= 2


@settings(max_examples=40, deadline=None)
@given(numbers=signs("tps"))
def test_spline_does_not_fold_at_any_extreme(numbers):
    transform = family("tps", 1.0)
    t = transform.bounded(torch.tensor([numbers], dtype=torch.float64))
    assert t.abs().max() <= 0.2
    assert jacobians(transform, t, raster(21)).min() > 0.1


def test_spline_folds_beyond_the_bound():
    """At 0.3 displacements whose signs are turned one by one, for the worse, end in a fold."""
    transform = family("tps")
    signs = torch.ones(1, 18, dtype=torch.float64)
    for place in [*range(18)] * 3:
        turned = signs.clone()
        turned[0, place] *= -1
        before, after = (jacobians(transform, 0.3 * s, raster(21)).min() for s in (signs, turned))
        signs = turned if after < before else signs
    assert jacobians(transform, 0.3 * signs, raster(21)).min() < 0


@pytest.mark.parametrize(("gap", "share"), [(1.0, 0.9), (1.15, 1.0)])
def test_gap_between_low_and_high_viewpoints_lies_within(gap, share):
    low, high = (Synthetic(domain=d, gap=gap, camera_gap=0.0).viewpoint(0) for d in ("low", "high"))
    there = high @ np.linalg.inv(low)
    for matrix in (there, np.linalg.inv(there)):
        algebra = logm(matrix).real
        algebra -= algebra[2, 2] * np.eye(3)
        assert np.abs(algebra).sum(1).max() < share * np.log(2)


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_refuses_bounds_beyond_which_nothing_is_promised(name, wrong):
    with pytest.raises(ValueError, match="bound"):
        TRANSFORMS[name](wrong)
