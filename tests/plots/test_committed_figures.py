"""The committed figures are what the committed results give."""

from __future__ import annotations

from pathlib import Path

import pytest

from reidbench.plots.drawing import draw_chart
from reidbench.plots.sources import Wish
from reidbench.plots.worth import draw_worth
from reidbench.results.result import load_all

RESULTS = Path(__file__).parents[2] / "results"
DRAWN = sorted(RESULTS.glob("*/studies/*.svg"))


@pytest.mark.parametrize("path", DRAWN, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_figure_of_a_study_is_current(path, tmp_path):
    again = tmp_path / path.name
    draw_chart(path.stem, RESULTS, Wish(), path.parts[-3], (), "one", again)
    assert again.read_bytes() == path.read_bytes(), f"draw it anew: reidbench plot {path.stem}"


@pytest.mark.parametrize(
    "path", sorted(RESULTS.glob("*/worth.svg")), ids=lambda path: path.parts[-2]
)
def test_the_figure_of_what_constraints_are_worth_is_current(path, tmp_path):
    draw_worth(RESULTS, path.parts[-2], output=tmp_path / "worth.svg")
    assert (tmp_path / "worth.svg").read_bytes() == path.read_bytes()


def test_no_picture_of_real_people_is_committed():
    """Of real images numbers alone are published; rendered people may be shown."""
    real = {r.benchmark["name"] for r in load_all(RESULTS).results if not r.benchmark["synthetic"]}
    assert real, "no result on real images: this test looks at nothing"
    pictures = [path for name in real for path in (RESULTS / name).rglob("*.png")]
    assert not pictures
