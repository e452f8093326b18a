from pathlib import Path

import pytest

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.readers.dukemtmc import DukeMTMC
from reidbench.errors import ReidbenchError
from tests.data.trees import plant

TRAIN = ("0001_c2_f0046182.jpg", "0001_c6_f0038492.jpg", "0007_c8_f0046182.JPG")
QUERY = ("0005_c2_f0046985.jpg", "0033_c1_f0057706.jpg")
GALLERY = (
    "0005_c5_f0051781.jpg",
    "0033_c2_f0048802.jpg",
    "7139_c3_f0001234.jpg",  # a person who is not looked for, as any other
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "DukeMTMC-reID"
    plant(home / "bounding_box_train", TRAIN)
    plant(home / "query", QUERY)
    plant(home / "bounding_box_test", GALLERY)
    return home


def test_labels_of_the_native_names(home: Path) -> None:
    dataset = DukeMTMC(root=str(home))
    train, query, gallery = (dataset.samples(split) for split in SPLITS)
    assert train.names == tuple(f"bounding_box_train/{name}" for name in TRAIN)
    assert (train.pids.tolist(), train.cams.tolist()) == ([1, 1, 7], [1, 5, 7])
    assert (query.pids.tolist(), query.cams.tolist()) == ([5, 33], [1, 0])
    assert (gallery.pids.tolist(), gallery.cams.tolist()) == ([5, 33, 7139], [4, 1, 2])
    assert Counts.of(gallery) == Counts(3, 3, 3, distractors=0, junk=0)
    assert not dataset.has_multi_query


def test_published_counts() -> None:
    published = DukeMTMC(root="x").published()
    assert published == {
        "train": Counts(16_522, 702, 8),
        "query": Counts(2_228, 702, 8),
        "gallery": Counts(17_661, 702 + 408, 8),
    }
    assert sum(counts.images or 0 for counts in published.values()) == 36_411


@pytest.mark.parametrize(
    "name",
    [
        "0000_c1_f0046182.jpg",  # would be a distractor
        "-1_c1_f0046182.jpg",
        "0001_c9_f0046182.jpg",
        "0001_c0_f0046182.jpg",
        "0001_c1s1_001051_00.jpg",
        "0001_c1_f0046182.png",
        "\u0660001_c1_f0046182.jpg",
    ],
)
def test_other_names_are_refused(home: Path, name: str) -> None:
    plant(home / "query", [name])
    with pytest.raises(ReidbenchError, match=r"expected a name like 0002_c1_f0044158\.jpg"):
        DukeMTMC(root=str(home)).samples("query")


@pytest.mark.parametrize("inside", ["dukemtmc-reid/DukeMTMC-reID", "dukemtmcreid", "DukeMTMC"])
def test_places(home: Path, tmp_path: Path, inside: str) -> None:
    root = tmp_path / "root"
    (root / inside).parent.mkdir(parents=True)
    home.rename(root / inside)
    assert len(DukeMTMC(root=str(root)).samples("train")) == 3


def test_the_withdrawal_is_told() -> None:
    assert "2019" in DukeMTMC.withdrawn
    assert "Duke University" in DukeMTMC.withdrawn
    assert "never fetched" in DukeMTMC.withdrawn
