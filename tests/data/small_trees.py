"""Generated copies of the small datasets' folders, in their native naming, and what all must do."""

import io
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.readers.divided import DividedDataset
from reidbench.data.readers.divisions import DivisionPlan, load_divisions

# VIPeR's numbers have gaps: 632 of them, from 000 to 873.
VIPER = (0, 1, *range(3, 632), 873)
# Digits and letters that other rules than ASCII's take for 1, 4, s, k and i are among them.
ODD_CHARACTERS = "0\u0661\uff14_-. a\u017f\u212a\u0131\u00e9\n\x1bPNG/"


def content(kind: str, number: int) -> bytes:
    """Return a tiny image; decoders do not read what follows it, so that each can differ."""
    buffer = io.BytesIO()
    Image.new("RGB", (2, 4), (9, 90, 200)).save(buffer, format=kind)
    return buffer.getvalue() + number.to_bytes(4, "big")


def plant(folder: Path, names: Iterable[str], start: int = 0) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    images: dict[str, bytes] = {}
    for number, name in enumerate(names, start):
        kind = {"png": "PNG", "bmp": "BMP"}.get(name[-3:].lower(), "JPEG")
        images.setdefault(kind, content(kind, 0)[:-4])
        (folder / name).write_bytes(images[kind] + number.to_bytes(4, "big"))


def prid2011_tree(home: Path, cam_a: int = 385, cam_b: int = 749) -> Path:
    plant(home / "cam_a", (f"person_{n:04d}.png" for n in range(1, cam_a + 1)))
    plant(home / "cam_b", (f"person_{n:04d}.png" for n in range(1, cam_b + 1)), 10_000)
    return home


def prid450s_tree(home: Path, first: int = 1) -> Path:
    for start, folder in ((0, "cam_a"), (10_000, "cam_b")):
        plant(home / folder, (f"img_{n:03d}.png" for n in range(first, first + 450)), start)
        (home / folder / "man_001.png").write_bytes(b"a mask")
        (home / folder / "notes").mkdir()
    return home


def viper_tree(home: Path) -> Path:
    plant(home / "cam_a", (f"{n:03d}_{(0, 45)[n % 2]}.bmp" for n in VIPER))
    plant(home / "cam_b", (f"{n:03d}_{(90, 180)[n % 2]}.bmp" for n in VIPER), 10_000)
    return home


def grid_tree(home: Path) -> Path:
    def name(person: int, number: int) -> str:
        return f"{person:04d}_{number % 8 + 1}_{25_000 + number}_107_32_106_221.jpeg"

    plant(home / "probe", (name(p, p) for p in range(1, 251)))
    matches = [name(p, p + 3) for p in range(1, 251)]
    plant(home / "gallery", [*matches, *(name(0, n) for n in range(1_000, 1_775))], 10_000)
    (home / "readme.txt").write_text("The GRID dataset is organised in two folders")
    return home


def grid_partitions(path: Path, folds: Iterable[Iterable[int]], packed: bool = True) -> None:
    """Write MATLAB's cell array of structures, as the archive's own file has it."""
    folds = list(folds)
    cells = np.empty((1, len(folds)), dtype=object)
    for place, fold in enumerate(folds):
        persons = np.array([list(fold)], dtype=np.float64)
        cells[0, place] = {
            "probeImIdx": 2 * persons,
            "galleryImIdx": 2 * persons - 1,
            "personIdx": persons,
        }
    savemat(path, {"trainIdxAll": cells, "ftrset": np.zeros((3, 2))}, do_compression=packed)


def cuhk01_tree(home: Path) -> Path:
    names = (f"{person:04d}00{n}.png" for person in range(1, 972) for n in range(1, 5))
    plant(home / "campus", names)
    return home


def ilids_images() -> dict[int, int]:
    """Return how many images each of 119 persons has: 2 to 8, together 476."""
    return {person: (2, 2, 3, 4, 4, 5, 8)[person % 7] for person in range(1, 120)}


def ilids_tree(home: Path) -> Path:
    names = (f"{p:04d}{n:03d}.jpg" for p, k in ilids_images().items() for n in range(1, k + 1))
    plant(home / "Persons", names)
    return home


@contextmanager
def extra(path: Path) -> Iterator[None]:
    """Put one more file into a tree that others use as well."""
    path.write_bytes(b"x")
    try:
        yield
    finally:
        path.unlink()


def table(dataset: DividedDataset) -> dict[str, Counts]:
    return {split: Counts.of(dataset.samples(split)) for split in SPLITS}


def labels(dataset: DividedDataset) -> dict[str, list[tuple[str, int, int]]]:
    found = {split: dataset.samples(split) for split in SPLITS}
    return {
        split: list(zip(s.names, s.pids.tolist(), s.cams.tolist(), strict=True))
        for split, s in found.items()
    }


def check_divisions(make: Callable[..., DividedDataset], counts: Mapping[str, Counts]) -> None:
    """Check what every dataset must do in every split, divided by the committed file."""
    plan, files, prints = make().plan, set(), set()
    for split in range(10):
        dataset = make(split=split)
        assert table(dataset) == counts
        rows = labels(dataset)
        pids = {name: {pid for _, pid, _ in found if pid > 0} for name, found in rows.items()}
        assert not pids["train"] & (pids["query"] | pids["gallery"])
        assert len(pids["train"] | pids["query"]) == plan.persons
        assert pids["query"] <= pids["gallery"]
        assert dataset.division == division(plan, split)
        files.add(tuple(rows["train"]))
        prints.add(dataset.fingerprint())
    assert len(files) == len(prints) == 10
    assert labels(pickle.loads(pickle.dumps(dataset))) == rows


def check_training_on_everybody(make: Callable[..., DividedDataset], images: int) -> None:
    """Check that only the training images grow, that this is told, and that it is another view."""
    part, whole = make(split=4), make(split=4, train="all")
    before, after = labels(part), labels(whole)
    assert before["query"] == after["query"]
    assert before["gallery"] == after["gallery"]
    assert set(before["train"]) < set(after["train"])
    assert len(after["train"]) == len(set(after["train"])) == images
    assert min(pid for _, pid, _ in after["train"]) > 0
    assert whole.division == f"{part.division}, everybody in training"
    assert whole.fingerprint() != part.fingerprint()


def division(plan: DivisionPlan, split: int) -> str:
    checksum = load_divisions(plan.path).sha256[:8]
    return f"reidbench {plan.name}.json sha256:{checksum} split {split}"


@st.composite
def odd_names(draw: st.DrawFn, *names: str) -> str:
    """Draw a name with up to three characters put in, taken out or replaced."""
    name = draw(st.sampled_from(names))
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(name)))
        left, right = name[:place], name[place:]
        odd = draw(st.sampled_from(ODD_CHARACTERS) | st.characters(codec="utf-8"))
        name = draw(st.sampled_from([left + odd + right, left + odd + right[1:], left + right[1:]]))
    return name


def digits(text: str, length: int | None = None) -> bool:
    """Return whether a text is ASCII digits only, checked without a regular expression."""
    return bool(text) and set(text) <= set("0123456789") and length in (None, len(text))


def suffixed(name: str, *suffixes: str) -> str | None:
    """Return the name before its suffix, whichever case that has; None if it has another."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and suffix.isascii() and suffix.lower() in suffixes else None
