"""Every family against numpy and scipy, and what all of them promise."""

import numpy as np
import pytest
import torch
from reidbench_sagan.transforms import TRANSFORMS, sample
from scipy.interpolate import RBFInterpolator
from scipy.linalg import expm
from scipy.ndimage import map_coordinates

BOUND = 0.95
FAMILIES = sorted(TRANSFORMS)
EXACT = ["affine", "homography"]
CORNERS = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


def family(name, bound=BOUND):
    return TRANSFORMS[name](bound)


def drawn(name, rows=5, *, spread=1.0, bound=BOUND, dtype=torch.float64):
    """Return random transforms of a family."""
    generator = torch.Generator().manual_seed(3)
    raw = spread * torch.randn(rows, family(name).raw, generator=generator, dtype=torch.float64)
    return family(name, bound).bounded(raw).to(dtype)


def raster(side=15):
    axis = torch.linspace(-1, 1, side, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)[None]


@pytest.mark.parametrize("name", FAMILIES)
def test_numbers_are_as_many_as_told(name):
    transform = family(name)
    assert drawn(name).shape == (5, transform.size)
    assert len(set(transform.names)) == transform.size


@pytest.mark.parametrize("name", FAMILIES)
def test_zeros_are_the_identity_to_the_bit(name):
    transform, x = family(name), torch.rand(2, 3, 32, 16)
    t = transform.identity(2, x)
    assert torch.equal(transform.inverse(t), t)
    assert torch.equal(
        transform.points(t, raster().float().repeat(2, 1, 1))[0], raster()[0].float()
    )
    torch.testing.assert_close(sample(x, transform.grid(t, 32, 16)), x, rtol=0, atol=1e-6)


def test_homography_is_the_exponential_of_its_rows():
    raw = np.random.default_rng(0).normal(size=8)
    t = family("homography").bounded(torch.tensor(raw)[None]).numpy().reshape(3, 3)
    algebra = np.append(raw, 0).reshape(3, 3)
    algebra *= BOUND * np.log(2) / np.sqrt(1 + np.abs(algebra).sum(1, keepdims=True) ** 2)
    wanted = expm(algebra)
    np.testing.assert_allclose(t, wanted / wanted[2, 2], rtol=1e-12)


def test_affine_map_is_a_homography_without_a_horizon():
    raw = torch.tensor(np.random.default_rng(0).normal(size=(1, 6)))
    wanted = family("homography").bounded(torch.nn.functional.pad(raw, (0, 2)))
    torch.testing.assert_close(family("affine").bounded(raw), wanted[:, :6])


def solved(before, after):
    """Return the homography that takes four points to four, as a linear system."""
    rows, right = [], []
    for (x, y), (u, v) in zip(before, after, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -x * u, -y * u], [0, 0, 0, x, y, 1, -x * v, -y * v]]
        right += [u, v]
    return np.append(np.linalg.solve(rows, right), 1).reshape(3, 3)


@pytest.mark.parametrize("name", EXACT)
def test_corners_and_their_images_determine_the_matrix(name):
    transform, t = family(name), drawn(name)
    corners = torch.tensor(CORNERS)[None].repeat(5, 1, 1)
    for numbers, moved in zip(t, transform.points(t, corners), strict=True):
        wanted = solved(CORNERS, moved.numpy()).ravel()
        np.testing.assert_allclose(numbers, wanted[: transform.size], atol=1e-9)


@pytest.mark.parametrize("name", EXACT)
def test_inverse_is_that_of_the_matrix(name):
    t = drawn(name)
    for numbers, inverse in zip(t, family(name).inverse(t), strict=True):
        rest = np.array([0, 0, 1])[: 9 - len(numbers)]
        wanted = np.linalg.inv(np.append(numbers, rest).reshape(3, 3))
        np.testing.assert_allclose(
            inverse, (wanted / wanted[2, 2]).ravel()[: len(numbers)], atol=1e-12
        )


def lattice(numbers):
    """Return the points that a spline starts from and arrives at."""
    axis = np.linspace(-1, 1, 3)
    points = np.array([(x, y) for y in axis for x in axis])
    half = np.asarray(numbers).reshape(9, 2) / 2
    return points - half, points + half


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_spline_is_scipys(dtype, tolerance):
    t = drawn("tps", dtype=dtype)
    xy = torch.rand(5, 40, 2, generator=torch.Generator().manual_seed(0), dtype=dtype) * 2 - 1
    for numbers, points, moved in zip(t, xy, family("tps").points(t, xy), strict=True):
        before, after = lattice(numbers.double())
        spline = RBFInterpolator(before, after, kernel="thin_plate_spline", degree=1)
        np.testing.assert_allclose(moved, spline(points.double()), atol=tolerance)


@pytest.mark.parametrize("bound", [0.5, BOUND])
@pytest.mark.parametrize("spread", [1.0, 30.0])
@pytest.mark.parametrize("name", EXACT)
def test_there_and_back_in_float32(name, spread, bound):
    transform = family(name, bound)
    t = drawn(name, 200, spread=spread, bound=bound, dtype=torch.float32)
    xy = raster().float().repeat(200, 1, 1)
    back = transform.points(transform.inverse(t), transform.points(t, xy))
    torch.testing.assert_close(back, xy, rtol=0, atol=1e-5)


