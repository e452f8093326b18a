"""Figures of a run: the stages they need, and the way from these stages' artifacts to a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from reidbench.data.dataset import Split
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.transforms import (
    CORNER_NAMES,
    CORNERS,
    HOMOGRAPHY,
    Known,
    between_codes,
    described,
    known_gap,
    moved_corners,
    parameter_names,
)
from reidbench.interfaces import Translator
from reidbench.plots.scatter import Cloud, Scatter, write
from reidbench.plots.transforms import MOST_HISTOGRAMS, MOST_POINTS, Corners, Transforms
from reidbench.results.numbers import rounded
from reidbench.results.result import safe_letters
from reidbench.runs.plan import Plan
from reidbench.runs.projection import Projection, Way, project
from reidbench.stages import (
    Decode,
    Generated,
    Masked,
    Stage,
    Translated,
    TranslateTest,
    TrueTranslation,
)
from reidbench.stages.distribution import SAMPLE, SCORES, SETS, Distribution
from reidbench.stages.translate import TRANSFORMS
from reidbench.storage.keys import JSON

Of = Literal["run", "target"]
OF: tuple[Of, ...] = get_args(Of)
TESTED: tuple[Split, ...] = ("query", "gallery")


def distribution_of(plan: Plan, *, of: Of = "run", sample: int = SAMPLE) -> Distribution:
    """Return the stage that compares real and translated images of a run's first split.

    Args:
        plan: of a run that translates.
        of: "run" compares the images that the run translates with those of the other domain;
            "target" translates the target's test images to the source whatever the run does.
        sample: images of each set.

    Raises:
        UsageError: if the run translates nothing, has several translators for test images, or one
            that does not translate to the source.
    """
    translated = _translated(plan)
    if of == "target" or plan.recipe.to_source:
        if len(translated) > 1:
            raise UsageError(
                f"'{plan.recipe.name}' has {len(translated)} translators, for groups of cameras: "
                "which of them the target's test images would go through is open; use --of run"
            )
        translated = _tests(plan, _going_back(translated[0]))
    return Distribution(plan.translation_quality[0].model, translated, sample)


def moving_of(plan: Plan) -> Generated:
    """Return the stage of a run's first split that records where pixels are moved to.

    Of a run that translates test images it is that of the gallery; of several translators, for
    groups of cameras, that of the first.

    Raises:
        UsageError: if the run translates nothing, or its translator moves no pixels.
    """
    first = _translated(plan)[0]
    if not isinstance(first, Generated):
        raise UsageError(f"'{plan.recipe.name}' has no translator: it trains no transforms")
    name = first.fitted.translator.name
    if type(first.fitted.translator.build()).warp is Translator.warp:
        raise UsageError(f"translator '{name}' moves no pixels: it has no spatial transforms")
    return first


def default_path(plan: Plan, stage: Stage, what: str, results: Path) -> Path:
    """Return where a figure of a run usually goes."""
    mark = stage.key.rpartition("/")[2][:8]
    name = f"{what}-{safe_letters(plan.recipe.name)}-{mark}-seed{plan.seed}.svg"
    return results / safe_letters(plan.setting.benchmark.name) / name


def draw_distribution(plan: Plan, folder: Path, by: Way, path: Path) -> tuple[dict[str, Any], str]:
    """Draw the artifact of a distribution.

    Args:
        plan: of the run.
        folder: of the artifact.
        by: how features are projected to the plane.
        path: file to write.

    Returns:
        The artifact's scores, and how the features were projected.

    Raises:
        ReidbenchError: if the file cannot be written, or scikit-learn is missing.
    """
    scores = json.loads((folder / SCORES).read_text())
    projection = project(np.load(folder / "features.npy"), by, plan.seed)
    write(scatter_of(plan, scores, np.load(folder / "sets.npy"), projection), path)
    return scores, projection.how


def scatter_of(
    plan: Plan, scores: Mapping[str, Any], sets: NDArray[np.int64], projection: Projection
) -> Scatter:
    """Return the figure of a distribution, its numbers in the caption."""
    clouds = tuple(
        Cloud(f"{told['name']} ({told['sampled']})", projection.points[sets == number])
        for number, told in enumerate(scores["sets"][name] for name in SETS)
    )
    title = (_title(plan), f"{scores['space']}; {projection.how}")
    return Scatter(title, projection.axes, clouds, (*_gaps(scores), *scores["warnings"]))


def _gaps(scores: Mapping[str, Any]) -> list[str]:
    measures = {"mmd2": "MMD²", "frechet": "Fréchet distance"}
    numbers = {k: [rounded(scores[n][k]) for n in ("before", "after", "floor")] for k in measures}
    return [
        "from the first set, before → after (between its halves):",
        *(f"{measures[k]} {b} → {a} ({halves})" for k, (b, a, halves) in numbers.items()),
    ]


@dataclass(frozen=True)
class Moved:
    """The transforms of a run's translated images.

    Attributes:
        title: what was translated.
        parameters: ``[N, P]``, a block of all originals for each code or camera.
        originals: how many images were translated.
        known: the true transforms, if the datasets tell them.
        shape: height / width of the images.
    """

    title: str
    parameters: NDArray[np.float32]
    originals: int
    known: Known | None
    shape: float

    @property
    def names(self) -> list[str]:
        """Names of the P parameters."""
        return parameter_names(self.parameters.shape[1])

    @property
    def corners(self) -> NDArray[np.float64] | None:
        """Places of the images' corners, ``[N, 4, 2]``; None unless by homographies."""
        whole = self.parameters.shape[1] == HOMOGRAPHY
        return moved_corners(self.parameters) if whole else None

    def to_dict(self) -> dict[str, JSON]:
        """Return what was found, ready for JSON."""
        columns = zip(self.names, self.parameters.T, strict=True)
        found: dict[str, JSON] = {
            "stage": self.title,
            "images": len(self.parameters),
            "translations_of_each": len(self.parameters) // self.originals,
            "parameters": {name: described(values) for name, values in columns},
        }
        if (corners := self.corners) is not None:
            far = np.linalg.norm(corners - CORNERS, axis=-1)
            each = zip(CORNER_NAMES, far.T, strict=True)
            found["corner_displacements"] = {name: described(values) for name, values in each}
            found["displacement"] = described(far.ravel())
            found["between_translations"] = between_codes(corners, self.originals)
            found["known_gap"] = None
            if self.known:
                grids = self.known.grid_errors(self.parameters)
                found["known_gap"] = {**self.known.to_dict(corners), **grids}
        return found


