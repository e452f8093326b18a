import shutil
from pathlib import Path

import pytest

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.readers.msmt17 import MSMT17
from reidbench.errors import ReidbenchError
from tests.data.trees import msmt17_tree, plant

# Lines of the real lists.
LISTS = {
    "train": ["0000/0000_000_01_0303morning_0008_0.jpg", "0003/0003_013_04_0303noon_0020_2.jpg"],
    "val": ["0000/0000_050_12_0303morning_0008_0_ex.jpg"],
    "query": [
        "0000/0000_030_14_0303morning_0245_0.jpg",
        "0080/0080_040_15_0303afternoon_1096_0.jpg",
    ],
    "gallery": [
        "0000/0000_001_01_0303morning_0015_0_ex.jpg",
        "0080/0080_059_14_0302morning_0009_3_ex.jpg",
    ],
}
V2 = ("mask_train_v2", "mask_test_v2")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return msmt17_tree(tmp_path / "MSMT17_V1", LISTS)


def add_line(home: Path, file: str, line: str) -> None:
    with (home / file).open("a") as text:
        text.write(line + "\n")


def problems(home: Path) -> list[str]:
    return [p for p in MSMT17(root=str(home)).check() if not p.endswith("published")]


def test_labels(home: Path) -> None:
    dataset = MSMT17(root=str(home))
    train, query, gallery = (dataset.samples(split) for split in SPLITS)
    assert train.names == tuple(f"train/{name}" for name in [*LISTS["train"], *LISTS["val"]])
    assert train.pids.tolist() == [1, 4, 1]
    assert train.cams.tolist() == [0, 3, 11]
    assert query.names == tuple(f"test/{name}" for name in LISTS["query"])
    assert query.pids.tolist() == [1042, 1122]
    assert query.cams.tolist() == [13, 14]
    assert gallery.pids.tolist() == [1042, 1122]
    assert gallery.cams.tolist() == [0, 13]
    assert problems(home) == []


def test_published_counts() -> None:
    published = MSMT17(root="x").published()
    assert published == {
        "train": Counts(30_248 + 2_373, 1_041, 15),
        "query": Counts(11_659, 3_060, 15),
        "gallery": Counts(82_161, 3_060, 15),
    }
    assert sum(counts.images or 0 for counts in published.values()) == 126_441


def test_either_version_and_the_first_if_there_are_both(home: Path, tmp_path: Path) -> None:
    second = msmt17_tree(tmp_path / "MSMT17_V2", LISTS, V2)
    assert MSMT17(root=str(second)).samples("train").names[0].startswith("mask_train_v2/0000/")
    assert MSMT17(root=str(second)).samples("train").pids.tolist() == [1, 4, 1]
    assert MSMT17(root=str(tmp_path)).home == home
    shutil.rmtree(home)
    assert MSMT17(root=str(tmp_path)).home == second
    (tmp_path / "msmt17").mkdir()
    second.rename(tmp_path / "msmt17" / "MSMT17_V2")
    assert MSMT17(root=str(tmp_path)).home == tmp_path / "msmt17" / "MSMT17_V2"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../test/0000/0000_030_14_0303morning_0245_0.jpg",
        "0000/../0003/0003_013_04_0303noon_0020_2.jpg",
        "./0003/0003_013_04_0303noon_0020_2.jpg",
        "0003//0003_013_04_0303noon_0020_2.jpg",
        "0003/0003_999_04_0303noon_0020_2.jpg",
        "0003\\0003_013_04_0303noon_0020_2.jpg",
        "\x1b[31m",
        "",
    ],
)
def test_a_list_can_name_nothing_but_images_of_its_folder(home: Path, path: str) -> None:
    add_line(home, "list_val.txt", f"{path} 0")
    with pytest.raises(
        ReidbenchError, match=r"list_val\.txt, line 2, names .*is no image in train"
    ):
        MSMT17(root=str(home)).samples("train")
    (problem,) = problems(home)
    assert problem.isprintable()
    assert len(MSMT17(root=str(home)).samples("query")) == 2


