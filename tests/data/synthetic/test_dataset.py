import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from reidbench.data.dataset import SPLITS, Samples
from reidbench.data.synthetic import Synthetic
from reidbench.data.synthetic import dataset as dataset_module
from reidbench.data.synthetic.looks import DOMAINS, KINDS
from reidbench.errors import UsageError
from reidbench.registry.parameters import parameters_of

SMALL = {"ids": 7, "cameras": 3, "images_per_camera": 3, "height": 32, "width": 16}


def _splits(dataset: Synthetic) -> tuple[Samples, Samples, Samples]:
    train, query, gallery = (dataset.samples(split) for split in SPLITS)
    return train, query, gallery


def test_partition_by_identity() -> None:
    train, query, gallery = _splits(Synthetic(**SMALL))
    assert sorted(set(train.pids.tolist())) == [1, 2, 3, 4]
    assert sorted(set(query.pids.tolist())) == sorted(set(gallery.pids.tolist())) == [5, 6, 7]
    assert (len(train), len(query), len(gallery)) == (4 * 3 * 3, 3 * 3, 3 * 3 * 2)
    names = [*train.names, *query.names, *gallery.names]
    assert len(set(names)) == len(names)
    shots = [name.split("/")[1] for name in names]
    assert len(set(shots)) == len(shots)


def test_one_query_a_camera_and_a_match_in_every_other_camera() -> None:
    _, query, gallery = _splits(Synthetic(**SMALL))
    pairs = list(zip(query.pids.tolist(), query.cams.tolist(), strict=True))
    assert sorted(pairs) == [(p, c) for p in (5, 6, 7) for c in range(3)]
    for pid, cam in pairs:
        seen_by = gallery.cams[gallery.pids == pid]
        assert set(range(3)) - {cam} <= set(seen_by[seen_by != cam].tolist())


def test_names_agree_with_labels() -> None:
    for samples in _splits(Synthetic(**SMALL)):
        for name, pid, cam in zip(samples.names, samples.pids, samples.cams, strict=True):
            assert f"person_{pid:05d}_c{cam + 1}_" in name


def test_distractors_are_strangers_at_the_end_of_the_gallery() -> None:
    without, dataset = Synthetic(**SMALL), Synthetic(**SMALL, distractors=4)
    gallery = dataset.samples("gallery")
    assert gallery.pids[-4:].tolist() == [0] * 4
    assert (gallery.pids[:-4] == without.samples("gallery").pids).all()
    assert gallery.cams[-4:].tolist() == [0, 1, 2, 0]
    assert len(dataset.samples("query")) == len(without.samples("query"))
    others = [dataset.read("gallery", i) for i in range(len(gallery) - 4)]
    for index in range(len(gallery) - 4, len(gallery)):
        stranger = dataset.read("gallery", index)
        assert not any((stranger == other).all() for other in others)


def test_sizes_of_market1501() -> None:
    train, query, gallery = _splits(Synthetic(ids=1501, cameras=6, images_per_camera=3))
    assert [len(set(s.pids.tolist())) for s in (train, query, gallery)] == [751, 750, 750]
    assert len(train) == 13_518
    assert len(Synthetic(ids=1078, cameras=6, images_per_camera=4).samples("train")) == 12_936


def test_images_and_masks() -> None:
    dataset = Synthetic(**SMALL)
    for split in SPLITS:
        image, mask = dataset.read(split, 2), dataset.read_mask(split, 2)
        assert image.shape == (32, 16, 3)
        assert mask.shape == (32, 16)
        assert image.dtype == mask.dtype == np.uint8
        assert 0.05 < (mask > 127).mean() < 0.6
        assert mask[0].mean() < 60
        assert image.std() > 10


def test_a_mask_covers_what_belongs_to_the_person() -> None:
    """The same shot before another background differs outside the mask and not well inside it."""
    from reidbench.data.synthetic.render import Shot, World

    shot = Shot(World("a", 0, 1.0, 128, 64), "person", 1, 0, 0)
    figure = shot.figure()
    inside, outside = figure.alpha > 0.999, figure.alpha < 0.001
    on_white = figure.rgb + (1 - figure.alpha)
    assert (on_white[:, inside] - figure.rgb[:, inside]).max() < 0.01
    assert (on_white[:, outside] == 1).all()
    assert inside.sum() > 500


def test_no_image_depends_on_order_or_process() -> None:
    dataset = Synthetic(**SMALL, domain="b", distractors=2)
    rows = [("gallery", 19), ("train", 5), ("query", 3), ("train", 0)]
    here = {row: dataset.read(*row).tobytes() for row in rows}
    again = {row: dataset.read(*row).tobytes() for row in reversed(rows)}
    assert here == again
    program = (
        "import sys, pickle\n"
        "dataset, rows = pickle.load(sys.stdin.buffer)\n"
        "sys.stdout.buffer.write(pickle.dumps([dataset.read(*r).tobytes() for r in rows]))\n"
    )
    there = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((dataset, rows[::-1])),
        capture_output=True,
        check=True,
    )
    assert pickle.loads(there.stdout) == [here[row] for row in rows[::-1]]