def moved_by(stage: Generated, folder: Path) -> Moved:
    """Read the transforms that translation recorded.

    Raises:
        ReidbenchError: if it recorded none: the translator moves no pixels as it is set.
    """
    file = folder / TRANSFORMS
    if not file.exists():
        name = stage.fitted.translator.name
        raise ReidbenchError(f"translator '{name}' moves no pixels as it is set")
    images, originals = stage.open(folder), stage.originals
    before, after = originals.data.dataset, stage.like.data.dataset
    known = known_gap(before, after, images.cams, stage.asked(folder))
    height, width = images.pixels.shape[1:3]
    count = len(before.samples(originals.split))
    return Moved(stage.title, np.load(file), count, known, height / width)


def transforms_of(plan: Plan, moved: Moved) -> Transforms:
    """Return the figure of the transforms, its numbers in the caption."""
    found, corners = moved.to_dict(), moved.corners
    each = found["translations_of_each"]
    several = "s" if each > 1 else ""
    lines = [f"{moved.title}: {moved.originals} images, {each} translation{several} of each"]
    if len(moved.names) > MOST_HISTOGRAMS:
        lines.append(f"the first {MOST_HISTOGRAMS} of {len(moved.names)} parameters are drawn")
    drawn = None
    if corners is not None:
        known = moved.known.corners.mean((0, 1)) if moved.known else None
        drawn = Corners(corners, known, moved.shape)
        if len(corners) > MOST_POINTS:
            lines.append(f"corners of {MOST_POINTS} of {len(corners)} translations are drawn")
        lines += _corner_lines(found)
    title = (_title(plan), "where corners are moved to, and the transforms' parameters")
    return Transforms(title, moved.parameters, tuple(moved.names), drawn, tuple(lines))


def _corner_lines(found: Mapping[str, Any]) -> list[str]:
    far = found["displacement"]
    lines = [f"corners move by {rounded(far['mean'])} ± {rounded(far['sd'])} (half a side is 1)"]
    if found["between_translations"] is not None:
        lines.append(f"{rounded(found['between_translations'])} between translations of one image")
    if gap := found["known_gap"]:
        lines.append(
            f"corner error against the known gap {rounded(gap['error'])}; "
            f"{rounded(gap['identity'])} if nothing moved"
        )
        lines.append(
            f"end-point error of the sampling grid {rounded(gap['grid_error'])}; "
            f"{rounded(gap['grid_identity'])} if nothing moved"
        )
    return lines


def _translated(plan: Plan) -> tuple[Translated, ...]:
    """Return what is translated of the first split, by each of its translators."""
    if not plan.translation_quality:
        raise UsageError(f"'{plan.recipe.name}' translates nothing; name a --translator")
    return tuple(
        p.translated for p in plan.translation_quality[: len(plan.recipe.perspective.pairs)]
    )


def _going_back(translated: Translated) -> Translated:
    """Return a translation whose translator also translates to the source, or refuse it."""
    if isinstance(translated, Generated):
        fitted = translated.fitted
        if "target-to-source" not in fitted.directions:
            raise UsageError(
                f"translator '{fitted.translator.name}' translates nothing to the source; use "
                "--of run"
            )
    return translated


def _tests(plan: Plan, translated: Translated) -> tuple[Translated, ...]:
    setting = plan.setting
    real = [setting.decode(setting.target, split) for split in TESTED]
    if isinstance(translated, TrueTranslation):
        source = setting.decode(setting.source, "train")
        return tuple(TrueTranslation(each, source, translated.parts) for each in real)
    if not isinstance(translated, Generated):
        raise UsageError(f"'{plan.recipe.name}' translates no test images: they are files")
    fitted = translated.fitted
    images: list[Decode] | list[Masked] = real
    if isinstance(seen := fitted.target, Masked):  # masks of the same making
        images = [replace(seen, images=each) for each in real]
    return tuple(TranslateTest(fitted, each, plan.precision) for each in images)


def _title(plan: Plan) -> str:
    setting = plan.setting
    where = f"{setting.benchmark.name} v{setting.benchmark.version}"
    opened = (setting.source, *setting.targets)
    synthetic = " (synthetic images)" if any(d.dataset.synthetic for d in opened) else ""
    split = ", first split" if len(setting.targets) > 1 else ""
    return f"{plan.recipe.name}: {where}{synthetic}{split}, seed {plan.seed}"
