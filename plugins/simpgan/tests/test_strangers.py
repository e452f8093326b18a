"""The siamese classifier verifies pairs of rendered persons that it did not learn."""

import numpy as np
import torch

from reidbench.data.arrays import ImageArray
from reidbench.data.synthetic import Synthetic
from reidbench.testing.learners import cpu_loop

IDS, EPOCHS = 60, 8


def rendered(*splits):
    """Return images of the synthetic benchmark's domain a, a little smaller."""
    data = Synthetic(ids=IDS, height=48, width=24, images_per_camera=2, camera_gap=0.0)
    samples = {split: data.samples(split) for split in splits}
    pixels = [data.read(split, i) for split, s in samples.items() for i in range(len(s))]
    pids, cams = (np.concatenate([getattr(s, name) for s in samples.values()])
                  for name in ("pids", "cams"))  # fmt: skip
    return ImageArray(np.stack(pixels), pids, cams)


def area_under_curve(scores, same):
    """Return how often a pair of one person scores above one of two (Mann and Whitney)."""
    rank = np.empty(len(scores))
    rank[np.argsort(scores)] = np.arange(1, len(scores) + 1)
    positive = int(same.sum())
    least = positive * (positive + 1) / 2
    return (rank[same].sum() - least) / (positive * (len(same) - positive))


def test_pairs_of_strangers_are_told_apart(toy, tmp_path):
    learner = toy(batch=32, lr=0.1, backbone_lr=0.1, weight_decay=0.001, epochs=EPOCHS)
    known, strangers = rendered("train"), rendered("query", "gallery")
    assert not set(known.pids) & set(strangers.pids)
    model = learner.build(known.num_pids)
    learner.fit(model, known, cpu_loop(tmp_path))
    model.eval()
    with torch.no_grad():
        pixels = strangers.images(slice(None), torch.device("cpu")).pixels
        features = learner.embed(model, pixels)
        scores = learner.similarity(model, features, features).numpy()
    first, second = np.triu_indices(len(scores), 1)
    same = strangers.pids[first] == strangers.pids[second]
    assert area_under_curve(scores[first, second], same) > 0.75
    probability = 1 / (1 + np.exp(-scores[first, second]))
    right = (probability > 0.5) == same
    assert (right[same].mean() + right[~same].mean()) / 2 > 0.65
