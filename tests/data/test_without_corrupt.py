from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.dataset import SPLITS, Counts, Dataset
from reidbench.data.readers.market1501 import Market1501
from reidbench.data.readers.prid2011 import Prid2011
from reidbench.data.without_corrupt import Without, find_corrupt
from tests.data.trees import GALLERY, QUERY, TRAIN, market_tree, prid_tree
from tests.noise_dataset import Noise

BAD = f"bounding_box_train/{TRAIN[1]}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return market_tree(tmp_path / "market1501")


def harm(home: Path, *names: str) -> None:
    for name in names:
        (home / name).write_bytes(b"\xff\xd8\xff\xe0 cut off")


def test_the_images_that_are_left_keep_labels_pixels_and_order() -> None:
    whole = Noise(9)
    view = Without(whole, ["train/0.png", "train/4.png", "query/8.png"])
    before, after = whole.samples("train"), view.samples("train")
    kept = [1, 2, 3, 5, 6, 7, 8]
    assert after.names == tuple(before.names[row] for row in kept)
    np.testing.assert_array_equal(after.pids, before.pids[kept])
    np.testing.assert_array_equal(after.cams, before.cams[kept])
    for index, row in enumerate(kept):
        np.testing.assert_array_equal(view.read("train", index), whole.read("train", row))
        np.testing.assert_array_equal(view.read_mask("train", index), whole.read_mask("train", row))
    assert len(view.samples("query")) == 8
    assert len(view.samples("gallery")) == 9
    with pytest.raises(IndexError):
        view.read("train", 7)


class Odd(Noise):
    """Differs from the default in all that a dataset tells of itself."""

    version = 7
    synthetic = True
    protocol = "single-shot"
    terms, citation, homepage, withdrawn = "t", "c", "h", "w"
    has_truth, has_multi_query, population, division = True, True, "odd", "by hand"
    folds = (1, 2)

    @property
    def trains_on_test(self):
        return True

    def published(self):
        return {"train": Counts(1, 1, 1)}

    def check(self):
        return ["odd"]

    def remarks(self):
        return ["remarkable"]

    def multi_query_fingerprint(self):
        return "multi_query"


def test_all_else_is_the_datasets_own() -> None:
    whole = Odd(4)
    view = Without(whole, ["train/0.png"])
    changed = {"samples", "read", "read_mask", "fingerprint", "as_seen_by", "mask_as_seen_by"}
    for name in {n for n in dir(Dataset) if not n.startswith("_")} - changed | {"folds"}:
        mine, theirs = getattr(view, name), getattr(whole, name)
        assert (mine() if callable(mine) else mine) == (theirs() if callable(theirs) else theirs)
        assert type(whole) is Odd
        default = getattr(Maskless(4), name, None)
        assert name == "has_masks" or callable(mine) or mine != default, name
    with pytest.raises(AttributeError):
        _ = view.unheard_of


class Maskless(Noise):
    """What a dataset says that overrides nothing."""


def test_only_what_is_left_out_decides_the_fingerprint() -> None:
    whole = Noise(9)
    names = ["train/0.png", "query/1.png"]
    prints = [
        Without(whole, n).fingerprint() for n in (names, names[:1], names[::-1], ["else"], [])
    ]
    assert prints[0] == prints[2]
    assert prints[3] == prints[4] == whole.fingerprint()
    assert len(set(prints)) == 3


def test_images_for_multi_query_have_a_fingerprint_of_their_own() -> None:
    view = Without(Noise(3), ["multi_query/1.png"])
    assert view.fingerprint() == "noise"
    assert view.multi_query_fingerprint() != "noise"


def test_it_travels_small(home: Path) -> None:
    harm(home, BAD)
    sent = pickle.dumps(Without(Market1501(root=str(home)), [BAD]))
    assert len(sent) < 600
    once, again = pickle.loads(sent), pickle.loads(sent)
    assert once is again
    assert BAD not in once.samples("train").names
    assert once.read("train", 1).shape == (8, 4, 3)


def test_corrupt_images_are_found_with_their_reasons(home: Path) -> None:
    gone = f"bounding_box_test/{GALLERY[5]}"
    harm(home, BAD)
    (home / gone).write_bytes(b"")
    seen: list[tuple[int, int]] = []
    found = find_corrupt(
        Market1501(root=str(home)), progress=lambda done, total, _: seen.append((done, total))
    )
    assert [name for name, _ in found] == [gone, BAD]
    assert found[0][1] == "the file is empty (0 bytes)"
    assert str(home) not in str(found)
    assert seen[-1] == (11, 11)


def test_unchanged_images_are_not_decoded_again(home: Path, monkeypatch) -> None:
    harm(home, BAD)
    first = find_corrupt(Market1501(root=str(home)))

    def read(*_: object) -> None:
        raise AssertionError("decoded again")

    with monkeypatch.context() as patched:
        patched.setattr(Market1501, "read", read)
        assert find_corrupt(Market1501(root=str(home))) == first
        with pytest.raises(AssertionError, match="again"):
            find_corrupt(Market1501(root=str(home)), ("train",))
        harm(home, f"query/{QUERY[0]}")
        with pytest.raises(AssertionError, match="again"):
            find_corrupt(Market1501(root=str(home)))
    assert len(find_corrupt(Market1501(root=str(home)))) == 2


def test_all_divisions_of_the_same_files_are_decoded_once(tmp_path: Path, monkeypatch) -> None:
    home = prid_tree(tmp_path / "prid")
    bad = "cam_a/person_0003.png"
    (home / bad).write_bytes(b"")
    first = find_corrupt(Prid2011(root=str(home)))
    assert [name for name, _ in first] == [bad]
    monkeypatch.setattr(Prid2011, "read", None)
    assert find_corrupt(Prid2011(root=str(home), split=4)) == first


def test_a_whole_copy_has_none_and_a_rendered_dataset_is_not_rendered(home: Path) -> None:
    assert find_corrupt(Market1501(root=str(home))) == []
    assert find_corrupt(Odd(3, "explained", 1), SPLITS) == []


def test_whatever_keeps_an_image_from_being_read_is_found() -> None:
    assert find_corrupt(Noise(3, "broken", 1), ("train",)) == [("train/1.png", "truncated")]
