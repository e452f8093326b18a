"""Mistakes in datasets and protocols."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np

from reidbench.evaluation.protocols import Market1501
from reidbench.evaluation.scores import Scores
from reidbench.testing.toys import ToyDataset
from tests.testing.planted import defect


@defect("dataset", "imports-no-torch", "importing tests.testing.planted.others imports torch")
@defect("dataset", "labels-are-whole", "train pids are int32\\[24\\], not int64")
class NarrowLabels(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, pids=samples.pids.astype(np.int32))


@defect("dataset", "labels-are-whole", "train cams are list, not int64")
class LabelsInAList(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, cams=samples.cams.tolist())


@defect("dataset", "labels-are-whole", "a train camera is below -1")
class CamerasBelowUnknown(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, cams=samples.cams - 2 - samples.cams.max())


@defect("dataset", "labels-are-whole", "the name /data/train/0.png is absolute")
class AbsoluteNames(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, names=[f"/data/{n}" for n in samples.names])


@defect("dataset", "labels-are-whole", "two train images have one name")
class NamesTwice(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, names=[f"{pid}.png" for pid in samples.pids])


@defect("dataset", "images-are-rgb-bytes", "train image 0 is float32, not uint8")
class ImagesAsFloats(ToyDataset):
    def read(self, split, index):
        return super().read(split, index).astype(np.float32) / 255


@defect("dataset", "images-are-rgb-bytes", "train image 0 is uint8\\[32, 16\\], not \\[h, w, 3\\]")
class GreyImages(ToyDataset):
    def read(self, split, index):
        return super().read(split, index)[:, :, 0]


@defect("dataset", "images-are-rgb-bytes", "read gives another image")
class NoisyImages(ToyDataset):
    def read(self, split, index):
        return super().read(split, index) // 2 + np.random.randint(0, 9, (32, 16, 3)).astype("u1")


@defect("dataset", "images-are-rgb-bytes", "the mask of train image 0 is uint8\\[3\\]")
class MaskOfAnotherSize(ToyDataset):
    def read_mask(self, split, index):
        return np.zeros(3, np.uint8)


@defect("dataset", "pickles", "it cannot be pickled: TypeError")
class HoldsALock(ToyDataset):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()


@defect("dataset", "fingerprint-tells-the-images", "two equal datasets have different fingerprints")
class FingerprintByIdentity(ToyDataset):
    def fingerprint(self):
        return str(id(self.samples("train")) + id(self))


@defect("dataset", "fingerprint-tells-the-images", "the fingerprint leaves out ids")
class BlindFingerprint(ToyDataset):
    def fingerprint(self):
        return "toy"


@defect("dataset", "persons-are-apart", "share 6 persons")
class TestsWhoWasLearned(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, pids=(samples.pids - 1) % 6 + 1)


@defect("dataset", "queries-have-matches", "none of the 12 queries has a match")
class NumbersTheGalleryAnew(ToyDataset):
    def samples(self, split):
        samples = super().samples(split)
        return replace(samples, pids=samples.pids + 100 * (split == "gallery"))


@defect("dataset", "queries-have-matches", "no protocol is named 'market'")
class UnknownProtocol(ToyDataset):
    protocol = "market"


@defect("dataset", "finds-nothing-wrong-with-itself", "check gives NoneType, no list")
class ChecksByPrinting(ToyDataset):
    def check(self):
        return None


@defect("protocol", "scores-every-query-with-a-match", "4 of 8 queries with a match are left out")
class LeavesQueriesOut(Market1501):
    def scores(self, distances, query, gallery, *, ties="stable"):
        scores = super().scores(distances, query, gallery, ties=ties)
        columns = {n: getattr(scores, n)[:4] for n in ("pid", "first", "ap", "ap_trapezoid", "inp")}
        return Scores(**columns, gallery=scores.gallery, ties=scores.ties)


@defect("protocol", "perfect-features-score-1", "of perfect features is")
class CountsFrom2(Market1501):
    def scores(self, distances, query, gallery, *, ties="stable"):
        scores = super().scores(distances, query, gallery, ties=ties)
        return replace(scores, first=scores.first + scores.valid)


@defect("protocol", "worse-features-score-less", "mAP is 100|mAP is .*, not in \\[0, 1\\]")
class InPercent(Market1501):
    def scores(self, distances, query, gallery, *, ties="stable"):
        scores = super().scores(distances, query, gallery, ties=ties)
        return replace(scores, ap=scores.ap * 100)


@defect("protocol", "is-deterministic", "other scores at the second call")
class DrawsQueries(Market1501):
    def scores(self, distances, query, gallery, *, ties="stable"):
        scores = super().scores(distances, query, gallery, ties=ties)
        return replace(scores, ap=scores.ap * np.random.rand())


@defect("protocol", "refuses-labels-without-a-match", "none of which has a match are scored")
class ScoresStrangers(Market1501):
    def refuse_labels(self, query, gallery, multi_query=None):
        return

    def scores(self, distances, query, gallery, *, ties="stable"):
        try:
            return super().scores(distances, query, gallery, ties=ties)
        except Exception:
            zero = np.zeros(len(query))
            return Scores(query.pids, zero.astype(int), zero, zero, zero, len(gallery), ties)
