"""Images that another program translated, found by the names of what it translated."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reidbench.data.dataset import Dataset, Samples, Split
from reidbench.data.fingerprints import files_digest
from reidbench.data.image_files import FORMATS, SUFFIXES, read_rgb
from reidbench.errors import ReidbenchError, UsageError, did_you_mean, shown

Naming = Literal["auto", "camstyle", "fake", "same"]

# What is left of a name without its ending, and the style that it tells.
_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "camstyle": re.compile(r"(?P<stem>.+)_fake_\d+to(?P<style>\d+)"),
    "fake": re.compile(r"(?P<stem>.+)_fake(?:_[AB])?"),
    "same": re.compile(r"(?P<stem>.+)"),
}
_ENDING = re.compile(SUFFIXES + "$", re.IGNORECASE)


@dataclass(frozen=True)
class Translations:
    """The translated files of a folder.

    Attributes:
        root: of the folder.
        naming: by which they were found.
        styles: one after another, each with a file for every image; CamStyle has a style a camera.
        missing: names of the images that have no translation.
    """

    root: Path
    naming: str
    styles: Mapping[str, Mapping[str, str]]
    missing: tuple[str, ...]

    @property
    def files(self) -> list[str]:
        """Paths of all files below the root."""
        return sorted({file for style in self.styles.values() for file in style.values()})

    @property
    def fingerprint(self) -> str:
        """Digest of the names and contents of the files."""
        return files_digest(self.root, self.files)[:16]

    def sizes(self) -> dict[str, int]:
        """Return how many of the files have each height and width, the commonest first."""
        found: Counter[str] = Counter()
        for file in self.files:
            try:
                with Image.open(self.root / file, formats=FORMATS) as image:
                    found["x".join(map(str, image.size[::-1]))] += 1
            except OSError as error:
                raise ReidbenchError(f"cannot decode {shown(self.root / file)}") from error
        return dict(found.most_common())


def find_translations(root: str, names: Sequence[str], naming: Naming = "auto") -> Translations:
    """Return the files of a folder that are translations of images.

    A file is that of an image by its path without the ending, or by its name alone where no two
    images and no two files share it.

    Args:
        root: folder of the files, at any depth.
        names: of the images, relative to their dataset.
        naming: "camstyle" for ``NAME_fake_1to2.jpg``, one file for each camera; "fake" for
            ``NAME_fake_B.png``, as CycleGAN's and SPGAN's programs write; "same" for ``NAME.png``;
            "auto" for the one of them that the folder has.

    Raises:
        UsageError: if there is no such folder or naming, or several namings are understood.
        ReidbenchError: if some images have fewer translations than others.
    """
    folder = Path(root).expanduser()
    if naming not in get_args(Naming):
        raise UsageError(f"no naming is called '{naming}'{did_you_mean(naming, get_args(Naming))}")
    if not root or not folder.is_dir():
        raise UsageError(
            f"there is no folder of translated images at '{shown(root)}': name it with "
            "--set files.root=FOLDER"
        )
    files = _image_files(folder)
    wanted = ("camstyle", "fake", "same") if naming == "auto" else (naming,)
    found = {each: _by_style(names, files, each) for each in wanted}
    understood = [each for each, styles in found.items() if styles]
    if len(understood) > 1:
        counts = ", ".join(f"{e} ({len(set().union(*found[e].values()))})" for e in understood)
        raise UsageError(
            f"{shown(folder)} holds translations by several namings, {counts}; name the one that "
            f"is meant: --set files.naming={understood[0]}"
        )
    if not understood:
        raise ReidbenchError(_nothing(folder, files, names))
    (chosen,) = understood
    return Translations(folder, chosen, *_complete(folder, names, found[chosen]))


class TranslatedFolder(Dataset):
    """Translated images as the images of a split, one block of all images for each style.

    Args:
        samples: the images that were translated, whose labels stay.
        translations: of all of them.
    """

    def __init__(self, samples: Samples, translations: Translations) -> None:
        self._root = translations.root
        styles = translations.styles.values()
        self._files = [style[name] for style in styles for name in samples.names]
        self._pids, self._cams = (
            np.tile(labels, len(styles)) for labels in (samples.pids, samples.cams)
        )

    def samples(self, split: Split) -> Samples:
        """Return the translated images, whatever the split."""
        return Samples(self._files, self._pids, self._cams)

    def read(self, split: Split, index: int) -> NDArray[np.uint8]:
        """Return one translated image, ``[h, w, 3]`` RGB."""
        return read_rgb(self._root / self._files[index])

    def fingerprint(self) -> str:
        """Return a digest of the files."""
        return files_digest(self._root, self._files)

    def check(self) -> list[str]:
        """Find nothing: what is missing was refused before."""
        return []


def _image_files(folder: Path) -> list[str]:
    """Return the paths of all image files below a folder."""
    found = []
    for place, _, files in os.walk(folder):
        below = PurePosixPath(Path(place).relative_to(folder).as_posix())
        found += [str(below / file) for file in files if _ENDING.search(file)]
    return sorted(found)


def _by_style(names: Sequence[str], files: Iterable[str], naming: str) -> dict[str, dict[str, str]]:
    """Return, by style, the file of each image that has one."""
    by_path: dict[tuple[str, str], list[str]] = defaultdict(list)
    by_name: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in files:
        match = _PATTERNS[naming].fullmatch(_ENDING.sub("", file))
        if match and not (naming == "fake" and _PATTERNS["camstyle"].fullmatch(match[0])):
            style = match.groupdict().get("style", "")
            by_path[match["stem"], style].append(file)
            by_name[PurePosixPath(match["stem"]).name, style].append(file)
    stems = {name: _ENDING.sub("", name) for name in names}
    alone = Counter(PurePosixPath(stem).name for stem in stems.values())
    found: dict[str, dict[str, str]] = {}
    for style in sorted({style for _, style in by_path}, key=lambda s: (len(s), s)):
        here = {
            name: file
            for name, stem in stems.items()
            if (file := _file_of(stem, style, by_path, by_name, alone))
        }
        found |= {style: here} if here else {}
    return found


def _file_of(
    stem: str,
    style: str,
    by_path: Mapping[tuple[str, str], list[str]],
    by_name: Mapping[tuple[str, str], list[str]],
    alone: Mapping[str, int],
) -> str:
    """Return the file of an image; empty if there is none, or several could be meant."""
    name = PurePosixPath(stem).name
    exact = by_path.get((stem, style), [])
    loose = by_name.get((name, style), []) if alone[name] == 1 else []
    return next((found[0] for found in (exact, loose) if len(found) == 1), "")


def _complete(
    folder: Path, names: Sequence[str], styles: Mapping[str, Mapping[str, str]]
) -> tuple[Mapping[str, Mapping[str, str]], tuple[str, ...]]:
    """Return the styles of all images that have them, and the names of those that have none."""
    known = set().union(*styles.values())
    for style, files in styles.items():
        if lacking := sorted(known - set(files)):
            raise ReidbenchError(
                f"{len(lacking):,} images have no translation to {style} in {shown(folder)} though "
                f"they have others, first {shown(lacking[0])}; every image takes the same"
            )
    return styles, tuple(name for name in names if name not in known)


def _nothing(folder: Path, files: Sequence[str], names: Sequence[str]) -> str:
    stem = PurePosixPath(_ENDING.sub("", names[0])).name
    there = f"it holds {len(files):,} images, first {shown(files[0])}" if files else "it holds none"
    return (
        f"{shown(folder)} holds no translation of any source image: {there}; expected names such "
        f"as {shown(stem)}_fake_B.png, {shown(stem)}_fake_1to2.jpg or {shown(stem)}.png, each once"
    )
