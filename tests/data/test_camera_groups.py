from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from reidbench.config.benchmark import DatasetSpec
from reidbench.data.camera_groups import OnlyCameras, with_cameras
from reidbench.data.catalog import OpenDataset, open_dataset
from reidbench.data.dataset import Dataset
from reidbench.data.readers.market1501 import Market1501
from reidbench.data.without_corrupt import Without
from reidbench.errors import UsageError
from reidbench.registry.loading import load_plugins
from tests.data.test_without_corrupt import Odd
from tests.data.trees import TRAIN, market_tree
from tests.noise_dataset import Noise


class Seen(Noise):
    """Noise by cameras 0, 2 and 5; tests are by all of 0 to 5."""

    def samples(self, split):
        samples = super().samples(split)
        cams = np.arange(self.count) % 6
        samples.cams[:] = np.array([0, 2, 5, 0, 2, 5])[cams] if split == "train" else cams
        return samples


def opened(dataset: Dataset, **parameters: object) -> OpenDataset:
    return OpenDataset("seen", parameters, dataset, dataset.fingerprint())


def test_the_training_images_of_the_cameras_keep_labels_pixels_and_order() -> None:
    whole = Seen(9)
    view = OnlyCameras(whole, [5, 0, 5])
    before, after = whole.samples("train"), view.samples("train")
    kept = [0, 2, 3, 5, 6, 8]
    assert after.names == tuple(before.names[row] for row in kept)
    np.testing.assert_array_equal(after.pids, before.pids[kept])
    np.testing.assert_array_equal(after.cams, [0, 5, 0, 5, 0, 5])
    for index, row in enumerate(kept):
        np.testing.assert_array_equal(view.read("train", index), whole.read("train", row))
        np.testing.assert_array_equal(view.read_mask("train", index), whole.read_mask("train", row))
    with pytest.raises(IndexError):
        view.read("train", 6)


@pytest.mark.parametrize("split", ["query", "gallery", "multi_query"])
def test_what_is_tested_and_multi_query_are_as_they_were(split) -> None:
    whole = Seen(9)
    view = OnlyCameras(whole, [2])
    before, after = whole.samples(split), view.samples(split)
    assert list(after.names) == list(before.names)
    np.testing.assert_array_equal(after.pids, before.pids)
    np.testing.assert_array_equal(after.cams, before.cams)
    np.testing.assert_array_equal(view.read(split, 4), whole.read(split, 4))


def test_all_else_is_the_datasets_own() -> None:
    whole = Odd(4)
    view = OnlyCameras(whole, [1])
    changed = {"samples", "read", "read_mask", "fingerprint", "as_seen_by", "mask_as_seen_by"}
    for name in {n for n in dir(Dataset) if not n.startswith("_")} - changed | {"folds"}:
        mine, theirs = getattr(view, name), getattr(whole, name)
        assert (mine() if callable(mine) else mine) == (theirs() if callable(theirs) else theirs)
    assert view.multi_query_fingerprint() == "multi_query"


def test_the_cameras_decide_the_fingerprint_and_their_order_does_not() -> None:
    whole = Seen(9)
    prints = [OnlyCameras(whole, cams).fingerprint() for cams in ([0], [2], [0, 2], [2, 0, 2])]
    assert prints[2] == prints[3]
    assert len({*prints, whole.fingerprint()}) == 4
    assert OnlyCameras(whole, [5, 2, 0]).fingerprint() == whole.fingerprint()
    other = Without(whole, ["train/1.png"])
    assert OnlyCameras(other, [0]).fingerprint() != prints[0]


def test_it_travels_small_and_a_view_of_a_view_too(tmp_path: Path) -> None:
    market = Market1501(root=str(market_tree(tmp_path / "market1501")))
    gone, *names = (f"bounding_box_train/{name}" for name in TRAIN)
    view = OnlyCameras(Without(market, [gone]), [5])
    sent = pickle.dumps(view)
    assert len(sent) < 800
    once, again = pickle.loads(sent), pickle.loads(sent)
    assert once is again
    assert once.samples("train").names == (names[0],)
    assert once.fingerprint() == view.fingerprint()
    assert once.read("train", 0).shape == (8, 4, 3)


def test_an_open_dataset_tells_its_cameras() -> None:
    whole = opened(Seen(9), domain="low", cameras=6)
    part = with_cameras(whole, [2, 0])
    assert part.title == "seen:low:cameras 0,2"
    assert part.parameters == {"domain": "low", "cameras": 6, "only_cameras": [0, 2]}
    assert part.fingerprint == part.dataset.fingerprint() != whole.fingerprint
    assert part.identity()["fingerprint"] == part.fingerprint
    assert whole.title == "seen:low"
    assert whole.parameters == {"domain": "low", "cameras": 6}
    assert len(whole.dataset.samples("train")) == 9


def test_a_camera_that_is_not_there_is_refused_with_those_that_are() -> None:
    whole = opened(Seen(9))
    with pytest.raises(UsageError, match=r"'seen': no .* camera 1; .* 0, 2, 5 \(counted from 0\)"):
        with_cameras(whole, [0, 1, 7])
    with pytest.raises(UsageError, match=r"'seen': .* needs a camera; .* 0, 2, 5"):
        with_cameras(whole, [])


def test_a_rendered_domain_is_parted_by_camera() -> None:
    spec = DatasetSpec("synthetic", {"ids": 4, "cameras": 3, "images_per_camera": 2})
    whole = open_dataset(spec, load_plugins().registry, None)
    part = with_cameras(whole, [2])
    assert part.title == "synthetic:a:cameras 2"
    assert set(part.dataset.samples("train").cams) == {2}
    assert len(part.dataset.samples("query")) == len(whole.dataset.samples("query"))
    row = int(np.flatnonzero(whole.dataset.samples("train").cams == 2)[0])
    np.testing.assert_array_equal(part.dataset.read("train", 0), whole.dataset.read("train", row))
