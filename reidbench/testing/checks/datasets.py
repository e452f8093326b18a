"""Checks of datasets; nothing here needs torch but what the package imports for other kinds."""

from __future__ import annotations

import pickle
from pathlib import PurePath, PureWindowsPath
from typing import Any

import numpy as np

from reidbench.data.catalog import OpenDataset, refuse_overlap
from reidbench.data.dataset import SPLITS, UNKNOWN, Dataset, Samples, Split
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.features import Labels
from reidbench.registry.parameters import parameters_of
from reidbench.testing.checks.check import FailedCheck, SkippedCheck, Subject, check, require
from reidbench.testing.checks.imports import importing_torch
from reidbench.testing.checks.trainables import described

KIND = "dataset"


def made(subject: Subject) -> Dataset:
    """Return the dataset."""
    dataset: Dataset = subject.shared("dataset", subject.build)
    return dataset


def splits(dataset: Dataset) -> tuple[Split, ...]:
    """Return its splits."""
    return (*SPLITS, "multi_query") if dataset.has_multi_query else SPLITS


@check(
    KIND,
    why="Images are decoded in worker processes, which must start fast.",
    mend="Import torch nowhere in the dataset's module: images are numpy arrays.",
)
def imports_no_torch(subject: Subject) -> None:
    """Import its module in a process of its own."""
    module = subject.factory.__module__
    require(not importing_torch((module,)), f"importing {module} imports torch")


@check(
    KIND,
    why="Labels decide who is whom; names stand in caches and results.",
    mend="Return Samples of unique relative names, int64 pids and cams of -1 and more.",
)
def labels_are_whole(subject: Subject) -> None:
    """Look at the samples of each split."""
    dataset = made(subject)
    for split in splits(dataset):
        samples = dataset.samples(split)
        require(isinstance(samples, Samples), f"samples('{split}') is {described(samples)}")
        require(len(samples), f"there are no {split} images")
        for name in ("pids", "cams"):
            _check_labels(getattr(samples, name), f"{split} {name}", len(samples))
        require((samples.pids >= -1).all(), f"a {split} pid is below -1")
        cameras = "they count from 0, and -1 is one that is not known"
        require((samples.cams >= UNKNOWN).all(), f"a {split} camera is below -1; {cameras}")
        names = [str(n) for n in samples.names]
        require(len(set(names)) == len(names), f"two {split} images have one name")
        absolute = [n for n in names if PurePath(n).is_absolute() or PureWindowsPath(n).drive]
        require(not absolute, f"the name {absolute and absolute[0]} is absolute")


