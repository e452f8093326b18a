"""Features as points in a plane, by t-SNE or by principal components."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError, UsageError
from reidbench.storage.keys import derive_seed

Way = Literal["tsne", "pca"]
WAYS: tuple[Way, ...] = get_args(Way)
PERPLEXITY = 30.0
"""Of t-SNE, unless there are too few points for it."""
COMPONENTS = 50
"""Principal components that t-SNE starts from, if there are more dimensions."""


@dataclass(frozen=True)
class Projection:
    """Points in a plane.

    Attributes:
        points: ``[N, 2]`` float64.
        axes: what they show; empty where distances alone mean something.
        how: in words, with the values that were chosen.
    """

    points: NDArray[np.float64]
    axes: tuple[str, str]
    how: str


def project(features: NDArray[np.floating], by: Way, seed: int) -> Projection:
    """Return features ``[N, D]`` as points in a plane, all fitted together.

    t-SNE is van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 2008, by scikit-learn,
    from the first ``COMPONENTS`` principal components. It keeps neighbours, not distances: gaps and
    sizes of its clusters mean little.

    Args:
        features: at least four rows.
        by: which way.
        seed: of the random numbers; the same seed gives the same points with the same versions
            and number of threads.

    Raises:
        ReidbenchError: if there are fewer than four rows.
        UsageError: if scikit-learn is not installed.
    """
    if len(features) < 4:
        raise ReidbenchError(f"a picture of features needs four images, not {len(features)}")
    state = derive_seed(seed, "projection", by) % 2**32
    return (_tsne if by == "tsne" else _pca)(features.astype(np.float64), state)


def need_sklearn() -> None:
    """Raise ``UsageError`` if scikit-learn is missing, before anything is computed for it."""
    _module("decomposition")


def _tsne(features: NDArray[np.float64], state: int) -> Projection:
    perplexity = min(PERPLEXITY, (len(features) - 1) / 3)
    few = min(COMPONENTS, *features.shape)
    reduced = _module("decomposition").PCA(few, random_state=state).fit_transform(features)
    fit = _module("manifold").TSNE(perplexity=perplexity, init="pca", random_state=state)
    points = np.asarray(fit.fit_transform(reduced), np.float64)
    return Projection(points, ("", ""), f"t-SNE, perplexity {perplexity:.3g}")


def _pca(features: NDArray[np.float64], state: int) -> Projection:
    fit = _module("decomposition").PCA(min(2, features.shape[1]), random_state=state)
    points = np.asarray(fit.fit_transform(features), np.float64)
    shares = [*(100 * fit.explained_variance_ratio_), 0.0][:2]
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))  # features of one number
    first, second = (
        f"component {i} ({share:.0f} % of variance)" for i, share in enumerate(shares, 1)
    )
    return Projection(points, (first, second), "principal components")


def _module(name: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(f"sklearn.{name}")
    except ImportError as error:
        raise UsageError(
            "features are projected by scikit-learn; install it with: "
            "pip install 'reidbench[analysis]'"
        ) from error
