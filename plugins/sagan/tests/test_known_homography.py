"""A spatial transformer finds the transform that images were moved by."""

import numpy as np
import pytest
import torch
from reidbench_sagan.localisation import Localisation
from reidbench_sagan.transforms import TRANSFORMS, corner_error, sample
from torch.nn import functional as F

from reidbench.data.synthetic.dataset import Synthetic

SIZE = (32, 16)


def pictures(rows):
    """Return images of blurred noise, in [-1, 1]."""
    coarse = torch.rand(rows, 3, 8, 4) * 2 - 1
    return F.interpolate(coarse, size=SIZE, mode="bilinear", align_corners=False)


def between(first, second):
    """Return the homography ``[3, 3]`` from one synthetic viewpoint to another."""
    views = [Synthetic(domain=d, camera_gap=0.0).viewpoint(0) for d in (first, second)]
    return torch.tensor(views[1] @ np.linalg.inv(views[0]), dtype=torch.float32)


def learned(loss, steps, code_size=2):
    """Return a localisation network that minimised ``loss(network, transform)``."""
    transform = TRANSFORMS["homography"](0.95)
    network = Localisation(SIZE, 3, code_size, transform.raw, 8)
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        adam.zero_grad()
        loss(network, transform).backward()
        adam.step()
    return network, transform


def predicted(network, transform, images):
    return transform.bounded(network(images, torch.randn(len(images), 2)))


@pytest.mark.parametrize(("first", "second"), [("low", "high"), ("high", "low"), ("a", "low")])
def test_corners_lead_to_the_viewpoint_of_the_other_domain(first, second):
    truth = between(first, second)

    def loss(network, transform):
        return corner_error(predicted(network, transform, pictures(8)), truth).mean()

    start = corner_error(TRANSFORMS["homography"](0.95).identity(1, truth), truth).item()
    network, transform = learned(loss, 150)
    with torch.no_grad():
        error = corner_error(predicted(network, transform, pictures(32)), truth).mean().item()
    assert start > 0.2
    assert error < 0.1 * start


def test_pixels_lead_to_a_known_homography():
    """Through the sampling grid: only the images, and what they should look like, are shown."""
    truth = TRANSFORMS["homography"](0.3).bounded(
        torch.tensor([[0.5, 0.3, -1, 0.4, 1, 1, 0.4, -1]])
    )

    def loss(network, transform):
        images = pictures(16)
        wanted = sample(images, transform.grid(truth.expand(16, -1), *SIZE))
        moved = sample(images, transform.grid(predicted(network, transform, images), *SIZE))
        return (moved - wanted).abs().mean()

    start = corner_error(TRANSFORMS["homography"](0.95).identity(1, truth), truth.view(3, 3))
    network, transform = learned(loss, 100)
    with torch.no_grad():
        t = predicted(network, transform, pictures(32))
    error = corner_error(t, truth.view(3, 3)).mean().item()
    assert error < 0.25 * start.item()


def test_corner_error_by_hand():
    """Moved by 0.3 and 0.4 every corner is 0.5 away; the scale of the truth does not matter."""
    truth = torch.tensor([[1.0, 0.0, 0.3], [0.0, 1.0, 0.4], [0.0, 0.0, 1.0]])
    still = TRANSFORMS["homography"](0.5).identity(2, truth)
    torch.testing.assert_close(corner_error(still, truth), torch.full((2,), 0.5))
    torch.testing.assert_close(corner_error(still[:, :6], 7 * truth), torch.full((2,), 0.5))
    assert torch.equal(corner_error(truth.view(1, 9), truth), torch.zeros(1))
    torch.testing.assert_close(
        corner_error(still, torch.diag(torch.tensor([1.0, 1.0, 2.0]))), torch.full((2,), 0.5**0.5)
    )
