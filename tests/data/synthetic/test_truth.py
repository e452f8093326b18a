"""The truth of a translation: a picture as a camera of another domain sees it."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest

from reidbench.data.camera_groups import OnlyCameras
from reidbench.data.dataset import TRUTH_PARTS
from reidbench.data.synthetic import Synthetic, looks
from tests.noise_dataset import Noise

SMALL = {"ids": 8, "cameras": 2, "images_per_camera": 2, "height": 64, "width": 32}
ROWS = range(0, 16, 3)


def both(dataset: Synthetic, other: Synthetic, index: int, camera: int, **parts: object):
    """Return the truth of a picture, and its mask."""
    asked = {"camera": camera, **parts}
    return (
        dataset.as_seen_by(other, "train", index, **asked),
        dataset.mask_as_seen_by(other, "train", index, **asked),
    )


def own(dataset: Synthetic, index: int):
    return dataset.read("train", index), dataset.read_mask("train", index)


def same(first, second) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("domain", ["b", "c", "d", "high"])
@pytest.mark.parametrize("gap", [0.0, 0.4])
def test_it_is_the_other_renderers_picture_where_person_pose_and_shot_agree(
    domain: str, gap: float
) -> None:
    """Two gaps of one domain show the same moments, so the other's own picture is the truth."""
    near = Synthetic(**SMALL, domain=domain, gap=gap, occluders=0.5)
    far = Synthetic(**SMALL, domain=domain, gap=1.0, occluders=0.5, camera_gap=1.5)
    cams = near.samples("train").cams
    for index in ROWS:
        assert same(both(near, far, index, cams[index]), own(far, index))
        assert not same(own(near, index), own(far, index))


