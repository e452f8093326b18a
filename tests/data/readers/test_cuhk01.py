from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given

from reidbench.data.dataset import Counts
from reidbench.data.readers.cuhk01 import Cuhk01
from reidbench.data.readers.divisions import load_divisions
from reidbench.errors import ReidbenchError, UsageError
from tests.data.small_trees import (
    check_divisions,
    check_training_on_everybody,
    cuhk01_tree,
    digits,
    extra,
    labels,
    odd_names,
    suffixed,
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cuhk01_tree(tmp_path_factory.mktemp("cuhk01"))


@pytest.mark.parametrize(("query_camera", "shots"), [("a", "single"), ("b", "multi")])
def test_divisions(root: Path, query_camera: str, shots: str) -> None:
    images = {"single": 486, "multi": 972}[shots]
    counts = {
        "train": Counts(1_940, 485, 2),
        "query": Counts(images, 486, 1),
        "gallery": Counts(images, 486, 1),
    }

    def make(**parameters: object) -> Cuhk01:
        return Cuhk01(root=str(root), query_camera=query_camera, shots=shots, **parameters)

    check_divisions(make, counts)
    assert make().published() == counts


@pytest.mark.parametrize("shots", ["single", "multi"])
def test_training_on_everybody(root: Path, shots: str) -> None:
    check_training_on_everybody(lambda **k: Cuhk01(root=str(root), shots=shots, **k), 3_884)


def test_the_protocol_follows_the_shots() -> None:
    assert Cuhk01.protocol == Cuhk01(root="x").protocol == "single-shot"
    assert Cuhk01(root="x", shots="multi").protocol == "market1501"


@pytest.mark.parametrize("split", [0, 6])
def test_the_drawn_images_are_shown(root: Path, split: int) -> None:
    draws = load_divisions(Cuhk01.plan.path).draws[split]
    one, other = (labels(Cuhk01(root=str(root), split=split, query_camera=c)) for c in ("a", "b"))
    assert one["query"] == other["gallery"]
    assert one["gallery"] == other["query"]
    for name, pid, cam in one["query"]:
        assert (name, cam) == (f"campus/{pid:04d}00{1 + draws[pid - 1] % 2}.png", 0)
    for name, pid, cam in one["gallery"]:
        assert (name, cam) == (f"campus/{pid:04d}00{3 + draws[pid - 1] // 2 % 2}.png", 1)


def test_any_pair_of_images_is_as_likely(root: Path) -> None:
    pairs: Counter[str] = Counter()
    for split in range(10):
        rows = labels(Cuhk01(root=str(root), split=split))
        shown = zip(rows["query"], rows["gallery"], strict=True)
        pairs.update(query[0][-5] + gallery[0][-5] for query, gallery in shown)
    assert set(pairs) == {"13", "14", "23", "24"}
    assert max(abs(count - 1_215) for count in pairs.values()) < 4.5 * 1_215**0.5


def test_fingerprints_tell_shots_and_cameras_apart(root: Path) -> None:
    views = [(c, s) for c in ("a", "b") for s in ("single", "multi")]
    datasets = [Cuhk01(root=str(root), query_camera=c, shots=s) for c, s in views]
    assert len({dataset.fingerprint() for dataset in datasets}) == 4


def test_check(root: Path, tmp_path: Path) -> None:
    assert Cuhk01(root=str(root)).check() == []
    copy = cuhk01_tree(tmp_path / "CUHK01")
    (copy / "campus" / "0005003.png").unlink()
    (copy / "campus" / "0972001.png").write_bytes(b"x")
    with pytest.raises(ReidbenchError, match=r"campus lacks 0005003\.png; persons 1 to 971 have"):
        Cuhk01(root=str(tmp_path)).samples("query")
    problems = Cuhk01(root=str(tmp_path)).check()
    assert any("campus lacks 0005003.png; persons" in problem for problem in problems)
    assert any("campus should not have 0972001.png; persons" in problem for problem in problems)
    assert any("cannot decode" in problem and "0972001.png" in problem for problem in problems)


def test_an_image_twice_is_refused(root: Path) -> None:
    found = pytest.raises(ReidbenchError, match=r"0005003\.PNG and campus/0005003\.png are both")
    with extra(root / "campus" / "0005003.PNG"), found:
        Cuhk01(root=str(root)).samples("gallery")


@given(odd_names("0001001.png", "0971004.PNG", "0000001.png"))
def test_odd_names(name: str) -> None:
    stem = suffixed(name, "png") or ""
    fine = digits(stem, 7) and stem[4:] in ("001", "002", "003", "004") and stem[:4] != "0000"
    row = Cuhk01(root="nowhere").row("campus", name)
    cam = int(stem[6] in "34") if fine else -1
    assert row == (("campus/" + name, int(stem[:4]), cam) if fine else None)


def test_parameters() -> None:
    with pytest.raises(UsageError, match="cuhk01: split is 0 to 9, not 10"):
        Cuhk01(root="x", split=10)
    with pytest.raises(UsageError, match="cuhk01: shots is single or multi, not many"):
        Cuhk01(root="x", shots="many")
    with pytest.raises(UsageError, match="cuhk01: query_camera is a or b, not c"):
        Cuhk01(root="x", query_camera="c")
