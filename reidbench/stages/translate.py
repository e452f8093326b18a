"""Translating with a trained translator, in either direction."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Split, name_in_keys
from reidbench.engine.gan import SOURCE, TARGET, Route, translate, warps
from reidbench.engine.hardware import Hardware
from reidbench.engine.streams import stream
from reidbench.interfaces import Translator
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages
from reidbench.stages.fit_translator import FitTranslator
from reidbench.stages.translated import Generated
from reidbench.storage.files import mapped_array, write_array
from reidbench.storage.keys import JSON, derive_seed

Rows = NDArray[np.int64]
Codes = NDArray[np.float32]

TRANSFORMS = "transforms.npy"


@dataclass(frozen=True)
class Translate(Generated):
    """Translate the source's training images to the target's style; labels stay.

    Attributes:
        cameras: for a translator that tells the target's cameras apart, whether each image is
            translated to "all" of them, one block of images after another, or to "one".
        codes: for a translator that takes codes, how many translations of each image are made,
            one block of images after another, each image with a code of its own.
    """

    kind: ClassVar[str] = "translate"

    fitted: FitTranslator
    precision: str
    cameras: Literal["", "all", "one"] = ""
    codes: int = 0

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"translate {self.fitted.source.data.title} train"

    @property
    def originals(self) -> DatasetImages:
        """The source's training images."""
        return self.fitted.source

    @property
    def like(self) -> DatasetImages:
        """The target's training images."""
        return self.fitted.target

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translator and the images it was trained on."""
        return (self.fitted, *self.fitted.inputs)

    def values(self) -> JSON:
        """Return the precision and, where there is a choice, the cameras and codes."""
        cameras = {"cameras": self.cameras} if self.cameras else {}
        codes = {"codes": self.codes} if self.codes else {}
        return {"precision": self.precision, **cameras, **codes}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the translated images with the source's labels, and the domain of each.

        Where a code picks the translation, also ``codes.npy`` ``[N, C]``; where pixels move, also
        ``transforms.npy`` ``[N, P]``, the parameters of ``Translator.warp``.
        """
        source = self.fitted.source.open(work.of(self.fitted.source))
        translator = self.fitted.load(work)
        domains = self._domains(len(source), work)
        blocks = len(domains) // len(source)
        codes = drawn_codes(self.fitted, len(source), blocks, translator.code_size)
        translations = Translations(source, np.full_like(domains, SOURCE), domains, codes)
        with stream(self.fitted.seed, self.kind):
            translations.write(translator, work)
        for name, array in {"domains": domains, "codes": codes}.items():
            if array is not None:
                write_array(work.folder / f"{name}.npy", array)
        return {"images": len(domains)}

    def asked(self, folder: Path) -> Rows | None:
        """Return the target's camera of each image, if the translator tells cameras apart."""
        if not self.cameras:
            return None
        there = np.unique(self.like.data.dataset.samples("train").cams)
        asked: Rows = there[np.load(folder / "domains.npy") - TARGET]
        return asked

    def _domains(self, rows: int, work: Work) -> Rows:
        """Return the domain of each translated image, one block of all source images or several."""
        if not self.cameras:
            return np.full(rows * max(1, self.codes), TARGET)
        target = self.fitted.target.open(work.of(self.fitted.target))
        count = len(np.unique(target.cams))
        if self.cameras == "all":
            return np.repeat(np.arange(TARGET, TARGET + count), rows)
        rng = np.random.default_rng(derive_seed(self.fitted.seed, self.kind, "cameras"))
        return rng.integers(TARGET, TARGET + count, rows)


