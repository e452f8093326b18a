"""Images with person masks, that a segmenter learns from: a folder of pairs, or rendered ones.

Nobody is told apart in them: all persons are 0, all cameras too. Split "train" is learned from,
"query" is held out to measure on, and "gallery" is empty.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import DISTRACTOR, SPLITS, Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest
from reidbench.data.image_files import is_clutter, read_labels, read_rgb
from reidbench.data.places import scan, stays_inside
from reidbench.data.synthetic import Synthetic
from reidbench.data.without_corrupt import Without, find_corrupt
from reidbench.errors import ReidbenchError, shown
from reidbench.progress import Progress, silent
from reidbench.storage.keys import digest

IMAGES, MASKS = "images", "masks"
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
MASK_SUFFIXES = (".png", ".bmp")
EXPECTED = (
    f"a folder with {IMAGES} and {MASKS}, whose files have the same names up to the suffix, such "
    f"as {IMAGES}/anything.jpg and {MASKS}/anything.png"
)
HELD_OUT = 10  # of so many images one
NAMED = 3  # files in a message

CAMERAS, SHOTS, OCCLUDERS = 6, 2, 0.2


class MaskPairs(Dataset):
    """A folder of pairs: ROOT/images/NAME.SUFFIX and ROOT/masks/NAME.png.

    Images are JPEG, PNG or BMP files, masks PNG or BMP files of their image's size (a JPEG file's
    noise would be taken for persons). Every pixel of a mask that is not 0 is on the person: of a
    black and white mask the white ones, of a label map such as those of Look into Person all
    labels but the background, 0. Both lie in no further folders.

    Every tenth pair by name, from the first on, is held out.

    Args:
        root: the folder that holds both.
    """

    has_masks = True
    terms: ClassVar[str] = "As their owner says."

    def __init__(self, *, root: str) -> None:
        """Remember where the folder is; nothing is read before it is asked for."""
        self._root = root

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to a worker as the path alone; the worker lists the folders once."""
        return _reopen, (self._root,)

    @property
    def home(self) -> Path:
        """The folder that holds both."""
        return Path(self._root).expanduser()

    @property
    def population(self) -> str:
        """The folder's name, for titles."""
        return self.home.resolve().name

    def samples(self, split: Split) -> Samples:
        """Return the images of a split.

        Raises:
            ReidbenchError: if a folder is missing, something else is in it, or naming the files
                that have no partner.
        """
        return _nobody([f"{IMAGES}/{image}" for image, _ in self._pairs_of(split)])

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[h, w, 3]`` RGB."""
        return read_rgb(self.home / IMAGES / self._pairs_of(split)[index][0])

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one mask, ``[h, w]``, 255 on the person and 0 elsewhere.

        Raises:
            ReidbenchError: naming the file, if it cannot be decoded or is not of its image's size.
        """
        image, mask = self._pairs_of(split)[index]
        labels = read_labels(self.home / MASKS / mask)
        if labels.shape != self.read(split, index).shape[:2]:
            path = shown(self.home / MASKS / mask)
            raise ReidbenchError(f"{path} has not the size of its image {shown(image)}")
        return np.where(labels > 0, np.uint8(255), np.uint8(0))

    def fingerprint(self) -> str:
        """Return a digest of the files, not of where they lie."""
        pairs = self._pairs.items()
        names = [name for image, mask in pairs for name in (f"{IMAGES}/{image}", f"{MASKS}/{mask}")]
        return digest(["mask pairs", self.version, files_digest(self.home, names)])

    def check(self) -> list[str]:
        """Return the problems of the folder and of its files."""
        try:
            corrupt = find_corrupt(self)
        except ReidbenchError as error:
            return [str(error)]
        return [f"{shown(self.home / name)}: {reason}" for name, reason in corrupt]

    def _pairs_of(self, split: Split) -> list[tuple[str, str]]:
        pairs = list(self._pairs.items())
        if split == "query":
            return pairs[::HELD_OUT]
        return [p for place, p in enumerate(pairs) if place % HELD_OUT] if split == "train" else []

    @cached_property
    def _pairs(self) -> Mapping[str, str]:
        """The name of each image's mask, by the image's name."""
        images = self._stems(IMAGES, IMAGE_SUFFIXES)
        masks = self._stems(MASKS, MASK_SUFFIXES)
        single = [f"{IMAGES}/{images[stem]}" for stem in sorted(images.keys() - masks.keys())]
        single += [f"{MASKS}/{masks[stem]}" for stem in sorted(masks.keys() - images.keys())]
        if single:
            more = f" and {len(single) - NAMED:,} more" if len(single) > NAMED else ""
            names = ", ".join(map(shown, single[:NAMED]))
            self._refuse(f"no file of the same name in the other folder for {names}{more}")
        if len(images) < 2:
            self._refuse(f"{len(images)} pairs; one is to learn from and one to measure on")
        return {images[stem]: masks[stem] for stem in sorted(images)}

    def _stems(self, folder: str, suffixes: Sequence[str]) -> dict[str, str]:
        """Return the names of a folder's files by what stands before the suffix."""
        path = self.home / folder
        if not path.is_dir():
            self._refuse(f"there is no folder {shown(path)}")
        if not stays_inside(path, self.home):
            self._refuse(f"{shown(path)} is a link that leaves {shown(self.home)}")
        found: dict[str, str] = {}
        for name in self._names(folder, suffixes):
            stem = name[: name.rindex(".")]
            if stem in found:
                both = f"{shown(found[stem])} and {shown(name)}"
                self._refuse(f"{both} in {shown(path)} have the same name")
            found[stem] = name
        return found

    def _names(self, folder: str, suffixes: Sequence[str]) -> Iterator[str]:
        for entry in scan(self.home / folder):
            if is_clutter(entry.name):
                continue
            path = Path(entry.path)
            if entry.is_symlink() and not stays_inside(path, self.home):
                self._refuse(f"{shown(path)} is a link that leaves {shown(self.home)}")
            if not path.is_file() or path.suffix.lower() not in suffixes:
                self._refuse(f"{shown(path)} is no file in {', '.join(suffixes)}")
            yield entry.name

    def _refuse(self, problem: str) -> None:
        raise ReidbenchError(f"mask pairs: {problem}; expected {EXPECTED}")