def test_spline_is_undone_at_its_nine_points():
    transform, t = family("tps"), drawn("tps")
    before, after = torch.tensor(np.array([lattice(n) for n in t.numpy()])).unbind(1)
    torch.testing.assert_close(transform.points(t, before), after, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        transform.points(transform.inverse(t), after), before, rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(("bound", "mean", "most"), [(0.5, 0.006, 0.05), (BOUND, 0.02, 0.25)])
def test_spline_is_nearly_undone_between_them(bound, mean, most):
    transform, t = family("tps", bound), drawn("tps", 300, bound=bound)
    back = transform.points(transform.inverse(t), transform.points(t, raster()))
    error = (back - raster()).norm(dim=2)
    assert mean / 3 < error.mean() < mean
    assert error.max() < most


@pytest.mark.parametrize("name", FAMILIES)
def test_inverse_of_the_inverse_is_the_transform(name):
    t = drawn(name)
    twice = family(name).inverse(family(name).inverse(t))
    torch.testing.assert_close(twice, t, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", EXACT)
def test_inverse_lies_in_the_same_family(name):
    """exp(-A) has numbers of its own within the bound: nobody can tell them by their range."""
    raw = torch.linspace(-3, 3, 20 * family(name).raw, dtype=torch.float64).sin().view(20, -1)
    inverse = family(name).inverse(family(name).bounded(raw))
    torch.testing.assert_close(inverse, family(name).bounded(-raw))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("size", [(24, 12), (17, 30)])
def test_grid_moves_an_image_as_scipy_does(name, size):
    """scipy draws pixel p with what the real image has at T^-1(p)."""
    t, transform = drawn(name, bound=0.4), family(name)
    images = torch.rand(5, 2, *size, generator=torch.Generator().manual_seed(0)).double()
    moved = sample(images, transform.grid(t, *size))
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    xy = np.stack([(columns + 0.5) * 2 / width - 1, (rows + 0.5) * 2 / height - 1], -1)
    xy = torch.tensor(xy.reshape(1, -1, 2)).repeat(5, 1, 1)
    found = transform.points(transform.inverse(t), xy).numpy()
    for image, result, (x, y) in zip(images, moved, found.transpose(0, 2, 1), strict=True):
        places = [(y + 1) * height / 2 - 0.5, (x + 1) * width / 2 - 0.5]
        wanted = [map_coordinates(c, places, order=1, mode="nearest") for c in image.numpy()]
        np.testing.assert_allclose(result.flatten(1), wanted, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_spot_lands_where_its_point_is_moved_to(name):
    transform = family(name, 0.5)
    t = drawn(name, bound=0.5)
    spot = torch.tensor([[[0.1, -0.2]]], dtype=torch.float64).repeat(5, 1, 1)
    centres = transform.grid(transform.identity(1, t), 96, 96)
    image = torch.exp(-((centres - spot[:1, :1]) ** 2).sum(3) / 0.005).repeat(5, 1, 1)[:, None]
    moved = sample(image, transform.grid(t, 96, 96)).flatten(1)
    found = centres.view(-1, 2)[moved.argmax(1)]
    torch.testing.assert_close(found, transform.points(t, spot)[:, 0], rtol=0, atol=0.03)


@pytest.mark.parametrize(("name", "most"), [("affine", 0.01), ("homography", 0.01), ("tps", 0.02)])
def test_grid_of_the_inverse_brings_an_image_back(name, most):
    transform, t = family(name), drawn(name, bound=0.3)
    wave = torch.sin(4 * transform.grid(transform.identity(1, t), 64, 64)).sum(3)[:, None]
    image = wave.repeat(5, 1, 1, 1)
    moved = sample(image, transform.grid(t, 64, 64))
    back = sample(moved, transform.grid(transform.inverse(t), 64, 64))
    error = (back - image).abs()[:, :, 16:48, 16:48]
    assert error.mean() < most


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_finite_differences(name):
    transform = family(name)
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, transform.raw, dtype=torch.float64, generator=generator)

    def outputs(raw):
        t = transform.bounded(raw)
        return t, transform.inverse(t), transform.grid(t, 4, 3)

    assert torch.autograd.gradcheck(outputs, raw.requires_grad_())


@pytest.mark.parametrize("name", FAMILIES)
def test_identity_has_a_gradient(name):
    """Every transform starts there, where no slope may be lost or infinite."""
    raw = torch.zeros(1, family(name).raw, requires_grad=True)
    t = family(name).bounded(raw)
    weights = torch.rand(1, 9, 5, 2, generator=torch.Generator().manual_seed(0))
    (family(name).grid(t, 9, 5) * weights).sum().backward()
    assert raw.grad.isfinite().all()
    assert (raw.grad != 0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_autocast_and_half_precision_change_nothing(name):
    transform = family(name)
    raw = drawn(name, dtype=torch.float32)[:, : transform.raw].bfloat16()
    x = torch.rand(5, 3, 16, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        t = transform.bounded(raw)
        grid = transform.grid(t, 16, 8)
        moved = sample(x, grid)
    wide = transform.bounded(raw.float())
    assert torch.equal(t, wide)
    assert torch.equal(grid, transform.grid(wide, 16, 8))
    assert torch.equal(moved, sample(x.float(), grid))
