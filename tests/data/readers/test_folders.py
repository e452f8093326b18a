import os
import shutil
from contextlib import suppress
from functools import partial
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import reidbench
from reidbench.cli import options
from reidbench.data import fingerprints
from reidbench.data.dataset import Split
from reidbench.data.fingerprints import files_digest
from reidbench.data.image_files import read_grey, read_rgb
from reidbench.data.readers.folders import Row
from reidbench.data.readers.market1501 import Market1501
from reidbench.errors import ReidbenchError, shown
from tests.data.trees import QUERY, market_tree, write_image


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "RGB"])
def test_any_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (3, 5), (255, 255, 255)).convert(mode).save(tmp_path / "x.png")
    pixels = read_rgb(tmp_path / "x.png")
    assert pixels.shape == (5, 3, 3)
    assert pixels.flags.writeable
    assert (pixels == 255).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_every_truncation_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "image"
    noise = np.random.default_rng(0).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path, format=kind)
    whole = path.read_bytes()
    for length in range(0, len(whole) - 16, 17):
        path.write_bytes(whole[:length])
        with pytest.raises(ReidbenchError, match=f"cannot decode {path}: "):
            read_rgb(path)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 400), st.sampled_from(["JPEG", "PNG"]))
def test_damage_gives_an_image_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, damage: bytes, place: int, kind: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged"
    Image.fromarray(np.full((16, 8, 3), 90, np.uint8)).save(path, format=kind)
    content = bytearray(path.read_bytes())
    content[place : place + len(damage)] = damage
    path.write_bytes(content)
    with suppress(ReidbenchError):
        assert read_rgb(path).dtype == np.uint8


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "is empty"), (b"hello", "not a JPEG, PNG, BMP, WEBP or TIFF")]
)
def test_no_image(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(ReidbenchError, match=reason):
        read_rgb(tmp_path / "x.jpg")


def test_other_formats_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "x.gif")
    with pytest.raises(ReidbenchError, match="not a JPEG, PNG, BMP, WEBP or TIFF"):
        read_rgb(tmp_path / "x.gif")
    with pytest.raises(ReidbenchError, match="no such file"):
        read_rgb(tmp_path / "absent.png")


def test_links_may_not_leave_the_dataset(tmp_path: Path) -> None:
    home = market_tree(tmp_path / "market1501")
    inside, outside = home / "query" / QUERY[0], tmp_path / "secret.jpg"
    write_image(outside, 1)
    link = home / "query" / "0009_c1s1_000001_00.jpg"
    link.symlink_to(inside)
    assert len(Market1501(root=str(home)).samples("query")) == 3
    link.unlink()
    link.symlink_to(outside)
    with pytest.raises(ReidbenchError, match=r"0009_c1s1_000001_00\.jpg is a link that leaves"):
        Market1501(root=str(home)).samples("query")


def test_a_linked_root_is_fine(tmp_path: Path) -> None:
    market_tree(tmp_path / "real")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "market1501").symlink_to(tmp_path / "real")
    assert len(Market1501(root=str(tmp_path / "data")).samples("query")) == 2


def test_clutter_is_ignored_and_folders_are_not(tmp_path: Path) -> None:
    home = market_tree(tmp_path / "market1501")
    for name in ("thumbs.DB", "desktop.ini", ".DS_Store", "._0001_c1s1_001051_00.jpg"):
        (home / "query" / name).write_bytes(b"")
    assert len(Market1501(root=str(home)).samples("query")) == 2
    (home / "query" / "more").mkdir()
    with pytest.raises(ReidbenchError, match="query/more is not a file"):
        Market1501(root=str(home)).samples("query")


def test_names_are_shown_so_that_no_terminal_obeys_them() -> None:
    assert shown(Path("/data/caf\xe9 1.jpg")) == "/data/caf\xe9 1.jpg"
    assert shown("a\n\x1b[31m\u202e\udcff") == r"a\n\x1b[31m\u202e\udcff"


