"""One direction of a training step: there, and both paths back (fig. 3 of SA-GAN)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.interfaces import Hop, Images, domain_index
from reidbench_sagan.adaptation import Adaptation, Adapted, move, within_picture


@dataclass(frozen=True)
class Bends:
    """The transforms of a journey, ``[B, P]`` each, by their numbers.

    Attributes:
        there: T_xy.
        undone: (T_xy)^-1.
        back: T_yx, which the other direction's S predicts with the same code from the adapted
            images.
    """

    there: Tensor
    undone: Tensor
    back: Tensor


@dataclass(frozen=True)
class Journey:
    """One direction, with what its losses are made of.

    Attributes:
        hop: for the constraints.
        rec: ``[B, 3, H, W]`` x', the images there and back.
        seen: ``[B, 1, H, W]`` in [0, 1], 0 on pixels of x' that were outside the picture on the
            way.
        bends: None where nothing moves pixels (WS).
    """

    hop: Hop
    rec: Tensor
    seen: Tensor
    bends: Bends | None


def inputs_of(images: Images, mask: bool) -> Tensor:
    """Return ``[B, 3, H, W]``, or with the masks as a fourth channel.

    Raises:
        ReidbenchError: if there are none.
    """
    if not mask:
        return images.pixels
    if images.mask is None:
        raise ReidbenchError(
            "sagan reads person masks and these images have none; segment them or set "
            "sagan.mask=false"
        )
    inputs = torch.cat([images.pixels, images.mask], 1)
    return inputs.contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Route:
    """The way of one domain's images to the other and back.

    Attributes:
        there: (S_1, G_1).
        back: (S_2, G_2).
        dst: index of the destination.
        mask: masks travel along.
        entangled: x' goes back by T_yx, as in an ordinary cycle, and not by (T_xy)^-1.
    """

    there: Adaptation
    back: Adaptation
    dst: int
    mask: bool
    entangled: bool

    def travel(self, images: Images, style: Tensor, code: Tensor) -> Journey:
        """Adapt ``images`` by the codes ``[B, code_size]`` and bring them back.

        Args:
            images: of the route's origin.
            style: ``[B, 3, H, W]`` real images of its destination.
            code: one for each image, used in both directions.
        """
        adapted = self.there(inputs_of(images, self.mask), code)
        homeward, seen = adapted.inputs, torch.ones_like(adapted.spatial[:, :1])
        path = self._path(adapted, code)
        if path is not None:
            homeward = move(homeward, path.home)
            seen = within_picture(within_picture(seen, path.there), path.home)
        rec = self.back.paint(homeward)
        hop = Hop(
            images=images,
            fake=adapted.pixels,
            style=style,
            dst=domain_index(len(images), self.dst, style.device),
            rec=rec,
            grid=None if path is None else path.there,
        )
        return Journey(hop, rec, seen, None if path is None else path.bends)

    def _path(self, adapted: Adapted, code: Tensor) -> _Path | None:
        """Return the way there and home; None where nothing moves pixels."""
        spatial, other = self.there.spatial, self.back.spatial
        if adapted.warp is None or spatial is None or other is None:
            return None
        there = adapted.warp.parameters
        # Of a disentangled cycle T_yx is compared only, which is to move S, not what G painted.
        inputs = adapted.inputs if self.entangled else adapted.inputs.detach()
        bends = Bends(there, spatial.transform.inverse(there), other(inputs, code))
        home = spatial.warp(bends.back if self.entangled else bends.undone, adapted.pixels)
        return _Path(bends, adapted.warp.grid, home.grid)


@dataclass(frozen=True)
class _Path:
    """The transforms of a journey and the sampling grids ``[B, H, W, 2]`` of its two parts."""

    bends: Bends
    there: Tensor
    home: Tensor
