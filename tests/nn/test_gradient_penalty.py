import pytest
import torch
from torch import nn

from reidbench.nn.gradient_penalty import between, gradient_penalty


def test_penalty_of_a_linear_critic_is_that_of_its_slope():
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[3.0, 4.0]])  # slope 5 everywhere
    assert gradient_penalty(critic, torch.rand(6, 2)).item() == pytest.approx(16.0)


def critic():
    """Return a small critic in float64, smooth so that its slope has a slope."""
    layers = nn.Conv2d(3, 4, 4, 2, 1), nn.Tanh(), nn.Conv2d(4, 1, 3, 1, 1)
    return nn.Sequential(*layers).double()


def penalty_by_differences(score, images, step=1e-5):
    penalties = []
    for image in images:
        slope = torch.zeros(image.numel(), dtype=torch.float64)
        for i in range(image.numel()):
            bump = torch.zeros_like(image).view(-1)
            bump[i] = step
            ends = [score((image + s * bump.view_as(image))[None]).sum() for s in (1, -1)]
            slope[i] = (ends[0] - ends[1]) / (2 * step)
        penalties.append((slope.square().sum().sqrt() - 1).square())
    return torch.stack(penalties).mean()


def test_gradient_penalty_is_that_of_finite_differences():
    score, images = critic(), torch.rand(2, 3, 8, 4, dtype=torch.float64)
    with torch.no_grad():
        expected = penalty_by_differences(score, images).item()
    assert gradient_penalty(score, images).item() == pytest.approx(expected, rel=1e-6)


def test_gradient_of_the_penalty_is_that_of_finite_differences():
    score, images, step = critic(), torch.rand(2, 3, 8, 4, dtype=torch.float64), 1e-5
    gradient_penalty(score, images).backward()
    for parameter in (score[0].weight, score[0].bias, score[2].weight):
        flat, gradient = parameter.data.view(-1), parameter.grad.view(-1)
        for i in range(0, len(flat), 7):
            ends = []
            for sign in (1, -2):
                flat[i] += sign * step
                ends.append(gradient_penalty(score, images).item())
            flat[i] += step
            slope = (ends[0] - ends[1]) / (2 * step)
            assert gradient[i].item() == pytest.approx(slope, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("shape", [(50, 3, 4, 2), (50, 9)])
def test_points_lie_between_each_row_and_its_translation(shape):
    real, fake = torch.rand(shape) + 1, torch.rand(shape) - 1
    share = ((between(real, fake) - fake) / (real - fake)).flatten(1)
    torch.testing.assert_close(share, share[:, :1].expand_as(share), atol=1e-5, rtol=0)
    assert 0 <= share.min() < 0.2
    assert 0.8 < share.max() <= 1
