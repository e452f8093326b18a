"""Scatters of features and figures of transforms, as files."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from reidbench.errors import UsageError
from reidbench.evaluation.transforms import CORNERS, moved_corners, parameter_names
from reidbench.plots import scatter, transforms
from reidbench.plots.scatter import Cloud, Scatter
from reidbench.plots.style import PALETTE, styled
from reidbench.plots.transforms import Corners, Transforms

RNG = np.random.default_rng(0)
CLOUDS = tuple(Cloud(f"set {n}", RNG.normal(size=(9, 2)) + n) for n in range(3))
SCATTER = Scatter(("a title",), ("", ""), CLOUDS, ("MMD² 0.1 → 0.01 (0.001)",))

MATRICES = np.eye(3).reshape(1, 9) + 0.05 * RNG.normal(size=(20, 9)) * (np.arange(9) < 8)
MOVED = Transforms(
    ("a title",),
    MATRICES,
    tuple(parameter_names(9)),
    Corners(moved_corners(MATRICES), CORNERS * 0.9, 2.0),
    ("a caption",),
)
FEW = replace(MOVED, parameters=MATRICES[:, :2], names=MOVED.names[:2])


def texts(path: Path) -> list[str]:
    return ["".join(e.itertext()) for e in ET.parse(path).iter() if e.tag.endswith("}text")]


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
@pytest.mark.parametrize(("module", "shown"), [(scatter, SCATTER), (transforms, FEW)])
def test_the_same_figure_gives_the_same_bytes(tmp_path, module, shown, ending):
    first, second = tmp_path / f"1{ending}", tmp_path / f"2{ending}"
    module.write(shown, first)
    module.write(shown, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("module", "shown"), [(scatter, SCATTER), (transforms, FEW)])
@pytest.mark.parametrize(("width", "inches"), [("one", 3.3), ("two", 7.0)])
def test_a_figure_is_as_wide_as_the_column_it_is_made_for(tmp_path, module, shown, width, inches):
    module.write(shown, tmp_path / "a.png", width)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == pytest.approx(300 * inches, abs=1)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a figure ends in"):
        scatter.write(SCATTER, tmp_path / "a.gif")


def test_the_words_of_a_scatter_are_in_the_file(tmp_path):
    scatter.write(SCATTER, tmp_path / "a.svg")
    assert texts(tmp_path / "a.svg") == [
        "set 0",
        "set 1",
        "set 2",
        "a title",
        "MMD² 0.1 → 0.01 (0.001)",
    ]


def test_each_set_has_its_colour_its_marker_and_its_points():
    with styled():
        (axes,) = scatter.draw(SCATTER).axes
    assert len(axes.collections) == 3
    for cloud, colour, drawn in zip(CLOUDS, PALETTE, axes.collections, strict=False):
        assert drawn.get_offsets().data == pytest.approx(cloud.points)
        assert drawn.get_label() == cloud.name
        assert to_hex(drawn.get_facecolor()[0]).upper() == colour
    shapes = {drawn.get_paths()[0].vertices.tobytes() for drawn in axes.collections}
    assert len(shapes) == 3


def test_only_axes_that_mean_something_have_ticks():
    named = Scatter((), ("component 1", "component 2"), CLOUDS, ())
    with styled():
        (bare,), (axes,) = scatter.draw(SCATTER).axes, scatter.draw(named).axes
    assert len(bare.get_xticks()) == len(bare.get_yticks()) == 0
    assert len(axes.get_xticks()) > 0
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("component 1", "component 2")


def test_a_name_of_any_length_and_kind_is_drawn_as_text(tmp_path):
    name = "$x^2$ <b>" + "long " * 60
    long = Scatter((name,), ("", ""), (Cloud(name, CLOUDS[0].points),), (name,))
    scatter.write(long, tmp_path / "a.svg")
    assert all(len(text) <= 60 for text in texts(tmp_path / "a.svg"))
    assert texts(tmp_path / "a.svg")[0].startswith("$x^2$ <b>")


def test_nothing_that_is_written_lies_over_another_thing():
    with styled():
        figure = scatter.draw(SCATTER)
        figure.draw_without_rendering()
        (axes,) = figure.axes
        boxes = [t.get_window_extent() for t in figure.texts]
        boxes += [axes.get_legend().get_window_extent(), axes.get_window_extent()]
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[number + 1 :])


def test_corners_and_quadrilaterals_are_where_they_are_moved_to():
    with styled():
        axes = transforms.draw(MOVED).axes[0]
    for corner, drawn in enumerate(axes.collections):
        assert drawn.get_offsets().data == pytest.approx(MOVED.corners.moved[:, corner])
    shown = {p.get_label(): p.get_xy()[:4] for p in axes.patches}
    assert shown["the image"] == pytest.approx(CORNERS)
    assert shown["mean of the transforms"] == pytest.approx(MOVED.corners.moved.mean(0))
    assert shown["the known gap"] == pytest.approx(CORNERS * 0.9)
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # y points downwards
    assert axes.get_aspect() == 2.0


def test_a_gap_that_nobody_knows_is_not_drawn():
    corners = Corners(MOVED.corners.moved, None, 2.0)
    shown = Transforms((), MATRICES, MOVED.names, corners, ())
    with styled():
        axes = transforms.draw(shown).axes[0]
    assert [p.get_label() for p in axes.patches] == ["the image", "mean of the transforms"]


def test_of_many_transforms_some_corners_are_drawn_and_all_are_counted():
    many = np.tile(MATRICES, (100, 1))
    shown = Transforms((), many, MOVED.names, Corners(moved_corners(many), None, 2.0), ())
    with styled():
        figure = transforms.draw(shown)
    assert len(figure.axes[0].collections[0].get_offsets()) == 500
    assert sum(bar.get_height() for bar in figure.axes[1].patches) == 2000


@pytest.mark.parametrize(("count", "drawn"), [(2, 2), (9, 9), (14, 12)])
def test_each_parameter_has_a_histogram(count, drawn):
    values = RNG.normal(size=(30, count))
    shown = Transforms((), values, tuple(parameter_names(count)), None, ())
    with styled():
        figure = transforms.draw(shown)
    filled = [axes for axes in figure.axes if axes.patches]
    assert [axes.get_title() for axes in filled] == parameter_names(count)[:drawn]
    heights, _ = np.histogram(values[:, 0], len(filled[0].patches))
    assert [bar.get_height() for bar in filled[0].patches] == heights.tolist()


def test_drawing_needs_no_torch():
    code = "import sys, reidbench.plots.scatter, reidbench.plots.transforms; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
