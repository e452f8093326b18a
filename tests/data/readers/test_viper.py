from pathlib import Path

import pytest
from hypothesis import given

from reidbench.data.dataset import Counts
from reidbench.data.readers.divisions import load_divisions
from reidbench.data.readers.viper import Viper
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    VIPER,
    check_divisions,
    check_training_on_everybody,
    digits,
    extra,
    labels,
    odd_names,
    suffixed,
    viper_tree,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return viper_tree(tmp_path_factory.mktemp("viper") / "viper" / "VIPeR").parent.parent


@pytest.mark.parametrize("query_camera", ["a", "b"])
def test_divisions(root: Path, query_camera: str) -> None:
    counts = {
        "train": Counts(632, 316, 2),
        "query": Counts(316, 316, 1),
        "gallery": Counts(316, 316, 1),
    }
    check_divisions(lambda **k: Viper(root=str(root), query_camera=query_camera, **k), counts)


def test_training_on_everybody(root: Path) -> None:
    check_training_on_everybody(lambda **k: Viper(root=str(root), **k), 1_264)


@pytest.mark.parametrize("split", [0, 9])
def test_persons_are_divided_by_the_order_of_their_numbers(root: Path, split: int) -> None:
    dataset = Viper(root=str(root), split=split)
    train = load_divisions(dataset.plan.path).train[split]
    numbers = {int(name[6:9]) for name in dataset.samples("train").names}
    assert numbers == {VIPER[place - 1] for place in train}
    rows = [row for found in labels(dataset).values() for row in found]
    assert all(pid == int(name[6:9]) + 1 for name, pid, _ in rows)
    assert {pid for _, pid, _ in rows} == {number + 1 for number in VIPER}
    assert all(cam == ("cam_a", "cam_b").index(name[:5]) for name, _, cam in rows)


def test_check(root: Path, tmp_path: Path) -> None:
    for train in ("split", "all"):
        assert Viper(root=str(root), train=train).check() == []
    copy = viper_tree(tmp_path)
    (copy / "cam_b" / "000_90.bmp").unlink()
    with pytest.raises(ReidbenchError, match=r"cam_b lacks the person of cam_a/000_0\.bmp"):
        Viper(root=str(copy)).samples("query")
    (copy / "cam_a" / "000_0.bmp").unlink()
    problems = Viper(root=str(copy)).check()
    assert problems == [f"viper: {copy} has 631 persons; the divisions are of 632"]


def test_a_person_twice_is_refused(root: Path) -> None:
    dataset = Viper(root=str(root))
    found = pytest.raises(ReidbenchError, match=r"003_45\.bmp and cam_a/003_90\.BMP are both")
    with extra(dataset.home / "cam_a" / "003_90.BMP"), found:
        dataset.samples("train")


@given(odd_names("000_45.bmp", "873_180.BMP"))
def test_odd_names(name: str) -> None:
    number, _, angle = (suffixed(name, "bmp") or "").partition("_")
    fine = digits(number, 3) and digits(angle) and len(angle) <= 3
    row = Viper(root="nowhere").row("cam_b", name)
    assert row == (("cam_b/" + name, int(number) + 1, 1) if fine else None)


def test_parameters() -> None:
    with pytest.raises(UsageError, match="viper: split is 0 to 9, not -1"):
        Viper(root="x", split=-1)
    with pytest.raises(UsageError, match="viper: query_camera is a or b, not c"):
        Viper(root="x", query_camera="c")
    with pytest.raises(UsageError, match="viper: train is split or all, not test"):
        Viper(root="x", train="test")
