"""Small generated copies of the real datasets' folders, in their native naming."""

import io
import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

TRAIN = ("0002_c1s1_000451_03.jpg", "0002_c6s2_000551_01.jpg", "0007_c3s3_077419_03.jpg")
QUERY = ("0001_c1s1_001051_00.jpg", "0003_c5s3_065187_00.jpg")
GALLERY = (
    "-1_c3s1_000000_00.jpg",
    "-1_c4s6_022316_11.jpg.jpg",
    "0000_c1s6_023071_04.jpg.jpg",
    "0001_c2s1_000301_01.JPG",
    "0001_c6s3_094992_04.jpg",
    "0003_c1s6_015971_02.jpg",
)


def write_image(path: Path, value: int, size: tuple[int, int] = (4, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path, format=kind)


def market_tree(home: Path) -> Path:
    splits = {"bounding_box_train": TRAIN, "query": QUERY, "bounding_box_test": GALLERY}
    for folder, names in splits.items():
        for number, name in enumerate(names):
            write_image(home / folder / name, 10 * number)
            with (home / folder / name).open("ab") as file:
                file.write(name.encode())  # no decoder reads so far: no two files are the same
        (home / folder / "Thumbs.db").write_bytes(b"not an image")
    return home


def prid_tree(home: Path, cam_a: int = 385, cam_b: int = 749) -> Path:
    for folder, count in (("cam_a", cam_a), ("cam_b", cam_b)):
        (home / folder).mkdir(parents=True)
        write_image(home / folder / "person_0001.png", 7, (2, 4))
        content = (home / folder / "person_0001.png").read_bytes()
        for number in range(2, count + 1):
            (home / folder / f"person_{number:04d}.png").write_bytes(content)
    return home


@cache
def tiny_image(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 4), (9, 90, 200)).save(buffer, format=kind)
    return buffer.getvalue()


def plant(folder: Path, names: Iterable[str]) -> None:
    """Write an image for each name, no two of them the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
        path.write_bytes(tiny_image(kind) + os.fsencode(path))


def msmt17_tree(
    home: Path,
    lists: Mapping[str, Sequence[str]],
    folders: tuple[str, str] = ("train", "test"),
) -> Path:
    """Write MSMT17: ``lists`` are the paths in each of list_{train,val,query,gallery}.txt."""
    for name in ("train", "val", "query", "gallery"):
        paths = lists.get(name, ())
        plant(home / folders[name in ("query", "gallery")], paths)
        lines = [f"{path} {int(path[:4])}\n" for path in paths]
        (home / f"list_{name}.txt").write_text("".join(lines))
    return home


def cuhk03_config(path: Path, splits: Mapping[str, Sequence[str]]) -> None:
    """Write a cuhk03_new_protocol_config file as Zhong et al. do; indices count from 1."""
    names = sorted({name for part in splits.values() for name in part})
    cells = np.empty((len(names), 1), dtype=object)
    cells[:, 0] = names
    indices = {
        f"{split}_idx": np.array([[names.index(name) + 1] for name in part], np.uint16)
        for split, part in splits.items()
    }
    savemat(path, {"filelist": cells, **indices})