@check(
    KIND,
    why="Images are resized and kept as bytes.",
    mend="Return uint8 [h, w, 3] in the order RGB; convert grey images and those with alpha.",
)
def images_are_rgb_bytes(subject: Subject) -> None:
    """Read the first, a middle and the last image of each split."""
    dataset = made(subject)
    for split in splits(dataset):
        number = len(dataset.samples(split))
        for index in sorted({0, number // 2, number - 1}):
            image = dataset.read(split, index)
            fits = isinstance(image, np.ndarray) and image.ndim == 3 and image.shape[2] == 3
            require(fits, f"{split} image {index} is {_array(image)}, not [h, w, 3]")
            require(image.dtype == np.uint8, f"{split} image {index} is {image.dtype}, not uint8")
            require(np.array_equal(image, dataset.read(split, index)), "read gives another image")
            if dataset.has_masks:
                mask = dataset.read_mask(split, index)
                same = mask.shape == image.shape[:2] and mask.dtype == np.uint8
                require(same, f"the mask of {split} image {index} is {_array(mask)}")


@check(
    KIND,
    why="Images are decoded in worker processes, to which the dataset travels.",
    mend="Hold no open file, lock or lambda; open files in read.",
)
def pickles(subject: Subject) -> None:
    """Send it through pickle, and compare."""
    dataset = made(subject)
    try:
        other: Dataset = pickle.loads(pickle.dumps(dataset))
    except Exception as error:
        raise FailedCheck(f"it cannot be pickled: {type(error).__name__}: {error}") from error
    same = list(dataset.samples("train").names) == list(other.samples("train").names)
    same = same and np.array_equal(dataset.read("train", 0), other.read("train", 0))
    require(same, "after pickling it has other images")


@check(
    KIND,
    why="The fingerprint is in the keys of all that is computed: an unstable one computes all "
    "anew, a blind one serves images of other parameters.",
    mend="Digest everything that decides labels and pixels (reidbench.storage.keys.digest), no "
    "hash(), time or path.",
)
def fingerprint_tells_the_images(subject: Subject) -> None:
    """Compare the fingerprints of equal and of changed datasets."""
    dataset = made(subject)
    fingerprint = dataset.fingerprint()
    require(isinstance(fingerprint, str) and fingerprint, "the fingerprint is no text")
    again: Dataset = subject.build()
    require(again.fingerprint() == fingerprint, "two equal datasets have different fingerprints")
    for name, value in _numbers(subject).items():
        try:
            other: Dataset = subject.build(**{name: value})
            alike = other.fingerprint() == fingerprint
            require(not alike or _same_images(dataset, other), f"the fingerprint leaves out {name}")
        except (ValueError, UsageError, ReidbenchError):
            continue  # the value is out of range


@check(
    KIND,
    why="A score on persons who were learned from means nothing.",
    mend="Let no pid of the training images stand in query or gallery, or declare trains_on_test.",
)
def persons_are_apart(subject: Subject) -> None:
    """Compare the persons of the training images with those of query and gallery."""
    dataset = made(subject)
    if dataset.trains_on_test:
        raise SkippedCheck("it declares that it trains on test images")
    opened = OpenDataset(subject.name, {}, dataset, dataset.fingerprint())
    try:
        refuse_overlap(opened)
    except UsageError as error:
        raise FailedCheck(str(error)) from error


@check(
    KIND,
    why="A run is refused whose queries have no match.",
    mend="Let query and gallery number persons alike, and cameras too; name the protocol that "
    "fits in 'protocol'.",
)
def queries_have_matches(subject: Subject) -> None:
    """Ask its usual protocol whether the labels can be scored."""
    dataset = made(subject)
    known = {entry.name: entry for entry in subject.registry.entries("protocol")}
    require(dataset.protocol in known, f"no protocol is named '{dataset.protocol}'")
    query, gallery = (
        Labels(s.pids, s.cams) for s in (dataset.samples("query"), dataset.samples("gallery"))
    )
    try:
        known[dataset.protocol].load()().refuse_labels(query, gallery)
    except ReidbenchError as error:
        raise FailedCheck(str(error)) from error


@check(
    KIND,
    why="'reidbench data check' prints these.",
    mend="Return a list of sentences; an empty one if nothing is wrong.",
)
def finds_nothing_wrong_with_itself(subject: Subject) -> None:
    """Let it check the copy at hand."""
    found: Any = made(subject).check()
    require(isinstance(found, list), f"check gives {described(found)}, no list")
    require(not found, f"check finds: {found and found[0]}")


def dataset_scalars(subject: Subject) -> dict[str, float]:
    """Return the values of a golden test: sums of labels, and the mean of the first image."""
    dataset = made(subject)
    found = {}
    for split in SPLITS:
        samples = dataset.samples(split)
        found[f"{split} images"] = float(len(samples))
        found[f"{split} pids"] = float(samples.pids.sum())
        found[f"{split} first image"] = float(dataset.read(split, 0).mean())
    return found


def _check_labels(labels: Any, what: str, number: int) -> None:
    good = isinstance(labels, np.ndarray) and labels.dtype == np.int64
    require(good, f"{what} are {_array(labels)}, not int64")
    require(labels.shape == (number,), f"{what} have the shape {labels.shape} for {number} names")


def _array(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    return type(value).__name__


def _numbers(subject: Subject) -> dict[str, Any]:
    """Return each parameter that is a number with another value."""
    values = subject.parameters()
    found: dict[str, Any] = {}
    for name in parameters_of(subject.factory):
        value = values[name]
        if isinstance(value, bool):
            found[name] = not value
        elif isinstance(value, int):
            found[name] = value + 1
        elif isinstance(value, float):
            found[name] = value / 2 or 0.5
    return found


def _same_images(first: Dataset, second: Dataset) -> bool:
    for split in SPLITS:
        mine, theirs = first.samples(split), second.samples(split)
        if len(mine) != len(theirs) or not np.array_equal(mine.pids, theirs.pids):
            return False
        if not np.array_equal(mine.cams, theirs.cams):
            return False
        for index in {0, len(mine) - 1}:
            if not np.array_equal(first.read(split, index), second.read(split, index)):
                return False
    return True
