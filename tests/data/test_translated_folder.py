"""Images that other programs translated, found by their names."""

from __future__ import annotations

import numpy as np
import pytest

from reidbench.data.dataset import Samples
from reidbench.data.translated_folder import TranslatedFolder, find_translations
from reidbench.errors import ReidbenchError, UsageError
from tests.data.trees import write_image

NAMES = ("train/0001_c1s1_01.jpg", "train/0001_c2s1_02.jpg", "train/0007_c1s1_03.jpg")
STEMS = [name.removesuffix(".jpg") for name in NAMES]
SAMPLES = Samples(NAMES, np.array([1, 1, 7]), np.array([0, 1, 0]))


def fill(folder, *files):
    for number, file in enumerate(files):
        write_image(folder / file, 20 + 10 * number)
    return str(folder)


@pytest.mark.parametrize(
    ("files", "naming"),
    [
        ([f"{s}.png" for s in STEMS], "same"),
        ([f"{s.partition('/')[2]}.jpg" for s in STEMS], "same"),
        ([f"a/b/{s.partition('/')[2]}_fake_B.png" for s in STEMS], "fake"),
        ([f"{s}_fake.jpg" for s in STEMS], "fake"),
    ],
)
def test_files_are_found_by_path_or_by_name(tmp_path, files, naming):
    found = find_translations(fill(tmp_path, *files), NAMES)
    assert (found.naming, found.missing) == (naming, ())
    assert list(found.styles.values()) == [dict(zip(NAMES, files, strict=True))]


def test_what_cyclegan_writes_beside_is_left_alone(tmp_path):
    names = [s.partition("/")[2] for s in STEMS]
    sorts = ("real_A", "fake_B", "rec_A")
    files = [f"images/{name}_{sort}.png" for name in names for sort in sorts]
    found = find_translations(fill(tmp_path, *files), NAMES)
    assert found.files == [f"images/{name}_fake_B.png" for name in names]


def test_camstyles_files_are_a_block_for_each_camera(tmp_path):
    files = [f"{s.partition('/')[2]}_fake_1to{cam}.jpg" for cam in (2, 10) for s in STEMS]
    found = find_translations(fill(tmp_path, *files), NAMES)
    assert (found.naming, list(found.styles)) == ("camstyle", ["2", "10"])
    data = TranslatedFolder(SAMPLES, found)
    assert data.samples("train").names == files
    assert data.samples("train").pids.tolist() == [1, 1, 7, 1, 1, 7]
    assert data.samples("train").cams.tolist() == [0, 1, 0, 0, 1, 0]
    for row in range(6):
        assert abs(int(data.read("train", row).mean()) - (20 + 10 * row)) < 12


def test_images_without_a_translation_are_named_and_sizes_told(tmp_path):
    found = find_translations(fill(tmp_path, f"{STEMS[2]}.png", f"{STEMS[0]}.png"), NAMES)
    assert found.missing == (NAMES[1],)
    assert sum(found.sizes().values()) == 2


def test_the_fingerprint_is_of_the_contents(tmp_path):
    first = find_translations(fill(tmp_path / "a", *(f"{s}.png" for s in STEMS)), NAMES)
    again = find_translations(fill(tmp_path / "b", *(f"{s}.png" for s in STEMS)), NAMES)
    assert first.fingerprint == again.fingerprint
    write_image(tmp_path / "b" / f"{STEMS[0]}.png", 99)
    other = find_translations(str(tmp_path / "b"), NAMES)
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize(
    ("files", "naming", "error"),
    [
        ([f"{STEMS[0]}.png", f"{STEMS[0]}_fake_B.png"], "auto", "several namings, fake .1., same"),
        ([f"{STEMS[0]}.png"], "fake", r"no translation of any .* first train/0001.*_fake_B\.png"),
        ([], "auto", "it holds none"),
        (["other.png"], "auto", r"it holds 1 images, first other\.png"),
        ([f"{STEMS[0]}.png"], "Fake", "no naming is called 'Fake'; did you mean 'fake'"),
        (
            [f"{STEMS[0]}_fake_1to2.png", f"{STEMS[1]}_fake_1to2.png", f"{STEMS[0]}_fake_1to3.png"],
            "auto",
            "1 images have no translation to 3 .* though they have others, first train/0001_c2s1",
        ),
        (["x/0001_c1s1_01.png", "y/0001_c1s1_01.png"], "auto", "no translation of any"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, files, naming, error):
    tmp_path.joinpath("f").mkdir()
    with pytest.raises(ReidbenchError, match=error):
        find_translations(fill(tmp_path / "f", *files), NAMES, naming)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no folder .*gone.*--set files\.root=FOLDER"):
        find_translations(str(tmp_path / "gone"), NAMES)


def test_equal_names_of_two_persons_take_the_whole_path(tmp_path):
    names = ("train/1/a.jpg", "train/2/a.jpg")
    found = find_translations(fill(tmp_path, "train/1/a.png", "train/2/a.png"), names)
    assert found.missing == ()
    with pytest.raises(ReidbenchError, match="no translation of any"):
        find_translations(fill(tmp_path / "flat", "a.png"), names)