@pytest.mark.parametrize("person", ["1", "00", "", "x", "-0", "\x1b"])
def test_a_list_must_agree_with_the_names(home: Path, person: str) -> None:
    plant(home / "train", ["0000/0000_007_01_0303morning_0008_0.jpg"])
    add_line(home, "list_train.txt", f"0000/0000_007_01_0303morning_0008_0.jpg {person}")
    (wrong, lone) = problems(home)
    assert "list_train.txt, line 3, says that 0000/0000_007_01_0303morning_0008_0.jpg is" in wrong
    assert lone.startswith("train: 1 images are in no list, first train/0000/0000_007")


def test_an_image_is_listed_once(home: Path) -> None:
    add_line(home, "list_val.txt", f"{LISTS['train'][0]} 0")
    (problem,) = problems(home)
    assert f"list_val.txt, line 2, names {LISTS['train'][0]} again" in problem


def test_images_in_no_list_are_counted(home: Path) -> None:
    names = [f"0003/0003_{number:03d}_04_0303noon_0020_2.jpg" for number in (20, 21)]
    plant(home / "test", names)
    assert problems(home) == [f"test: 2 images are in no list, first test/{names[0]}"]
    assert len(MSMT17(root=str(home)).samples("gallery")) == 2


@pytest.mark.parametrize("file", ["list_train.txt", "list_val.txt", "list_query.txt"])
def test_a_missing_list_is_named(home: Path, file: str) -> None:
    (home / file).unlink()
    split = "query" if "query" in file else "train"
    with pytest.raises(ReidbenchError, match=f"cannot read .*{file}: No such file"):
        MSMT17(root=str(home)).samples(split)
    assert any(f"{file}: No such file" in p for p in problems(home))


def test_a_list_may_not_be_a_link_that_leaves(home: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (home / "list_val.txt").unlink()
    (home / "list_val.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ReidbenchError, match=r"list_val\.txt is a link that leaves") as caught:
        MSMT17(root=str(home)).samples("train")
    assert "secret;" not in str(caught.value)


def test_a_person_folder_may_not_be_a_link_that_leaves(home: Path, tmp_path: Path) -> None:
    plant(tmp_path / "outside", ["0009_013_04_0303noon_0020_2.jpg"])
    (home / "train" / "0009").symlink_to(tmp_path / "outside")
    assert any("train/0009 is a link that leaves" in p for p in problems(home))


@pytest.mark.parametrize(
    "name",
    [
        "0001/0000_000_01_0303morning_0008_0.jpg",  # another person's folder
        "0000/0000_000_16_0303morning_0008_0.jpg",
        "0000/0000_000_00_0303morning_0008_0.jpg",
        "0000/0000_000_01_0303morning_0008_0.png",
        "0000/readme.txt",
    ],
)
def test_names_that_say_nothing(home: Path, name: str) -> None:
    plant(home / "train", [name])
    with pytest.raises(ReidbenchError, match="cannot tell person and camera"):
        MSMT17(root=str(home)).samples("train")


def test_a_file_among_the_person_folders(home: Path) -> None:
    plant(home / "train", ["0000_000_01_0303morning_0008_0.jpg"])
    assert [p for p in problems(home) if "is not a folder; expected one for each person" in p]


def test_the_fingerprint_follows_the_lists(home: Path) -> None:
    before = MSMT17(root=str(home)).fingerprint()
    query, gallery = ((home / f"list_{s}.txt").read_text() for s in ("query", "gallery"))
    (home / "list_query.txt").write_text(gallery)
    (home / "list_gallery.txt").write_text(query)
    assert MSMT17(root=str(home)).fingerprint() != before


def test_lines_may_end_as_on_windows(home: Path) -> None:
    text = (home / "list_train.txt").read_text()
    (home / "list_train.txt").write_bytes(text.replace("\n", "\r\n").encode())
    assert problems(home) == []
