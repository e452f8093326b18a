import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.dataset import SPLITS
from reidbench.data.readers.market1501 import Market1501
from reidbench.errors import ReidbenchError
from tests.data.trees import GALLERY, QUERY, TRAIN, market_tree, plant


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
    with pytest.raises(ReidbenchError, match=f"{folder} is missing"):
        Market1501(root=str(home)).fingerprint()
    assert f"{folder} is missing" in Market1501(root=str(home.parent)).check()[0]


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
        "\u0660001_c1s1_001051_00.jpg",  # digits and letters of other scripts
        "0001_c1\u017f1_001051_00.jpg",
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
    assert problems[:-2] == [
        "train: 3 images found, 12,936 published",
        "train: 2 persons found, 751 published",
        "train: 3 cameras found, 6 published",
        "query: 2 images found, 3,368 published",
        "query: 2 persons found, 750 published",
        "query: 2 cameras found, 6 published",
        "gallery: 6 images found, 19,732 published",
        "gallery: 2 persons found, 750 published",
        "gallery: 5 cameras found, 6 published",
        "gallery: 1 distractors found, 2,798 published",
        "gallery: 2 junk found, 3,819 published",
    ]
    broken = [p for p in problems if "cannot decode" in p]
    assert len(broken) == 2
    assert f"{home / 'bounding_box_train' / TRAIN[1]}: the file is empty (0 bytes)" in broken[0]
    assert str(home / "query" / QUERY[0]) in broken[1]


def test_check_sees_training_persons_among_the_queries(home: Path) -> None:
    plant(home / "query", ["0002_c2s1_000451_00.jpg", "0007_c2s1_000451_00.jpg"])
    assert "query: 2 of the persons are also in train" in Market1501(root=str(home)).check()


def test_check_sees_distractors_and_junk_where_there_are_none(home: Path) -> None:
    plant(home / "query", ["0000_c2s1_000451_00.jpg", "-1_c2s1_000451_00.jpg"])
    problems = Market1501(root=str(home)).check()
    assert "query: 1 distractors found, 0 published" in problems
    assert "query: 1 junk found, 0 published" in problems


def test_check_sees_one_box_under_two_names(home: Path) -> None:
    plant(home / "query", [f"{QUERY[0]}.jpg", QUERY[1].upper()])
    problems = [p for p in Market1501(root=str(home)).check() if "name one image" in p]
    assert problems == [
        f"query/{QUERY[0]} and query/{QUERY[0]}.jpg name one image",
        f"query/{QUERY[1].upper()} and query/{QUERY[1]} name one image",
    ]


def test_images_for_multi_query_are_those_of_the_queries_persons_and_cameras(home: Path) -> None:
    assert not Market1501(root=str(home)).has_multi_query
    before = Market1501(root=str(home)).fingerprint()
    ours = ("0001_c1s1_000001_00.jpg", "0001_c1s2_000002_00.jpg", "0003_c5s1_000003_00.jpg")
    others = ("0001_c2s1_000001_00.jpg", "0002_c1s1_000001_00.jpg")
    plant(home / "gt_bbox", (*ours, *others, "Thumbs.db"))
    dataset = Market1501(root=str(home))
    assert dataset.has_multi_query
    assert dataset.samples("multi_query").names == tuple(f"gt_bbox/{name}" for name in ours)
    assert dataset.samples("multi_query").pids.tolist() == [1, 1, 3]
    assert dataset.samples("multi_query").cams.tolist() == [0, 0, 4]
    assert dataset.fingerprint() == before
    boxes = dataset.multi_query_fingerprint()
    plant(home / "gt_bbox", [others[0]])
    assert Market1501(root=str(home)).multi_query_fingerprint() == boxes
    (home / "gt_bbox" / ours[0]).write_bytes(b"")
    assert Market1501(root=str(home)).multi_query_fingerprint() != boxes
    (home / "gt_bbox" / "odd").write_bytes(b"")
    problems = Market1501(root=str(home)).check()
    assert any(f"cannot decode {home / 'gt_bbox' / ours[0]}" in p for p in problems)
    assert any("cannot tell person and camera from" in p and "gt_bbox/odd" in p for p in problems)


def test_workers_get_the_arguments_and_list_once(home: Path) -> None:
    dataset = Market1501(root=str(home))
    dataset.samples("train")
    packed = pickle.dumps(dataset)
    assert len(packed) < 1000
    one, other = pickle.loads(packed), pickle.loads(packed)
    assert one is other
    assert one.samples("train").names == dataset.samples("train").names


def test_the_added_distractors_join_the_gallery_if_they_are_asked_for(home: Path) -> None:
    names = ("0000_c1s1_000151_00.jpg", "0123456.jpg")
    plant(home / "images", names)
    plain, more = Market1501(root=str(home)), Market1501(root=str(home), distractors=True)
    gallery, grown = plain.samples("gallery"), more.samples("gallery")
    assert grown.names == (*gallery.names, *(f"images/{name}" for name in names))
    assert grown.pids.tolist() == [*gallery.pids.tolist(), 0, 0]
    assert grown.cams.tolist() == [*gallery.cams.tolist(), 0, 0]
    assert plain.fingerprint() != more.fingerprint()
    assert not any(p.startswith("gallery") and "published" in p for p in more.check())
    shutil.rmtree(home / "images")
    assert Market1501(root=str(home)).fingerprint() == plain.fingerprint()
    with pytest.raises(ReidbenchError, match="images is missing"):
        Market1501(root=str(home), distractors=True).samples("gallery")
