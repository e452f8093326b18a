"""Datasets by name, opened and fingerprinted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reidbench.config.benchmark import DatasetSpec
from reidbench.data.dataset import JUNK, SPLITS, UNKNOWN, Dataset, Samples, Split
from reidbench.data.several import JOIN, Several
from reidbench.data.without_corrupt import Without, find_corrupt
from reidbench.errors import ReidbenchError, UsageError
from reidbench.progress import Progress, silent
from reidbench.registry.faults import fault
from reidbench.registry.parameters import parameters_of, resolve
from reidbench.registry.registry import Entry, Registry
from reidbench.storage.keys import JSON

ONLY_CAMERAS = "only_cameras"
"""Under this name the parameters list the cameras of a view; a dataset has none of that name."""


@dataclass(frozen=True)
class OpenDataset:
    """A dataset at hand.

    Attributes:
        parameters: its parameters without ``root``: where a copy lies decides nothing.
        fingerprint: digest of its samples and pixels.
        left_out: names of the images that cannot be decoded, if these were to be left out.
        entry: what it is registered as; None for one that no registry holds.
        parts: the datasets that it joins, if it is several.
    """

    name: str
    parameters: Mapping[str, JSON]
    dataset: Dataset
    fingerprint: str
    left_out: tuple[str, ...] = ()
    entry: Entry | None = None
    parts: tuple[OpenDataset, ...] = ()

    @property
    def title(self) -> str:
        """Name of the dataset, with the parameter that distinguishes it from its namesakes."""
        given = [self.parameters.get(key) for key in ("domain", "population")]
        if isinstance(cameras := self.parameters.get(ONLY_CAMERAS), list):
            given.append(f"cameras {','.join(map(str, cameras))}")
        return ":".join([self.name, *map(str, filter(None, given))])

    def identity(self) -> dict[str, JSON]:
        """Return name, version and fingerprint, which decide samples and pixels."""
        origin = self.entry.identity() if self.entry else {}
        version = self.dataset.version
        return {**origin, "name": self.name, "version": version, "fingerprint": self.fingerprint}


def open_dataset(
    spec: DatasetSpec,
    registry: Registry,
    data_root: str | None,
    role: str = "dataset",
    *,
    skip_corrupt: bool = False,
    progress: Progress = silent,
) -> OpenDataset:
    """Open the dataset of a benchmark.

    Args:
        spec: its name and parameters.
        registry: registry to look the name up in.
        data_root: folder that holds the users' datasets, for those that read files.
        role: "source" or "target", for error messages.
        skip_corrupt: leave out the images that cannot be decoded, in any split.
        progress: callback for images examined and in all.

    Raises:
        UsageError: for an unknown name or parameter, or when a folder is needed and not given.
        ReidbenchError: if the copy at hand cannot be read.
    """
    if JOIN in spec.name and role == "source":
        parts = [
            open_dataset(
                part, registry, data_root, role, skip_corrupt=skip_corrupt, progress=progress
            )
            for part in _parts(spec)
        ]
        return _joined(spec.name, parts)
    dataset, plain = construct(spec, registry, data_root, role)
    left_out: tuple[str, ...] = ()
    if skip_corrupt:
        more: tuple[Split, ...] = ("multi_query",) if dataset.has_multi_query else ()
        left_out = tuple(name for name, _ in find_corrupt(dataset, (*SPLITS, *more), progress))
        dataset = Without(dataset, left_out) if left_out else dataset
    for split in SPLITS:
        _check_samples(dataset, split)
    _refuse_few(spec.name, dataset, role)
    entry, fingerprint = registry.entry("dataset", spec.name), dataset.fingerprint()
    if not (isinstance(fingerprint, str) and fingerprint):
        raise fault(dataset, "fingerprint", f"returned {fingerprint!r}", "a digest of its samples")
    return OpenDataset(spec.name, plain, dataset, fingerprint, left_out, entry)


def _parts(spec: DatasetSpec) -> list[DatasetSpec]:
    """Return the datasets that are taken as one, each with the parameters under its name."""
    names = [name.strip() for name in spec.name.split(JOIN)]
    if "" in names or len(set(names)) < len(names):
        raise UsageError(f"source '{spec.name}': name each dataset once, as market1501+cuhk01")
    given: dict[str, dict[str, JSON]] = {name: {} for name in names}
    for key, value in spec.parameters.items():
        name, _, parameter = key.partition(".")
        if name in given and parameter:
            given[name][parameter] = value
        elif name in given and isinstance(value, Mapping):
            given[name] |= value
        else:
            raise UsageError(
                f"source '{spec.name}' is several: say of which '{key}' is, as {names[0]}.{key}"
            )
    return [DatasetSpec(name, given[name], spec.folder) for name in names]


def _joined(name: str, parts: Sequence[OpenDataset]) -> OpenDataset:
    """Return several datasets as one.

    Raises:
        UsageError: if a person is in two of them.
    """
    for i, part in enumerate(parts):
        for other in parts[:i]:
            if part.dataset.population == other.dataset.population:
                mine, theirs = (_persons(p.dataset, *SPLITS) for p in (part, other))
                if len(both := np.intersect1d(mine, theirs)):
                    raise _shared(both, f"the sources '{other.title}' and '{part.title}'")
    dataset = Several([p.title for p in parts], [p.dataset for p in parts])
    left_out = tuple(f"{p.title}/{image}" for p in parts for image in p.left_out)
    parameters = {p.name: dict(p.parameters) for p in parts}
    return OpenDataset(
        name, parameters, dataset, dataset.fingerprint(), left_out, parts=tuple(parts)
    )


def construct(
    spec: DatasetSpec, registry: Registry, data_root: str | None, role: str = "dataset"
) -> tuple[Dataset, dict[str, JSON]]:
    """Return a dataset and its parameters without ``root``; none of its files is read.

    Args:
        spec: its name and parameters.
        registry: registry to look the name up in.
        data_root: folder that holds the users' datasets, for those that read files.
        role: owner of the parameters, for error messages.

    Raises:
        UsageError: for an unknown name or parameter, or when a folder is needed and not given.
    """
    factory = registry.entry("dataset", spec.name).load()
    given = dict(spec.parameters)
    if "root" in parameters_of(factory) and "root" not in given:
        if data_root is None:
            raise UsageError(
                f"dataset '{spec.name}' is read from your own copy: "
                "name the folder that holds it with --data-root"
            )
        given["root"] = data_root
    values = resolve(factory, given, role)
    if isinstance(root := spec.parameters.get("root"), str) and spec.folder:
        values["root"] = str(spec.folder / Path(root).expanduser())
    try:
        dataset: Dataset = factory(**values)
    except ValueError as error:
        raise UsageError(f"{role} '{spec.name}': {error}") from error
    return dataset, {k: v for k, v in values.items() if k != "root"}


def refuse_shared_persons(source: OpenDataset, target: OpenDataset) -> None:
    """Refuse a run that would be tested on persons it was trained on.

    The target may share none of the source's training persons, in any of its splits, and is
    looked at by ``refuse_overlap`` unless it declares that it trains on test images. The source's
    own query and gallery are not used.

    Raises:
        UsageError: naming how many persons are shared, and the first.
    """
    if not target.dataset.trains_on_test:
        refuse_overlap(target)
    for part in source.parts or (source,):
        if part.dataset.population == target.dataset.population:
            train, theirs = _persons(part.dataset, "train"), _persons(target.dataset, *SPLITS)
            if len(both := np.intersect1d(train, theirs)):
                raise _shared(both, f"source '{part.title}' and target '{target.title}'")


def refuse_overlap(tested: OpenDataset) -> None:
    """Refuse a dataset whose query or gallery show persons of its training images.

    Junk and distractors are nobody.

    Raises:
        UsageError: naming how many persons are shared, and the first.
    """
    train, test = _persons(tested.dataset, "train"), _persons(tested.dataset, *SPLITS[1:])
    if len(both := np.intersect1d(train, test)):
        raise _shared(both, f"the training and test images of '{tested.title}'")


def _persons(dataset: Dataset, *splits: Split) -> NDArray[np.int64]:
    pids = np.concatenate([dataset.samples(split).pids for split in splits])
    return np.unique(pids[pids > 0])


def _shared(pids: NDArray[np.int64], who: str) -> UsageError:
    persons = "1 person" if len(pids) == 1 else f"{len(pids):,} persons"
    return UsageError(
        f"{who} share {persons} (the first is {pids[0]}), so that the scores would mean "
        "nothing; choose datasets of different people"
    )


def _check_samples(dataset: Dataset, split: Split) -> None:
    """Refuse samples that are not a name, a person and a camera each.

    Raises:
        ComponentError: naming the dataset.
    """
    samples: object = dataset.samples(split)
    if not isinstance(samples, Samples):
        got = f"returned a {type(samples).__name__} for {split}"
        raise fault(dataset, "samples", got, "Samples")
    for field, least in (("pids", JUNK), ("cams", UNKNOWN)):
        labels = getattr(samples, field)
        whole = isinstance(labels, np.ndarray) and np.issubdtype(labels.dtype, np.integer)
        told = f"{labels.dtype} {list(labels.shape)}" if whole else f"a {type(labels).__name__}"
        expected = f"whole numbers of at least {least}, one for each of {len(samples)} names"
        if not whole or labels.shape != (len(samples),):
            raise fault(dataset, "samples", f"gives {told} as {field} of {split}", expected)
        if len(labels) and labels.min() < least:
            got = f"gives {labels.min()} among the {field} of {split}"
            raise fault(dataset, "samples", got, expected)


def _refuse_few(name: str, dataset: Dataset, role: str) -> None:
    """Refuse a dataset of which too few images are there to train on or to test by."""
    for split in SPLITS:
        if not len(dataset.samples(split)):
            raise ReidbenchError(f"dataset '{name}' has no {split} images")
    pids = dataset.samples("train").pids
    persons = len(np.unique(pids[pids > 0]))
    if role == "source" and persons < 2:
        raise ReidbenchError(
            f"source '{name}' has {'one person' if persons else 'nobody'} to train on; "
            "telling persons apart takes two at least"
        )
    if role != "dataset" and len(pids) < 2:
        raise ReidbenchError(f"{role} '{name}' has one training image; a domain takes two at least")
