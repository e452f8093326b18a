"""The triplet loss on the hardest images of a batch.

Hermans, Beyer and Leibe, "In Defense of the Triplet Loss for Person Re-Identification",
arXiv:1703.07737, section 2.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def batch_hard(features: Tensor, pid: Tensor, margin: float | None) -> Tensor:
    """Return max(0, margin + d(a, p) - d(a, n)), averaged over the images a of a batch.

    Without a margin it is the soft form, ln(1 + exp(d(a, p) - d(a, n))), which never rests.

    p is the farthest image of the same person and n the nearest of another, by Euclidean distance.
    An image whose person has no other is its own p; where all are of one person there is no n, and
    the loss is 0.

    Args:
        features: ``[B, D]``.
        pid: ``[B]`` person of each; any integers.
        margin: by which n is to be farther than p; None for the soft form.
    """
    distance = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    same = pid[:, None] == pid
    farthest = distance.masked_fill(~same, -torch.inf).amax(1)
    nearest = distance.masked_fill(same, torch.inf).amin(1)
    if margin is None:
        return F.softplus(farthest - nearest).mean()
    return (margin + farthest - nearest).clamp(min=0).mean()
