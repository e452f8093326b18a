from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.catalog import OpenDataset
from reidbench.data.decode import decode
from reidbench.data.mask_pairs import MaskPairs, RenderedPairs, open_pairs
from reidbench.data.synthetic import Synthetic
from reidbench.errors import ReidbenchError, UsageError
from tests.components.made import write_mask
from tests.data.trees import write_image

HEIGHT, WIDTH = 8, 4
LEFT = np.zeros((HEIGHT, WIDTH), np.uint8)
LEFT[:, :2] = 1


def tree(home: Path, count: int = 12) -> MaskPairs:
    """Write pairs "00" to "11", the person of label 1 on the left."""
    for number in range(count):
        write_image(home / "images" / f"{number:02d}.JPG", 10 * number)
        write_mask(home / "masks" / f"{number:02d}.png", LEFT)
    return MaskPairs(root=str(home))


def test_every_tenth_pair_is_held_out(tmp_path: Path) -> None:
    pairs = tree(tmp_path)
    (tmp_path / "images" / "Thumbs.db").write_bytes(b"")
    held_out, train = pairs.samples("query"), pairs.samples("train")
    assert held_out.names == ("images/00.JPG", "images/10.JPG")
    assert train.names == tuple(f"images/{n:02d}.JPG" for n in range(12) if n % 10)
    assert not train.pids.any()
    assert not len(pairs.samples("gallery"))
    assert pairs.has_masks
    assert pairs.read("query", 1).mean() == pytest.approx(100, abs=2)
    assert pairs.read("train", 1).mean() == pytest.approx(20, abs=2)
    assert pairs.check() == []
    assert pickle.loads(pickle.dumps(pairs)).samples("train").names == train.names


@pytest.mark.parametrize("background", [0, 200])
def test_every_label_but_the_background_is_on_the_person(tmp_path: Path, background: int) -> None:
    """Of a palette the places count, whatever their colours."""
    pairs = tree(tmp_path, 2)
    labels = np.array([[0, 0, 1, 19]] * HEIGHT, np.uint8)
    palette = [background] * 3 + [0] * 3 * 255
    write_mask(tmp_path / "masks" / "00.png", labels, palette)
    assert pairs.read_mask("query", 0).tolist() == [[0, 0, 255, 255]] * HEIGHT


def test_masks_in_colour_are_told_from_black(tmp_path: Path) -> None:
    pairs = tree(tmp_path, 2)
    colours = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    colours[2:] = 255
    write_mask(tmp_path / "masks" / "00.png", colours)
    assert (pairs.read_mask("query", 0)[:, 0] == [0, 0, *[255] * 6]).all()


def test_pairs_are_decoded_side_by_side(tmp_path: Path) -> None:
    pairs = tree(tmp_path / "pairs")
    (out := tmp_path / "out").mkdir()
    decode(pairs, "train", (16, 8), out, workers=1)
    masks = np.load(out / "masks.npy")
    assert masks.shape == (10, 16, 8)
    assert (masks[:, :, :3] == 255).all()
    assert (masks[:, :, 5:] == 0).all()


def test_the_fingerprint_is_of_the_contents(tmp_path: Path) -> None:
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    assert here.fingerprint() == there.fingerprint()
    write_mask(tmp_path / "there" / "masks" / "03.png", 1 - LEFT)
    assert here.fingerprint() != MaskPairs(root=str(tmp_path / "there")).fingerprint()


def refused(pairs: MaskPairs) -> str:
    with pytest.raises(ReidbenchError) as caught:
        pairs.samples("train")
    assert "expected a folder with images and masks" in str(caught.value)
    assert pairs.check() == [str(caught.value)]
    return str(caught.value)


@pytest.mark.parametrize("folder", ["images", "masks"])
def test_a_missing_folder_is_named(tmp_path: Path, folder: str) -> None:
    pairs = tree(tmp_path)
    (tmp_path / folder).rename(tmp_path / "other")
    assert f"there is no folder {tmp_path / folder}" in refused(pairs)


