"""Checks of segmenters."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from reidbench.interfaces import Segmenter
from reidbench.testing.checks.check import SkippedCheck, Subject, check, require
from reidbench.testing.checks.learners import few, pixels
from reidbench.testing.checks.material import NARROW, persons, snapshot
from reidbench.testing.checks.models import (
    built,
    fitted,
    require_equal_rows,
    require_loaded,
    require_repeatable,
    require_resumes,
)
from reidbench.testing.checks.trainables import cuda, described, require_same

KIND = "segmenter"


def ready(subject: Subject) -> tuple[Segmenter, nn.Module, int]:
    """Return a segmenter, its model, trained if it learns, and how many steps that took."""

    def make() -> tuple[Segmenter, nn.Module, int]:
        segmenter: Segmenter = subject.build(epochs=1)
        model = built(segmenter.build)
        steps = fitted(segmenter.fit, model, persons()) if _learns(segmenter) else 0
        return segmenter, model.eval(), steps

    return subject.shared("ready", make)


@check(
    KIND,
    why="Masks are kept as bytes and multiplied with images.",
    mend="Return [B, 1, H, W] of the images' size in [0, 1], as sigmoid gives it.",
)
def masks_are_in_range(subject: Subject) -> None:
    """Mask some images, and one."""
    segmenter, model, _ = ready(subject)
    for rows in (4, 1):
        images = pixels(rows)
        with torch.no_grad():
            masks = segmenter.masks(model, images)
        expected = (rows, 1, *images.shape[2:])
        fits = isinstance(masks, Tensor) and masks.shape == expected
        require(fits, f"masks gives {described(masks)}, not {list(expected)}")
        require(torch.isfinite(masks).all(), "masks are not finite")
        least, most = float(masks.min()), float(masks.max())
        require(least >= 0 and most <= 1, f"masks are in [{least:.3g}, {most:.3g}], not [0, 1]")


@check(
    KIND,
    why="An image's mask would depend on who else is in the batch.",
    mend="Put the model into evaluation mode where it matters; take no mean over rows.",
)
def masks_rows_apart(subject: Subject) -> None:
    """Mask a batch, and its rows one by one."""
    segmenter, model, _ = ready(subject)
    require_equal_rows(lambda x: segmenter.masks(model, x), pixels(), "the mask")


@check(
    KIND,
    why="Masks are computed once and kept; a second computation must give them again.",
    mend="Leave dropout and noise to training mode; change no buffer in masks.",
)
def masks_are_repeatable(subject: Subject) -> None:
    """Mask twice, and compare."""
    segmenter, model, _ = ready(subject)
    require_repeatable(lambda: segmenter.masks(model, pixels()), model, "masks")


@check(
    KIND,
    why="A trained model is loaded into what blank() gives, in another process.",
    mend="Keep everything that is learned in the model.",
)
def remembers_nothing(subject: Subject) -> None:
    """Mask by a new segmenter, with a blank model that takes the weights."""
    segmenter, model, _ = ready(subject)
    other: Segmenter = subject.build(epochs=1)
    require_loaded(
        other.blank,
        model,
        lambda trained: segmenter.masks(trained, pixels()),
        lambda loaded: other.masks(loaded, pixels()),
        "masks",
    )


@check(
    KIND,
    why="A training that does not step by the loop shows nothing and is never resumed.",
    mend="Call loop.run(steps, step, state) with one update in step.",
)
def steps_by_the_loop(subject: Subject) -> None:
    """Count the steps of a training."""
    segmenter, _, steps = ready(subject)
    _only_learning(segmenter)
    require(steps, "fit makes no step by loop.run")


@check(
    KIND,
    why="The same command must give the same result.",
    mend="Draw from torch's global stream inside a step, or from reidbench.engine.streams.",
)
def is_deterministic(subject: Subject) -> None:
    """Train twice, with the global streams elsewhere."""
    segmenter, model, _ = ready(subject)
    _only_learning(segmenter)
    again = built(subject.build(epochs=1).build)
    fitted(subject.build(epochs=1).fit, again, persons(), disturb=2)
    require_same(snapshot(model), snapshot(again), "the same training gives")


@check(
    KIND,
    why="A run that was interrupted must end with the result of one that was not.",
    mend="Name every module and optimiser in the state of loop.run; take schedules from the clock.",
)
def resumes_at_every_step(subject: Subject) -> None:
    """Interrupt a training at every step, and compare the ends."""
    segmenter, whole, steps = ready(subject)
    _only_learning(segmenter)
    start = built(subject.build(epochs=1).build)
    require_resumes(lambda: subject.build(epochs=1), start, persons(), snapshot(whole), steps)


@check(
    KIND,
    why="Runs at --precision bf16 are admitted for every method.",
    mend="Cast nothing by hand.",
)
def masks_in_bf16(subject: Subject) -> None:
    """Mask under autocast."""
    segmenter, model, _ = ready(subject)
    with torch.inference_mode(), NARROW.autocast():
        masks = segmenter.masks(model, pixels()).float()
    require(torch.isfinite(masks).all(), "masks are not finite")


@check(
    KIND,
    why="Papers' sizes are masked on an accelerator.",
    mend="Make tensors on the device of the images.",
)
def masks_on_cuda(subject: Subject) -> None:
    """Mask on a CUDA device."""
    device = cuda().device
    segmenter: Segmenter = subject.build(epochs=1)
    model = built(segmenter.build, cuda()).eval()
    with torch.no_grad():
        masks = segmenter.masks(model, pixels().to(device))
    require(masks.device.type == "cuda", f"masks are on {masks.device}")


def segmenter_scalars(subject: Subject) -> dict[str, float]:
    """Return the value of a golden test: the mean of the masks."""
    segmenter, model, _ = ready(subject)
    with torch.no_grad():
        return {"masks": float(segmenter.masks(model, pixels(len(few()))).mean())}


def _learns(segmenter: Segmenter) -> bool:
    return type(segmenter).fit is not Segmenter.fit and segmenter.pairs() is not None


def _only_learning(segmenter: Segmenter) -> None:
    if not _learns(segmenter):
        raise SkippedCheck("it learns nothing: pairs() gives None")
