"""How each dataset names its images, and trees drawn in that naming."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import assume
from hypothesis import strategies as st

from reidbench.data.dataset import SPLITS
from reidbench.data.readers.cuhk03 import Cuhk03
from reidbench.data.readers.dukemtmc import DukeMTMC
from reidbench.data.readers.folders import FolderDataset
from reidbench.data.readers.market1501 import FOLDERS, Market1501
from reidbench.data.readers.msmt17 import MSMT17
from tests.data.trees import cuhk03_config, msmt17_tree, plant

Shot = tuple[int, int, int]  # number of the person, camera from 0, number of the image
Shots = Mapping[str, frozenset[Shot]]


@dataclass(frozen=True)
class Native:
    """How a dataset names its images.

    Attributes:
        persons: the range of numbers that persons have in the archive.
        name: name of an image below its folder.
        folders: of train, query and gallery.
        shift: what is added to the numbers of train and of test persons.
        write: writes a tree.
    """

    make: Callable[[str], FolderDataset]
    persons: range
    cameras: int
    name: Callable[[int, int, int], str]
    folders: tuple[str, str, str]
    write: Callable[["Native", Path, Shots], None]
    shift: tuple[int, int] = (0, 0)


def write_folders(native: Native, home: Path, shots: Shots) -> None:
    for folder, split in zip(native.folders, SPLITS, strict=True):
        plant(home / folder, (native.name(*shot) for shot in shots[split]))


def write_lists(native: Native, home: Path, shots: Shots) -> None:
    names = {split: [native.name(*shot) for shot in sorted(shots[split])] for split in SPLITS}
    half = len(names["train"]) // 2
    lists = {**names, "train": names["train"][half:], "val": names["train"][:half]}
    msmt17_tree(home, lists, (native.folders[0], native.folders[1]))


def write_config(native: Native, home: Path, shots: Shots) -> None:
    write_folders(native, home, shots)
    names = {split: [native.name(*shot) for shot in sorted(shots[split])] for split in SPLITS}
    cuhk03_config(home / "cuhk03_new_protocol_config_labeled.mat", names)


def msmt17_name(person: int, cam: int, number: int) -> str:
    ex = "_ex" if number % 2 else ""
    return f"{person:04d}/{person:04d}_{number:03d}_{cam + 1:02d}_0303noon_0001_{number}{ex}.jpg"


def extracted_name(person: int, cam: int, number: int) -> str:
    pair, first = max((p, f) for p, f in enumerate((0, 843, 1283, 1360, 1418), 1) if f < person)
    return f"{pair}_{person - first:03d}_{cam + 1}_{number % 100:02d}.png"


def np_name(person: int, cam: int, number: int) -> str:
    return f"{person:04d}_c{cam + 1}_{number}.png"


NATIVE = {
    "market1501": Native(
        lambda root: Market1501(root=root),
        range(1, 1502),
        6,
        lambda person, cam, number: f"{person:04d}_c{cam + 1}s{number % 6 + 1}_{number:06d}_01.jpg",
        FOLDERS,
        write_folders,
    ),
    "dukemtmc": Native(
        lambda root: DukeMTMC(root=root),
        range(1, 7141),
        8,
        lambda person, cam, number: f"{person:04d}_c{cam + 1}_f{number:07d}.jpg",
        FOLDERS,
        write_folders,
    ),
    "msmt17-v1": Native(
        lambda root: MSMT17(root=root),
        range(1041),
        15,
        msmt17_name,
        ("train", "test", "test"),
        write_lists,
        (1, 1042),
    ),
    "msmt17-v2": Native(
        lambda root: MSMT17(root=root),
        range(1041),
        15,
        msmt17_name,
        ("mask_train_v2", "mask_test_v2", "mask_test_v2"),
        write_lists,
        (1, 1042),
    ),
    "cuhk03-np": Native(
        lambda root: Cuhk03(root=root, kind="detected"),
        range(1, 1468),
        2,
        np_name,
        tuple(f"detected/{folder}" for folder in FOLDERS),
        write_folders,
    ),
    "cuhk03-extracted": Native(
        lambda root: Cuhk03(root=root, kind="labeled"),
        range(1, 1468),
        2,
        extracted_name,
        ("images_labeled",) * 3,
        write_config,
    ),
}


@st.composite
def shots_of(draw: st.DrawFn, native: Native) -> Shots:
    """Draw persons with gaps between their numbers, in one camera or more."""
    numbers = st.sampled_from(native.persons)
    trained = draw(st.sets(numbers, min_size=1, max_size=3))
    tested = draw(st.sets(numbers, min_size=1, max_size=3).map(lambda s: s - trained))
    assume(tested)
    shots: dict[str, frozenset[Shot]] = {}
    for first, (split, people) in enumerate(zip(SPLITS, (trained, tested, tested), strict=True)):
        shot = st.tuples(
            st.sampled_from(sorted(people)),
            st.integers(0, draw(st.integers(0, native.cameras - 1))),
            st.integers(0, 9).map(lambda number, first=first: 10 * first + number),
        )
        shots[split] = draw(st.frozensets(shot, min_size=1, max_size=5))
    return shots
