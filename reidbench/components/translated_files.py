"""A reference in place of a translator: images that another program translated."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from reidbench.data.translated_folder import Naming
from reidbench.interfaces import Batch, Clock, Context, ExtraLoss, Hops, Images, Log, Translator

_ELSEWHERE = "the pictures of 'files' were translated elsewhere"


class TranslatedFiles(Translator):
    """Reads translated images from a folder, so that any program's can be ranked.

    It trains nothing and translates no pixels. The source's training images are looked for by
    name; the results hold a fingerprint of the files.

    Args:
        root: the folder, e.g. of CamStyle's, SPGAN's or CycleGAN's program.
        naming: "camstyle" (``NAME_fake_1to2.jpg``), "fake" (``NAME_fake_B.png``), "same"
            (``NAME.png``), or "auto" for the one that the folder has.
        missing: learn from the translated images alone where some images have no translation;
            if not, that is refused.
    """

    reads_files: ClassVar[bool] = True
    files: ClassVar[frozenset[str]] = frozenset({"root"})
    names_the_method: ClassVar[frozenset[str]] = frozenset({"root", "naming", "missing"})

    def __init__(self, *, root: str = "", naming: Naming = "auto", missing: bool = False) -> None:
        super().__init__()
        self.root, self.naming, self.missing = root, naming, missing

    def setup(self, ctx: Context) -> None:
        """Build nothing."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Refuse."""
        raise NotImplementedError(_ELSEWHERE)

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Refuse."""
        raise NotImplementedError(_ELSEWHERE)
