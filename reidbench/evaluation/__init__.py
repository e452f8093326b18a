"""Scores of features: rankings, measures, protocols, re-ranking and significance, in numpy."""

from reidbench.evaluation.distance import Distances, FeatureDistances, MatrixDistances
from reidbench.evaluation.evaluate import evaluate, evaluate_distances
from reidbench.evaluation.features import Features, Labels
from reidbench.evaluation.gallery_shots import SingleGalleryShot
from reidbench.evaluation.options import RankingOptions
from reidbench.evaluation.protocols import (
    AllButSelf,
    Market1501,
    MultiQuery,
    NoCamera,
    Protocol,
    SingleShot,
)
from reidbench.evaluation.scores import Scores
from reidbench.evaluation.trials import Spread, Trials, spread

__all__ = [
    "AllButSelf",
    "Distances",
    "FeatureDistances",
    "Features",
    "Labels",
    "Market1501",
    "MatrixDistances",
    "MultiQuery",
    "NoCamera",
    "PairedDifference",
    "Protocol",
    "RankingOptions",
    "Scores",
    "SingleGalleryShot",
    "SingleShot",
    "Spread",
    "Trials",
    "evaluate",
    "evaluate_distances",
    "spread",
]
