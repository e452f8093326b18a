"""A plugin-based benchmark for cross-domain person re-identification by image translation.

    import reidbench

    result = reidbench.run(translator="cyclegan", constraints=["sianet"], seed=0)
    reidbench.compare(result, "direct")

Each function does what the verb of its name does on the command line, and raises
``ReidbenchError`` where the command ends with an error. Names are imported when they are first
asked for: ``import reidbench`` needs neither torch nor numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reidbench.api.features import evaluate
    from reidbench.api.parts import compose
    from reidbench.api.reading import (
        compare,
        compare_rankings,
        leaderboard,
        load_results,
        plot,
        reproduced,
        worth,
    )
    from reidbench.api.running import run, sweep
    from reidbench.config.benchmark import load_benchmark
    from reidbench.errors import ReidbenchError, UsageError
    from reidbench.registry.loading import load_plugins
    from reidbench.results.result import Result
    from reidbench.runs.sweeps import SweepError

__version__ = "0.1.0"

__all__ = [
    "ReidbenchError",
    "Result",
    "SweepError",
    "UsageError",
    "__version__",
    "compare",
    "compare_rankings",
    "compose",
    "evaluate",
    "leaderboard",
    "load_benchmark",
    "load_plugins",
    "load_results",
    "plot",
    "reproduced",
    "run",
    "sweep",
    "worth",
]

_MODULE_OF = {
    "run": "api.running",
    "sweep": "api.running",
    "evaluate": "api.features",
    "load_results": "api.reading",
    "leaderboard": "api.reading",
    "compare": "api.reading",
    "compare_rankings": "api.reading",
    "plot": "api.reading",
    "reproduced": "api.reading",
    "worth": "api.reading",
    "compose": "api.parts",
    "load_benchmark": "config.benchmark",
    "load_plugins": "registry.loading",
    "Result": "results.result",
    "SweepError": "runs.sweeps",
    "ReidbenchError": "errors",
    "UsageError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import a name of the public API from the module that holds it."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    """Return the names of the public API."""
    return __all__
