"""Checks of what learners make of images, once they are trained."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reidbench.errors import UsageError
from reidbench.interfaces import FeatureLearner
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import FailedCheck, SkippedCheck, Subject, check, require
from reidbench.testing.checks.learners import KIND, few, made, pixels, trained
from reidbench.testing.checks.models import (
    fitted,
    require_equal_rows,
    require_loaded,
    require_repeatable,
)
from reidbench.testing.checks.trainables import described

SIZES: dict[str, tuple[JSON, JSON]] = {
    "backbone": ("small-resnet", "resnet18"),
    "bottleneck": (4, 8),
}


@check(
    KIND,
    why="Distances are taken between rows of features.",
    mend="Return [B, D] of finite floats: flatten(1) after pooling; no squeeze() without a "
    "dimension.",
)
def embeds_a_matrix(subject: Subject) -> None:
    """Embed some images, and one."""
    learner, model, _ = trained(subject)
    widths = set()
    for rows in (4, 1):
        with torch.no_grad():
            features = learner.embed(model, pixels(rows))
        matrix = isinstance(features, Tensor) and features.ndim == 2 and len(features) == rows
        require(matrix, f"embed gives {described(features)} of {rows} images, not [{rows}, D]")
        require(features.is_floating_point(), f"features are {features.dtype}")
        require(torch.isfinite(features).all(), "features are not finite")
        widths.add(features.shape[1])
    require(len(widths) == 1, "the number of features depends on the batch")


@check(
    KIND,
    why="A model is loaded and embeds in another process, by a learner that has fitted nothing.",
    mend="Keep everything that is learned in the model; nothing in the learner.",
)
def remembers_nothing(subject: Subject) -> None:
    """Embed by a new learner, with a blank model that takes the weights."""
    learner, model, _ = trained(subject)
    other: FeatureLearner = subject.build(epochs=1)
    require_loaded(
        lambda: other.blank(4),
        model,
        lambda trained: learner.embed(trained, pixels()),
        lambda loaded: other.embed(loaded, pixels()),
        "features",
    )


@check(
    KIND,
    why="An image's features would depend on who else is in the batch.",
    mend="Put the model into evaluation mode where it matters; take no mean over rows.",
)
def embeds_rows_apart(subject: Subject) -> None:
    """Embed a batch, and its rows one by one."""
    learner, model, _ = trained(subject)
    require_equal_rows(lambda x: learner.embed(model, x), pixels(), "the embedding")


@check(
    KIND,
    why="Features are computed once and kept; a second computation must give them again.",
    mend="Leave dropout and noise to training mode; change no buffer in embed.",
)
def embed_is_repeatable(subject: Subject) -> None:
    """Embed twice, and compare."""
    learner, model, _ = trained(subject)
    require_repeatable(lambda: learner.embed(model, pixels()), model, "embed")


@check(
    KIND,
    why="Constraints train against these, and results name persons by them.",
    mend="Return scores [B, num_pids] from classify, a scalar from loss, the last map "
    "[B, C, h, w] from feature_map; leave out what you have not.",
)
def what_else_it_offers_fits(subject: Subject) -> None:
    """Call classify, loss, feature_map and optimizer where they are written."""
    learner, model, _ = trained(subject)
    for name, call, shape in _offers(learner, model):
        if getattr(type(learner), name) is getattr(FeatureLearner, name):
            continue
        with torch.no_grad():
            value = call()
        fits = isinstance(value, Tensor) and len(value.shape) == len(shape)
        fits = fits and all(w in (None, g) for w, g in zip(shape, value.shape, strict=True))
        require(fits, f"{name} gives {described(value)}")
        require(torch.isfinite(value).all(), f"{name} is not finite")
    if type(learner).optimizer is not FeatureLearner.optimizer:
        optimiser = learner.optimizer(model)
        require(isinstance(optimiser, Optimizer), f"optimizer gives {described(optimiser)}")


@check(
    KIND,
    why="Benchmarks set sizes and lengths for all learners by these names.",
    mend="Let the parameter decide what its name says: the backbone, the bottleneck's width, the "
    "passes over the images.",
)
def sizes_obey_the_benchmark(subject: Subject) -> None:
    """Build a smaller and a larger one for each name; count the steps of one and two epochs."""
    named = [name for name in (*SIZES, "epochs") if subject.has(name)]
    if not named:
        raise SkippedCheck("it has none of the parameters backbone, bottleneck, epochs")
    for name in (n for n in named if n in SIZES):
        low, high = SIZES[name]
        small, large = (_size(subject, name, value) for value in SIZES[name])
        require(small < large, f"{name}={low} and {name}={high} give networks of the same size")
    if "epochs" in named:
        once = trained(subject)[2]
        learner, model = made(subject, epochs=2)
        twice = fitted(learner.fit, model, few())
        require(twice > once, f"epochs=1 and epochs=2 both make {once} steps")


def _size(subject: Subject, name: str, value: JSON) -> int:
    try:
        return sum(p.numel() for p in made(subject, **{name: value})[1].parameters())
    except (ValueError, UsageError) as error:
        raise FailedCheck(f"{name}={value} is refused: {error}") from error


def _offers(
    learner: FeatureLearner, model: nn.Module
) -> list[tuple[str, Callable[[], Tensor], tuple[int | None, ...]]]:
    model, images, pid = copy.deepcopy(model), pixels(), torch.arange(4)
    same = torch.tensor([1, 0])
    return [
        ("classify", lambda: learner.classify(model, images), (4, 4)),
        ("loss", lambda: learner.loss(model, images, pid), ()),
        ("feature_map", lambda: learner.feature_map(model, images), (4, None, None, None)),
        (
            "verification_loss",
            lambda: learner.verification_loss(model, images[:2], images[2:], same),
            (),
        ),
    ]