def test_of_two_copies_the_whole_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "query").mkdir()
    market_tree(tmp_path / "market1501")
    assert Market1501(root=str(tmp_path)).home == tmp_path / "market1501"


def test_what_misses_a_folder_stays_refused(tmp_path: Path) -> None:
    (tmp_path / "query").mkdir()
    dataset = Market1501(root=str(tmp_path))
    for _ in range(2):
        with pytest.raises(ReidbenchError, match=r"bounding_box_train and .*test are missing"):
            dataset.samples("query")


def test_a_check_leaves_the_dataset_as_strict_as_it_was(tmp_path: Path) -> None:
    home = market_tree(tmp_path)
    write_image(home / "query" / "notes.jpg", 1)
    dataset = Market1501(root=str(home))
    assert any("notes.jpg" in problem for problem in dataset.check())
    with pytest.raises(ReidbenchError, match=r"notes\.jpg"):
        dataset.samples("query")


class Everybody(Market1501):
    """Trains on the queries as well."""

    def list_rows(self, split: Split) -> list[Row]:
        more = super().list_rows("query") if split == "train" else []
        return [*super().list_rows(split), *more]


def test_an_image_that_a_dataset_puts_in_both_halves_is_no_leak(tmp_path: Path) -> None:
    home = market_tree(tmp_path)
    problems = Everybody(root=str(home)).check()
    assert [p for p in problems if not p.endswith("published")] == []
    shutil.copy(home / "query" / QUERY[0], home / "bounding_box_test" / "0009_c1s1_000001_00.jpg")
    (leak,) = (p for p in Everybody(root=str(home)).check() if not p.endswith("published"))
    assert leak.startswith("train and test share an image")


def test_a_check_looks_anew(tmp_path: Path) -> None:
    home = market_tree(tmp_path)
    dataset = Market1501(root=str(home))
    before = dataset.check()
    write_image(home / "query" / "notes.jpg", 1)
    assert set(dataset.check()) - set(before) == {
        f"market1501: cannot tell person and camera from {home / 'query' / 'notes.jpg'}; "
        "expected a name like 0002_c1s1_000451_03.jpg"
    }


def _files(folder: Path, **contents: bytes) -> list[str]:
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return list(contents)


def test_fingerprint_follows_names_and_contents_not_places(tmp_path: Path) -> None:
    names = _files(tmp_path / "one", a=b"12", b=b"3")
    one = files_digest(tmp_path / "one", names)
    _files(tmp_path / "two", a=b"12", b=b"3")
    assert files_digest(tmp_path / "two", names[::-1]) == one
    _files(tmp_path / "shifted", a=b"1", b=b"23")
    assert files_digest(tmp_path / "shifted", names) != one
    _files(tmp_path / "renamed", a=b"12", c=b"3")
    assert files_digest(tmp_path / "renamed", ["a", "c"]) != one


def test_a_folder_whose_name_is_no_text_has_a_fingerprint(tmp_path: Path) -> None:
    home = market_tree(tmp_path / os.fsdecode(b"caf\xff"))
    assert (
        Market1501(root=str(home)).fingerprint()
        == Market1501(root=str(market_tree(tmp_path / "other"))).fingerprint()
    )


def test_fingerprint_sees_a_change_of_the_same_size(tmp_path: Path) -> None:
    names = _files(tmp_path / "x", a=b"12")
    before = files_digest(tmp_path / "x", names)
    (tmp_path / "x" / "a").write_bytes(b"21")
    os.utime(tmp_path / "x" / "a", ns=(1, 1))
    assert files_digest(tmp_path / "x", names) != before


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = _files(tmp_path / "x", a=b"12")
    first = files_digest(tmp_path / "x", names)

    def read(path: Path) -> bytes:
        raise AssertionError(f"read {path} again")

    monkeypatch.setattr(fingerprints, "_content", read)
    assert files_digest(tmp_path / "x", names) == first
    os.utime(tmp_path / "x" / "a", ns=(5, 5))
    with pytest.raises(AssertionError, match="again"):
        files_digest(tmp_path / "x", names)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"listing": 3}'])
