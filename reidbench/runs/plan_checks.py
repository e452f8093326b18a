"""Refusing a recipe that the data or the protocol of a benchmark cannot serve."""

from __future__ import annotations

import numpy as np

from reidbench.config.recipe import Recipe
from reidbench.errors import UsageError
from reidbench.runs.setting import Setting


def check_data(recipe: Recipe, setting: Setting) -> None:
    """Refuse what the data or the protocol cannot serve.

    Raises:
        UsageError: naming what is missing and what would do.
    """
    _check_truth(recipe, setting)
    _check_masks(recipe, setting)
    _check_pairs(recipe, setting)
    _check_cameras(recipe, setting)
    _check_pooling(recipe, setting)
    _refuse_test_labels(recipe, setting)


def truth_known(setting: Setting) -> bool:
    """Return True if the renderer knows what each domain looks like through the other's cameras."""
    return setting.source.dataset.has_truth and setting.target.dataset.has_truth


def truth_served(recipe: Recipe, setting: Setting) -> bool:
    """Return False for a recipe that shows the truth where nobody knows it."""
    return truth_known(setting) or not recipe.reads_truth


def _check_truth(recipe: Recipe, setting: Setting) -> None:
    if not truth_served(recipe, setting):
        raise UsageError(
            f"'{recipe.name}' shows the true pictures, which only rendered domains have: "
            f"'{setting.source.title}' and '{setting.target.title}' are not both rendered; choose "
            "a synthetic benchmark (e.g. --benchmark synthetic)"
        )


def _check_masks(recipe: Recipe, setting: Setting) -> None:
    both = setting.source.dataset.has_masks and setting.target.dataset.has_masks
    if recipe.mask_readers and not both and recipe.segmenter is None:
        readers = " and ".join(f"'{name}'" for name in recipe.mask_readers)
        raise UsageError(
            f"{readers} needs person masks, which '{setting.source.title}' and "
            f"'{setting.target.title}' do not both have: make them, e.g. with --masks unet"
        )


def _check_pairs(recipe: Recipe, setting: Setting) -> None:
    """Refuse a constraint on pairs of one person's images where nobody has two."""
    wanting = [c.name for c in recipe.constraints if c.build().sampling == "pairs"]
    if not wanting:
        return
    source = setting.source.dataset.samples("train")
    for cameras, _ in recipe.perspective.pairs:
        pids = source.pids[np.isin(source.cams, cameras)] if cameras else source.pids
        if np.unique(pids, return_counts=True)[1].max() < 2:
            seen = f" of the cameras {', '.join(map(str, cameras))}" if cameras else ""
            raise UsageError(
                f"constraint '{wanting[0]}' compares images of one person, but none of the "
                f"{len(pids)} training images{seen} of '{setting.source.title}' shows anybody "
                "twice; choose another source or constraint"
            )


def _check_cameras(recipe: Recipe, setting: Setting) -> None:
    """Refuse test images of a camera that a translator of cameras will not have seen."""
    if not (recipe.to_source and recipe.by_camera):
        return
    for target in setting.targets:
        known = target.dataset.samples("train").cams
        for split in ("query", "gallery"):
            strange = np.setdiff1d(target.dataset.samples(split).cams, known)
            if len(strange):
                raise UsageError(
                    f"{split} images of '{target.title}' are of camera {strange[0]}, which none of "
                    f"its training images is of: '{recipe.name}' cannot translate them"
                )


def _check_pooling(recipe: Recipe, setting: Setting) -> None:
    protocol = setting.protocol
    if recipe.embedding.retrieval == "verification" and protocol.entry.load().pools_queries:
        raise UsageError(
            f"protocol '{protocol.name}' averages features, which embedding.retrieval="
            "'verification' does not compare; set it to 'features' or choose another protocol"
        )


def _refuse_test_labels(recipe: Recipe, setting: Setting) -> None:
    if recipe.strategy == "target" and setting.target.dataset.trains_on_test:
        raise UsageError(
            f"strategy 'target' would learn the labels of the test images: the training images of "
            f"'{setting.target.title}' show its test persons as it is set"
        )
