"""Cameras, occluders and sides of people: what each parameter changes, and what it leaves."""

from dataclasses import astuple

import numpy as np
import pytest

from reidbench.data.synthetic import Synthetic
from reidbench.data.synthetic.canvas import Canvas
from reidbench.data.synthetic.cloth import FRONT_ONLY
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.looks import DOMAINS, STREET, camera_look
from reidbench.data.synthetic.occluders import OCCLUDERS
from reidbench.data.synthetic.optics import pixel_grid
from reidbench.data.synthetic.pose import draw_pose, share_of_backs
from reidbench.data.synthetic.render import Shot, World, _person

SMALL = {"ids": 20, "cameras": 2, "images_per_camera": 2, "height": 64, "width": 32}


def test_a_camera_gap_of_0_makes_cameras_alike_and_one_of_3_apart() -> None:
    def looks(gap: float) -> np.ndarray:
        cameras = [camera_look(0, "b", c, 1.0, gap) for c in range(6)]
        return np.array([np.concatenate(astuple(look)) for look in cameras])

    assert (looks(0.0) == looks(0.0)[0]).all()
    assert np.array_equal(looks(1.0)[2], np.concatenate(astuple(camera_look(0, "b", 2, 1.0))))
    response = slice(0, 9)  # without limits: three times as far is three times as far
    apart = {gap: looks(gap)[:, response] - looks(0.0)[:, response] for gap in (1.0, 3.0)}
    assert np.allclose(apart[3.0], 3 * apart[1.0])
    assert np.abs(apart[1.0]).min() > 0


def test_cameras_of_equal_index_in_different_domains_stay_different() -> None:
    for gap in (0.0, 3.0):
        images = [
            Synthetic(**SMALL, domain=d, camera_gap=gap).read("train", 0) for d in ("a", "low")
        ]
        assert (images[0] != images[1]).mean() > 0.5
    looks = [camera_look(0, domain, 0, 0.0, 3.0) for domain in ("a", "low", "high")]
    assert len(set(looks)) == 3


def _colour_spread(gap: float) -> float:
    dataset = Synthetic(**{**SMALL, "ids": 40, "cameras": 6}, camera_gap=gap)
    cams = dataset.samples("train").cams
    colours = np.stack([dataset.read("train", i) for i in range(120)]).mean((1, 2))
    hues = colours / colours.mean(1, keepdims=True)  # light comes and goes in any camera
    return float(np.std([hues[cams[:120] == c].mean(0) for c in range(6)], axis=0).mean())


def test_pictures_of_cameras_differ_by_the_camera_gap() -> None:
    assert _colour_spread(0.0) < 0.5 * _colour_spread(1.0) < 0.4 * _colour_spread(3.0)


@pytest.mark.parametrize("split", ["train", "gallery"])
def test_an_occluder_hides_and_leaves_the_rest(split: str) -> None:
    free, hidden = (
        Synthetic(**SMALL, domain="high", distractors=4, occluders=p) for p in (0.0, 1.0)
    )
    world = World("high", 0, 1.0, 64, 32, occluders=1.0)
    count = len(free.samples(split))
    for index in [*range(0, count - 4, 5), count - 1]:
        shot = Shot(world, *free._shot(split, index)[:4])
        cover = shot.paint_front().alpha
        masks = [d.read_mask(split, index).astype(int) for d in (free, hidden)]
        assert (masks[1] <= masks[0]).all()
        assert (masks[1][cover == 1] == 0).all()
        assert (masks[1] == masks[0])[cover == 0].all()
        assert 0.02 < 1 - masks[1].sum() / masks[0].sum() < 0.8
        # An optical blur of less than a pixel passes over an edge two or three pixels far.
        near = np.pad(cover, 3)
        near = np.max([near[i : i + 64, j : j + 32] for i in range(7) for j in range(7)], axis=0)
        same = free.read(split, index) == hidden.read(split, index)
        assert same[near == 0].all()
        assert not same[cover == 1].all()


