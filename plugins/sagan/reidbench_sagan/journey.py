"""One direction of a training step: there, and both paths back (fig. 3 of SA-GAN)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reidbench.errors import ReidbenchError
from reidbench.hops import Hop, Images, domain_index
from reidbench.interfaces import Warp
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
        hop: for the constraints; ``rec`` is x'.
        bends: None where nothing moves pixels (WS).
        seen: ``[B, 1, H, W]`` in [0, 1], 0 on pixels of x' that were outside the picture on the
            way there and back.
    """

    hop: Hop
    bends: Bends | None
    seen: Tensor


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
    """How one domain's images travel.

    Attributes:
        there: (S_1, G_1).
        back: (S_2, G_2).
        dst: index of the destination.
        mask: whether masks travel along.
        entangled: whether x' goes back by T_yx, as in an ordinary cycle, and not by (T_xy)^-1.
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
        inputs = inputs_of(images, self.mask)
        adapted = self.there(inputs, code)
        seen = torch.ones_like(inputs[:, :1])
        bends, homeward = None, adapted.inputs
        if adapted.warp is not None:
            bends = self._bends(adapted, adapted.warp, code)
            home = self._warp(bends.back if self.entangled else bends.undone, inputs)
            homeward = move(homeward, home.grid)
            seen = within_picture(within_picture(seen, adapted.warp.grid), home.grid)
        hop = Hop(
            images=images,
            fake=adapted.pixels,
            style=style,
            dst=domain_index(len(images), self.dst, style.device),
            rec=self.back.paint(homeward),
            grid=None if adapted.warp is None else adapted.warp.grid,
        )
        return Journey(hop, bends, seen)

    def _bends(self, adapted: Adapted, warp: Warp, code: Tensor) -> Bends:
        assert self.there.spatial is not None
        assert self.back.spatial is not None
        undone = self.there.spatial.transform.inverse(warp.parameters)
        return Bends(warp.parameters, undone, self.back.spatial(adapted.inputs, code))

    def _warp(self, numbers: Tensor, like: Tensor) -> Warp:
        assert self.there.spatial is not None
        return self.there.spatial.warp(numbers, like)
