import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.readers.cuhk03 import FIRST, IMAGES, Cuhk03, person
from reidbench.data.readers.cuhk03_files import read_new_division, read_test_sets
from reidbench.data.readers.market1501 import FOLDERS
from reidbench.errors import ReidbenchError, UsageError
from reidbench.registry.loading import load_plugins
from reidbench.registry.parameters import resolve
from reidbench.storage.matlab import read_variable
from tests.data.trees import cuhk03_config, plant

READY = {
    "bounding_box_train": ("0001_c1_1.png", "0001_c2_6.png", "1467_c1_14090.png"),
    "query": ("0003_c1_22.png", "0003_c2_27.png"),
    "bounding_box_test": ("0003_c1_21.png", "0003_c1_23.png", "0003_c2_26.png"),
}
EXTRACTED = (
    "1_001_1_01.png",
    "1_001_2_06.png",
    "1_003_1_01.png",
    "1_003_1_02.png",
    "1_003_2_06.png",
    "1_003_2_07.png",
    "2_001_1_01.png",
    "5_049_2_10.png",
)
CONFIG = {
    "train": [EXTRACTED[i] for i in (0, 1, 6, 7)],
    "query": [EXTRACTED[i] for i in (2, 4)],
    "gallery": [EXTRACTED[i] for i in (3, 5)],
}


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    for folder, names in READY.items():
        plant(tmp_path / "cuhk03-np" / "detected" / folder, names)
    return tmp_path


@pytest.fixture
def extracted(tmp_path: Path) -> Path:
    home = tmp_path / "cuhk03"
    plant(home / "images_labeled", EXTRACTED)
    cuhk03_config(home / "cuhk03_new_protocol_config_labeled.mat", CONFIG)
    return home


def write_test_sets(path: Path, sets: list[list[tuple[int, int]]]) -> None:
    """Write what matters of cuhk-03.mat, as MATLAB 7.3 does: cells are references."""
    h5py = pytest.importorskip("h5py")
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        cells = file.create_dataset("testsets", (1, len(sets)), h5py.ref_dtype)
        for number, persons in enumerate(sets):
            cell = file.create_dataset(f"#refs#/{number}", data=np.array(persons, float).T)
            cells[0, number] = cell.ref


SETS = [[(1, 3), (2, 1)], *[[(1, 1)]] * 18, [(1, 1), (5, 49)]]


def labels(dataset: Cuhk03, split: str) -> list[tuple[str, int, int]]:
    samples = dataset.samples(split)
    names = (Path(name).name for name in samples.names)
    return list(zip(names, samples.pids.tolist(), samples.cams.tolist(), strict=True))


def test_ready_folders(ready: Path) -> None:
    dataset = Cuhk03(root=str(ready))
    assert dataset.parts == tuple(f"detected/{folder}" for folder in FOLDERS)
    assert labels(dataset, "train") == [
        ("0001_c1_1.png", 1, 0),
        ("0001_c2_6.png", 1, 1),
        ("1467_c1_14090.png", 1467, 0),
    ]
    assert labels(dataset, "query") == [("0003_c1_22.png", 3, 0), ("0003_c2_27.png", 3, 1)]
    assert Counts.of(dataset.samples("gallery")) == Counts(3, 1, 2)


def test_extracted_images_by_the_new_protocol(extracted: Path) -> None:
    dataset = Cuhk03(root=str(extracted), kind="labeled")
    assert labels(dataset, "train") == [
        ("1_001_1_01.png", 1, 0),
        ("1_001_2_06.png", 1, 1),
        ("2_001_1_01.png", 844, 0),
        ("5_049_2_10.png", 1467, 1),
    ]
    assert labels(dataset, "query") == [("1_003_1_01.png", 3, 0), ("1_003_2_06.png", 3, 1)]
    assert labels(dataset, "gallery") == [("1_003_1_02.png", 3, 0), ("1_003_2_07.png", 3, 1)]


