"""Ways to draw results. Light to import: commands name them before anything is read."""

from typing import Literal, get_args

PlotKind = Literal["bars", "line", "heatmap"]
PLOT_KINDS: tuple[PlotKind, ...] = get_args(PlotKind)
"""Ways to draw a study."""

OF_RANKED = ("cmc", "cost", "identity", "error")
"""Figures of what the leaderboard ranks."""
OF_BENCHMARKS = ("rankings",)
"""Figures of what several benchmarks rank."""
OF_CONSTRAINTS = ("worth",)
"""Figures of recipes beside the same without a constraint."""
OF_RESULTS = ("curves", "ranked")
"""Figures of one run."""
OF_MODELS = ("features",)
"""Figures of one run for which its models are asked again; they need torch."""
FIGURES = (*OF_RANKED, *OF_RESULTS)
