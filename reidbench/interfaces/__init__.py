"""The contracts between the core and its plugins, in one import line.

Configuration is the constructor: every component takes keyword-only, annotated parameters whose
defaults are JSON-able and equal the paper's values. That signature serves listing, validation,
hashing and ``--set``. A constructor builds nothing; networks and optimisers are built in ``setup``
(or ``build``).

    from reidbench.interfaces import Batch, Clock, Context, Hop, Log, Translator, at_least

Names are imported when they are first asked for: the checks and the clock need no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reidbench.interfaces.checks import at_least, within
    from reidbench.interfaces.clock import Clock
    from reidbench.interfaces.constraint import IdentityConstraint
    from reidbench.interfaces.context import Context, SourceModel
    from reidbench.interfaces.hop import (
        UNLABELLED,
        Batch,
        Hop,
        Hops,
        Images,
        domain_index,
        to_device,
    )
    from reidbench.interfaces.learner import FeatureLearner
    from reidbench.interfaces.log import Log
    from reidbench.interfaces.segmenter import Segmenter
    from reidbench.interfaces.trainable import Trainable
    from reidbench.interfaces.translator import ExtraLoss, Translator, Warp

__all__ = [
    "UNLABELLED",
    "Batch",
    "Clock",
    "Context",
    "ExtraLoss",
    "FeatureLearner",
    "Hop",
    "Hops",
    "IdentityConstraint",
    "Images",
    "Log",
    "Segmenter",
    "SourceModel",
    "Trainable",
    "Translator",
    "Warp",
    "at_least",
    "domain_index",
    "to_device",
    "within",
]

_MODULE_OF = {
    "ExtraLoss": "translator",
    "Translator": "translator",
    "Warp": "translator",
    "IdentityConstraint": "constraint",
    "FeatureLearner": "learner",
    "Segmenter": "segmenter",
    "Context": "context",
    "SourceModel": "context",
    "Trainable": "trainable",
    "UNLABELLED": "hop",
    "Batch": "hop",
    "Hop": "hop",
    "Hops": "hop",
    "Images": "hop",
    "domain_index": "hop",
    "to_device": "hop",
    "Log": "log",
    "Clock": "clock",
    "at_least": "checks",
    "within": "checks",
}


def __getattr__(name: str) -> Any:
    """Import a contract from the module that holds it."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    """Return the contracts' names."""
    return __all__