class RenderedPairs(Dataset):
    """Pedestrians of several synthetic domains with their masks.

    Six cameras see every person twice; something stands before one in five. Of each domain one
    half of the persons (rounded up) is learned from, one image a camera of the others is held out.

    Args:
        domains: looks, as those of the synthetic dataset.
        ids: persons of each domain.
        seed: seed of persons, cameras and images; another than a benchmark's shows other people.

    Raises:
        UsageError: if a domain is unknown, or too few or many persons.
    """

    synthetic: ClassVar[bool] = True
    has_masks = True
    terms: ClassVar[str] = Synthetic.terms

    def __init__(self, *, domains: tuple[str, ...], ids: int, seed: int) -> None:
        """Check the parameters."""
        self._domains = tuple(domains)
        self._parts = [
            Synthetic(
                domain=domain,
                ids=ids,
                cameras=CAMERAS,
                images_per_camera=SHOTS,
                seed=seed,
                occluders=OCCLUDERS,
            )
            for domain in domains
        ]

    @property
    def population(self) -> str:
        """That they are rendered, and in which domains, for titles."""
        return f"synthetic:{'+'.join(self._domains)}"

    def samples(self, split: Split) -> Samples:
        """Return the images of a split, domain by domain."""
        if split == "gallery":
            return _nobody([])
        parts = zip(self._domains, self._parts, strict=True)
        return _nobody([f"{d}/{name}" for d, part in parts for name in part.samples(split).names])

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one image, ``[128, 64, 3]`` RGB."""
        part, place = self._place(split, index)
        return part.read(split, place)

    def read_mask(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one mask, ``[128, 64]`` in 0..255: the person and what they carry."""
        part, place = self._place(split, index)
        return part.read_mask(split, place)

    def fingerprint(self) -> str:
        """Return a digest of the domains' own."""
        return digest(["rendered pairs", self.version, [p.fingerprint() for p in self._parts]])

    def check(self) -> list[str]:
        """Return nothing: there are no files that could be wrong."""
        return []

    def _place(self, split: Split, index: int) -> tuple[Synthetic, int]:
        starts = [0, *accumulate(len(part.samples(split)) for part in self._parts)]
        number = bisect_right(starts, index) - 1
        return self._parts[number], index - starts[number]


def open_pairs(
    pairs: Dataset, *, skip_corrupt: bool = False, progress: Progress = silent
) -> OpenDataset:
    """Return pairs as an open dataset, whose title says where they are from.

    Args:
        pairs: images with masks, of which "query" is held out.
        skip_corrupt: leave out pairs of which the image or mask cannot be decoded.
        progress: callback for images examined and in all.

    Raises:
        ReidbenchError: if they cannot be read, or there is nothing to learn from or measure on.
    """
    left_out: tuple[str, ...] = ()
    if skip_corrupt:
        left_out = tuple(name for name, _ in find_corrupt(pairs, SPLITS, progress))
        pairs = Without(pairs, left_out) if left_out else pairs
    for split in SPLITS[:2]:
        if not len(pairs.samples(split)):
            raise ReidbenchError(f"'{shown(pairs.population)}' has no pairs left for {split}")
    return OpenDataset(pairs.population, {}, pairs, pairs.fingerprint(), left_out)


def _nobody(names: Sequence[str]) -> Samples:
    nobody = np.full(len(names), DISTRACTOR, dtype=np.int64)
    return Samples(tuple(names), nobody, np.zeros_like(nobody))


@lru_cache(maxsize=8)
def _reopen(root: str) -> MaskPairs:
    """Return one instance a process, so that a worker lists the folders for its first task only."""
    return MaskPairs(root=root)
