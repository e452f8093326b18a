"""Decorrelation of a linear layer's weight vectors, and how correlated they are.

Sun, Zheng, Deng and Wang, "SVDNet for Pedestrian Retrieval", ICCV 2017. The paper writes the
vectors as the columns of W; a linear layer of torch holds them as rows, so its weight is W^T.
"""

from __future__ import annotations

import torch
from torch import Tensor


def orthogonality(weight: Tensor) -> Tensor:
    """Return S(W) of the rows of ``weight`` ``[k, n]``, the paper's measure of correlation.

    The sum of the diagonal of their Gram matrix over the sum of all its absolute values: 1 if all
    rows are orthogonal, ``1 / k`` if all are the same.
    """
    with torch.autocast(weight.device.type, enabled=False):
        gram = (weight @ weight.T).abs()
    return gram.trace() / gram.sum()


def decorrelated(weight: Tensor) -> Tensor:
    """Return the rows of ``weight`` ``[k, n]`` replaced by the columns of US, where W = U S V^T.

    Distances between projections stay as they are: with W^T = V (US)^T and V orthogonal,
    ``|W^T x| = |(US)^T x|``.

    The SVD leaves order and signs of the columns open. As in the authors' code, the rows take in
    turn the column, of those left, that is the nearest in angle, and its sign is turned so that the
    angle is acute: what was learned on top of the layer keeps its meaning as far as it can.
    """
    # In double precision and on the CPU: seven times a training, and the same on every device.
    rows = weight.detach().double().cpu()
    directions, lengths, _ = torch.linalg.svd(rows.T, full_matrices=False)
    likeness = rows @ directions
    column = torch.tensor(_greedy(likeness.abs()))
    acute = likeness.gather(1, column[:, None]).squeeze(1) >= 0
    signed = torch.where(acute, lengths[column], -lengths[column])
    replaced: Tensor = (directions[:, column] * signed).T.to(weight)
    return replaced


def _greedy(likeness: Tensor) -> list[int]:
    """Return for each row, from first to last, the most like of the columns that are left."""
    left = likeness.clone()
    chosen = []
    for row in left:
        chosen.append(int(row.argmax()))
        left[:, chosen[-1]] = -1
    return chosen
