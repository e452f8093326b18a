"""The contract of translators, which translate images between domains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from torch import Tensor

from reidbench.interfaces.context import Context
from reidbench.interfaces.hop import Batch, Hops, Images
from reidbench.interfaces.log import Log
from reidbench.interfaces.trainable import Trainable
from reidbench.registry.registry import DIRECTIONS

if TYPE_CHECKING:
    from reidbench.data.augment import Augmentation
    from reidbench.interfaces.clock import Clock

ExtraLoss = Callable[[Hops], Tensor]
"""Sum of the constraints' weighted terms over a step's hops."""

LossWatch = Callable[[Mapping[str, Tensor], Sequence[Tensor]], None]
"""Looks at the generators' losses, by name, and at the pixels that the generators drew."""


@dataclass(frozen=True)
class Warp:
    """Spatial transform of a translation: the place that each pixel moves to.

    Attributes:
        parameters: ``[B, P]`` of the transform; those of a homography are its matrix ``[3, 3]`` row
            by row, which takes a point ``(x, y, 1)`` of the real image to where the translated one
            shows it. Both in [-1, 1] from the left and upper border to the right and lower one.
        grid: ``[B, H, W, 2]`` the point of the real image that each pixel is sampled from, as
            ``torch.nn.functional.grid_sample`` has it without ``align_corners``.
    """

    parameters: Tensor
    grid: Tensor


class Translator(Trainable, ABC):
    """Translates images between domains.

    Attributes:
        split: domains it tells apart: the two datasets, or the source and each target camera.
        between_cameras: True if it also translates from one camera of the target to another.
        directions: those it translates in, of {"source-to-target", "target-to-source"}; runs in
            another are refused, and pictures have no row of images translated back.
        provides: the optional hop fields that its hops carry, of {"rec", "idt", "grid"}.
        needs: {"mask"} if it reads person masks.
        reads_truth: True if runs take the true pictures of rendered domains in place of its own:
            it has ``parts``, those of ``TRUTH_PARTS`` that they show.
        reads_files: True if runs take images that another program translated in place of its own:
            it has ``root``, ``naming`` and ``missing``, as ``TranslatedFiles`` has.
        names_the_method: parameters that tell whose method it is: a value set by hand is no
            deviation from the benchmark.
        code_size: length of the code, drawn from a normal distribution, that picks one of several
            translations of an image; 0 if there is one.
        augmentation: random changes to the images of each training batch.
        chance_losses: what the discriminators' losses are where real and translated images look
            alike to them, by name; far below that they have won, and teach the generators little.
        loss_watch: set by the training loop at the steps that it looks at; see ``report_losses``.
    """

    split: ClassVar[Literal["dataset", "camera"]] = "dataset"
    between_cameras: ClassVar[bool] = False
    directions: ClassVar[frozenset[str]] = frozenset(DIRECTIONS)
    reads_truth: ClassVar[bool] = False
    reads_files: ClassVar[bool] = False
    names_the_method: ClassVar[frozenset[str]] = frozenset()
    provides: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    code_size: int = 0
    augmentation: Augmentation
    chance_losses: Mapping[str, float] = MappingProxyType({})
    loss_watch: LossWatch | None = None

    @abstractmethod
    def setup(self, ctx: Context) -> None:
        """Build networks and optimisers."""

    @abstractmethod
    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        """Update the networks once; return the hops made and the losses to show.

        ``extra_loss(hops)`` is the sum of the constraints' weighted terms, to be added to the
        generators' loss; it may be skipped on steps where the generators rest.
        """

    def report_losses(self, losses: Mapping[str, Tensor], pixels: Sequence[Tensor]) -> None:
        """Tell the generators' own weighted losses, after ``extra_loss`` and before their step.

        Results then show how much each loss pulls at the translated pixels; a translator that does
        not call it has no such figures. It changes nothing.

        Args:
            losses: scalars by name, with their graphs.
            pixels: what the generators drew from real images (``Hop.drawn``), from which all losses
                and the hops were computed: not copies of it, nor views.
        """
        if self.loss_watch is not None:
            self.loss_watch(losses, pixels)

    @abstractmethod
    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        """Translate ``images`` of domain ``src`` to domain ``dst``; ``[B, 3, H, W]`` in [-1, 1].

        ``code`` is ``[B, code_size]``; None is the mean of its distribution, zeros.
        """

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp | None:
        """Return the warp that ``translate`` applies to the same images and code.

        None if it moves none.
        """
        return None
