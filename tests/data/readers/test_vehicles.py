"""Vehicles in place of persons: VeRi-776 and VehicleID in their native layouts."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.dataset import SPLITS
from reidbench.data.readers.vehicleid import VehicleID
from reidbench.data.readers.veri import VeRi
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation import Market1501, NoCamera, SingleShot
from reidbench.runs.setting import labels_of
from tests.data.trees import plant

VERI = {
    "image_train": ("0001_c001_00016450_0.jpg", "0003_c020_00016460_1.jpg"),
    "image_query": ("0002_c002_00030600_0.jpg",),
    "image_test": ("0002_c002_00030600_0.jpg", "0002_c003_00084280_0.jpg"),
}


@pytest.fixture
def veri(tmp_path: Path) -> Path:
    for folder, names in VERI.items():
        plant(tmp_path / "VeRi" / folder, names)
    return tmp_path


def test_veri_is_read_by_the_names_of_its_images(veri: Path) -> None:
    data = VeRi(root=str(veri))
    samples = {split: data.samples(split) for split in SPLITS}
    assert samples["train"].pids.tolist() == [1, 3]
    assert samples["train"].cams.tolist() == [0, 19]
    assert samples["gallery"].names == tuple(f"image_test/{n}" for n in VERI["image_test"])
    assert samples["gallery"].cams.tolist() == [1, 2]
    Market1501().refuse_labels(labels_of(data, "query"), labels_of(data, "gallery"))
    assert all("published" in problem for problem in data.check())
    (veri / "VeRi" / "image_test" / "0002_c021_1_0.jpg").write_bytes(b"")
    with pytest.raises(ReidbenchError, match=r"cannot tell .* like 0001_c001_00016450_0\.jpg"):
        VeRi(root=str(veri)).samples("gallery")


TRAIN, TEST = {3: [1, 2], 5: [3, 4, 5]}, {2: [6, 7, 8], 4: [9, 10], 9: [11, 12, 13]}


def listed(vehicles: dict[int, list[int]]) -> str:
    return "".join(f"{n:07d} {vid}\n" for vid, images in vehicles.items() for n in images)


@pytest.fixture
def vehicleid(tmp_path: Path) -> Path:
    home = tmp_path / "VehicleID_V1.0"
    plant(home / "image", [f"{n:07d}.jpg" for n in range(1, 16)])  # two are in no list
    (home / "train_test_split").mkdir()
    (home / "train_test_split" / "train_list.txt").write_text(listed(TRAIN))
    (home / "train_test_split" / "test_list_800.txt").write_text(listed(TEST))
    return tmp_path


def test_vehicleid_draws_one_image_of_each_vehicle(vehicleid: Path) -> None:
    galleries = set()
    for split in range(10):
        data = VehicleID(root=str(vehicleid), split=split)
        train, query, gallery = (data.samples(s) for s in SPLITS)
        assert train.pids.tolist() == [3, 3, 5, 5, 5]
        assert sorted(gallery.pids.tolist()) == [2, 4, 9]
        assert not set(query.names) & set(gallery.names)
        assert {*query.names, *gallery.names} == {f"image/{n:07d}.jpg" for n in range(6, 14)}
        assert set(np.concatenate([train.cams, query.cams, gallery.cams])) == {-1}
        galleries.add(gallery.names)
        again = pickle.loads(pickle.dumps(data))
        assert again.samples("gallery").names == gallery.names
    assert len(galleries) > 3
    one, other = (VehicleID(root=str(vehicleid), split=s).fingerprint() for s in (0, 1))
    assert one != other
    assert data.read("gallery", 0).shape[2] == 3


def test_vehicleid_is_scored_without_cameras(vehicleid: Path) -> None:
    data = VehicleID(root=str(vehicleid))
    assert data.protocol == "single-shot"
    for protocol in (SingleShot(), NoCamera()):
        protocol.refuse_labels(labels_of(data, "query"), labels_of(data, "gallery"))
    with pytest.raises(ReidbenchError, match="no camera labels"):
        Market1501().refuse_labels(labels_of(data, "query"), labels_of(data, "gallery"))
    assert all("published" in problem for problem in data.check())


@pytest.mark.parametrize("line", ["0000099 3", "../../x 3", "0000001 0", "0000006 7", "nonsense"])
def test_wrong_lines_of_its_lists_are_named(vehicleid: Path, line: str) -> None:
    path = vehicleid / "VehicleID_V1.0" / "train_test_split" / "test_list_800.txt"
    path.write_text(listed(TEST) + line + "\n")
    with pytest.raises(ReidbenchError, match=r"test_list_800\.txt, line 9, .* is not one image"):
        VehicleID(root=str(vehicleid)).samples("query")


def test_what_vehicleid_has_not_is_refused(vehicleid: Path) -> None:
    with pytest.raises(UsageError, match="test is 800, 1600 or 2400, not 3200"):
        VehicleID(root=str(vehicleid), test=3200)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="split is 0 to 9"):
        VehicleID(root=str(vehicleid), split=10)
    with pytest.raises(ReidbenchError, match=r"no list .*test_list_1600\.txt"):
        VehicleID(root=str(vehicleid), test=1600).samples("query")
