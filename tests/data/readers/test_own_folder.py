from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from reidbench.data.readers.own_folder import OwnFolder, camera_of
from reidbench.errors import ReidbenchError
from tests.data.trees import write_image

NAMES = (
    "train/0001/1_a.png",
    "train/0001/2_b_c.JPG",
    "train/0020/1_.png",
    "query/0003/10_x.png",
    "gallery/0003/2_x.jpeg",
    "gallery/-1/2_x.bmp.png",
    "gallery/0000/1_x.png",
)

SPLIT_PERSONS = {"train": (1, 2), "query": (3, 4), "gallery": (3, 4)}


def tree(home: Path, *names: str) -> OwnFolder:
    for number, name in enumerate(names or NAMES):
        write_image(home / name, 10 * number)
    return OwnFolder(root=str(home))


def test_labels_come_from_folders_and_names(tmp_path: Path) -> None:
    dataset = tree(tmp_path)
    (tmp_path / "train" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "train" / "0001" / ".hidden.png").write_bytes(b"")
    train, gallery = dataset.samples("train"), dataset.samples("gallery")
    assert train.names == NAMES[:3]
    assert train.pids.tolist() == [1, 1, 20]
    assert train.cams.tolist() == [0, 1, 0]
    assert dataset.samples("query").cams.tolist() == [2]  # cameras 1, 2 and 10
    assert gallery.names == tuple(sorted(NAMES[4:]))
    assert gallery.pids.tolist() == [-1, 0, 3]
    assert dataset.read("train", 1).mean() == pytest.approx(10, abs=2)
    assert dataset.check() == []
    assert not dataset.has_multi_query
    assert pickle.loads(pickle.dumps(dataset)).samples("train").names == NAMES[:3]


@pytest.mark.parametrize("folder", ["multi_query", "boxes"])
def test_images_for_multi_query_may_be_there(tmp_path: Path, folder: str) -> None:
    dataset = tree(tmp_path, *NAMES, f"{folder}/0003/10_y.png", f"{folder}/0003/1_y.png")
    assert dataset.has_multi_query
    assert dataset.samples("multi_query").names == (f"{folder}/0003/10_y.png",)
    assert dataset.fingerprint() == tree(tmp_path).fingerprint()


def test_images_for_multi_query_lie_in_one_folder(tmp_path: Path) -> None:
    dataset = tree(tmp_path, *NAMES, "multi_query/0003/10_y.png", "boxes/0003/11_y.png")
    with pytest.raises(ReidbenchError, match="holds multi_query and boxes; merge them into multi_"):
        dataset.samples("query")


WRONG = {
    "no camera": ("train/1/a.png", "cannot tell the camera from"),
    "empty camera": ("train/1/ _a.png", "cannot tell the camera from"),
    "suffix": ("train/1/1_a.gif", "expected a name like train/0001/2_anything.jpg"),
    "flat": ("train/1_a.png", "is not a folder; expected one for each person"),
    "deep": ("train/1/2/1_a.png", "is not a file"),
    "person": ("train/-7/1_a.png", "persons have numbers from 1 or names"),
}


@pytest.mark.parametrize(("name", "said"), WRONG.values(), ids=WRONG)
def test_what_lies_elsewhere_is_named(tmp_path: Path, name: str, said: str) -> None:
    dataset = tree(tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / NAMES[0]).read_bytes())
    assert any(said in problem for problem in dataset.check())
    with pytest.raises(ReidbenchError, match=said):
        OwnFolder(root=str(tmp_path)).samples("train")


@pytest.mark.parametrize("missing", ["train", "query", "gallery"])
def test_a_missing_split_is_named(tmp_path: Path, missing: str) -> None:
    dataset = tree(tmp_path, *(n for n in NAMES if not n.startswith(missing)))
    with pytest.raises(ReidbenchError, match=rf"{missing} is missing"):
        dataset.samples("train")
    (tmp_path / missing).mkdir()
    assert any(f"{missing} holds no images" in p for p in OwnFolder(root=str(tmp_path)).check())


def test_links_may_not_leave(tmp_path: Path) -> None:
    home = tmp_path / "home"
    dataset = tree(home)
    write_image(tmp_path / "out" / "1_a.png", 1)
    (home / "train" / "5").symlink_to(tmp_path / "out")
    (home / "train" / "0001" / "1_z.png").symlink_to(tmp_path / "out" / "1_a.png")
    assert sum("is a link that leaves" in p for p in dataset.check()) == 2


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    dataset = tree(tmp_path)
    file = os.fsencode(tmp_path / "train" / "0001") + b"/1_\xff.png"
    with open(file, "wb") as out:  # noqa: PTH123
        out.write((tmp_path / NAMES[0]).read_bytes())
    (problem,) = dataset.check()
    assert "is not UTF-8; rename it" in problem
    assert problem.isprintable()


HABITS = {
    "market1501": ("0007/0007_c{}s1_000451_03.jpg", "3"),
    "dukemtmc": ("0007/0007_c{}_f0046182.jpg", "3"),
    "veri": ("7/0007_c00{}_00016450_0.jpg", "3"),
    "msmt17": ("0007/0007_000_0{}_0303morning_0008_0.jpg", "3"),
    "camstyle": ("0007/0007_c1s1_000451_03_fake_1to{}.jpg", "3"),
    "camera first": ("7/{}_7.tif", "3"),
    "camera and person equal": ("3/{}_c1s1.webp", "3"),
    "camera by name": ("7/c{}s1_7.png", "c3s1"),
}


@pytest.mark.parametrize(("name", "camera"), HABITS.values(), ids=HABITS)
def test_cameras_are_read_as_the_field_names_images(name: str, camera: str) -> None:
    person, _, file = name.format(3).partition("/")
    assert camera_of(person, file) == camera


def test_a_camera_a_person_is_refused(tmp_path: Path) -> None:
    names = [f"{s}/{p}/{p}_1.png" for s, ps in SPLIT_PERSONS.items() for p in ps]
    dataset = tree(tmp_path, *names)
    with pytest.raises(ReidbenchError, match="each of the 4 persons has a camera for itself"):
        dataset.samples("train")
    assert any("'train/1/1_1.png' person '1' and camera '1'" in p for p in dataset.check())


@pytest.mark.parametrize(("split", "person"), [("train", "0"), ("query", "0.0")])
def test_nobody_is_no_person_to_train_on_or_to_look_for(
    tmp_path: Path, split: str, person: str
) -> None:
    dataset = tree(tmp_path, *NAMES, f"{split}/{person}/1_x.png")
    with pytest.raises(ReidbenchError, match=f"{split} has person 0, .* number persons from 1"):
        dataset.samples("gallery")
