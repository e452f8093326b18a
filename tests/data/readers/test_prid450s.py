from pathlib import Path

import pytest
from hypothesis import given

from reidbench.data.dataset import Counts
from reidbench.data.readers.prid450s import Prid450s
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    check_divisions,
    check_training_on_everybody,
    digits,
    extra,
    labels,
    odd_names,
    prid450s_tree,
    suffixed,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prid450s_tree(tmp_path_factory.mktemp("prid450s") / "prid_450s").parent


@pytest.mark.parametrize("query_camera", ["a", "b"])
def test_divisions(root: Path, query_camera: str) -> None:
    counts = {
        "train": Counts(450, 225, 2),
        "query": Counts(225, 225, 1),
        "gallery": Counts(225, 225, 1),
    }
    check_divisions(lambda **k: Prid450s(root=str(root), query_camera=query_camera, **k), counts)


def test_training_on_everybody(root: Path) -> None:
    check_training_on_everybody(lambda **k: Prid450s(root=str(root), **k), 900)


def test_cameras_and_persons(root: Path) -> None:
    one, other = (labels(Prid450s(root=str(root), query_camera=c)) for c in ("a", "b"))
    assert one["query"] == other["gallery"]
    assert one["gallery"] == other["query"]
    assert all(name.startswith("cam_a/") and cam == 0 for name, _, cam in one["query"])
    assert all(name.startswith("cam_b/") and cam == 1 for name, _, cam in one["gallery"])
    assert all(pid == int(name[-7:-4]) + 1 for name, pid, _ in one["train"])


def test_numbers_from_0_and_from_1_are_divided_alike(root: Path, tmp_path: Path) -> None:
    from_one = labels(Prid450s(root=str(root)))
    from_zero = labels(Prid450s(root=str(prid450s_tree(tmp_path, first=0))))
    for split, rows in from_one.items():
        assert [pid - 1 for _, pid, _ in rows] == [pid for _, pid, _ in from_zero[split]]
    assert min(pid for rows in from_zero.values() for _, pid, _ in rows) == 1


def test_masks_and_notes_are_left_alone(root: Path, tmp_path: Path) -> None:
    copy = prid450s_tree(tmp_path)
    (copy / "cam_b" / "man_001.png").unlink()
    (copy / "cam_b" / "part_annotations.mat").write_bytes(b"x")
    assert Prid450s(root=str(copy)).fingerprint() == Prid450s(root=str(root)).fingerprint()
    (copy / "cam_b" / "img_451x.png").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"img_451x\.png; expected a name like img_001\.png"):
        Prid450s(root=str(copy)).samples("query")


def test_check(root: Path, tmp_path: Path) -> None:
    for train in ("split", "all"):
        assert Prid450s(root=str(root), train=train).check() == []
    copy = prid450s_tree(tmp_path)
    (copy / "cam_b" / "img_003.png").unlink()
    (copy / "cam_a" / "img_009.png").unlink()
    for camera, number in (("a", "009"), ("b", "003")):
        other = {"a": "b", "b": "a"}[camera]
        lacks = f"cam_{camera} lacks the person of cam_{other}/img_{number}.png"
        assert any(lacks in problem for problem in Prid450s(root=str(copy)).check())
    with pytest.raises(ReidbenchError, match=r"cam_b lacks the person of cam_a/img_003\.png"):
        Prid450s(root=str(copy)).samples("gallery")
    for folder in ("cam_a", "cam_b"):
        for number in ("003", "009"):
            (copy / folder / f"img_{number}.png").unlink(missing_ok=True)
    with pytest.raises(ReidbenchError, match="has 448 persons; the divisions are of 450"):
        Prid450s(root=str(copy)).samples("train")


def test_a_person_twice_is_refused(root: Path) -> None:
    dataset = Prid450s(root=str(root))
    found = pytest.raises(ReidbenchError, match=r"img_0007\.png and cam_a/img_007\.png are both")
    with extra(dataset.home / "cam_a" / "img_0007.png"), found:
        dataset.samples("train")


@given(odd_names("img_001.png", "img_0450.PNG"))
def test_odd_names(name: str) -> None:
    number = (suffixed(name, "png") or "").lower().removeprefix("img_")
    fine = name.isascii() and name.lower().startswith("img_") and digits(number)
    row = Prid450s(root="nowhere").row("cam_b", name)
    assert row == (("cam_b/" + name, int(number) + 1, 1) if fine else None)


def test_parameters() -> None:
    with pytest.raises(UsageError, match="prid450s: split is 0 to 9, not 10"):
        Prid450s(root="x", split=10)
    with pytest.raises(UsageError, match="prid450s: query_camera is a or b, not c"):
        Prid450s(root="x", query_camera="c")
    with pytest.raises(UsageError, match="prid450s: train is split or all, not test"):
        Prid450s(root="x", train="test")