def test_files_without_a_partner_are_named(tmp_path: Path) -> None:
    pairs = tree(tmp_path)
    for name in ("03", "05"):
        (tmp_path / "images" / f"{name}.JPG").unlink()
    for name in ("07", "08", "09"):
        (tmp_path / "masks" / f"{name}.png").unlink()
    said = refused(pairs)
    assert "for images/07.JPG, images/08.JPG, images/09.JPG and 2 more" in said


ODD = {
    "text": ("images/readme.txt", "readme.txt is no file in .jpg, .jpeg, .png, .bmp"),
    "noisy": ("masks/00.jpg", "00.jpg is no file in .png, .bmp"),
    "deep": ("images/more/00.jpg", "more is no file in"),
    "twice": ("images/03.png", "03.JPG and 03.png in"),
}


@pytest.mark.parametrize(("name", "said"), ODD.values(), ids=ODD)
def test_what_else_lies_there_is_named(tmp_path: Path, name: str, said: str) -> None:
    pairs = tree(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"odd")
    assert said in refused(pairs)


@pytest.mark.parametrize("what", ["images", "images/03.JPG"])
def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path, what: str) -> None:
    pairs = tree(tmp_path / "pairs")
    (tmp_path / "pairs" / what).rename(tmp_path / "elsewhere")
    (tmp_path / "pairs" / what).symlink_to(tmp_path / "elsewhere")
    assert f"{what} is a link that leaves" in refused(pairs)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_pairs_are_refused(tmp_path: Path, count: int) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    assert f"{count} pairs" in refused(tree(tmp_path, count))


@pytest.mark.parametrize("name", ["images/04.JPG", "masks/04.png"])
def test_a_corrupt_file_is_named_and_may_be_left_out(tmp_path: Path, name: str) -> None:
    pairs = tree(tmp_path / "pairs")
    (tmp_path / "pairs" / name).write_bytes(b"")
    (out := tmp_path / "out").mkdir()
    with pytest.raises(ReidbenchError, match=rf"{name}: the file is empty .*--skip-corrupt"):
        decode(pairs, "train", (16, 8), out, workers=1)
    assert len(pairs.check()) == 1
    opened = open_pairs(pairs, skip_corrupt=True)
    assert opened.left_out == ("images/04.JPG",)
    assert len(opened.dataset.samples("train")) == 9
    decode(opened.dataset, "train", (16, 8), out, workers=1)


def test_a_mask_of_another_size_is_named(tmp_path: Path) -> None:
    pairs = tree(tmp_path)
    write_mask(tmp_path / "masks" / "00.png", LEFT.T.copy())
    with pytest.raises(ReidbenchError, match=r"00.png has not the size of its image 00.JPG"):
        pairs.read_mask("query", 0)


def test_pairs_that_are_all_corrupt_leave_nothing(tmp_path: Path) -> None:
    pairs = tree(tmp_path, 2)
    (tmp_path / "images" / "01.JPG").write_bytes(b"")
    with pytest.raises(ReidbenchError, match="no pairs left for train"):
        open_pairs(pairs, skip_corrupt=True)


def test_the_title_is_the_folders_name(tmp_path: Path) -> None:
    opened = open_pairs(tree(tmp_path / "LIP"))
    assert isinstance(opened, OpenDataset)
    assert opened.title == "LIP"


def test_rendered_pairs_mix_domains_and_hold_persons_out() -> None:
    pairs = RenderedPairs(domains=("a", "c"), ids=4, seed=5)
    train, held_out = pairs.samples("train"), pairs.samples("query")
    assert (len(train), len(held_out)) == (2 * 2 * 6 * 2, 2 * 2 * 6)
    assert not len(pairs.samples("gallery"))

    def persons(names: object) -> set[str]:
        return {name.split("_")[1] for name in names}

    assert not persons(train.names) & persons(held_out.names)
    assert [n.partition("/")[0] for n in held_out.names] == ["a"] * 12 + ["c"] * 12
    one = Synthetic(domain="c", ids=4, cameras=6, images_per_camera=2, seed=5, occluders=0.2)
    assert (pairs.read("query", 14) == one.read("query", 2)).all()
    assert (pairs.read_mask("query", 14) == one.read_mask("query", 2)).all()
    assert open_pairs(pairs).title == "synthetic:a+c"


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(UsageError, match="no domain 'z'"):
        RenderedPairs(domains=("z",), ids=4, seed=5)
