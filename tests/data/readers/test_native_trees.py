"""Generated trees in each dataset's native naming: exact counts, and whatever else lies there."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reidbench.data.dataset import SPLITS, Counts
from reidbench.data.image_files import is_clutter
from reidbench.data.readers.folders import FolderDataset
from reidbench.errors import ReidbenchError
from tests.data.readers.natives import NATIVE, Native, Shot, Shots, shots_of
from tests.data.trees import plant, tiny_image


@contextmanager
def tree(native: Native, shots: Shots) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        native.write(native, home, shots)
        yield home


def counts(shots: frozenset[Shot]) -> Counts:
    return Counts(len(shots), len({s[0] for s in shots}), len({s[1] for s in shots}))


def copy_problems(dataset: FolderDataset) -> list[str]:
    """Return what is wrong beside the counts, which are those of a small copy."""
    problems = dataset.check()
    assert all(problem.isprintable() for problem in problems)
    return [p for p in problems if not p.endswith("published")]


every = pytest.mark.parametrize("native", NATIVE.values(), ids=list(NATIVE))
FIXED: Shots = {
    "train": frozenset({(4, 0, 1), (4, 1, 2), (9, 1, 3)}),
    "query": frozenset({(5, 0, 11), (70, 1, 12)}),
    "gallery": frozenset({(5, 1, 21), (70, 0, 22)}),
}


@every
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_counts_and_labels_are_those_of_the_names(native: Native, data: st.DataObject) -> None:
    shots = data.draw(shots_of(native))
    with tree(native, shots) as home:
        dataset = native.make(str(home))
        for split, shift in zip(SPLITS, (native.shift[0], *native.shift[1:] * 2), strict=True):
            samples = dataset.samples(split)
            assert Counts.of(samples) == counts(shots[split])
            folder = native.folders[SPLITS.index(split)]
            labels = {
                f"{folder}/{native.name(p, c, n)}": (p + shift, c) for p, c, n in shots[split]
            }
            pairs = zip(samples.pids.tolist(), samples.cams.tolist(), strict=True)
            assert dict(zip(samples.names, pairs, strict=True)) == labels
            assert len(samples) == len(shots[split])
            assert min(samples.pids) > 0
            assert dataset.read(split, 0).shape == (4, 2, 3)
        assert copy_problems(dataset) == []
        assert dataset.remarks() == []


odd_names = st.text(
    "0\u0661\uff1417_-. a\u017fK\xe9c\n\r\x1b[31mPNGjpgs\u202e\udcff\t'\"<>&|",
    min_size=1,
    max_size=30,
)


@every
@settings(max_examples=15, deadline=None)
@given(odd=odd_names, suffix=st.sampled_from(["", ".jpg", ".PNG", ".jpg.jpg"]), data=st.data())
def test_an_odd_name_is_refused_and_told_in_one_printable_line(
    native: Native, odd: str, suffix: str, data: st.DataObject
) -> None:
    name = odd + suffix
    assume(name not in (".", "..") and not is_clutter(name))
    with tree(native, FIXED) as home:
        folder = home / data.draw(st.sampled_from(native.folders))
        plant(folder, [name])
        dataset = native.make(str(home))
        with pytest.raises(ReidbenchError) as caught:
            list(map(dataset.samples, SPLITS))
        assert str(caught.value).isprintable()
        assert str(caught.value).startswith(dataset.title)
        assert len(copy_problems(dataset)) == 1


@every
@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_cases_of_a_name_do_not_matter(native: Native, change: Callable[[str], str]) -> None:
    with tree(native, FIXED) as home:
        dataset = native.make(str(home))
        for folder in dataset.parts:
            for row in dataset.rows_in(folder):
                assert dataset.row(folder, change(row.name.removeprefix(f"{folder}/")))


@every
def test_what_desktops_leave_is_ignored(native: Native) -> None:
    with tree(native, FIXED) as home:
        for folder in {*native.folders, "."}:
            for name in ("Thumbs.db", "thumbs.DB", "desktop.ini", ".DS_Store", "._x.jpg"):
                (home / folder / name).write_bytes(b"")
        assert copy_problems(native.make(str(home))) == []


@every
def test_links_may_stay_and_may_not_leave(native: Native, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(tiny_image("JPEG"))
    with tree(native, FIXED) as home:
        folder = home / native.folders[0]
        image = folder / native.name(4, 0, 1)
        (home / "elsewhere").mkdir()
        image.rename(home / "elsewhere" / "moved")
        image.symlink_to(home / "elsewhere" / "moved")
        assert copy_problems(native.make(str(home))) == []
        for target in (tmp_path / "secret.jpg", tmp_path, "/dev/zero", "../../.."):
            image.unlink()
            image.symlink_to(target)
            dataset = native.make(str(home))
            with pytest.raises(ReidbenchError, match="is a link that leaves"):
                dataset.samples("train")
            assert any("is a link that leaves" in p for p in copy_problems(dataset))


@every
def test_links_that_lead_nowhere_are_told(native: Native) -> None:
    with tree(native, FIXED) as home:
        image = home / native.folders[0] / native.name(4, 0, 1)
        for target in (image, home / "absent"):
            image.unlink()
            image.symlink_to(target)
            assert any("is not a file" in p for p in copy_problems(native.make(str(home))))


@every
def test_a_folder_that_is_a_link_may_not_leave(native: Native, tmp_path: Path) -> None:
    with tree(native, FIXED) as home:
        shutil.copytree(home / native.folders[0], tmp_path / "copy")
        shutil.rmtree(home / native.folders[0])
        (home / native.folders[0]).symlink_to(tmp_path / "copy")
        with pytest.raises(ReidbenchError, match="is a link that leaves"):
            native.make(str(home)).samples("train")
        assert any("is a link that leaves" in p for p in copy_problems(native.make(str(home))))


@every
def test_every_missing_folder_is_named_at_once(native: Native) -> None:
    for gone in {native.folders[0], native.folders[-1]}:
        with tree(native, FIXED) as home:
            shutil.rmtree(home / gone)
            dataset = native.make(str(home))
            with pytest.raises(ReidbenchError, match=r"is missing|has none of"):
                dataset.samples("train")
            problem, *others = copy_problems(dataset)
            assert gone in problem
            assert "is missing" in problem or "has none of" in problem
            assert not any(gone in p for p in others)
    with tree(native, FIXED) as home:
        for folder in set(native.folders):
            shutil.rmtree(home / folder)
        (problem,) = native.make(str(home)).check()
        assert "has none of" in problem


@every
def test_an_empty_folder_is_told(native: Native) -> None:
    with tree(native, FIXED) as home:
        shutil.rmtree(home / native.folders[0])
        (home / native.folders[0]).mkdir()
        assert any("holds no images" in p for p in copy_problems(native.make(str(home))))


@every
def test_all_broken_images_are_named_whatever_else_is_wrong(native: Native) -> None:
    with tree(native, FIXED) as home:
        broken = [(0, (4, 0, 1)), (1, (5, 0, 11)), (2, (70, 0, 22))]
        paths = [home / native.folders[split] / native.name(*shot) for split, shot in broken]
        for path in paths:
            path.write_bytes(b"")
        (home / native.folders[0] / "notes.txt").write_text("hello")
        problems = copy_problems(native.make(str(home)))
        assert [p for p in problems if "cannot decode" in p] == [
            f"cannot decode {path}: the file is empty (0 bytes)" for path in sorted(paths)
        ]
        assert len(problems) == 4


@every
def test_a_test_image_in_training_is_a_leak_and_a_repeated_one_is_a_remark(native: Native) -> None:
    with tree(native, FIXED) as home:
        train, query, gallery = (
            [home / native.folders[i] / native.name(*shot) for shot in sorted(FIXED[split])]
            for i, split in enumerate(SPLITS)
        )
        shutil.copy(query[0], train[0])
        shutil.copy(train[2], train[1])
        dataset = native.make(str(home))
        (problem,) = copy_problems(dataset)
        assert problem.startswith("train and test share an image: ")
        assert str(train[0].relative_to(home)) in problem
        assert str(query[0].relative_to(home)) in problem
        assert dataset.remarks() == [
            "train: 1 images have the content of another image of the split"
        ]
        shutil.copy(query[0], gallery[0])
        assert dataset.remarks() == native.make(str(home)).remarks()


@every
def test_the_fingerprint_follows_what_is_read_and_not_where(native: Native) -> None:
    with tree(native, FIXED) as home:
        first = native.make(str(home)).fingerprint()
        shutil.copytree(home, home / "inner" / "copy")
        assert native.make(str(home / "inner" / "copy")).fingerprint() == first
        plant(home, [f"{native.folders[0]}/{native.name(4, 0, 1)}"])
        image = home / native.folders[0] / native.name(4, 0, 1)
        image.write_bytes(image.read_bytes() + b"more")
        os.utime(image, ns=(1, 1))
        assert native.make(str(home)).fingerprint() != first


@every
def test_a_root_that_cannot_be(native: Native, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "\x1b[31mabsent\n", tmp_path / "file", tmp_path / ("x" * 300)):
        with pytest.raises(ReidbenchError, match="no folder") as caught:
            native.make(str(root)).samples("train")
        assert str(caught.value).isprintable()
        assert native.make(str(root)).check() == [str(caught.value)]


def test_a_population_is_named_by_its_dataset() -> None:
    names = {native.make("x").population for native in NATIVE.values()}
    assert names == {"market1501", "dukemtmc", "msmt17", "cuhk03"}