def test_classic_protocol(extracted: Path) -> None:
    write_test_sets(extracted / "cuhk03_release" / "cuhk-03.mat", SETS)
    dataset = Cuhk03(root=str(extracted), kind="labeled", protocol="classic")
    tested = [(n, person(int(n[0]), int(n[2:5])), int(n[6]) - 1) for n in EXTRACTED[2:7]]
    assert labels(dataset, "query") == labels(dataset, "gallery") == tested
    assert [name for name, *_ in labels(dataset, "train")] == [*EXTRACTED[:2], EXTRACTED[7]]
    last = Cuhk03(root=str(extracted), kind="labeled", protocol="classic", split=19)
    assert {pid for _, pid, _ in labels(last, "query")} == {1, 1467}
    assert dataset.fingerprint() != last.fingerprint()
    assert dataset.fingerprint() != Cuhk03(root=str(extracted), kind="labeled").fingerprint()
    assert dataset.check() == [
        "train: 2 persons found, 1,367 published",
        "query: 2 persons found, 100 published",
        "gallery: 2 persons found, 100 published",
        "8 labeled images found, 14,096 published",
    ]


@pytest.mark.parametrize(
    "sets", [SETS[:19], [[(1, 844)], *SETS[1:]], [[(6, 1)], *SETS[1:]], [[(0, 1)], *SETS[1:]]]
)
def test_other_test_sets_are_refused(extracted: Path, sets: list[list[tuple[int, int]]]) -> None:
    write_test_sets(extracted / "cuhk-03.mat", sets)
    with pytest.raises(ReidbenchError, match="are not those of CUHK03"):
        Cuhk03(root=str(extracted), kind="labeled", protocol="classic", split=19).samples("train")


@pytest.mark.parametrize("content", [None, b"", b"MATLAB 5.0 MAT-file"])
def test_a_file_without_test_sets(extracted: Path, content: bytes | None) -> None:
    pytest.importorskip("h5py")
    if content is not None:
        (extracted / "cuhk-03.mat").write_bytes(content)
    dataset = Cuhk03(root=str(extracted), kind="labeled", protocol="classic")
    with pytest.raises(ReidbenchError, match=r"cannot read the test sets .*cuhk-03\.mat: "):
        dataset.samples("query")
    assert sum("cannot read the test sets" in p for p in dataset.check()) == 1


@pytest.mark.parametrize("data", [np.zeros((3, 100)), np.full((2, 3), np.nan), np.zeros(5)])
def test_test_sets_of_another_form(tmp_path: Path, data: np.ndarray) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "cuhk-03.mat", "w") as file:
        cells = file.create_dataset("testsets", (1, 1), h5py.ref_dtype)
        cells[0, 0] = file.create_dataset("cell", data=data).ref
    with pytest.raises(ReidbenchError, match="cannot read the test sets"):
        read_test_sets(tmp_path / "cuhk-03.mat")


def test_without_h5py_the_extra_is_named(extracted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    dataset = Cuhk03(root=str(extracted), kind="labeled", protocol="classic")
    with pytest.raises(ReidbenchError, match=r"pip install 'reidbench\[cuhk03\]'"):
        dataset.samples("train")
    assert len(Cuhk03(root=str(extracted), kind="labeled").samples("train")) == 4


def test_pids_count_through_the_pairs() -> None:
    assert FIRST[:-1] == (0, 843, 1283, 1360, 1418)
    assert FIRST[-1] == 1467
    assert person(1, 843) == 843
    assert person(2, 1) == 844
    assert person(5, 49) == 1467
    assert [person(*p) for p in ((1, 844), (2, 0), (0, 1), (6, 1), (5, 50))] == [None] * 5


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("labeled", "1_844_1_01.png"),
        ("labeled", "6_001_1_01.png"),
        ("labeled", "1_000_1_01.png"),
        ("labeled", "1_001_3_01.png"),
        ("labeled", "0001_c1_1.png"),
        ("detected", "0000_c1_1.png"),
        ("detected", "0001_c3_1.png"),
        ("detected", "1_001_1_01.png"),
    ],
)
def test_other_names_are_refused(ready: Path, extracted: Path, kind: str, name: str) -> None:
    homes = {
        "labeled": extracted / "images_labeled",
        "detected": ready / "cuhk03-np/detected/query",
    }
    plant(homes[kind], [name])
    with pytest.raises(ReidbenchError, match="cannot tell person and camera"):
        Cuhk03(root=str(ready), kind=kind).samples("query")


