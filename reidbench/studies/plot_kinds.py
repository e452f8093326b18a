"""Ways to draw a study. Light to import: commands name them before anything is read."""

from typing import Literal, get_args

PlotKind = Literal["bars", "line", "heatmap"]
PLOT_KINDS: tuple[PlotKind, ...] = get_args(PlotKind)
