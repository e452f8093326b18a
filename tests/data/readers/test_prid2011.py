from pathlib import Path

import pytest
from hypothesis import given

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.readers.prid2011 import Prid2011
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    check_divisions,
    check_training_on_everybody,
    digits,
    odd_names,
    prid2011_tree,
    suffixed,
    table,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prid2011_tree(tmp_path_factory.mktemp("prid"))


@pytest.mark.parametrize(("query_camera", "gallery"), [("a", 649), ("b", 285)])
def test_divisions(root: Path, query_camera: str, gallery: int) -> None:
    counts = {
        "train": Counts(200, 100, 2),
        "query": Counts(100, 100, 1),
        "gallery": Counts(gallery, gallery, 1),
    }
    check_divisions(lambda **k: Prid2011(root=str(root), query_camera=query_camera, **k), counts)
    assert Prid2011(root=str(root), query_camera=query_camera).published() == counts


@pytest.mark.parametrize("query_camera", ["a", "b"])
def test_training_on_everybody(root: Path, query_camera: str) -> None:
    def make(**parameters: object) -> Prid2011:
        return Prid2011(root=str(root), query_camera=query_camera, **parameters)

    check_training_on_everybody(make, 385 + 749)
    assert table(make(train="all"))["train"] == make(train="all").published()["train"]


@pytest.mark.parametrize("split", range(10))
@pytest.mark.parametrize(("query_camera", "cam"), [("a", 0), ("b", 1)])
def test_protocol(root: Path, split: int, query_camera: str, cam: int) -> None:
    dataset = Prid2011(root=str(root), split=split, query_camera=query_camera)
    train, query, gallery = (dataset.samples(s) for s in SPLITS)
    assert train.cams.tolist() == [0] * 100 + [1] * 100
    assert train.pids[:100].tolist() == train.pids[100:].tolist()
    assert set(train.pids.tolist()) | set(query.pids.tolist()) == set(range(1, 201))
    assert set(query.cams.tolist()) == {cam}
    assert set(gallery.cams.tolist()) == {1 - cam}


def test_934_persons_have_934_numbers(root: Path) -> None:
    pids = set()
    for query_camera in ("a", "b"):
        dataset = Prid2011(root=str(root), query_camera=query_camera)
        pids |= {pid for split in SPLITS for pid in dataset.samples(split).pids.tolist()}
    assert pids == set(range(1, 935))


def test_a_number_above_200_names_another_person_in_each_camera(root: Path) -> None:
    gallery = Prid2011(root=str(root), query_camera="b").samples("gallery")
    pids = dict(zip(gallery.names, gallery.pids.tolist(), strict=True))
    assert pids["cam_a/person_0201.png"] == 750
    assert pids["cam_a/person_0385.png"] == 934
    gallery = Prid2011(root=str(root)).samples("gallery")
    pids = dict(zip(gallery.names, gallery.pids.tolist(), strict=True))
    assert pids["cam_b/person_0201.png"] == 201


@pytest.mark.parametrize("place", ["single_shot", "prid_2011/single_shot", "prid/", "prid2011"])
def test_places(tmp_path: Path, place: str) -> None:
    prid2011_tree(tmp_path / place, 200, 200)
    assert len(Prid2011(root=str(tmp_path)).samples("query")) == 100


def test_fingerprint_depends_on_camera_and_files(tmp_path: Path) -> None:
    root = prid2011_tree(tmp_path / "prid", 200, 201)
    prints = {Prid2011(root=str(root), query_camera=c).fingerprint() for c in ("a", "b")}
    (root / "cam_b" / "person_0201.png").write_bytes(b"another image")
    assert len({*prints, Prid2011(root=str(root)).fingerprint()}) == 3


def test_missing_shared_persons_are_named(tmp_path: Path) -> None:
    home = prid2011_tree(tmp_path / "prid", 200, 200)
    (home / "cam_b" / "person_0033.png").unlink()
    with pytest.raises(ReidbenchError, match=r"cam_b lacks person_0033\.png; persons 1 to 200"):
        Prid2011(root=str(tmp_path)).samples("train")
    for number in (7, 9, 12):
        (home / "cam_b" / f"person_{number:04d}.png").unlink()
    assert any(
        "cam_b lacks person_0007.png, person_0009.png, person_0012.png and 1 more" in problem
        for problem in Prid2011(root=str(tmp_path)).check()
    )


def test_a_person_twice_is_refused(tmp_path: Path) -> None:
    home = prid2011_tree(tmp_path / "prid", 200, 201)
    (home / "cam_b" / "person_0201.PNG").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"person_0201\.PNG and .*person_0201\.png are both"):
        Prid2011(root=str(home)).samples("gallery")


def test_check(root: Path, tmp_path: Path) -> None:
    assert Prid2011(root=str(root)).check() == []
    assert Prid2011(root=str(root), query_camera="b", train="all").check() == []
    part = prid2011_tree(tmp_path / "prid", 200, 749)
    (part / "cam_a" / "person_0005.png").write_bytes(b"")
    problems = Prid2011(root=str(part), query_camera="b").check()
    assert problems[0] == "cam_a: 200 persons found, 1 to 385 published"
    assert "gallery: 100 images found, 285 published" in problems
    assert "cam_a/person_0005.png: the file is empty" in problems[-1]


@given(odd_names("person_0001.png", "person_0385.PNG", "person_0000.png"))
def test_odd_names(name: str) -> None:
    dataset = Prid2011(root="nowhere")
    number = (suffixed(name, "png") or "").lower().removeprefix("person_")
    fine = name.isascii() and name.lower().startswith("person_") and digits(number, 4)
    row = dataset.row("cam_b", name)
    assert row == (("cam_b/" + name, int(number), 1) if fine and int(number) else None)


def test_names_and_parameters(tmp_path: Path) -> None:
    prid2011_tree(tmp_path / "prid", 200, 200)
    (tmp_path / "prid" / "cam_a" / "person_1.png").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"cam_a/person_1\.png; expected a name like"):
        Prid2011(root=str(tmp_path)).samples("query")
    for split in (-1, 10):
        with pytest.raises(UsageError, match=f"split is 0 to 9, not {split}"):
            Prid2011(root="x", split=split)
    with pytest.raises(UsageError, match="query_camera is a or b, not c"):
        Prid2011(root="x", query_camera="c")
    with pytest.raises(UsageError, match="train is split or all, not none"):
        Prid2011(root="x", train="none")
