"""The contrastive loss of SPGAN, eq. 6."""

import torch
from torch import Tensor


def contrastive(a: Tensor, b: Tensor, *, positive: bool, margin: float) -> Tensor:
    """Return ``i d^2 + (1 - i) max(0, m - d)^2``, averaged over the pairs.

    After Hadsell, Chopra and LeCun, "Dimensionality Reduction by Learning an Invariant Mapping",
    CVPR 2006.

    Args:
        a: ``[B, D]`` embeddings of unit length.
        b: ``[B, D]`` the other embedding of each pair.
        positive: the pairs are positive (i = 1).
        margin: m in [0, 2], the distance that negative pairs are pushed to.
    """
    distance: Tensor = torch.linalg.vector_norm(a - b, dim=1)
    short = distance if positive else (margin - distance).clamp(min=0)
    return short.square().mean()
