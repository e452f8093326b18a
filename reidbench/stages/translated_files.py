"""Reading images that another program translated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from reidbench.data.decode import decode
from reidbench.data.translated_folder import (
    Naming,
    TranslatedFolder,
    Translations,
    find_translations,
)
from reidbench.data.without_corrupt import Without
from reidbench.errors import ReidbenchError, shown
from reidbench.stages.base import Stage, Work
from reidbench.stages.decode import DatasetImages, Decode
from reidbench.stages.translated import Translated
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class ReadTranslations(Translated):
    """The source's training images as another program translated them; labels stay.

    Attributes:
        images: training images of the source that have a translation.
        towards: training images of the target.
        translations: of all of the images.
    """

    kind: ClassVar[str] = "translated-files"

    images: Decode
    towards: DatasetImages
    translations: Translations

    @classmethod
    def of(
        cls, images: Decode, towards: DatasetImages, root: str, naming: Naming, *, missing: bool
    ) -> ReadTranslations:
        """Return the stage for a folder.

        Args:
            images: training images of the source.
            towards: those of the target.
            root: the folder.
            naming: of the files.
            missing: leave out the images that have no translation.

        Raises:
            ReidbenchError: if images have none and that is not wanted.
        """
        names = images.data.dataset.samples(images.split).names
        found = find_translations(root, names, naming)
        if found.missing and not missing:
            raise ReidbenchError(
                f"{len(found.missing):,} of {len(names):,} source images have no translation in "
                f"{shown(found.root)}, first {shown(found.missing[0])}; translate them, or learn "
                "from the others with --set files.missing=true"
            )
        if found.missing:
            view = Without(images.data.dataset, found.missing)
            data = replace(images.data, dataset=view, fingerprint=view.fingerprint())
            images = replace(images, data=data)
        return cls(images, towards, found)

    @property
    def title(self) -> str:
        """Title of the stage, for a person to read."""
        return f"read the translations in {shown(self.translations.root.name)}"

    @property
    def originals(self) -> Decode:
        """The images that were translated."""
        return self.images

    @property
    def like(self) -> DatasetImages:
        """The target's training images."""
        return self.towards

    def values(self) -> JSON:
        """Return what was translated, the naming and a digest of the files."""
        return {
            "images": self.images.values(),
            "naming": self.translations.naming,
            "files": self.fingerprint,
        }

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the translated files."""
        return self.translations.fingerprint

    @property
    def told(self) -> str:
        """The folder and its content, as results name it."""
        root = Path(self.translations.root).resolve()
        return f"translated elsewhere: {shown(root.name)}, files {self.fingerprint}"

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write pixels and labels, one block of all images for each style."""
        found, images = self.translations, self.images
        data = TranslatedFolder(images.data.dataset.samples(images.split), found)
        how = images.interpolation
        decode(data, images.split, images.size, work.folder, work.progress, interpolation=how)
        return {
            "images": len(data.samples(images.split)),
            "naming": found.naming,
            "styles": list(found.styles),
            "left_out": len(found.missing),
            "sizes": found.sizes(),
        }

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """None: the files lie outside the store."""
        return ()
