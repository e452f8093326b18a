"""Small generated copies of the real datasets' folders, in their native naming."""

from pathlib import Path

import numpy as np
from PIL import Image

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
