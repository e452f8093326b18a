from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reidbench.errors import ReidbenchError, UsageError
from reidbench.plots import draw, style
from reidbench.plots.chart import Chart, Panel, Point
from reidbench.plots.sheet import draw_sheet


def made(kind="bars", *panels, title="a title", column_name="p.x"):
    panels = panels or (Panel("", (Point("one", "", (10.0, 30.0)), Point("two", "", (50.0,)))),)
    return Chart(kind, title, "synthetic v1 (synthetic images)", "mAP", "rows", column_name, panels)


def grid(columns=(1, 2)):
    points = [Point(r, c, (v, v + 2.0)) for v, r in enumerate("ab") for c in columns]
    return Panel("", tuple(points))


CHARTS = {
    "bars": made(),
    "series": made("bars", grid(("LMP", "none"))),
    "line": made("line", grid()),
    "heatmap": made("heatmap", grid()),
    "reported": made("bars", grid(), replace(grid(), title="reported: A", reported=True)),
}


def texts(path: Path) -> list[str]:
    return ["".join(e.itertext()) for e in ET.parse(path).iter() if e.tag.endswith("}text")]


@pytest.mark.parametrize(
    ("name", "ending"),
    [*((name, ".svg") for name in CHARTS), ("line", ".png"), ("reported", ".pdf")],
)
def test_the_same_chart_gives_the_same_bytes(tmp_path, monkeypatch, name, ending):
    first, second = tmp_path / f"1{ending}", tmp_path / f"2{ending}"
    draw.write(CHARTS[name], first)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")  # a date, if one were written
    with mpl.rc_context({"font.size": 20, "svg.hashsalt": None, "axes.facecolor": "red"}):
        draw.write(CHARTS[name], second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(("width", "inches"), [("one", 3.3), ("two", 7.0)])
def test_a_figure_is_as_wide_as_the_column_it_is_made_for(tmp_path, width, inches):
    draw.write(made(), tmp_path / "a.png", width)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == pytest.approx(300 * inches, abs=1)


def test_text_stays_text_and_says_what_it_is(tmp_path):
    draw.write(made(), tmp_path / "a.svg")
    words = texts(tmp_path / "a.svg")
    assert {"one", "two", "mAP (%)", "a title", "synthetic v1 (synthetic images)"} <= set(words)


def test_fonts_are_embedded_whole_in_a_pdf(tmp_path):
    draw.write(made(), tmp_path / "a.pdf")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/Type0" in pdf
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"Date" not in pdf


def axes_of(chart: Chart):
    with style.styled():
        figure = draw.draw(chart)
        figure.draw_without_rendering()
        return figure.axes


def test_a_bar_is_the_mean_a_whisker_the_deviation_and_every_seed_a_point():
    (axes,) = axes_of(made())
    assert [bar.get_width() for bar in axes.patches] == [20.0, 50.0]
    seeds = [point for c in axes.collections[1:] for point in c.get_offsets()[:, 0]]
    (whisker,) = next(s for c in axes.containers for s in getattr(c, "lines", ())[2:])
    ends = whisker.get_segments()[0][:, 0]
    assert sorted(seeds) == [10.0, 30.0, 50.0]
    assert ends == pytest.approx([20 - 200**0.5, 20 + 200**0.5])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["one", "two"]
    assert axes.get_xlim()[0] == 0
    assert axes.yaxis_inverted()


def test_bars_of_a_row_that_lacks_a_series_stand_in_its_middle():
    points = (Point("a", "x", (1.0,)), Point("a", "y", (2.0,)), Point("b", "x", (3.0,)))
    (axes,) = axes_of(made("bars", Panel("", points)))
    middles = [bar.get_y() + bar.get_height() / 2 for bar in axes.patches[:3]]
    assert middles == pytest.approx([-0.2, 0.2, 1.0])


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(
    ("kind", "width", "beside"),
    [("bars", "one", 2), ("bars", "two", 5), ("line", "one", 2), ("line", "two", 4)],
)
def test_no_panel_writes_over_another(kind, count, width, beside):
    title = "reported: A et al., section IV-C on table I, one -> two, single-query"
    panel = replace(grid(), title=f"{title} and more of it than there is room for", reported=True)
    with style.styled():
        figure = draw.draw(made(kind, *[panel] * count), width)
        figure.draw_without_rendering()
        boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert len(boxes) == count
    assert len({box.x0 for box in boxes}) == min(count, beside)
    assert max(box.x1 for box in boxes) <= figure.bbox.width + 1
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert not any(a.overlaps(b) for a, b in pairs)


def test_bars_of_several_panels_are_named_once(tmp_path):
    draw.write(made("bars", grid(), replace(grid(), title="more")), tmp_path / "a.svg")
    assert texts(tmp_path / "a.svg").count("mAP (%)") == 1


def test_reported_values_stand_in_a_panel_of_their_own():
    reported = Panel("reported: A, table 1", (Point("one", "", (40.0,)),), reported=True)
    measured, theirs = axes_of(made("bars", made().panels[0], reported))
    assert [bar.get_width() for bar in theirs.patches] == [40.0]
    assert not theirs.patches[0].get_fill()
    assert all(bar.get_fill() for bar in measured.patches)
    assert not theirs.collections
    assert theirs.get_title(loc="left") == "reported: A, table 1"


def test_a_line_is_ordered_by_its_parameter():
    points = tuple(Point("SPGAN", x, (float(x), x + 4.0)) for x in (2, 0, 1))
    (axes,) = axes_of(made("line", Panel("", points)))
    assert list(axes.lines[0].get_xdata()) == [0, 1, 2]
    assert list(axes.lines[0].get_ydata()) == [2, 3, 4]
    assert axes.get_xlabel() == "p.x"


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ((0, 1, 4), [0, 1, 4]),
        ((0.1, 1, 5, 10, 20), [0, 1, 2, 3, 4]),  # to scale 0.1 and 1 would run into each other
        (("average", "max"), [0, 1]),
        ((True, False), [0, 1]),
        ((5,), [5]),
    ],
)
def test_numbers_stand_to_scale_if_there_is_room(values, places):
    points = tuple(Point("a", x, (1.0,)) for x in values)
    (axes,) = axes_of(made("line", Panel("", points)))
    assert list(axes.get_xticks()) == places


