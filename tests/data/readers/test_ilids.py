from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from reidbench.data.dataset import Counts
from reidbench.data.readers.divisions import load_divisions
from reidbench.data.readers.ilids import Ilids
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    check_training_on_everybody,
    digits,
    division,
    ilids_images,
    ilids_tree,
    labels,
    odd_names,
    suffixed,
    table,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ilids_tree(tmp_path_factory.mktemp("ilids") / "i-LIDS_Pedestrian").parent


def test_divisions(root: Path) -> None:
    images, prints = ilids_images(), set()
    for split in range(10):
        dataset = Ilids(root=str(root), split=split)
        trained = set(load_divisions(dataset.plan.path).train[split])
        held_out = sum(count for person, count in images.items() if person not in trained)
        assert table(dataset) == {
            "train": Counts(476 - held_out, 59, 1),
            "query": Counts(held_out - 60, 60, 1),
            "gallery": Counts(60, 60, 1),
        }
        train, query, gallery = (set(dataset.samples(s).names) for s in labels(dataset))
        assert len(train | query | gallery) == 476
        assert {int(name[8:12]) for name in train} == trained
        assert not {int(name[8:12]) for name in query | gallery} & trained
        assert dataset.division == division(dataset.plan, split)
        prints.add(dataset.fingerprint())
    assert len(prints) == 10


def test_training_on_everybody(root: Path) -> None:
    check_training_on_everybody(lambda **k: Ilids(root=str(root), **k), 476)


@pytest.mark.parametrize("split", [0, 5])
def test_the_drawn_image_is_in_the_gallery(root: Path, split: int) -> None:
    images = ilids_images()
    dataset = Ilids(root=str(root), split=split)
    draws = load_divisions(dataset.plan.path).draws[split]
    for name, pid, cam in labels(dataset)["gallery"]:
        person = pid - 1  # numbers begin at 1 in this copy
        drawn = draws[person - 1] % images[person] + 1
        assert (name, cam) == (f"Persons/{person:04d}{drawn:03d}.jpg", 0)


def test_any_image_is_as_likely(root: Path) -> None:
    drawn = Counter(
        (ilids_images()[int(name[8:12])], int(name[12:15]))
        for split in range(10)
        for name in Ilids(root=str(root), split=split).samples("gallery").names
    )
    for images in (2, 4, 8):
        times = [drawn[images, image] for image in range(1, images + 1)]
        expected = sum(times) / images
        assert max(abs(count - expected) for count in times) < 4.5 * expected**0.5


def test_persons_are_divided_by_the_order_of_their_numbers(root: Path, tmp_path: Path) -> None:
    whole = labels(Ilids(root=str(root)))
    copy = ilids_tree(tmp_path)
    for path in sorted((copy / "Persons").iterdir(), reverse=True):
        path.rename(path.with_name(f"{int(path.name[:4]) * 3 - 3:04d}{path.name[4:]}"))
    for split, rows in labels(Ilids(root=str(copy))).items():
        assert [(pid - 1) // 3 + 2 for _, pid, _ in rows] == [pid for _, pid, _ in whole[split]]


def test_check(root: Path, tmp_path: Path) -> None:
    assert Ilids(root=str(root)).check() == []
    copy = ilids_tree(tmp_path)
    (copy / "Persons" / "0005001.jpg").unlink()
    assert Ilids(root=str(copy)).check() == ["475 images found, 476 published"]
    for image in (2, 3, 4):
        (copy / "Persons" / f"0005{image:03d}.jpg").unlink()
    with pytest.raises(ReidbenchError, match=r"0005005\.jpg is its person's only image; one to"):
        Ilids(root=str(copy)).samples("query")
    (copy / "Persons" / "0005005.jpg").unlink()
    with pytest.raises(ReidbenchError, match="has 118 persons; the divisions are of 119"):
        Ilids(root=str(copy)).samples("train")
    assert any("has 118 persons" in problem for problem in Ilids(root=str(copy)).check())


def test_an_image_twice_is_refused(tmp_path: Path) -> None:
    copy = ilids_tree(tmp_path)
    (copy / "Persons" / "0005002.JPG").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"0005002\.JPG and Persons/0005002\.jpg are both"):
        Ilids(root=str(copy)).samples("gallery")


@given(odd_names("0001001.jpg", "0119004.JPG"))
def test_odd_names(name: str) -> None:
    stem = suffixed(name, "jpg") or ""
    row = Ilids(root="nowhere").row("Persons", name)
    assert row == (("Persons/" + name, int(stem[:4]) + 1, 0) if digits(stem, 7) else None)


def test_parameters() -> None:
    with pytest.raises(UsageError, match="ilids: split is 0 to 9, not 10"):
        Ilids(root="x", split=10)
    with pytest.raises(UsageError, match="ilids: train is split or all, not test"):
        Ilids(root="x", train="test")
