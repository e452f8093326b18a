"""Features as points in a plane."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from reidbench.errors import ReidbenchError, UsageError
from reidbench.runs.projection import WAYS, Way, need_sklearn, project


def clusters(rows: int = 30, dimensions: int = 60) -> np.ndarray:
    """Return three sets of features that lie far apart."""
    rng = np.random.default_rng(0)
    centres = 20 * rng.normal(size=(3, 1, dimensions))
    points = centres + rng.normal(size=(3, rows, dimensions))
    return points.reshape(-1, dimensions).astype(np.float32)


@pytest.mark.parametrize("by", WAYS)
def test_the_same_seed_gives_the_same_points(by: Way) -> None:
    features = clusters()
    first, second = (project(features, by, seed=3) for _ in range(2))
    assert first.points.shape == (90, 2)
    assert (first.points == second.points).all()
    assert first.points.dtype == np.float64


@pytest.mark.parametrize("by", WAYS)
def test_nobody_elses_random_numbers_move(by: Way) -> None:
    before = np.random.get_state()[1].copy()
    project(clusters(10), by, 0)
    assert (np.random.get_state()[1] == before).all()


def test_the_perplexity_suits_few_images() -> None:
    assert project(clusters(10), "tsne", 0).how == "t-SNE, perplexity 9.67"
    assert project(clusters(31), "tsne", 0).how == "t-SNE, perplexity 30"


@pytest.mark.parametrize("by", WAYS)
def test_neighbours_stay_neighbours(by: Way) -> None:
    points = project(clusters(), by, 0).points
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    assert (apart.argmin(1) // 30 == np.arange(90) // 30).all()


def test_principal_components_are_those_of_the_covariance() -> None:
    features = clusters(dimensions=5).astype(np.float64)
    found = project(features, "pca", 0)
    values, vectors = np.linalg.eigh(np.cov(features, rowvar=False))
    expected = (features - features.mean(0)) @ vectors[:, [-1, -2]]
    assert np.abs(found.points) == pytest.approx(np.abs(expected), abs=1e-6)
    share = 100 * values[-1] / values.sum()
    assert found.axes[0] == f"component 1 ({share:.0f} % of variance)"


def test_features_of_one_number_lie_on_a_line() -> None:
    found = project(np.arange(6.0)[:, None], "pca", 0)
    assert np.abs(found.points[:, 0]) == pytest.approx([2.5, 1.5, 0.5, 0.5, 1.5, 2.5])
    assert not found.points[:, 1].any()
    assert found.axes[1] == "component 2 (0 % of variance)"


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("rows", [4, 5])
def test_few_images_will_do(by: Way, rows: int) -> None:
    assert np.isfinite(project(clusters()[:rows], by, 0).points).all()


@pytest.mark.parametrize("by", WAYS)
def test_three_images_are_no_picture(by: Way) -> None:
    with pytest.raises(ReidbenchError, match="four images, not 3"):
        project(clusters()[:3], by, 0)


@pytest.mark.parametrize("by", WAYS)
def test_a_missing_library_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, by: Way
) -> None:
    for module in ("sklearn", "sklearn.decomposition", "sklearn.manifold"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"pip install 'reidbench\[analysis\]'"):
        project(clusters(), by, 0)
    with pytest.raises(UsageError, match=r"pip install 'reidbench\[analysis\]'"):
        need_sklearn()