def test_a_damaged_memory_is_ignored(tmp_path: Path, private_cache: Path, content: str) -> None:
    names = _files(tmp_path / "x", a=b"12")
    first = files_digest(tmp_path / "x", names)
    (memo,) = (private_cache / "reidbench" / "fingerprints").iterdir()
    memo.write_text(content)
    assert files_digest(tmp_path / "x", names) == first


def test_digests_are_remembered_in_the_cache_that_the_user_names(
    tmp_path: Path, private_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REIDBENCH_CACHE", str(tmp_path / "named"))
    files_digest(tmp_path / "x", _files(tmp_path / "x", a=b"12"))
    assert len(list((tmp_path / "named" / "fingerprints").iterdir())) == 1
    assert not private_cache.exists()


def test_digests_are_remembered_in_the_cache_of_the_command(
    tmp_path: Path, private_cache: Path
) -> None:
    home, named = tmp_path / "x", tmp_path / "named"
    names = _files(home, a=b"12")

    @click.command()
    @options.cache
    def verb(cache: Path) -> None:
        click.echo(files_digest(home, names))

    shown = CliRunner().invoke(verb, ["--cache", str(named)])
    assert len(list((named / "fingerprints").iterdir())) == 1
    assert not private_cache.exists()
    assert shown.stdout.strip() == files_digest(home, names)
    assert len(list((private_cache / "reidbench" / "fingerprints").iterdir())) == 1


def test_a_run_from_python_remembers_digests_in_its_cache(
    tmp_path: Path, private_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, named = tmp_path / "x", tmp_path / "named"
    names = _files(home, a=b"12")

    def started(*_: object) -> None:
        files_digest(home, names)
        raise ReidbenchError("enough")

    for module in ("study_plans", "sweeps", "launch"):  # those first import from the last
        monkeypatch.setattr(f"reidbench.runs.{module}.open_experiment", started)
    calls = (partial(reidbench.run, method="direct"), partial(reidbench.sweep, methods="direct"))
    for call, cache in zip(calls, (named, tmp_path / "other"), strict=True):
        with pytest.raises(ReidbenchError, match="enough"):
            call(cache=cache, progress=False)
        assert len(list((cache / "fingerprints").iterdir())) == 1
    assert not (private_cache / "reidbench").exists()


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    names = _files(tmp_path / "x", a=b"12")
    assert files_digest(tmp_path / "x", names) == files_digest(tmp_path / "x", names)


def test_a_vanished_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReidbenchError, match=r"cannot read .*gone: No such file"):
        files_digest(tmp_path, ["gone"])


GREY = np.tile(np.linspace(20, 235, 8).astype(np.uint16), (4, 1))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("8 in 16 bits.png", GREY),
        ("12 in 16 bits.png", GREY << 4),
        ("16 bits.png", GREY * 257),
        ("16 bits.tif", GREY * 257),
        ("32 bits.tif", (GREY * 257).astype(np.int32)),
    ],
)
def test_grey_levels_of_many_bits_are_shown_by_their_highest(
    tmp_path: Path, name: str, levels: NDArray[np.generic]
) -> None:
    Image.fromarray(levels).save(tmp_path / name)
    np.testing.assert_array_equal(read_grey(tmp_path / name), GREY)
    np.testing.assert_array_equal(read_rgb(tmp_path / name)[..., 1], GREY)


def test_levels_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 2**20, np.int32)).save(tmp_path / "x.tif")
    with pytest.raises(ReidbenchError, match="its grey levels are no 16-bit numbers; save it"):
        read_rgb(tmp_path / "x.tif")


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_images_stand_as_their_camera_was_held(tmp_path: Path, suffix: str) -> None:
    upright = np.zeros((8, 4, 3), np.uint8)
    upright[:4] = 200, 60, 40
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    turned.save(tmp_path / f"x.{suffix}", exif=exif, lossless=True)
    np.testing.assert_array_equal(read_rgb(tmp_path / f"x.{suffix}"), upright)