@pytest.mark.parametrize(
    ("kinds", "domain"), [(("colour",), "cold"), (("place",), "garden"), (("viewpoint",), "high")]
)
def test_a_part_is_the_picture_of_a_domain_that_differs_in_it_alone(
    kinds: tuple[str, ...], domain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Domain a is given the look of the other, so that its people and moments are the same."""
    source = Synthetic(**SMALL, camera_gap=0.0)
    other = Synthetic(**SMALL, domain=domain, camera_gap=0.0)
    found = [both(source, other, i, 0, parts=kinds) for i in ROWS]
    masks = [source.read_mask("train", i) for i in ROWS]
    monkeypatch.setattr(looks, "ORIGIN", looks.DOMAINS[domain])
    monkeypatch.setitem(looks.DOMAINS, "a", looks.DOMAINS[domain])
    fresh = 0.4 + 1e-6 * sum(map(ord, domain))  # a world whose looks nobody has asked for yet
    moved = Synthetic(**SMALL, camera_gap=0.0, back=fresh)
    for index, (picture, mask), before in zip(ROWS, found, masks, strict=True):
        person = before == 255 if "place" in kinds else np.ones_like(before, bool)
        inside = _inner(person)
        assert np.array_equal(picture[inside], moved.read("train", index)[inside])
        assert np.array_equal(mask, moved.read_mask("train", index))


def _inner(where: np.ndarray) -> np.ndarray:
    """Return the pixels whose surroundings are there as well: further than blur reaches."""
    inside = where.copy()
    if not where.all():
        for _ in range(3):
            smaller = inside.copy()
            for axis, step in itertools.product((0, 1), (1, -1)):
                smaller &= np.roll(inside, step, axis)
            inside = smaller
    return inside


def test_with_gap_0_the_truth_is_the_source() -> None:
    source = Synthetic(**SMALL, camera_gap=0.0)
    other = Synthetic(**SMALL, domain="b", gap=0.0, camera_gap=0.0)
    for index in ROWS:
        assert same(
            both(source, other, index, 1, parts=("colour", "viewpoint")), own(source, index)
        )
        picture, mask = both(source, other, index, 1)
        before, known = own(source, index)
        inside = _inner(known == 255)
        assert np.array_equal(picture[inside], before[inside])  # each has a place of its own
        assert np.array_equal(mask, known)


def test_a_domains_own_camera_sees_its_own_pictures() -> None:
    dataset = Synthetic(**SMALL, domain="d", occluders=0.5)
    cams = dataset.samples("train").cams
    for index in ROWS:
        assert same(both(dataset, dataset, index, cams[index]), own(dataset, index))
        assert same(both(dataset, dataset, index, 1, parts=()), own(dataset, index))


def test_partial_truths_compose_to_the_whole() -> None:
    """Each part takes its numbers and nothing else, whatever the others take."""
    first, second = Synthetic(**SMALL), Synthetic(**SMALL, domain="d")
    seen = first.camera(0).world.look(0)
    other = second.camera(1).world.look(1)
    shot = first._seen_by(second, "train", 0, 1, TRUTH_PARTS)
    assert shot._look == other
    for kind in looks.KINDS:
        partial = first._seen_by(second, "train", 0, 1, (kind,))._look
        assert partial == seen.with_kind(kind, other)
    whole = first.as_seen_by(second, "train", 0, camera=1)
    for parts in itertools.permutations(TRUTH_PARTS):
        assert np.array_equal(first.as_seen_by(second, "train", 0, camera=1, parts=parts), whole)


def test_only_the_viewpoint_changes_the_mask() -> None:
    source, other = Synthetic(**SMALL), Synthetic(**SMALL, domain="high")
    moved = 0
    for index in ROWS:
        for parts in ((), ("colour",), ("place",), ("colour", "place")):
            mask = source.mask_as_seen_by(other, "train", index, camera=0, parts=parts)
            assert np.array_equal(mask, source.read_mask("train", index))
        whole = source.mask_as_seen_by(other, "train", index, camera=0)
        view = source.mask_as_seen_by(other, "train", index, camera=0, parts=("viewpoint",))
        assert np.array_equal(whole, view)
        moved += int(not np.array_equal(whole, source.read_mask("train", index)))
    assert moved == len(ROWS)


def test_each_part_changes_the_picture() -> None:
    source, other = Synthetic(**SMALL), Synthetic(**SMALL, domain="d")
    pictures = [
        source.as_seen_by(other, "train", 5, camera=0, parts=parts)
        for parts in ((), ("colour",), ("place",), ("viewpoint",), TRUTH_PARTS)
    ]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_it_does_not_depend_on_what_was_drawn_before() -> None:
    first, second = Synthetic(**SMALL, occluders=0.5), Synthetic(**SMALL, domain="c")
    asked = [(i, camera) for i in ROWS for camera in (0, 1)]
    forwards = {ask: both(first, second, *ask) for ask in asked}
    pickled = pickle.loads(pickle.dumps((first, second)))
    for index, camera in reversed(asked):
        second.read("train", index)
        assert same(own(first, index), own(pickled[0], index))
        assert same(both(*pickled, index, camera), forwards[index, camera])


def test_the_size_is_the_pictures_own() -> None:
    small = Synthetic(**SMALL)
    large = Synthetic(**{**SMALL, "height": 128, "width": 64}, domain="b")
    equal = Synthetic(**SMALL, domain="b")
    assert same(both(small, large, 0, 1), both(small, equal, 0, 1))
    picture, mask = both(large, small, 0, 1)
    assert (picture.shape, mask.shape) == ((128, 64, 3), (128, 64))


def test_views_see_and_are_seen() -> None:
    first, second = Synthetic(**SMALL), Synthetic(**SMALL, domain="b")
    view, other = OnlyCameras(first, [1]), OnlyCameras(second, [0])
    assert view.has_truth
    row = int(np.flatnonzero(first.samples("train").cams == 1)[3])
    assert same(both(view, other, 3, 0), both(first, second, row, 0))


def test_what_does_not_exist_is_refused() -> None:
    first, second = Synthetic(**SMALL), Synthetic(**SMALL, domain="b")
    for draw in (first.as_seen_by, first.mask_as_seen_by):
        with pytest.raises(IndexError, match="2 cameras, no number 2"):
            draw(second, "train", 0, camera=2)
        with pytest.raises(IndexError, match="train has 16 images, no number 16"):
            draw(second, "train", 16, camera=0)
        with pytest.raises(ValueError, match="no part 'color'; there are colour, place, viewpoint"):
            draw(second, "train", 0, camera=0, parts=("color",))
        with pytest.raises(LookupError, match="Noise is not rendered"):
            draw(Noise(4), "train", 0, camera=0)
    assert not Noise(4).has_truth
    with pytest.raises(LookupError, match="Noise is not rendered: the truth is not known"):
        Noise(4).as_seen_by(first, "train", 0, camera=0)
    with pytest.raises(LookupError, match="Noise is not rendered: the truth is not known"):
        Noise(4).mask_as_seen_by(first, "train", 0, camera=0)


def test_people_keep_their_clothes_before_another_domains_camera() -> None:
    """The other domain's wardrobe is its people's; this one's goes with its own."""
    plain, summer = Synthetic(**SMALL), Synthetic(**SMALL, wardrobe=1.0)
    others = [Synthetic(**SMALL, domain="b", wardrobe=w) for w in (0.0, 1.0)]
    for index in ROWS:
        seen = [both(summer, other, index, 0) for other in others]
        assert same(*seen)
        before = both(plain, others[0], index, 0)
        assert np.array_equal(before[1], seen[0][1])
        assert not np.array_equal(before[0], seen[0][0])
