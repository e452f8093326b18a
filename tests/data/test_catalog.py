from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reidbench.config.benchmark import DatasetSpec
from reidbench.data.catalog import construct, open_dataset, refuse_overlap, refuse_shared_persons
from reidbench.data.without_corrupt import Without
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.loading import load_from
from reidbench.registry.registry import Registry
from tests.data.trees import QUERY, TRAIN, market_tree, write_image


@pytest.fixture
def registry() -> Registry:
    return load_from([]).registry


def listed(home: Path, registry: Registry, *labels: tuple[int, str], population: str = "") -> Any:
    """Open a manifest with an image for each of the labels."""
    rows = ["path,pid,cam,split"]
    for number, (pid, split) in enumerate(labels):
        write_image(home / f"{number}.png", len(home.name) + number)
        rows.append(f"{number}.png,{pid},{number % 2},{split}")
    (home / "manifest.csv").write_text("\n".join(rows))
    spec = DatasetSpec("manifest", {"root": str(home), "population": population})
    return open_dataset(spec, registry, None)


HALVES = ((1, "train"), (2, "train"), (3, "query"), (3, "gallery"))


def test_a_dataset_is_constructed_without_its_files(registry: Registry) -> None:
    dataset, parameters = construct(DatasetSpec("prid2011"), registry, "/nowhere")
    assert type(dataset).__name__ == "Prid2011"
    assert parameters["split"] == 0
    assert "root" not in parameters


def test_different_people_may_have_equal_numbers(tmp_path: Path, registry: Registry) -> None:
    one, other = (listed(tmp_path / name, registry, *HALVES) for name in ("one", "other"))
    refuse_shared_persons(one, other)


def test_persons_of_one_population_are_not_shared(tmp_path: Path, registry: Registry) -> None:
    source = listed(tmp_path / "a", registry, *HALVES, population="campus")
    assert source.title == "manifest:campus"
    tests = ((0, "gallery"), (-1, "gallery"))
    strangers = ((7, "train"), (-1, "train"), (3, "query"), (3, "gallery"), *tests)
    refuse_shared_persons(
        source, listed(tmp_path / "bb", registry, *strangers, population="campus")
    )
    said = (
        r"source 'manifest:campus' and target 'manifest:campus' share 1 person \(the first is 2\)"
    )
    for split in ("train", "query", "gallery"):
        shared = listed(tmp_path / split, registry, (2, split), *strangers, population="campus")
        with pytest.raises(UsageError, match=said):
            refuse_shared_persons(source, shared)


def test_nobody_is_trained_on_and_tested(tmp_path: Path, registry: Registry) -> None:
    source = listed(tmp_path / "a", registry, *HALVES)
    for number, split in enumerate(("query", "gallery")):
        leaky = listed(tmp_path / f"b{number}", registry, (1, split), (2, split), *HALVES)
        with pytest.raises(
            UsageError, match=r"training and test images of 'manifest' share 2 pers"
        ):
            refuse_shared_persons(source, leaky)
        with pytest.raises(UsageError, match="training and test images"):
            refuse_overlap(leaky)
        refuse_shared_persons(leaky, source)  # nothing is tested on a source
    refuse_overlap(source)


def test_corrupt_images_are_left_out_by_choice(tmp_path: Path, registry: Registry) -> None:
    home = market_tree(tmp_path / "market1501")
    spec = DatasetSpec("market1501", {"root": str(home)})
    whole = open_dataset(spec, registry, None, skip_corrupt=True)
    assert whole.left_out == ()
    assert not isinstance(whole.dataset, Without)
    (home / "bounding_box_train" / TRAIN[1]).write_bytes(b"no image")
    kept = open_dataset(spec, registry, None)
    assert len(kept.dataset.samples("train")) == 3
    left = open_dataset(spec, registry, None, skip_corrupt=True)
    assert left.left_out == (f"bounding_box_train/{TRAIN[1]}",)
    assert len(left.dataset.samples("train")) == 2
    assert len({whole.fingerprint, kept.fingerprint, left.fingerprint}) == 3
    assert left.identity()["fingerprint"] == left.dataset.fingerprint()


def test_corrupt_images_for_multi_query_are_left_out_too(
    tmp_path: Path, registry: Registry
) -> None:
    home = market_tree(tmp_path / "market1501")
    write_image(home / "gt_bbox" / QUERY[0], 1)
    (home / "gt_bbox" / QUERY[1]).write_bytes(b"no image")
    spec = DatasetSpec("market1501", {"root": str(home)})
    plain, left = (open_dataset(spec, registry, None, skip_corrupt=s) for s in (False, True))
    assert left.left_out == (f"gt_bbox/{QUERY[1]}",)
    assert left.fingerprint == plain.fingerprint  # which multi_query does not decide
    assert left.dataset.multi_query_fingerprint() != plain.dataset.multi_query_fingerprint()


def test_a_split_without_any_whole_image_is_an_error(tmp_path: Path, registry: Registry) -> None:
    home = market_tree(tmp_path / "market1501")
    for name in QUERY:
        (home / "query" / name).write_bytes(b"")
    spec = DatasetSpec("market1501", {"root": str(home)})
    with pytest.raises(ReidbenchError, match="'market1501' has no query images"):
        open_dataset(spec, registry, None, skip_corrupt=True)


@pytest.mark.parametrize(
    ("role", "train", "said"),
    [
        ("source", (1, 1), "source 'manifest' has one person to train on"),
        ("target", (1,), "target 'manifest' has one training image"),
    ],
)
def test_a_domain_too_small_to_train_on_is_refused(
    tmp_path: Path, registry: Registry, role: str, train: tuple[int, ...], said: str
) -> None:
    labels = [(pid, "train") for pid in train] + [(3, "query"), (3, "gallery")]
    listed(tmp_path, registry, *labels)  # which may be looked at
    with pytest.raises(ReidbenchError, match=said):
        open_dataset(DatasetSpec("manifest", {"root": str(tmp_path)}), registry, None, role)
