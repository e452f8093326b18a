import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.dataset import SPLITS
from reidbench.data.market1501 import Market1501
from reidbench.errors import ReidbenchError
from tests.data.trees import GALLERY, QUERY, TRAIN, market_tree


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return market_tree(tmp_path / "Market-1501-v15.09.15")


def test_labels_of_the_native_names(home: Path) -> None:
    samples = {split: Market1501(root=str(home)).samples(split) for split in SPLITS}
    assert samples["train"].names == tuple(f"bounding_box_train/{n}" for n in TRAIN)
    assert samples["train"].pids.tolist() == [2, 2, 7]
    assert samples["train"].cams.tolist() == [0, 5, 2]
    assert samples["query"].pids.tolist() == [1, 3]
    assert samples["gallery"].names == tuple(f"bounding_box_test/{n}" for n in sorted(GALLERY))
    assert samples["gallery"].pids.tolist() == [-1, -1, 0, 1, 1, 3]
    assert samples["gallery"].cams.tolist() == [2, 3, 0, 1, 5, 0]
    assert samples["query"].pids.dtype == samples["query"].cams.dtype == np.int64


def test_pixels_come_in_the_order_of_the_samples(home: Path) -> None:
    dataset = Market1501(root=str(home))
    for index, name in enumerate(dataset.samples("gallery").names):
        image = dataset.read("gallery", index)
        assert image.shape == (8, 4, 3)
        assert image.dtype == np.uint8
        assert abs(int(image.mean()) - 10 * GALLERY.index(Path(name).name)) <= 2


@pytest.mark.parametrize("name", ["Market-1501-v15.09.15", "market1501", "Market-1501"])
def test_root_may_be_the_dataset_or_a_folder_that_holds_it(tmp_path: Path, name: str) -> None:
    home = market_tree(tmp_path / name)
    inside, outside = Market1501(root=str(home)), Market1501(root=str(tmp_path))
    assert inside.samples("query").names == outside.samples("query").names
    assert inside.fingerprint() == outside.fingerprint()


def test_missing_root(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"no folder .*nowhere; expected the extracted Market"):
        Market1501(root=str(tmp_path / "nowhere")).samples("train")


def test_root_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match="has none of bounding_box_train, query"):
        Market1501(root=str(tmp_path)).samples("train")


@pytest.mark.parametrize("folder", ["bounding_box_train", "query", "bounding_box_test"])
def test_half_a_dataset(home: Path, folder: str) -> None:
    shutil.rmtree(home / folder)
    for ask in (Market1501(root=str(home)).fingerprint, Market1501(root=str(home.parent)).check):
        with pytest.raises(ReidbenchError, match=f"{folder} is missing"):
            ask()


def test_a_folder_without_images(home: Path) -> None:
    for name in QUERY:
        (home / "query" / name).unlink()
    with pytest.raises(ReidbenchError, match=r"query holds no images"):
        Market1501(root=str(home)).samples("query")


@pytest.mark.parametrize(
    "name",
    [
        "0001_c7s1_001051_00.jpg",  # the cameras are six
        "0001_c0s1_001051_00.jpg",
        "1_c1s1_001051_00.jpg",
        "-2_c1s1_001051_00.jpg",
        "0001_c1s1_001051_00.jpg.txt",
        "0001_c1s1_001051_00 (copy).jpg",
        "readme.txt",
    ],
)
def test_a_name_that_says_neither_person_nor_camera(home: Path, name: str) -> None:
    (home / "query" / name).write_bytes(b"x")
    with pytest.raises(ReidbenchError) as caught:
        Market1501(root=str(home)).samples("query")
    assert str(home / "query" / name) in str(caught.value)
    assert "expected a name like" in str(caught.value)


def test_check_counts_and_names_every_broken_image(home: Path) -> None:
    whole = (home / "query" / QUERY[0]).read_bytes()
    (home / "query" / QUERY[0]).write_bytes(whole[: len(whole) // 2])
    (home / "bounding_box_train" / TRAIN[1]).write_bytes(b"")
    problems = Market1501(root=str(home)).check()
    assert "bounding_box_train: images: 3 found, 12,936 published" in problems
    assert "bounding_box_train: persons: 2 found, 751 published" in problems
    assert "query: images: 2 found, 3,368 published" in problems
    assert "bounding_box_test: images: 6 found, 19,732 published" in problems
    assert "bounding_box_test: junk images: 2 found, 3,819 published" in problems
    assert "bounding_box_test: distractor images: 1 found, 2,798 published" in problems
    broken = [p for p in problems if "cannot decode" in p]
    assert len(broken) == 2
    assert f"{home / 'bounding_box_train' / TRAIN[1]}: the file is empty (0 bytes)" in broken[0]
    assert str(home / "query" / QUERY[0]) in broken[1]


def test_check_sees_training_persons_among_the_queries(home: Path) -> None:
    shutil.copy(home / "query" / QUERY[0], home / "query" / "0002_c2s1_000451_00.jpg")
    assert "query: 1 persons are also in bounding_box_train" in Market1501(root=str(home)).check()


def test_workers_get_the_arguments_and_list_once(home: Path) -> None:
    dataset = Market1501(root=str(home))
    dataset.samples("train")
    packed = pickle.dumps(dataset)
    assert len(packed) < 1000
    one, other = pickle.loads(packed), pickle.loads(packed)
    assert one is other
    assert one.samples("train").names == dataset.samples("train").names