def test_a_heat_map_shows_means_and_leaves_out_what_was_not_run():
    panel = Panel("", (*grid().points[:3], Point("b", 3, (9.0,))))
    axes, bar = axes_of(made("heatmap", panel))
    mesh = np.ma.masked_invalid(axes.collections[0].get_array())
    assert mesh.filled(-1).tolist() == [[1, 1, -1], [2, -1, 9]]
    assert "1.0\n± 1.4" in [t.get_text() for t in axes.texts]
    assert "9.0" in [t.get_text() for t in axes.texts]
    assert bar.get_ylabel() == "mAP (%)"


def test_names_are_never_formulas_markup_or_control_characters(tmp_path):
    evil = "$\\frac{1}{0}$ <script>&\x00\n\x1b[31m"
    points = tuple(Point(name, evil, (1.0, 2.0)) for name in (evil, "a$b$c", "", "字" * 200))
    for kind in ("bars", "line", "heatmap"):
        chart = made(kind, Panel("", points), title=evil, column_name=evil)
        draw.write(chart, tmp_path / "a.svg")
        words = " ".join(texts(tmp_path / "a.svg"))
        assert "$\\frac{1}{0}$" in words
        assert "<script>&" in words
    draw.write(chart, tmp_path / "a.pdf")
    draw.write(chart, tmp_path / "a.png")


@settings(max_examples=50)
@given(st.text(max_size=200), st.integers(1, 40), st.integers(1, 3))
def test_a_name_of_any_origin_fits_its_room(text, line, lines):
    shown = style.printable(text, line, lines).splitlines()
    assert len(shown) <= lines
    assert all(len(part) <= max(line, 2) and part.isprintable() for part in shown)


def test_a_figure_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.svg, \.pdf, \.png, not 'a\.gif'"):
        draw.write(made(), tmp_path / "a.gif")
    with pytest.raises(ReidbenchError, match="nothing to draw"):
        made("bars", Panel("", ()))


def test_drawing_needs_neither_torch_nor_pyplot_nor_plugins(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from reidbench.plots import draw, sources; from reidbench.results.result import load_all\n"
        "found = load_all(Path('results')).results\n"
        "chart, _ = sources.chart_of_results(found, 'synthetic', (), sources.Wish())\n"
        f"draw.write(chart, Path({str(tmp_path / 'a.svg')!r}))\n"
        "bad = {'torch', 'matplotlib.pyplot', 'reidbench_ide'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_sheet_of_pictures_in_every_format(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 32, 3), dtype=np.uint8)
    for ending in (".png", ".svg", ".pdf"):
        for copy in "12":
            draw_sheet(rows, ("source", "$x$"), tmp_path / f"{copy}{ending}")
        first, second = (tmp_path / f"{copy}{ending}" for copy in "12")
        assert first.read_bytes() == second.read_bytes()
    assert texts(tmp_path / "1.svg") == ["source", "$x$"]
    with Image.open(tmp_path / "1.png") as image:
        sheet = np.asarray(image)
    np.testing.assert_array_equal(sheet[4 : 4 + 128, -36 * 2 + 4 : -4 : 2][::2], rows[0, 2])
    with pytest.raises(UsageError, match="a sheet of images ends in"):
        draw_sheet(rows, ("source", "x"), tmp_path / "a.gif")
