"""Several datasets as one source."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from reidbench.config.benchmark import DatasetSpec, load_benchmark
from reidbench.data.catalog import open_dataset
from reidbench.data.dataset import Samples
from reidbench.data.several import Several
from reidbench.errors import UsageError
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.setting import open_setting
from reidbench.testing.toys import ToyDataset


class Odd(ToyDataset):
    """Five persons in three cameras, with junk, distractors and a camera that is not known."""

    def __init__(self, *, ids: int = 5, population: str = "odd") -> None:
        super().__init__(domain="odd", ids=ids)
        self._population = population

    @property
    def population(self) -> str:
        return self._population

    def samples(self, split):
        found = super().samples(split)
        if split != "gallery":
            return Samples(found.names, found.pids, found.cams + 1)
        pids, cams = found.pids.copy(), found.cams + 1
        pids[:2], cams[2] = (-1, 0), -1
        return Samples(found.names, pids, cams)


class Again(Odd):
    """Persons of the same population."""


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("odd")
    more.dataset("odd", f"{__name__}:Odd")
    more.dataset("again", f"{__name__}:Again")
    registry.add(more)
    return registry


def opened(registry, name="toy+odd", role="source", **parameters):
    return open_dataset(DatasetSpec(name, parameters), registry, None, role)


def test_persons_and_cameras_are_kept_apart(registry):
    data = opened(registry).dataset
    toy, odd = ToyDataset(), Odd()
    for split in ("train", "query", "gallery"):
        joined, first, second = data.samples(split), toy.samples(split), odd.samples(split)
        count = len(first)
        assert joined.names[0] == f"toy:a/{first.names[0]}"
        assert len(joined) == count + len(second)
        assert joined.pids[:count].tolist() == first.pids.tolist()
        known = second.pids > 0
        assert not np.isin(joined.pids[count:][known], toy.samples("query").pids).any()
        assert (joined.pids[count:][known] - second.pids[known] == 12).all()
        assert joined.pids[count:][~known].tolist() == second.pids[~known].tolist()
        assert joined.cams[:count].tolist() == first.cams.tolist()
        seen = second.cams >= 0
        assert (joined.cams[count:][seen] - second.cams[seen] == 2).all()
        assert (joined.cams[count:][~seen] == -1).all()
        for row, (dataset, at) in {
            0: (toy, 0),
            count: (odd, 0),
            len(joined) - 1: (odd, -1),
        }.items():
            expected = dataset.read(split, range(len(dataset.samples(split)))[at])
            assert np.array_equal(data.read(split, row), expected)


def test_parameters_are_those_of_one_of_them(registry):
    data = opened(registry, toy={"ids": 3}, **{"odd.ids": 4})
    assert data.parameters["toy"]["ids"] == 3
    assert len(np.unique(data.dataset.samples("train").pids)) == 7
    with pytest.raises(UsageError, match=r"say of which 'ids' is, as toy\.ids"):
        opened(registry, ids=3)


@pytest.mark.parametrize("name", ["toy+toy", "toy+", "+odd"])
def test_each_is_named_once(registry, name):
    with pytest.raises(UsageError, match="name each dataset once"):
        opened(registry, name)


def test_a_person_of_two_sources_is_refused(registry):
    with pytest.raises(UsageError, match=r"sources 'odd:odd' and 'again:odd' share 10 persons"):
        opened(registry, "odd+again")


def test_a_person_of_a_source_and_the_target_is_refused(registry, benchmark_):
    changed = {"source": DatasetSpec("odd+toy"), "target": DatasetSpec("again")}
    with pytest.raises(UsageError, match=r"source 'odd:odd' and target 'again:odd' share"):
        open_setting(replace(benchmark_, **changed), registry, None, {})


def test_only_sources_are_several(registry):
    with pytest.raises(UsageError, match=r"toy\+odd"):
        opened(registry, role="target")


def test_the_fingerprint_is_of_both(registry):
    prints = {opened(registry, n).fingerprint for n in ("toy+odd", "odd+toy")}
    prints |= {opened(registry, odd={"ids": 4}).fingerprint, opened(registry, "toy").fingerprint}
    assert len(prints) == 4


def test_a_benchmarks_file_names_several(tmp_path, registry):
    path = tmp_path / "mine.toml"
    path.write_text(
        'version = 1\nsummary = "s"\nseeds = [0]\nimage_size = [16, 8]\n'
        '[source]\nname = "toy+odd"\nodd = {ids = 4}\n'
        '[target]\nname = "toy"\ndomain = "b"\n[protocol]\nname = "market1501"\n'
    )
    setting = open_setting(load_benchmark(str(path)), registry, None, {"source.toy.ids": 3})
    assert isinstance(setting.source.dataset, Several)
    assert [len(p.dataset.samples("train")) for p in setting.source.parts] == [12, 16]