def test_published_counts() -> None:
    labeled, detected = (Cuhk03(root="x", kind=kind).published() for kind in IMAGES)
    assert labeled["train"] == Counts(7_368, 767, 2)
    assert labeled["query"] == detected["query"] == Counts(1_400, 700, 2)
    assert labeled["gallery"] == Counts(5_328, 700, 2)
    assert detected["train"] == Counts(7_365, 767, 2)
    assert detected["gallery"] == Counts(5_332, 700, 2)
    assert [sum(c.images or 0 for c in p.values()) for p in (labeled, detected)] == [14_096, 14_097]
    classic = Cuhk03(root="x", protocol="classic").published()
    assert [classic[split].persons for split in SPLITS] == [1_367, 100, 100]


def test_the_protocol_is_the_instances() -> None:
    new, classic = (Cuhk03(root="x", protocol=p) for p in ("new", "classic"))
    assert (new.protocol, classic.protocol) == ("market1501", "single-gallery-shot")
    assert pickle.loads(pickle.dumps(classic)).protocol == "single-gallery-shot"
    assert Cuhk03.protocol == new.protocol
    assert {new.protocol, classic.protocol} <= {
        e.name for e in load_plugins().registry.entries("protocol")
    }


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"split": 1}, "split is 0 to 19 if classic, 0 if new, not 1"),
        ({"protocol": "classic", "split": 20}, "not 20"),
        ({"protocol": "classic", "split": -1}, "not -1"),
        ({"kind": "both"}, "not both and new"),
        ({"protocol": "old"}, "not detected and old"),
    ],
)
def test_values_out_of_range(values: dict[str, object], error: str) -> None:
    with pytest.raises(UsageError, match=error):
        Cuhk03(root="x", **values)


def test_parameters() -> None:
    values = resolve(Cuhk03, {"root": "x", "protocol": "classic"}, "target")
    assert values == {"root": "x", "kind": "detected", "protocol": "classic", "split": 0}
    with pytest.raises(UsageError, match=r"target\.kind takes 'labeled' \| 'detected'"):
        resolve(Cuhk03, {"root": "x", "kind": "label"}, "target")


def test_images_that_are_listed_must_be_there(extracted: Path) -> None:
    config = {**CONFIG, "query": [*CONFIG["query"], "../../secret.png", "1_009_1_01.png"]}
    cuhk03_config(extracted / "cuhk03_new_protocol_config_labeled.mat", config)
    with pytest.raises(ReidbenchError, match=r"2 images of query are not in .*first images_lab"):
        Cuhk03(root=str(extracted), kind="labeled").samples("query")


def test_configs_of_another_form_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.mat"
    names = np.array([["a.png"], ["b.png"]], dtype=object)
    good = dict.fromkeys(("train_idx", "query_idx", "gallery_idx"), np.array([[1.0], [2.0]]))
    savemat(path, {"filelist": names, **good})
    assert read_new_division(path)["query"] == {"a.png", "b.png"}
    wrong = [
        {"train_idx": np.array([[0]])},
        {"train_idx": np.array([[3]])},
        {"train_idx": np.array([[np.nan]])},
        {"train_idx": names},
        {"filelist": np.array([], dtype=object)},
    ]
    for change in wrong:
        savemat(path, {"filelist": names, **good, **change})
        with pytest.raises(ReidbenchError, match="cannot read the splits of the new protocol"):
            read_new_division(path)


@pytest.mark.parametrize("name", ["1_001_1_01.png", "caf\xe9.png", "\u0661.png"])
@pytest.mark.parametrize("packed", [False, True])
def test_names_are_read_as_scipy_wrote_them(tmp_path: Path, name: str, packed: bool) -> None:
    cells = np.array([[name], ["other"]], dtype=object)
    savemat(tmp_path / "config.mat", {"filelist": cells}, do_compression=packed)
    assert read_variable(tmp_path / "config.mat", "filelist") == [name, "other"]


def test_damaged_configs_are_one_clear_error(extracted: Path) -> None:
    path = extracted / "cuhk03_new_protocol_config_labeled.mat"
    whole = path.read_bytes()
    for length in range(0, len(whole) - 80, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ReidbenchError, match=r"is damaged|has no variable"):
            read_new_division(path)
    path.unlink()
    with pytest.raises(ReidbenchError, match=r"config_labeled\.mat: No such file"):
        Cuhk03(root=str(extracted), kind="labeled").samples("train")


def test_ready_folders_are_preferred(extracted: Path) -> None:
    for folder, names in READY.items():
        plant(extracted / "labeled" / folder, names)
    assert len(Cuhk03(root=str(extracted), kind="labeled").samples("train")) == 3