@dataclass(frozen=True)
class Translations:
    """Images to translate, with the domains and codes of each translation.

    Attributes:
        originals: the images; the output has blocks of all of them.
        src: ``[N]`` domain of each image of the output before it is translated.
        dst: ``[N]`` and after.
        codes: ``[N, C]``, or None.
    """

    originals: ImageArray
    src: Rows
    dst: Rows
    codes: Codes | None = None

    def write(self, translator: Translator, work: Work) -> None:
        """Write the translated images, their labels and, where pixels move, the transforms."""
        shape = (len(self.dst), *self.originals.pixels.shape[1:])
        pixels = mapped_array(work.folder / "pixels.npy", shape)
        self._fill(translator, pixels, work)
        pixels.flush()
        blocks = len(self.dst) // len(self.originals)
        for name in ("pids", "cams"):
            labels = np.tile(getattr(self.originals, name), blocks)
            write_array(work.folder / f"{name}.npy", labels)
        moved = self._transforms(translator, work.hardware)
        if moved is not None:
            write_array(work.folder / TRANSFORMS, moved)

    def _fill(self, translator: Translator, out: NDArray[np.uint8], work: Work) -> None:
        """Put the translated images into ``out`` ``[N, H, W, 3]``."""
        done = 0
        for places, route in self._routes():
            for batch in translate(translator, route, work.hardware):
                out[places[: len(batch)]] = batch
                places, done = places[len(batch) :], done + len(batch)
                work.progress(done, len(self.dst), {})

    def _transforms(self, translator: Translator, hardware: Hardware) -> Codes | None:
        """Return the warp parameters of each image, ``[N, P]``; None if no pixel moves."""
        found: Codes | None = None
        for places, route in self._routes():
            for warp in warps(translator, route, hardware):
                parameters = warp.parameters.cpu().numpy()
                if found is None:
                    found = np.empty((len(self.dst), parameters.shape[1]), np.float32)
                found[places[: len(parameters)]] = parameters
                places = places[len(parameters) :]
        return found

    def _routes(self) -> Iterator[tuple[Rows, Route]]:
        """Yield each route, and the places in the output of the images that take it."""
        ends = np.stack([self.src, self.dst], 1)
        for src, dst in np.unique(ends, axis=0).tolist():
            places = np.flatnonzero((self.src == src) & (self.dst == dst))
            codes = None if self.codes is None else self.codes[places]
            yield places, Route(self.originals, places % len(self.originals), src, dst, codes)


@dataclass(frozen=True)
class TranslateTest(Generated):
    """Translate test images of the target to the source's style; labels stay.

    Lv and Wang, "Cross-dataset Person Re-Identification Using Similarity Preserved Generative
    Adversarial Networks", KSEM 2018, section 4.1. Where a code picks one of several translations
    it is zero, the mean.

    Attributes:
        images: images of the split query, gallery or multi_query.
    """

    kind: ClassVar[str] = "translate-test"
    version: ClassVar[int] = 2

    fitted: FitTranslator
    images: DatasetImages
    precision: str

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"translate {self.images.data.title} {self.images.split} to the source"

    @property
    def to_source(self) -> bool:
        """Return True: test images are translated."""
        return True

    @property
    def data(self) -> OpenDataset:
        """The target."""
        return self.images.data

    @property
    def split(self) -> Split:
        """The split of the test images."""
        return self.images.split

    @property
    def originals(self) -> DatasetImages:
        """The test images."""
        return self.images

    @property
    def like(self) -> DatasetImages:
        """The source's training images."""
        return self.fitted.source

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translator, what it was trained on, and the test images."""
        return (self.fitted, *self.fitted.inputs, self.images)

    def values(self) -> JSON:
        """Return the precision."""
        return {"precision": self.precision}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the translated images with the labels of the real ones.

        Where pixels move, also ``transforms.npy`` ``[N, P]``, the parameters of
        ``Translator.warp``.
        """
        real = self.images.open(work.of(self.images))
        translator = self.fitted.load(work)
        domains = self._domains(real, translator, work)
        with stream(self.fitted.seed, self.kind, name_in_keys(self.split)):
            Translations(real, domains, np.full_like(domains, SOURCE)).write(translator, work)
        return {"images": len(real)}

    def _domains(self, real: ImageArray, translator: Translator, work: Work) -> Rows:
        """Return the domain of each test image: of the target, or of its camera."""
        if translator.split == "dataset":
            return np.full(len(real), TARGET)
        target = self.fitted.target.open(work.of(self.fitted.target))
        return TARGET + np.searchsorted(np.unique(target.cams), real.cams)


def drawn_codes(fitted: FitTranslator, rows: int, blocks: int, size: int) -> Codes | None:
    """Return codes ``[blocks * rows, size]`` from a normal distribution; None if size is 0.

    Those of the first blocks are the same however many there are.
    """
    if not size:
        return None
    seeds = [derive_seed(fitted.seed, "translate", "codes", block) for block in range(blocks)]
    drawn = [np.random.default_rng(seed).standard_normal((rows, size)) for seed in seeds]
    return np.concatenate(drawn).astype(np.float32)