def test_as_many_are_hidden_as_asked_and_more_at_a_higher_share() -> None:
    def hidden(share: float) -> set[int]:
        world = World("a", 0, 1.0, 32, 16, occluders=share)
        shots = {n: Shot(world, "person", n, 0, 0) for n in range(1, 301)}
        return {n for n, shot in shots.items() if shot.front() is not None}

    assert hidden(0.0) == set()
    some, more = hidden(0.3), hidden(0.6)
    assert 60 < len(some) < 120
    assert some < more
    assert 150 < len(more) < 210
    assert len(hidden(1.0)) == 300


@pytest.mark.parametrize("paint", OCCLUDERS, ids=lambda paint: paint.__name__)
def test_each_occluder_stands_before_a_person(paint) -> None:
    """It covers a part of where somebody stands, in colours, and differs from time to time."""
    x, y = pixel_grid(64, 32, STREET)
    person = (np.abs(x) < 0.2) & (np.abs(y) < 0.85)
    pictures = set()
    for number in range(20):
        canvas = Canvas(x, 0.9 - y, 2 / 64)
        paint(canvas, Draws(0, number))
        assert 0.04 < canvas.alpha[person].mean() < 0.75
        assert canvas.alpha.max() == pytest.approx(1)
        assert canvas.rgb.dtype == canvas.alpha.dtype == np.float32
        assert 0 <= canvas.rgb.min() <= canvas.rgb.max() < 1.5
        pictures.add(canvas.rgb.tobytes())
    assert len(pictures) == 20


def test_front_and_back_wear_the_same_clothes() -> None:
    """From shoulders to feet they agree exactly, where nothing is carried, open or printed."""
    worlds = [World("a", 0, 1.0, 128, 64, back=share) for share in (0.0, 1.0)]
    plain = printed = 0
    for number in range(1, 80):
        person = _person(worlds[0], "person", number)
        front, back = (Shot(world, "person", number, 0, 0).paint() for world in worlds)
        assert (front.rgb != back.rgb).any()
        clothes = front.y < 0.7
        if person.carried == "nothing" and person.outfit != "coat":
            same = (front.rgb == back.rgb)[:, clothes].all()
            assert same == (person.top.pattern not in FRONT_ONLY)
            means = [c.rgb[:, clothes].sum(1) / c.alpha[clothes].sum() for c in (front, back)]
            assert np.abs(means[0] - means[1]).max() < 0.1
            plain, printed = plain + same, printed + (not same)
    assert plain > 10
    assert printed > 0


def test_back_is_the_share_of_back_views() -> None:
    poses = [draw_pose(Draws(0, n), 0.25) for n in range(2000)]
    assert abs(np.mean([pose.back for pose in poses]) - 0.25) < 0.03
    assert not any(draw_pose(Draws(0, n), 0.0).back for n in range(200))
    assert all(draw_pose(Draws(0, n), 1.0).back for n in range(200))
    assert draw_pose(Draws(0, 3)) == draw_pose(Draws(0, 3), 0.4)


def test_sides_by_camera() -> None:
    assert [share_of_backs("mixed", 0.3, camera) for camera in range(3)] == [0.3] * 3
    for back, cameras in ((0.0, 0), (0.25, 3), (0.5, 6), (1.0, 12)):
        shares = [share_of_backs("by-camera", back, camera) for camera in range(12)]
        assert shares.count(0.9) == cameras
        assert {round(share, 9) for share in shares} <= {0.1, 0.9}
    assert [share_of_backs("by-camera", 0.5, camera) > 0.5 for camera in range(4)] == [
        False, True, False, True,
    ]  # fmt: skip


def test_sides_reach_the_pictures() -> None:
    mixed, apart = (Synthetic(**SMALL, back=0.5, sides=sides) for sides in ("mixed", "by-camera"))
    differ = [(mixed.read("train", i) != apart.read("train", i)).any() for i in range(40)]
    assert 5 < sum(differ) < 35


