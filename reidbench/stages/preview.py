"""Showing what a translation does, on a few images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from reidbench.data.arrays import ImageArray, to_uint8
from reidbench.engine.gan import SOURCE, TARGET, Route, translate, warps
from reidbench.engine.streams import stream
from reidbench.interfaces import Translator
from reidbench.registry.registry import DIRECTIONS
from reidbench.stages.base import Stage, Work
from reidbench.stages.translate import Translate, drawn_codes
from reidbench.stages.translated import Generated, Translated
from reidbench.stages.truth import Truth
from reidbench.storage.files import write_array
from reidbench.storage.keys import JSON

PREVIEW_COLUMNS = 8
PREVIEW_CODES = 3

Sheet = NDArray[np.uint8]


@dataclass(frozen=True)
class Preview(Stage):
    """A few images beside their translation, their reconstruction and the destination's images.

    Attributes:
        truth: renders what the translation should show, where that is known.
    """

    kind: ClassVar[str] = "preview"

    translated: Translated
    truth: Truth | None = None

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return "draw examples"

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each row of the sheet."""
        real, style = self._domains
        back = () if self._one_way else ("reconstructed",)
        return (real, *self._truth_label, "translated", *back, style)

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translated images and what they were made with."""
        return (self.translated, *self.translated.inputs)

    def values(self) -> JSON:
        """Return the number of columns, and whether the truth is shown."""
        back = {"reconstructed": False} if self._one_way else {}
        return {"columns": PREVIEW_COLUMNS, **back, **self._truth_value}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``rows.npy``, ``[R, columns, H, W, 3]`` uint8; R as ``labels``."""
        real, style = (
            stage.open(work.of(stage))
            for stage in (self.translated.originals, self.translated.like)
        )
        rows = _one_a_person(real)
        truth = self._truth(rows, work)
        made = self.made(real, rows, work)
        work.progress(len(rows), len(rows), {})
        styles = style.pixels[np.linspace(0, len(style) - 1, len(rows)).astype(int)]
        write_array(work.folder / "rows.npy", np.stack([real.pixels[rows], *truth, *made, styles]))
        return {"labels": list(self.labels)}

    def made(self, real: ImageArray, rows: NDArray[np.int64], work: Work) -> list[Sheet]:
        """Return the rows between the real images, or the truth, and those of the destination."""
        assert isinstance(self.translated, Generated)
        fitted = self.translated.fitted
        translator = fitted.load(work)
        with stream(fitted.seed, self.kind):
            return self.generated(translator, real, rows, work)

    def generated(
        self, translator: Translator, real: ImageArray, rows: NDArray[np.int64], work: Work
    ) -> list[Sheet]:
        """Return the rows that the translator makes."""
        fakes = self.translated.open(work.of(self.translated))
        if self._one_way:
            return [fakes.pixels[rows]]
        # The translator sees its own rounded output, as a learner does.
        masks = None if real.masks is None else real.masks[rows]
        shown = ImageArray(fakes.pixels[rows], fakes.pids[rows], fakes.cams[rows], masks)
        src, dst = (SOURCE, TARGET) if self.translated.to_source else (TARGET, SOURCE)
        back = translate(translator, Route(shown, np.arange(len(shown)), src, dst), work.hardware)
        return [shown.pixels, np.concatenate([*back])]

    @property
    def _one_way(self) -> bool:
        """True if the translator cannot translate the translations back."""
        shown = self.translated
        return isinstance(shown, Generated) and shown.fitted.directions != set(DIRECTIONS)

    @property
    def _domains(self) -> tuple[str, str]:
        return ("target", "source") if self.translated.to_source else ("source", "target")

    @property
    def _truth_label(self) -> tuple[str, ...]:
        return ("truth",) if self.truth else ()

    @property
    def _truth_value(self) -> dict[str, JSON]:
        return {"truth": True} if self.truth else {}  # keys are older than the row

    def _truth(self, rows: NDArray[np.int64], work: Work) -> list[Sheet]:
        """Return what the translations in the same columns should show, if that is known."""
        if self.truth is None:
            return []
        folder = work.of(self.translated)
        asked = self.translated.asked(folder)
        shown = self.translated.open(folder).pixels[rows]
        return [self.truth.beside(shown, rows, None if asked is None else asked[rows])]


@dataclass(frozen=True)
class TruePreview(Preview):
    """The same where no translator of the run made the translation; nothing is reconstructed."""

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translated images, and the real ones of both domains."""
        return (self.translated, self.translated.originals, self.translated.like)

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each row of the sheet."""
        real, style = self._domains
        return (real, *self._truth_label, "translated", style)

    def made(self, real: ImageArray, rows: NDArray[np.int64], work: Work) -> list[Sheet]:
        """Return the translated images."""
        return [self.translated.open(work.of(self.translated)).pixels[rows]]


@dataclass(frozen=True)
class SpatialPreview(Preview):
    """The same for a translator that moves pixels: mask, moved pixels, several codes.

    A translation is shown for each of several codes; nothing is reconstructed.

    Attributes:
        masked: True if the translator reads person masks.
    """

    translated: Translate
    masked: bool = False

    @property
    def labels(self) -> tuple[str, ...]:
        """Label of each row of the sheet."""
        masks = ("mask",) if self.masked else ()
        codes = [f"adapted, code {k}" for k in range(1, PREVIEW_CODES + 1)]
        return ("source", *self._truth_label, *masks, "spatially adapted", *codes, "target")

    def values(self) -> JSON:
        """Return the number of columns and codes, and whether there are masks."""
        shown = {"columns": PREVIEW_COLUMNS, "codes": PREVIEW_CODES, "masked": self.masked}
        return {**shown, **self._truth_value}

    def generated(
        self, translator: Translator, real: ImageArray, rows: NDArray[np.int64], work: Work
    ) -> list[Sheet]:
        """Return masks, pixels moved by the first code, and the translation by each code."""
        fitted, count = self.translated.fitted, len(real)
        codes = drawn_codes(fitted, count, PREVIEW_CODES, translator.code_size)
        assert codes is not None
        routes = [
            Route(real, rows, SOURCE, TARGET, codes[block * count + rows])
            for block in range(PREVIEW_CODES)
        ]
        adapted = [np.concatenate([*translate(translator, r, work.hardware)]) for r in routes]
        masks = [] if real.masks is None else [np.repeat(real.masks[rows][..., None], 3, 3)]
        return [*(masks if self.masked else []), _moved(translator, routes[0], work), *adapted]


def _moved(translator: Translator, route: Route, work: Work) -> Sheet:
    """Return the images of a route with their pixels moved, if they are, and nothing else."""
    pixels = route.images.images(route.rows, work.hardware.device).pixels
    if grids := [warp.grid for warp in warps(translator, route, work.hardware)]:
        pixels = F.grid_sample(pixels, torch.cat(grids), padding_mode="border", align_corners=False)
    return to_uint8(pixels)


def _one_a_person(images: ImageArray) -> NDArray[np.int64]:
    firsts: NDArray[np.int64] = np.unique(images.pids, return_index=True)[1].astype(np.int64)
    chosen = np.linspace(0, len(firsts) - 1, min(PREVIEW_COLUMNS, len(firsts)))
    return firsts[chosen.astype(np.int64)]
