"""A benchmark opened: its datasets and its protocol at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.recipe import Component
from reidbench.data.catalog import (
    OpenDataset,
    open_dataset,
    refuse_overlap,
    refuse_shared_persons,
)
from reidbench.data.dataset import Dataset, Split
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.features import Labels
from reidbench.evaluation.protocols import Protocol
from reidbench.progress import Progress, silent
from reidbench.registry.parameters import resolve
from reidbench.registry.registry import Registry
from reidbench.stages import Decode
from reidbench.storage.keys import JSON


@dataclass(frozen=True)
class Setting:
    """A benchmark with its data at hand.

    Attributes:
        targets: one for each of the benchmark's splits.
        modified: what the user changed of the benchmark; a ranked result has nothing here.
        skip_corrupt: whether images that cannot be decoded are left out.
    """

    benchmark: Benchmark
    source: OpenDataset
    targets: tuple[OpenDataset, ...]
    protocol: Component
    modified: Mapping[str, JSON]
    skip_corrupt: bool = False

    @property
    def left_out(self) -> list[str]:
        """The images that were left out of the datasets, with the dataset's name before each."""
        opened = (self.source, *self.targets)
        return sorted({f"{data.name}/{name}" for data in opened for name in data.left_out})

    @property
    def target(self) -> OpenDataset:
        """The target in its first split, for what all splits have in common."""
        return self.targets[0]

    def decode(self, data: OpenDataset, split: Split) -> Decode:
        """Return the stage that decodes a split of one of the datasets."""
        return Decode(data, split, self.benchmark.image_size, self.benchmark.interpolation)


def open_setting(
    benchmark: Benchmark,
    registry: Registry,
    data_root: str | None,
    changes: Mapping[str, JSON],
    *,
    skip_corrupt: bool = False,
    progress: Progress = silent,
) -> Setting:
    """Open a benchmark's datasets and protocol.

    Args:
        benchmark: what to open.
        registry: where names are looked up.
        data_root: folder of the user's datasets.
        changes: user-set values by ``source.*``, ``target.*`` and ``protocol.*``.
        skip_corrupt: whether to leave out the images that cannot be decoded.
        progress: told how many images have been looked at for that.

    Raises:
        UsageError: for unknown names or parameters.
        ReidbenchError: if a copy of a dataset cannot be used.
    """
    source = _changed(benchmark.source, "source", changes)
    target = _changed(benchmark.target, "target", changes)
    splits = () if "target.split" in changes else benchmark.splits

    def opened(spec: DatasetSpec, role: str) -> OpenDataset:
        return open_dataset(
            spec, registry, data_root, role, skip_corrupt=skip_corrupt, progress=progress
        )

    first, *others = _each(target, splits)
    tested = opened(first, "target")
    # A benchmark that names no protocol is scored as the target usually is.
    named = benchmark.protocol if benchmark.protocol.name else DatasetSpec(tested.dataset.protocol)
    setting = Setting(
        benchmark,
        opened(source, "source"),
        (tested, *(opened(each, "target") for each in others)),
        _protocol(_changed(named, "protocol", changes), registry),
        dict(changes),
        skip_corrupt,
    )
    _refuse_same_persons(setting)
    _refuse_unscorable(setting)
    return setting


def _changed(spec: DatasetSpec, role: str, changes: Mapping[str, JSON]) -> DatasetSpec:
    prefix = f"{role}."
    mine = {k.removeprefix(prefix): v for k, v in changes.items() if k.startswith(prefix)}
    # A root that the user names starts from where the user is.
    folder = None if "root" in mine else spec.folder
    return replace(spec, parameters={**spec.parameters, **mine}, folder=folder)


def _protocol(spec: DatasetSpec, registry: Registry) -> Component:
    entry = registry.entry("protocol", spec.name)
    factory = entry.load()
    protocol = Component(entry, factory.version, resolve(factory, spec.parameters, "protocol"))
    protocol.build()  # a value out of range shows before anything is computed
    return protocol


def _refuse_same_persons(setting: Setting) -> None:
    if setting.source.fingerprint == setting.target.fingerprint:
        raise UsageError(f"source and target are the same data ('{setting.source.title}')")
    for target in setting.targets:
        refuse_shared_persons(setting.source, target)
    if setting.benchmark.tested == "source":
        refuse_overlap(setting.source)


def _refuse_unscorable(setting: Setting) -> None:
    """Refuse test images of which their labels show that they cannot be scored.

    Raises:
        ReidbenchError: naming the dataset.
    """
    protocol: Protocol = setting.protocol.build()
    tested = (setting.source,) if setting.benchmark.tested == "source" else setting.targets
    for data in tested:
        query, gallery = labels_of(data.dataset, "query"), labels_of(data.dataset, "gallery")
        use_more = protocol.pools_queries and data.dataset.has_multi_query
        more = labels_of(data.dataset, "multi_query") if use_more else None
        try:
            protocol.refuse_labels(query, gallery, more)
        except ReidbenchError as error:
            name = setting.protocol.name
            raise type(error)(f"'{data.title}' cannot be scored by {name}: {error}") from error


def labels_of(dataset: Dataset, split: Split) -> Labels:
    """Return the labels of a split."""
    samples = dataset.samples(split)
    return Labels(samples.pids, samples.cams)


def _each(target: DatasetSpec, splits: Sequence[int]) -> list[DatasetSpec]:
    """Return the target once for each split, or as it is if there is none."""
    each = [{**target.parameters, "split": split} for split in splits]
    return [replace(target, parameters=p) for p in each] or [target]