def _dressed(domain: str, wardrobe: float, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return pictures and masks of some people."""
    dataset = Synthetic(**SMALL, domain=domain, wardrobe=wardrobe, distractors=4)
    rows = range(0, len(dataset.samples(split)), 5)
    return (
        np.stack([dataset.read(split, i) for i in rows]).astype(int),
        np.stack([dataset.read_mask(split, i) for i in rows]),
    )


@pytest.mark.parametrize("split", ["train", "gallery"])
def test_a_wardrobe_changes_clothes_and_nothing_else(split: str) -> None:
    own, dressed = (_dressed("b", wardrobe, split) for wardrobe in (0.0, 1.0))
    assert np.array_equal(own[1], dressed[1])
    # An optical blur of less than a pixel passes over an edge two or three pixels far.
    near = np.pad(own[1] > 0, ((0, 0), (3, 3), (3, 3)))
    near = np.any([near[:, i : i + 64, j : j + 32] for i in range(7) for j in range(7)], axis=0)
    assert (own[0] == dressed[0])[~near].all()
    for before, after, mask in zip(own[0], dressed[0], own[1], strict=True):
        assert (before != after).any(-1)[mask == 255].mean() > 0.3


def test_a_wardrobe_of_0_is_what_was_before_there_were_any() -> None:
    assert np.array_equal(_dressed("b", 0.0)[0], _undressed("b"))
    known, none, some = (Synthetic(**SMALL, **w) for w in ({}, {"wardrobe": 0}, {"wardrobe": 0.5}))
    assert known.fingerprint() == none.fingerprint() != some.fingerprint()


def _undressed(domain: str) -> np.ndarray:
    dataset = Synthetic(**SMALL, domain=domain, distractors=4)
    return np.stack([dataset.read("train", i) for i in range(0, 40, 5)])


def test_summer_is_brighter_than_winter_and_more_so_at_a_higher_share() -> None:
    def brightness(domain: str, wardrobe: float) -> float:
        world = World(domain, 0, 1.0, 32, 16, wardrobe=wardrobe)
        people = [_person(world, "person", n) for n in range(1, 201)]
        return float(np.mean([[p.top.colour, p.lower.colour] for p in people]))

    summer, winter = ([brightness(d, w) for w in (0.0, 0.5, 1.0)] for d in ("a", "b"))
    assert abs(summer[0] - winter[0]) < 0.05
    assert summer[0] + 0.05 < summer[1] < summer[2] - 0.05
    assert winter[0] - 0.03 > winter[1] > winter[2] + 0.03


def test_who_wears_a_garment_of_the_wardrobe_wears_it_at_every_higher_share() -> None:
    people = {
        w: [_person(World("b", 0, 1.0, 32, 16, wardrobe=w), "person", n) for n in range(1, 301)]
        for w in (0.0, 0.3, 0.6, 1.0)
    }
    for garment in ("top", "lower", "headwear"):
        own, *others, last = ([getattr(p, garment) for p in people[w]] for w in people)
        assert not any(a == b for a, b in zip(own, last, strict=True))
        changed = [[a != b for a, b in zip(own, other, strict=True)] for other in others]
        assert all(now for was, now in zip(*changed, strict=True) if was)
        assert all(abs(np.mean(c) - w) < 0.08 for c, w in zip(changed, (0.3, 0.6), strict=True))
        assert all(b in (a, c) for a, b, c in zip(own, others[0], last, strict=True))


@pytest.mark.parametrize("domain", list(DOMAINS))
def test_people_of_one_wardrobe_are_told_apart_by_their_clothes(domain: str) -> None:
    world = World(domain, 0, 1.0, 32, 16, wardrobe=1.0)
    people = [_person(world, "person", n) for n in range(1, 151)]
    colours = np.array([p.top.colour + p.lower.colour for p in people])
    apart = np.abs(colours[:, None] - colours).max(-1) + np.eye(150)
    assert (apart.min(1) > 0.03).mean() > 0.8


def test_sleeves_are_dyed_with_the_top() -> None:
    world = World("b", 0, 1.0, 32, 16, wardrobe=1.0)
    people = [_person(world, "person", n) for n in range(1, 101)]
    contrasts = [p.sleeve.colour == p.top.second for p in people]
    assert 5 < sum(contrasts) < 40
    same = [p.sleeve.colour == p.top.colour for p in people]
    assert [a != b for a, b in zip(contrasts, same, strict=True)] == [True] * 100
