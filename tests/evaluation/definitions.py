"""The measures and re-ranking as plain loops over their definitions: the tests' reference."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from reidbench.evaluation import Labels

TIEBREAK = {
    "stable": lambda index, match: index,
    "optimistic": lambda index, match: not match,
    "pessimistic": lambda index, match: match,
}


def hits(row, pid, cam, gallery, *, cross_camera=True, ties="stable"):
    """Return, down one query's ranking, whether each image is a match."""
    entries = []
    for i, (p, c) in enumerate(zip(gallery.pids, gallery.cams, strict=True)):
        if p == -1 or (cross_camera and p == pid and c == cam):
            continue
        entries.append((row[i], TIEBREAK[ties](i, p == pid), i, p == pid))
    return [match for *_, match in sorted(entries)]


def ap_at_hits(ranking):
    """Return the mean, over the matches, of the precision at their ranks."""
    precisions = [sum(ranking[: r + 1]) / (r + 1) for r, hit in enumerate(ranking) if hit]
    return sum(precisions) / len(precisions)


def ap_trapezoid(ranking):
    """Return the area under precision over recall, walking down the ranking."""
    area, recall, precision, found = 0.0, 0.0, 1.0, 0
    for r, hit in enumerate(ranking, 1):
        found += hit
        new_recall, new_precision = found / sum(ranking), found / r
        area += (new_recall - recall) * (precision + new_precision) / 2
        recall, precision = new_recall, new_precision
    return area


def inp(ranking):
    """Return the number of matches over the rank of the last."""
    return sum(ranking) / max(r for r, hit in enumerate(ranking, 1) if hit)


def cmc(rankings, length):
    """Return the share of rankings with a match by each rank."""
    return [np.mean([any(r[:k]) for r in rankings]) for k in range(1, length + 1)]


def reranked(distances, queries, k1, k2, lambda_value):
    """Return Zhong et al.'s distances ``[Q, G]`` from dense ``[N, N]``, set by set."""
    images = len(distances)
    original = distances / distances.max(axis=1, keepdims=True)
    order = np.argsort(original, axis=1, kind="stable")

    def reciprocal(p, k):
        return {int(g) for g in order[p, : k + 1] if p in order[g, : k + 1]}

    codes = np.zeros((images, images))
    for p in range(images):
        members = reciprocal(p, k1)
        expanded = set(members)
        for q in members:
            half = reciprocal(q, round(k1 / 2))
            if len(half & members) > 2 / 3 * len(half):
                expanded |= half
        for g in expanded or {p}:
            codes[p, g] = np.exp(-original[p, g])
        codes[p] /= codes[p].sum()
    codes = np.array([codes[order[p, :k2]].mean(axis=0) for p in range(images)])
    final = np.empty((queries, images - queries))
    for p in range(queries):
        for g in range(queries, images):
            shared, either = np.minimum(codes[p], codes[g]), np.maximum(codes[p], codes[g])
            jaccard = 1 - shared.sum() / either.sum()
            final[p, g - queries] = (1 - lambda_value) * jaccard + lambda_value * original[p, g]
    return final


def labels(pids, cams):
    """Return labels from lists."""
    return Labels(np.array(pids, np.int64), np.array(cams, np.int64))


@st.composite
def cases(draw, gallery_pids=(-1, 0, 1, 2, 3), cameras=3):
    """Draw distances with many ties, and labels with junk, distractors and unmatched queries."""
    queries, images = draw(st.integers(1, 6)), draw(st.integers(1, 25))
    cams = draw(st.integers(1, cameras))

    def column(size, values):
        return draw(st.lists(values, min_size=size, max_size=size))

    levels = st.integers(0, draw(st.sampled_from([0, 3, 1000])))
    matrix = np.array([column(images, levels) for _ in range(queries)], np.float32)
    query = labels(column(queries, st.integers(1, 4)), column(queries, st.integers(1, cams)))
    gallery = labels(
        column(images, st.sampled_from(gallery_pids)), column(images, st.integers(1, cams))
    )
    return matrix, query, gallery
