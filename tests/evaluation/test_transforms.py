"""Spatial transforms: where corners go, and how near they come to a known gap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reidbench.config.benchmark import DatasetSpec
from reidbench.config.compose import Request
from reidbench.data.camera_groups import OnlyCameras
from reidbench.data.synthetic.dataset import Synthetic
from reidbench.errors import ReidbenchError, UsageError
from reidbench.evaluation.transforms import (
    CORNERS,
    GRID,
    Known,
    between_codes,
    described,
    known_gap,
    moved_corners,
    parameter_names,
)
from reidbench.interfaces import Images, Warp
from reidbench.registry.registry import Registration, Registry
from reidbench.runs.figures import MOST_POINTS, Moved, moved_by, moving_of, transforms_of
from reidbench.runs.plan import Plan
from reidbench.runs.runner import Session, ensure_stage
from reidbench.testing.toy_runs import make_plan, toy_benchmark
from reidbench.testing.toys import ToyDataset, ToyTranslator

SHIFT = (1.0, 0.0, 0.25, 0.0, 1.0, -0.5, 0.0, 0.0, 1.0)
BY = np.array([0.25, -0.5])  # as it shifts


class Moving(ToyTranslator):
    """Tells of a shift that its code decides; the pixels stay."""

    code_size = 1
    parameters_each = 9

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp | None:
        assert code is not None
        if not self.parameters_each:
            return None
        matrix = torch.tensor(SHIFT).repeat(len(code), 1)[:, : self.parameters_each]
        matrix[:, 2] = code[:, 0]
        return Warp(matrix, torch.zeros(len(code), 1, 1, 2))


class Affine(Moving):
    """The same by the upper two rows."""

    parameters_each = 6


class Still(Moving):
    """Could move pixels and, as it is set, does not."""

    parameters_each = 0


class ByCamera(ToyTranslator):
    """Tells the target's cameras apart, and shifts every image alike."""

    split = "camera"

    def warp(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Warp:
        rows = len(images.pixels)
        matrix = torch.tensor(SHIFT).repeat(rows, 1)
        matrix[:, 2] += src
        return Warp(matrix, torch.zeros(rows, 1, 1, 2))


@pytest.fixture
def registry(registry: Registry) -> Registry:
    more = Registration("moving")
    for kind in (Moving, Affine, Still, ByCamera):
        more.translator(kind.__name__.lower(), f"{__name__}:{kind.__name__}")
    registry.add(more)
    return registry


def planned(registry: Registry, translator: str = "moving", **settings: Any) -> Plan:
    request = Request(translator=translator, constraints=[], learner="toy")
    return make_plan(registry, toy_benchmark(), request=request, **settings)


def moved(plan: Plan, session: Session) -> tuple[Moved, Path]:
    stage = moving_of(plan)
    folder = ensure_stage(stage, session).artifact.path
    return moved_by(stage, folder), folder


def test_corners_by_hand() -> None:
    shift = np.array(SHIFT)
    tilt = np.array([1, 0, 0, 0, 1, 0, 0, 0.5, 1.0])  # points at the top come from half as deep
    found = moved_corners(np.stack([shift, tilt, -3 * tilt]).astype(np.float32))
    assert found[0] == pytest.approx(CORNERS + BY)
    expected = [(-2, -2), (2, -2), (2 / 3, 2 / 3), (-2 / 3, 2 / 3)]
    assert found[1] == pytest.approx(np.array(expected))
    assert found[2] == pytest.approx(found[1])  # a homography has no scale


@pytest.mark.parametrize("depth", [1.0, 1.5])
def test_corners_beyond_infinity_are_refused(depth: float) -> None:
    with pytest.raises(ReidbenchError, match="to infinity"):
        moved_corners(np.array([[1, 0, 0, 0, 1, 0, 0, depth, 1.0]]))


def test_numbers_are_described() -> None:
    values = described(np.array([1, 2, 3, 6], np.float32))
    assert values == {"mean": 3.0, "sd": pytest.approx(3.5**0.5), "min": 1.0, "max": 6.0}
    assert parameter_names(9)[:4] == ["h11", "h12", "h13", "h21"]
    assert parameter_names(2) == ["p1", "p2"]


def test_translations_of_one_image_are_compared_with_each_other() -> None:
    # Two images, which lie far apart, by two codes that shift x by 1 to either side and y not.
    first, second = CORNERS + 10, CORNERS - 10
    right = np.array([1, 0])
    corners = np.stack([first - right, second - right, first + right, second + right])
    assert between_codes(corners, 2) == pytest.approx(1.0)
    assert between_codes(corners, 4) is None


def test_the_known_gap_takes_one_camera_to_the_other() -> None:
    low, high = Synthetic(domain="low"), Synthetic(domain="high")
    cams = np.array([2, 0, 2])
    known = known_gap(low, high, cams, towards=np.array([1, 0, 0]))
    assert known is not None
    assert known.gaps.shape == (3, 1, 3, 3)
    expected = high.viewpoint(1) @ np.linalg.inv(low.viewpoint(2))
    assert known.gaps[0, 0] == pytest.approx(expected)
    # What the scene's points look like in one camera is taken to what they look like in the other.
    point = np.array([0.3, -0.2, 1.0])
    there, here = high.viewpoint(0) @ point, known.gaps[2, 0] @ low.viewpoint(2) @ point
    assert here[:2] / here[2] == pytest.approx(there[:2] / there[2])


def test_without_a_camera_to_go_to_the_error_is_the_mean_over_all() -> None:
    low, high = Synthetic(domain="low"), Synthetic(domain="high")
    cams = np.array([0, 1])
    every = known_gap(low, high, cams, None)
    assert every is not None
    assert every.gaps.shape == (2, 3, 3, 3)
    corners = np.broadcast_to(CORNERS, (2, 4, 2))
    errors = []
    for cam in range(3):
        one = known_gap(low, high, cams, np.full(2, cam))
        assert one is not None
        errors.append(one.error(corners))
    assert every.error(corners) == pytest.approx(np.mean(errors))
    assert len(set(errors)) == 3


def test_the_error_is_the_mean_distance_of_corners() -> None:
    known = Known(np.array(SHIFT).reshape(1, 1, 3, 3))
    right = known.corners[:, 0]
    assert known.to_dict(right) == {"error": 0.0, "identity": pytest.approx(np.hypot(0.25, 0.5))}
    assert known.error(right + np.array([3, 4])) == pytest.approx(5)


def test_cameras_that_are_alike_have_one_gap_that_a_view_knows_too() -> None:
    alike = {"camera_gap": 0.0, "ids": 4}
    low, high = Synthetic(domain="low", **alike), Synthetic(domain="high", **alike)
    known = known_gap(OnlyCameras(low, [1]), OnlyCameras(high, [0, 2]), np.array([1]), None)
    assert known is not None
    assert known.gaps.shape == (1, 2, 3, 3)
    assert known.gaps[0, 0] == pytest.approx(known.gaps[0, 1])


def test_other_datasets_know_no_gap() -> None:
    assert known_gap(Synthetic(), ToyDataset(), np.array([0]), None) is None
    assert known_gap(ToyDataset(), Synthetic(), np.array([0]), None) is None


def test_the_transforms_of_a_run_are_read(session: Session, registry: Registry) -> None:
    plan = planned(registry, rendering__codes=3)
    found, folder = moved(plan, session)
    codes = np.load(folder / "codes.npy")
    assert found.parameters[:, 2] == pytest.approx(codes[:, 0])
    assert (len(found.parameters), found.originals, found.shape) == (72, 24, 2.0)
    told = found.to_dict()
    assert told["translations_of_each"] == 3
    assert told["parameters"]["h13"] == pytest.approx(described(codes[:, 0]), abs=1e-6)
    assert told["parameters"]["h23"] == {"mean": -0.5, "sd": 0.0, "min": -0.5, "max": -0.5}
    far = np.hypot(codes[:, 0], 0.5)
    assert told["displacement"] == pytest.approx(described(far), abs=1e-6)
    assert told["corner_displacements"]["lower left"] == pytest.approx(described(far), abs=1e-6)
    spread = np.sqrt(codes.reshape(3, 24).var(0).mean())
    assert told["between_translations"] == pytest.approx(spread, rel=1e-5)
    assert told["known_gap"] is None


def test_the_figure_tells_what_was_found(session: Session, registry: Registry) -> None:
    plan = planned(registry, rendering__codes=3)
    found, _ = moved(plan, session)
    drawn = transforms_of(plan, found)
    assert drawn.title[0] == "moving+toy: toy v1 (synthetic images), seed 0"
    assert drawn.caption[0] == "translate toy:a train: 24 images, 3 translations of each"
    assert drawn.corners is not None
    assert drawn.corners.known is None
    truth = Known(np.array(SHIFT).reshape(1, 1, 3, 3).repeat(len(found.parameters), 0))
    drawn = transforms_of(plan, replace(found, known=truth))
    assert drawn.corners is not None
    assert drawn.corners.known == pytest.approx(CORNERS + BY)
    assert drawn.caption[-2].startswith("corner error against the known gap ")
    assert drawn.caption[-2].endswith("; 0.559 if nothing moved")
    assert drawn.caption[-1].startswith("end-point error of the sampling grid ")
    assert drawn.caption[-1].endswith("; 0.559 if nothing moved")


def test_a_figure_that_leaves_something_out_says_so(registry: Registry) -> None:
    plan = planned(registry)
    many = Moved("all", np.zeros((4, 14), np.float32), 4, None, 2.0)
    assert "the first 12 of 14 parameters are drawn" in transforms_of(plan, many).caption
    most = np.tile(np.array(SHIFT, np.float32), (MOST_POINTS + 1, 1))
    lines = transforms_of(plan, Moved("all", most, MOST_POINTS + 1, None, 2.0)).caption
    assert "corners of 500 of 501 translations are drawn" in lines


def test_other_transforms_have_parameters_only(session: Session, registry: Registry) -> None:
    plan = planned(registry, "affine")
    found, _ = moved(plan, session)
    assert found.names == ["p1", "p2", "p3", "p4", "p5", "p6"]
    assert "displacement" not in found.to_dict()
    assert transforms_of(plan, found).corners is None


def test_a_translator_that_moves_nothing_is_refused(session: Session, registry: Registry) -> None:
    with pytest.raises(UsageError, match="translator 'toy' moves no pixels"):
        moving_of(planned(registry, "toy"))
    with pytest.raises(ReidbenchError, match="'still' moves no pixels as it is set"):
        moved(planned(registry, "still"), session)


SMALL = {"ids": 4, "cameras": 2, "images_per_camera": 2, "height": 16, "width": 8}


def by_cameras(registry: Registry, direction: str | None = None) -> Plan:
    source, target = (DatasetSpec("synthetic", {"domain": d, **SMALL}) for d in ("low", "high"))
    benchmark = replace(toy_benchmark(), source=source, target=target)
    request = Request(translator="bycamera", constraints=[], learner="toy", direction=direction)
    return make_plan(registry, benchmark, request=request)


def test_of_translated_test_images_the_gallery_is_told(
    session: Session, registry: Registry
) -> None:
    found, _ = moved(by_cameras(registry, "target-to-source"), session)
    low, high = Synthetic(domain="low", **SMALL), Synthetic(domain="high", **SMALL)
    cams = high.samples("gallery").cams
    assert (found.originals, len(found.parameters)) == (len(cams), len(cams))
    assert found.to_dict()["stage"].endswith("gallery to the source")
    # Camera 0 of the target is the translator's domain 1.
    assert found.parameters[:, 2] == pytest.approx(0.25 + 1 + cams)
    assert found.known is not None
    expected = [
        [low.viewpoint(to) @ np.linalg.inv(high.viewpoint(int(cam))) for to in (0, 1)]
        for cam in cams
    ]
    assert found.known.gaps == pytest.approx(np.array(expected))


def test_translation_to_each_camera_is_compared_with_that_camera(
    session: Session, registry: Registry
) -> None:
    found, _ = moved(by_cameras(registry), session)
    low, high = Synthetic(domain="low", **SMALL), Synthetic(domain="high", **SMALL)
    cams = low.samples("train").cams
    expected = [
        high.viewpoint(to) @ np.linalg.inv(low.viewpoint(int(cam))) for to in (0, 1) for cam in cams
    ]
    assert found.known is not None
    assert found.known.gaps[:, 0] == pytest.approx(np.array(expected))
    assert found.to_dict()["between_translations"] == 0  # it takes every image to the same place
    error = found.known.error(np.broadcast_to(CORNERS + BY, (len(expected), 4, 2)))
    assert found.to_dict()["known_gap"]["error"] == pytest.approx(error)


def test_the_grid_error_is_the_mean_distance_of_the_points_that_are_sampled() -> None:
    shift = np.array([[1, 0, 0.3], [0, 1, 0.4], [0, 0, 1]])
    known = Known(np.stack([np.eye(3), shift])[:, None])
    still = np.tile(np.eye(3).ravel(), (2, 1))
    assert known.grid_error(still) == pytest.approx(0.25)
    assert known.grid_errors(still) == {
        "grid_error": pytest.approx(0.25),
        "grid_identity": pytest.approx(0.25),
    }
    exact = np.stack([np.eye(3), 5 * shift]).reshape(2, 9)  # its scale means nothing
    assert known.grid_error(exact) == pytest.approx(0, abs=1e-12)
    # Twice as large: a point x is sampled at x / 2, so that the error is |x| / 2.
    double = Known(np.diag([2.0, 2.0, 1.0])[None, None])
    assert double.grid_error(still[:1]) == pytest.approx(np.linalg.norm(GRID, axis=1).mean() / 2)
    either = Known(np.stack([np.eye(3), shift])[None])
    assert either.grid_error(still[:1]) == pytest.approx(0.25)


def test_grids_that_cannot_be_compared_are_refused() -> None:
    known = Known(np.eye(3)[None, None])
    for broken, problem in (
        (np.diag([1.0, 0, 1]), "flattens the image"),
        (np.array([[1.0, 0, 0], [0, 1, 0], [5, 0, 1]]), "a point of the image to infinity"),
    ):
        with pytest.raises(ReidbenchError, match=problem):
            known.grid_error(broken.reshape(1, 9))
