"""Datasets by name, opened and fingerprinted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reidbench.benchmark import DatasetSpec
from reidbench.data.dataset import Dataset
from reidbench.errors import ReidbenchError, UsageError
from reidbench.keys import JSON
from reidbench.parameters import parameters_of, resolve
from reidbench.registry import Registry


@dataclass(frozen=True)
class OpenDataset:
    """A dataset at hand.

    Attributes:
        parameters: its parameters without ``root``: where a copy lies decides nothing.
        fingerprint: digest of its samples and pixels.
    """

    name: str
    parameters: Mapping[str, JSON]
    dataset: Dataset
    fingerprint: str

    @property
    def title(self) -> str:
        """The name, with the parameters that tell it from another of the same name."""
        if domain := self.parameters.get("domain"):
            return f"{self.name}:{domain}"
        return self.name

    def identity(self) -> dict[str, JSON]:
        """Return what decides its samples and pixels."""
        return {"name": self.name, "version": self.dataset.version, "fingerprint": self.fingerprint}


def open_dataset(
    spec: DatasetSpec, registry: Registry, data_root: str | None, role: str = "dataset"
) -> OpenDataset:
    """Open the dataset of a benchmark.

    Args:
        spec: its name and parameters.
        registry: where the name is looked up.
        data_root: folder that holds the users' datasets, for those that read files.
        role: "source" or "target", for error messages.

    Raises:
        UsageError: for an unknown name or parameter, or when a folder is needed and not given.
        ReidbenchError: if the copy at hand cannot be read.
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
    try:
        dataset: Dataset = factory(**values)
    except ValueError as error:
        raise UsageError(f"{role} '{spec.name}': {error}") from error
    _refuse_empty(spec.name, dataset)
    plain = {k: v for k, v in values.items() if k != "root"}
    return OpenDataset(spec.name, plain, dataset, dataset.fingerprint())


def _refuse_empty(name: str, dataset: Dataset) -> None:
    for split in ("train", "query", "gallery"):
        if not len(dataset.samples(split)):
            raise ReidbenchError(f"dataset '{name}' has no {split} images")
