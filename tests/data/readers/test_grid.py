from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from scipy.io import savemat

from reidbench.data.dataset import Counts
from reidbench.data.readers.grid import PARTITIONS, Grid, official_folds
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    check_divisions,
    check_training_on_everybody,
    digits,
    extra,
    grid_partitions,
    grid_tree,
    labels,
    odd_names,
    suffixed,
    table,
)

# Fold 0 trains persons 1 to 125, fold 1 trains 2 to 126, and so on.
FOLDS = [list(range(first, first + 125)) for first in range(1, 11)]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return grid_tree(tmp_path_factory.mktemp("grid") / "grid" / "underground_reid").parent.parent


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = grid_tree(tmp_path_factory.mktemp("official"))
    grid_partitions(home / PARTITIONS, FOLDS)
    return home


def test_divisions(root: Path) -> None:
    check_divisions(
        lambda **k: Grid(root=str(root), **k),
        {
            "train": Counts(250, 125, 8),
            "query": Counts(125, 125, 8),
            "gallery": Counts(900, 125, 8, distractors=775),
        },
    )


@pytest.mark.parametrize("split", range(10))
def test_official_folds(official: Path, split: int) -> None:
    dataset = Grid(root=str(official), split=split)
    assert dataset.division == f"official fold {split}"
    rows = labels(dataset)
    assert {pid for _, pid, _ in rows["train"]} == set(FOLDS[split])
    assert {pid for _, pid, _ in rows["query"]} == set(range(1, 251)) - set(FOLDS[split])
    assert {k: (c.images, c.persons) for k, c in table(dataset).items()} == {
        "train": (250, 125),
        "query": (125, 125),
        "gallery": (900, 125),
    }


def test_official_and_own_folds_are_told_apart(root: Path, official: Path) -> None:
    prints = {Grid(root=str(r), split=s).fingerprint() for r in (root, official) for s in (0, 1)}
    assert len(prints) == 4
    whole = Grid(root=str(official), train="all")
    assert whole.division == "official fold 0, everybody in training"


def test_training_on_everybody_leaves_the_extra_images_to_the_test(
    root: Path, official: Path
) -> None:
    check_training_on_everybody(lambda **k: Grid(root=str(root), **k), 500)
    check_training_on_everybody(lambda **k: Grid(root=str(official), **k), 500)


@pytest.mark.parametrize("train", ["split", "all"])
def test_all_probes(root: Path, official: Path, train: str) -> None:
    own, theirs = (Grid(root=str(r), probes="all", train=train) for r in (root, official))
    assert own.fingerprint() == theirs.fingerprint()
    assert own.division == theirs.division == "none, everybody in training and test"
    rows = labels(own)
    assert sorted(pid for _, pid, _ in rows["query"]) == list(range(1, 251))
    assert {k: c.images for k, c in table(own).items()} == {
        "train": 500,
        "query": 250,
        "gallery": 1_025,
    }
    assert own.published()["gallery"] == Counts(1_025, 250, None, distractors=775)
    assert {pid for _, pid, _ in rows["train"]} == set(range(1, 251))


def test_cameras_come_from_the_names(root: Path) -> None:
    for rows in labels(Grid(root=str(root))).values():
        for name, pid, cam in rows:
            person, camera = name.split("/")[1].split("_")[:2]
            assert (pid, cam) == (int(person), int(camera) - 1)


def test_check(root: Path, tmp_path: Path) -> None:
    for probes in ("fold", "all"):
        assert Grid(root=str(root), probes=probes).check() == []
    copy = grid_tree(tmp_path)
    (probe,) = (copy / "probe").glob("0007_*")
    probe.unlink()
    (copy / "gallery" / "0251_1_1_1_1_1_1.jpeg").write_bytes(b"x")
    next((copy / "gallery").glob("0000_*")).unlink()
    with pytest.raises(ReidbenchError, match="probe lacks person 0007; it shows 1 to 250, once"):
        Grid(root=str(copy)).samples("query")
    problems = Grid(root=str(copy)).check()
    assert any("gallery should not have person 0251" in problem for problem in problems)
    assert any("distractors: 774" in p or "774 distractors found" in p for p in problems)
    for path in copy.rglob("*_8_*"):
        path.rename(path.with_name(path.name.replace("_8_", "_7_", 1)))
    assert "7 cameras found, 8 published" in Grid(root=str(copy)).check()


def test_a_person_twice_is_refused(root: Path) -> None:
    dataset = Grid(root=str(root))
    found = pytest.raises(ReidbenchError, match=r"/0003_7.*\.jpeg and gallery/0003_8_1_.* are both")
    with extra(dataset.home / "gallery" / "0003_8_1_1_1_1_1.jpeg"), found:
        dataset.samples("gallery")


@pytest.mark.parametrize(
    "folds",
    [
        FOLDS[:9],
        [*FOLDS[:9], FOLDS[9][:-1]],
        [*FOLDS[:9], [*FOLDS[9][:-1], 251]],
        [*FOLDS[:9], [*FOLDS[9][:-1], 0]],
        [*FOLDS[:9], [*FOLDS[9][:-1], 11]],
    ],
    ids=["nine", "short", "beyond", "zero", "twice"],
)
def test_other_folds_are_refused(tmp_path: Path, folds: list[list[int]]) -> None:
    grid_partitions(tmp_path / PARTITIONS, folds)
    with pytest.raises(ReidbenchError, match="does not hold 10 folds of 125 of the persons 1 to"):
        official_folds(tmp_path / PARTITIONS)


def test_folds_that_cannot_be_read_are_not_replaced_in_silence(root: Path) -> None:
    path = Grid(root=str(root)).home / PARTITIONS
    with extra(path):
        with pytest.raises(ReidbenchError, match=r"features_and_partitions\.mat is damaged"):
            Grid(root=str(root)).samples("train")
        assert any("is damaged" in problem for problem in Grid(root=str(root)).check())
        savemat(path, {"trainIdxAll": np.ones((3, 125))})
        with pytest.raises(ReidbenchError, match=r"does not hold 10 folds.*to use reidbench's"):
            Grid(root=str(root)).samples("train")


@given(odd_names("0001_1_25004_107_32_106_221.jpeg", "0250_8_1_2_3_4_5.JPG", "0000_1_2_3.jpeg"))
def test_odd_names(name: str) -> None:
    number, _, rest = (suffixed(name, "jpeg", "jpg") or "").partition("_")
    camera, _, rest = rest.partition("_")
    fine = digits(number, 4) and camera and camera in "12345678" and len(camera) == 1
    fine = fine and bool(rest) and set(rest) <= set("0123456789_-")
    row = ("/" + name, int(number), int(camera) - 1) if fine else None
    found = Grid(root="nowhere").row("gallery", name)
    assert found == (("gallery" + row[0], *row[1:]) if row else None)
    probe = Grid(root="nowhere").row("probe", name)
    assert probe == (("probe" + row[0], *row[1:]) if row and row[1] else None)


def test_parameters() -> None:
    with pytest.raises(UsageError, match="grid: split is 0 to 9, not 10"):
        Grid(root="x", split=10)
    with pytest.raises(UsageError, match="grid: probes is fold or all, not some"):
        Grid(root="x", probes="some")
    with pytest.raises(UsageError, match="grid: probes 'all' has no folds; leave split at 0, not"):
        Grid(root="x", probes="all", split=3)