def test_a_person_depends_on_seed_domain_and_number_only() -> None:
    few, many = Synthetic(**SMALL), Synthetic(**{**SMALL, "ids": 60, "images_per_camera": 5})
    # Person 2, camera 1, shot 2: row 1 * 9 + 1 * 3 + 2 and row 1 * 15 + 1 * 5 + 2.
    assert (few.read("train", 14) == many.read("train", 22)).all()
    assert (few.read("train", 14) != Synthetic(**SMALL, seed=1).read("train", 14)).any()
    other = Synthetic(**SMALL, domain="b", gap=0)
    assert (few.read_mask("train", 14) != other.read_mask("train", 14)).any()


def _mean_colours(dataset: Synthetic) -> np.ndarray:
    images = [dataset.read("train", i) for i in range(0, 36, 3)]
    return np.stack(images).reshape(-1, 3).mean(0)


def test_gap_widens_the_difference_and_leaves_domain_a() -> None:
    a = Synthetic(**SMALL)
    assert (a.read("train", 3) == Synthetic(**SMALL, gap=0.3).read("train", 3)).all()
    at = {g: _mean_colours(Synthetic(**SMALL, domain="b", gap=g)) for g in (0.0, 0.5, 1.0)}
    apart = {g: np.abs(colours - _mean_colours(a)).max() for g, colours in at.items()}
    assert apart[0.0] < 30
    assert apart[0.0] < apart[0.5] < apart[1.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"domain": "x"}, "no domain 'x'; known: a, b"),
        ({"ids": 3}, "ids is 4 to"),
        ({"cameras": 1}, "cameras is 2 to"),
        ({"images_per_camera": 1}, "images_per_camera is 2 to"),
        ({"gap": -0.1}, "gap is 0 to 1.5"),
        ({"gap": float("nan")}, "gap is 0 to 1.5"),
        ({"height": 8}, "height is 16 to"),
        ({"distractors": -1}, "distractors is 0 to"),
        ({"domain": "hihg"}, "no domain 'hihg'; did you mean 'high'"),
        ({"camera_gap": 4.1}, "camera_gap is 0 to 4, not 4.1"),
        ({"occluders": 1.1}, "occluders is 0 to 1"),
        ({"occluders": -0.1}, "occluders is 0 to 1"),
        ({"back": 1.5}, "back is 0 to 1"),
        ({"sides": "by-cam"}, "no sides 'by-cam'; did you mean 'by-camera'"),
    ],
)
def test_bad_parameters(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Synthetic(**{**SMALL, **change})


@pytest.mark.parametrize("index", [-1, 36])
def test_rows_that_do_not_exist(index: int) -> None:
    with pytest.raises(IndexError, match="train has 36 images"):
        Synthetic(**SMALL).read("train", index)


@pytest.mark.parametrize(
    "change",
    [
        {"domain": "b"}, {"ids": 8}, {"cameras": 2}, {"images_per_camera": 2}, {"distractors": 1},
        {"gap": 0.5}, {"height": 64}, {"width": 32}, {"seed": 1},
        {"camera_gap": 0.5}, {"occluders": 0.5}, {"back": 0.5}, {"sides": "by-camera"},
    ],
)  # fmt: skip
def test_fingerprint_depends_on_every_parameter(change: dict[str, object]) -> None:
    assert Synthetic(**SMALL).fingerprint() == Synthetic(**SMALL).fingerprint()
    assert Synthetic(**SMALL).fingerprint() != Synthetic(**{**SMALL, **change}).fingerprint()
    assert Synthetic(**SMALL).check() == []


def test_fingerprints_of_before_the_optional_parameters_stay() -> None:
    """Committed results name these; a default that is said aloud is still the default."""
    said = {"camera_gap": 1, "occluders": 0, "back": 0.4, "sides": "mixed"}
    for extra in ({}, said):
        a = Synthetic(ids=300, images_per_camera=2, **extra)
        b = Synthetic(ids=300, images_per_camera=2, domain="b", gap=0.7, **extra)
        assert a.fingerprint() == "0291f4eea3bbc7e553a168bd55d783a6"
        assert b.fingerprint() == "02c027628cfd3ef1db1e5d9f66dcc5e7"


def test_fingerprints_tell_equal_values_of_different_parameters_apart() -> None:
    changes = [{"occluders": 0.5}, {"back": 0.5}, {"camera_gap": 0.5}]
    changes += [{**changes[0], **changes[1]}, {**changes[0], **changes[2]}]
    assert len({Synthetic(**SMALL, **change).fingerprint() for change in changes}) == 5


def test_persons_are_of_a_domain_and_a_seed() -> None:
    kinds = [{}, {"domain": "b"}, {"seed": 1}]
    assert len({Synthetic(**kind).population for kind in kinds}) == 3
    assert Synthetic(gap=0.5, ids=9, camera_gap=2.0).population == Synthetic().population


def test_the_page_tells_every_parameter_and_every_domain() -> None:
    page = (Path(dataset_module.__file__).parent / "README.md").read_text()
    for name in [*parameters_of(Synthetic), *DOMAINS]:
        assert f"| `{name}` |" in page, name
    for name in (name for names in KINDS.values() for name in names):
        assert f"`{name}`" in page, name
