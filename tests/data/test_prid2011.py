import json
from itertools import combinations
from pathlib import Path

import pytest

from reidbench.data import prid2011
from reidbench.data.dataset import SPLITS
from reidbench.data.prid2011 import Prid2011, load_splits, make_splits, splits_text
from reidbench.errors import ReidbenchError, UsageError
from tests.data.trees import prid_tree, write_image


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prid_tree(tmp_path_factory.mktemp("prid"))


@pytest.mark.parametrize("split", range(10))
@pytest.mark.parametrize(("query_camera", "cam", "gallery"), [("a", 0, 649), ("b", 1, 285)])
def test_protocol(root: Path, split: int, query_camera: str, cam: int, gallery: int) -> None:
    dataset = Prid2011(root=str(root), split=split, query_camera=query_camera)
    train, query, others = (dataset.samples(s) for s in SPLITS)
    trained, asked, found = (set(s.pids.tolist()) for s in (train, query, others))
    assert (len(train), len(query), len(others)) == (200, 100, gallery)
    assert train.cams.tolist() == [0] * 100 + [1] * 100
    assert train.pids[:100].tolist() == train.pids[100:].tolist()
    assert trained | asked == set(range(1, 201))
    assert not trained & (asked | found)
    assert asked <= found
    assert len(found) == gallery
    assert set(query.cams.tolist()) == {cam}
    assert set(others.cams.tolist()) == {1 - cam}


def test_934_persons_have_934_numbers(root: Path) -> None:
    pids = set()
    for query_camera in "ab":
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


def test_the_committed_splits_are_the_generators() -> None:
    splits = make_splits()
    assert prid2011.SPLITS_FILE.read_text() == splits_text(splits)
    assert load_splits(prid2011.SPLITS_FILE) == tuple(tuple(s) for s in splits)
    assert all(len(set(s)) == 100 and set(s) <= set(range(1, 201)) for s in splits)
    assert len({tuple(s) for s in splits}) == 10


def test_splits_are_as_random_as_they_should_be() -> None:
    splits = [set(split) for split in make_splits()]
    overlaps = [len(a & b) for a, b in combinations(splits, 2)]
    # Two random halves of 200 share 50, with a standard deviation of 3.5.
    assert 47 < sum(overlaps) / len(overlaps) < 53
    assert min(overlaps) > 35
    assert max(overlaps) < 65


def test_a_changed_splits_file_is_refused(tmp_path: Path) -> None:
    content = json.loads(prid2011.SPLITS_FILE.read_text())
    content["train"][3][0] += 1
    changed = tmp_path / "prid2011.json"
    changed.write_text(json.dumps(content))
    with pytest.raises(ReidbenchError, match="does not match its checksum"):
        load_splits(changed)


@pytest.mark.parametrize("place", ["single_shot", "prid_2011/single_shot", "prid/", "prid2011"])
def test_places(tmp_path: Path, place: str) -> None:
    prid_tree(tmp_path / place, 200, 200)
    assert len(Prid2011(root=str(tmp_path)).samples("query")) == 100


def test_fingerprint_depends_on_split_camera_and_files(tmp_path: Path) -> None:
    root = prid_tree(tmp_path / "prid", 200, 201)
    settings = [(0, "a"), (1, "a"), (0, "b")]
    prints = {Prid2011(root=str(root), split=s, query_camera=c).fingerprint() for s, c in settings}
    assert len(prints) == 3
    write_image(root / "cam_b" / "person_0201.png", 200, (2, 4))
    assert Prid2011(root=str(root)).fingerprint() not in prints


def test_a_missing_shared_person(tmp_path: Path) -> None:
    prid_tree(tmp_path / "prid", 200, 200)
    (tmp_path / "prid" / "cam_b" / "person_0033.png").unlink()
    with pytest.raises(ReidbenchError, match=r"cam_b/person_0033\.png is missing"):
        Prid2011(root=str(tmp_path)).samples("train")


def test_check(root: Path, tmp_path: Path) -> None:
    assert Prid2011(root=str(root)).check() == []
    part = prid_tree(tmp_path / "prid", 200, 749)
    (part / "cam_a" / "person_0005.png").write_bytes(b"")
    counts, broken = Prid2011(root=str(part)).check()
    assert counts == "cam_a: 200 persons found, 1 to 385 published"
    assert "cam_a/person_0005.png: the file is empty" in broken


def test_names_and_parameters(tmp_path: Path) -> None:
    prid_tree(tmp_path / "prid", 200, 200)
    (tmp_path / "prid" / "cam_a" / "person_1.png").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"cam_a/person_1\.png; expected a name like"):
        Prid2011(root=str(tmp_path)).samples("query")
    with pytest.raises(UsageError, match="split is 0 to 9, not 10"):
        Prid2011(root="x", split=10)
    with pytest.raises(UsageError, match="query_camera is a or b, not c"):
        Prid2011(root="x", query_camera="c")
