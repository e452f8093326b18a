"""The shapes, patterns and optics against slow, independent definitions."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from reidbench.data.synthetic import optics
from reidbench.data.synthetic.canvas import Canvas, Patch, lattice_noise, planes
from reidbench.data.synthetic.cloth import PATTERNS, Cloth
from reidbench.data.synthetic.draws import Draws
from reidbench.data.synthetic.looks import (
    CAMERA_SPREAD,
    COURT,
    DOMAINS,
    LIMITS,
    STREET,
    camera_look,
)
from reidbench.data.synthetic.person import draw_person
from reidbench.data.synthetic.pose import wave
from reidbench.data.synthetic.render import World, _person
from reidbench.data.synthetic.scene import LEFT, TOP, paint_scene

SIDE, PIXEL = 40, 0.05


def _canvas(side: int = SIDE, pixel: float = PIXEL) -> Canvas:
    steps = (np.arange(side, dtype=np.float32) + np.float32(0.5)) * np.float32(pixel) - 1
    x, y = np.meshgrid(steps, -steps)
    return Canvas(np.ascontiguousarray(x), np.ascontiguousarray(y), pixel)


def _full(patch: Patch) -> np.ndarray:
    cover = np.zeros((SIDE, SIDE))
    cover[patch.window] = patch.cover
    return cover


def _supersampled(inside: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    steps = (np.arange(SIDE * 8) + 0.5) * PIXEL / 8 - 1
    x, y = np.meshgrid(steps, -steps)
    return inside(x, y).reshape(SIDE, 8, SIDE, 8).mean((1, 3))


def _segment(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    a, b = np.array([-0.4, 0.5]), np.array([0.3, -0.6])
    point = np.stack([x, y], -1)
    t = np.clip(((point - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
    away = np.linalg.norm(point - a - t[..., None] * (b - a), axis=-1)
    return away <= 0.25 + t * (0.15 - 0.25)


def _rounded(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    core = np.maximum(np.abs(x - 0.1) - 0.3, 0) ** 2 + np.maximum(np.abs(y) - 0.5, 0) ** 2
    return core <= 0.1**2


SHAPES = {
    "ellipse": (lambda c: c.ellipse((0.1, -0.2), 0.5, 0.7),
                lambda x, y: ((x - 0.1) / 0.5) ** 2 + ((y + 0.2) / 0.7) ** 2 <= 1),
    "capsule": (lambda c: c.capsule((-0.4, 0.5), (0.3, -0.6), 0.25, 0.15), _segment),
    "box": (lambda c: c.box((0.1, 0.0), 0.4, 0.6, 0.1), _rounded),
    "column": (lambda c: c.column(0.0, 0.7, ((0.0, 0.3), (1.2, 0.6)), 0.0),
               lambda x, y: (y <= 0.7) & (y >= -0.5) & (np.abs(x) <= 0.3 + (0.7 - y) / 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_coverage_is_the_area_inside(name: str) -> None:
    shape, inside = SHAPES[name]
    cover, exact = _full(shape(_canvas())), _supersampled(inside)
    assert np.abs(cover - exact).max() < 0.3  # at corners
    assert np.abs(cover - exact).mean() < 0.006
    assert abs(cover.sum() - exact.sum()) < 0.01 * exact.sum()


@pytest.mark.parametrize("name", SHAPES)
def test_across_and_along_run_over_the_shape(name: str) -> None:
    patch = SHAPES[name][0](_canvas())
    inside = patch.cover > 0.99
    assert patch.across[inside].min() < -0.8
    assert patch.across[inside].max() > 0.8
    assert patch.along[inside].min() < 0.2
    assert patch.along[inside].max() > 0.8
    left, right = patch.across[inside] < -0.5, patch.across[inside] > 0.5
    x = _canvas().x[patch.window][inside]
    assert x[left].mean() < x[right].mean()
    y = _canvas().y[patch.window][inside]
    assert y[patch.along[inside] < 0.3].mean() > y[patch.along[inside] > 0.7].mean()


def test_a_shape_outside_the_picture_touches_nothing() -> None:
    canvas = _canvas()
    canvas.paint(canvas.ellipse((5.0, 5.0), 0.5, 0.5), planes((1.0, 1.0, 1.0)))
    assert not canvas.alpha.any()


def test_painting_over() -> None:
    canvas = _canvas()
    everything = canvas.box((0.0, 0.0), 3.0, 3.0, 0.1)
    canvas.paint(everything.cut(np.float32(0.5)), planes((1.0, 0.0, 0.0)))
    canvas.paint(everything.cut(np.float32(0.5)), planes((0.0, 1.0, 0.0)))
    assert np.allclose(canvas.alpha, 0.75)
    assert np.allclose(canvas.rgb[:, 7, 7], (0.25, 0.5, 0.0))
    assert canvas.rgb.dtype == canvas.alpha.dtype == np.float32


@given(st.sampled_from(sorted(PATTERNS)), st.floats(0.03, 0.1), st.floats(0.002, 0.08))
def test_patterns_mix_between_their_colours(name: str, size: float, pixel: float) -> None:
    steps = np.linspace(-0.3, 0.6, 30, dtype=np.float32)
    across, below = np.meshgrid(steps, steps)
    cloth = Cloth(name, (0.1, 0.5, 0.9), (0.6, 0.5, 0.2), size)
    rgb = cloth.rgb(across, below, pixel)
    assert rgb.dtype == np.float32
    assert rgb[0].min() >= 0.0999
    assert rgb[0].max() <= 0.6001
    assert np.allclose(rgb[1], 0.5)


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - {"plain"}))
def test_patterns_show_both_colours_on_a_chest(name: str) -> None:
    across, below = np.meshgrid(
        np.linspace(-0.11, 0.11, 60, dtype=np.float32), np.linspace(0, 0.4, 90, dtype=np.float32)
    )
    mix = PATTERNS[name](across, below, 0.06, 0.01)
    assert mix.max() > 0.9
    assert mix.min() < 0.1
    assert 0.02 < mix.mean() < 0.8


@pytest.mark.parametrize("sigma", [0.0, 0.4, 1.1, 2.3])
def test_blur_is_nearly_gaussian(sigma: float) -> None:
    point = np.zeros((3, 41, 41), np.float32)
    point[:, 20, 20] = 1
    blurred = optics.blur(point, sigma)
    assert abs(float(blurred[0].sum()) - 1) < 1e-5
    offset = np.arange(41) - 20
    spread = (blurred[0].sum(0) * offset * offset).sum()
    assert abs(spread - sigma**2) < 1e-4
    if sigma > 1:
        assert np.abs(blurred[0] - ndimage.gaussian_filter(point[0], sigma)).max() < 0.012


def test_blur_keeps_a_flat_picture() -> None:
    assert np.allclose(optics.blur(np.full((3, 9, 5), 0.3, np.float32), 1.7), 0.3)


def test_colours_pass_the_matrix_and_the_curve() -> None:
    rgb = np.random.default_rng(0).random((3, 6, 4)).astype(np.float32) * 0.8
    matrix = np.array(COURT.response).reshape(3, 3)
    mixed = np.clip(np.einsum("ij,jhw->ihw", matrix, rgb), 0, 1.2)
    assert np.allclose(optics._mix(rgb, COURT), mixed, atol=1e-6)
    k, black, white = (np.array(v)[:, None, None] for v in (COURT.tone, COURT.black, COURT.white))
    curve = black + (white - black) * (1 + k) * mixed / (1 + k * mixed)
    assert np.allclose(optics._tone(optics._mix(rgb, COURT), COURT), curve, atol=1e-6)


def test_the_homography_enlarges_the_top_and_keeps_lines_straight() -> None:
    x, y = optics.pixel_grid(64, 32, COURT)
    assert x.dtype == y.dtype == np.float32
    assert np.ptp(x[0]) < np.ptp(x[-1])  # fewer scene units over the same pixels: enlarged
    corner = np.array([[x[0, 0], y[0, 0]], [x[31, 15], y[31, 15]], [x[62, 30], y[62, 30]]])
    (ax, ay), (bx, by) = corner[1] - corner[0], corner[2] - corner[0]
    assert abs(ax * by - ay * bx) < 1e-4
    plain_x, plain_y = optics.pixel_grid(64, 32, STREET)
    assert np.allclose(plain_x, -plain_x[:, ::-1])
    assert abs(float(plain_y[-1, 0]) - (1 - 1 / 64)) < 1e-6


def test_draws() -> None:
    draws = Draws(0, "a")
    units = [draws.unit() for _ in range(4000)]
    assert all(0 <= unit < 1 for unit in units)
    assert abs(np.mean(units) - 0.5) < 0.02
    assert {draws.index(5) for _ in range(200)} == set(range(5))
    assert abs(np.mean([draws.chance(0.3) for _ in range(4000)]) - 0.3) < 0.03
    bell = Draws(1).bell(3, 50, 40)
    assert bell.shape == (3, 50, 40)
    assert abs(bell.mean()) < 0.03
    assert abs(bell.std() - 1) < 0.02
    lattice = Draws(2).lattice(16, 16)
    assert -1 <= lattice.min() < -0.8
    assert 0.8 < lattice.max() <= 1


def test_streams_are_named_and_apart() -> None:
    assert Draws(0, "a", 1).unit() == Draws(0, "a", 1).unit()
    others = {Draws(*axis).unit() for axis in [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2)]}
    assert len(others) == 4


def test_noise_passes_through_its_lattice() -> None:
    lattice = Draws(3).lattice(8, 16)
    j, i = np.meshgrid(np.arange(-16, 16, dtype=np.float32), np.arange(-8, 8, dtype=np.float32))
    assert np.allclose(lattice_noise(lattice, j, i), np.tile(lattice, (2, 2)))
    between = lattice_noise(lattice, np.float32([[2.5]]), np.float32([[3.0]]))
    assert np.allclose(between, (lattice[3, 2] + lattice[3, 3]) / 2)


def test_wave_is_smooth_and_odd() -> None:
    assert [wave(t / 4) for t in range(5)] == [0, 1, 0, -1, 0]
    t = np.linspace(0, 1, 101)
    assert np.abs([wave(v) - np.sin(2 * np.pi * v) for v in t]).max() < 0.06


def test_looks() -> None:
    assert STREET.towards(COURT, 0) == STREET
    assert np.allclose(STREET.towards(COURT, 1).tone, COURT.tone)
    half = STREET.towards(COURT, 0.5)
    assert half.zoom[0] == pytest.approx((STREET.zoom[0] + COURT.zoom[0]) / 2)
    for domain in DOMAINS:
        for camera in range(20):
            look = camera_look(0, domain, camera, 1.5)
            for name, (low, high) in LIMITS.items():
                assert all(low <= value <= high for value in getattr(look, name))
    assert camera_look(0, "b", 0, 1.0) != camera_look(0, "b", 1, 1.0) != camera_look(1, "b", 1, 1.0)
    apart = np.subtract(camera_look(0, "b", 3, 1.0).response, COURT.response)
    assert np.abs(apart).max() < max(CAMERA_SPREAD.response)


def test_people_differ() -> None:
    people = [draw_person(Draws(0, "a", "person", n)) for n in range(300)]
    assert len({p.top for p in people}) == 300
    for trait in ("hairstyle", "outfit", "bottom", "sleeves", "carried"):
        counts = {getattr(p, trait) for p in people}
        assert len(counts) >= 3, trait
    assert all(p.top.colour != p.top.second for p in people)


def test_strangers_and_the_people_of_other_domains_and_seeds_are_other_people() -> None:
    worlds = [World(domain, seed, 1.0, 128, 64) for domain in "ab" for seed in (0, 1)]
    people = [_person(world, role, 1) for world in worlds for role in ("person", "stranger")]
    assert len({p.top for p in people}) == 8
    assert _person(worlds[0], "person", 1) == _person(World("a", 0, 0.5, 64, 32), "person", 1)


def test_a_scene_is_sampled_where_it_was_painted() -> None:
    scene = paint_scene(Draws(0, "scene"), STREET, 16)
    picture = scene.texture.reshape(-1, scene.columns, 3)
    rows, columns = np.meshgrid([3, 20], [5, 40], indexing="ij")
    x = ((columns + 0.5) / 16 + LEFT).astype(np.float32)
    y = ((rows + 0.5) / 16 + TOP).astype(np.float32)
    assert np.allclose(scene.sample(x, y), picture[rows, columns].transpose(2, 0, 1), atol=1e-4)
    assert scene.texture.dtype == np.float32
    far = scene.sample(np.float32([[9.0]]), np.float32([[-9.0]]))
    assert np.allclose(far[:, 0, 0], picture[0, -1], atol=0.01)
