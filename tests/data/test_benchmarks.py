"""The shipped benchmarks name datasets, splits and protocols that exist."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import reidbench
from reidbench.config.benchmark import DatasetSpec, available, load_benchmark
from reidbench.config.compose import Request, compose
from reidbench.data.catalog import construct
from reidbench.data.dataset import Counts
from reidbench.errors import ReidbenchError
from reidbench.nn.small_resnet import SmallResNet
from reidbench.progress import Silent
from reidbench.registry.loading import load_plugins
from reidbench.registry.registry import Registry
from reidbench.runs.launch import open_experiment
from reidbench.runs.options import ExperimentOptions
from reidbench.runs.setting import open_setting
from reidbench.storage.keys import JSON
from tests.data.small_trees import cuhk01_tree, grid_tree, prid2011_tree
from tests.data.trees import market_tree


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_plugins().registry


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of CUHK01, GRID and PRID2011 in size, and a small one of Market-1501."""
    root = tmp_path_factory.mktemp("data")
    cuhk01_tree(root / "cuhk01")
    grid_tree(root / "grid")
    prid2011_tree(root / "prid2011")
    market_tree(root / "market1501")
    return root


@pytest.mark.parametrize("name", available())
def test_every_dataset_split_and_protocol_exists(name: str, registry: Registry) -> None:
    benchmark = load_benchmark(name)
    construct(benchmark.source, registry, "unread", "source")
    registry.entry("protocol", benchmark.protocol.name)
    splits = [{"split": split} for split in benchmark.splits]
    found = set()
    for given in splits or [{}]:
        spec = replace(benchmark.target, parameters={**benchmark.target.parameters, **given})
        dataset, parameters = construct(spec, registry, "unread", "target")
        found.add(str(parameters))
        assert not dataset.trains_on_test
        assert benchmark.protocol.name in (dataset.protocol, "multi-query")
    assert len(found) == len(splits or [{}])


def test_the_papers_scale_starts_from_weights_of_imagenet() -> None:
    """A setting of the benchmark is no value set by hand, so that such results can be ranked."""
    registry = load_plugins().registry
    for name in available():
        small = name.startswith(("synthetic", "mock")) or name.endswith("-small")
        benchmark = load_benchmark(name)
        for method in ("spgan", "ipgan", "simpgan"):
            recipe = compose(Request(method), benchmark, registry, {})
            weights = recipe.learner.parameters.get("weights", "IMAGENET1K_V1")
            assert (weights == "IMAGENET1K_V1") or small, name
            assert recipe.modified == {}
    assert load_benchmark("market1501-to-prid2011-128x64").image_size == (128, 64)


def test_missing_weights_are_told_before_anything_is_computed(
    data_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    with pytest.raises(ReidbenchError, match=r"put resnet50-0676ba61\.pth \(from https.*hub"):
        reidbench.run(
            method="direct",
            benchmark="market1501-to-prid2011-a",
            data_root=str(data_root),
            cache=tmp_path / "cache",
            results=tmp_path / "results",
        )
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_anybodys_benchmark_pins_weights_by_their_digest(data_root: Path, tmp_path: Path) -> None:
    """They are found in the data root, and are no value set by hand."""
    net = SmallResNet().state_dict()
    (data_root / "weights").mkdir()
    torch.save(net, data_root / "weights" / "net.pth")
    sha256 = hashlib.sha256((data_root / "weights" / "net.pth").read_bytes()).hexdigest()
    known = "\n".join(
        'backbone = "small-resnet"' if line.startswith("backbone = ") else line
        for line in available()["market1501-to-prid2011-small"].read_text().splitlines()
        if not line.startswith("weights = ")
    )
    own = tmp_path / "own.toml"
    own.write_text(f'{known}\nweights = "net.pth#sha256={sha256}"\n')
    assert weights_on(own, data_root) == ({"weights": "net.pth", "sha256": sha256}, {})
    own.write_text(f'{known}\nweights = "net.pth#sha256={sha256[::-1]}"\n')
    with pytest.raises(ReidbenchError, match=r"weights/net\.pth is damaged or another file"):
        weights_on(own, data_root)


def weights_on(benchmark: Path, data_root: Path) -> tuple[Mapping[str, str], dict[str, JSON]]:
    """Return the origin of a learner's weights, and what was set by hand."""
    options = ExperimentOptions(benchmark=str(benchmark), data_root=str(data_root))
    opened = open_experiment(load_plugins().registry, options, Silent())
    (recipe,) = opened.recipes([Request("direct")])
    plan = opened.plan(recipe, 0, "float32")
    return plan.learned.provenance, {**recipe.modified, **plan.setting.modified}


GRID, CUHK01 = (Counts(125, 125, 8), Counts(900, 125, 8, 775)), (Counts(486, 486, 1),) * 2


@pytest.mark.parametrize(
    ("name", "trained", "tested"),
    [
        ("market1501-to-grid", Counts(3, 2, 3), GRID),
        ("cuhk01-to-grid", Counts(3_884, 971, 2), GRID),
        ("market1501-to-cuhk01", Counts(3, 2, 3), CUHK01),
        ("grid-to-cuhk01", Counts(500, 250, 8), CUHK01),
        ("cuhk01-to-market1501", Counts(3_884, 971, 2), None),
        ("grid-to-market1501", Counts(500, 250, 8), None),
        ("market1501-to-prid2011-a", Counts(3, 2, 3), (Counts(100, 100, 1), Counts(649, 649, 1))),
        ("market1501-to-prid2011-b", Counts(3, 2, 3), (Counts(100, 100, 1), Counts(285, 285, 1))),
    ],
)
def test_benchmarks_of_simpgan_and_sagan(
    data_root: Path, registry: Registry, name: str, trained: Counts, tested: tuple[Counts] | None
) -> None:
    setting = open_setting(load_benchmark(name), registry, str(data_root), {})
    assert Counts.of(setting.source.dataset.samples("train")) == trained
    assert len(setting.targets) == (10 if tested else 1)
    for target in setting.targets if tested else ():
        counts = tuple(Counts.of(target.dataset.samples(s)) for s in ("query", "gallery"))
        assert counts == tested
        trained_on = set(target.dataset.samples("train").pids)
        assert not trained_on & set(target.dataset.samples("query").pids)


@pytest.mark.parametrize("camera", ["a", "b"])
def test_table_3_of_sagan_differs_from_table_2_in_the_source_alone(camera: str) -> None:
    two, three = (
        load_benchmark(f"{source}-to-prid2011-{camera}") for source in ("market1501", "dukemtmc")
    )
    assert three.source == DatasetSpec("dukemtmc")
    assert three.target.parameters == {"query_camera": camera}
    changed = {"name": three.name, "summary": three.summary, "source": three.source}
    assert replace(two, **changed) == three
