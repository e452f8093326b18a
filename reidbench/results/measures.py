"""Measures and quantities that results tell: names, labels and places, each said once.

Light to import: commands offer them before anything is read.
"""

from typing import Any, Literal, NamedTuple, get_args

OfRanking = Literal["mAP", "mAP_trapezoid", "mINP", "rank1", "rank5", "rank10", "rank20"]
OfTranslation = Literal["real_accuracy", "translated_accuracy"]
OfTruth = Literal["identity_retained"]
Drawn = Literal[OfRanking, OfTranslation, OfTruth]

MEASURES: tuple[OfRanking, ...] = get_args(OfRanking)
"""Measures of the ranking, which every result tells."""
ACCURACIES: tuple[OfTranslation, ...] = get_args(OfTranslation)
"""Fractions of training images whose person is recognised, before and after translation."""
DRAWN: tuple[Drawn, ...] = (*MEASURES, *ACCURACIES, *get_args(OfTruth))
"""Measures that studies and figures can show."""
GAP_CLOSED = "gap_closed"
"""Fraction of the way from direct transfer to a perfect translation: of three results."""


class Measure(NamedTuple):
    """A number that a result tells.

    Attributes:
        key: its name in files and options.
        label: its name in tables.
        place: dotted name of where a result's file has it; empty if several results decide it.
        axis: its name beside an axis; empty if it is never drawn.
        meaning: the convention it follows, in a line.
        percent: whether it is a fraction that is shown in percent.
        larger_is_better: otherwise the smallest value is the best.
    """

    key: str
    label: str
    place: str
    axis: str = ""
    meaning: str = ""
    percent: bool = False
    larger_is_better: bool = False


def _fraction(key: str, label: str, place: str, axis: str, meaning: str = "") -> Measure:
    return Measure(key, label, place, f"{axis} (%)", meaning, percent=True, larger_is_better=True)


def _rank(k: int, meaning: str) -> Measure:
    key, label = f"rank{k}", f"rank-{k}"
    return _fraction(key, label, f"scores.{key}", f"{label} accuracy", meaning)


_ALL = (
    _fraction(
        "mAP", "mAP", "scores.mAP", "mAP", "precision taken at the hits; the one to compare by"
    ),
    _fraction(
        "mAP_trapezoid",
        "mAP (trapezoid)",
        "scores.mAP_trapezoid",
        "mAP, trapezoid",
        "area under the precisions, as the Market-1501 package",
    ),
    _fraction("mINP", "mINP", "scores.mINP", "mINP", "matches / rank of the last match"),
    _rank(1, "the nearest image is a match"),
    *(_rank(k, f"a match among the {k} nearest") for k in (5, 10, 20)),
    _fraction(
        "real_accuracy",
        "real images",
        "translation.accuracy.real",
        "identity accuracy, real images",
    ),
    _fraction(
        "translated_accuracy",
        "translated",
        "translation.accuracy.translated",
        "identity accuracy, translated images",
    ),
    Measure("fid", "FID", "translation.fid"),
    Measure("kid", "KID", "translation.kid"),
    Measure("ssim", "SSIM", "translation.ssim", larger_is_better=True),
    Measure("person_error", "Error on person", "translation.truth.person.rmse"),
    Measure("background_error", "On background", "translation.truth.background.rmse"),
    Measure("colour_error", "Colours", "translation.truth.colour"),
    _fraction(
        "identity_retained",
        "Identity retained",
        "translation.truth.identity_retained.translated",
        "identity retained",
    ),
    _fraction(GAP_CLOSED, "Gap closed", "", "gap closed"),
    Measure("networks", "Networks", "cost.translation.networks"),
    Measure("parameters", "Parameters", "cost.translation.parameters"),
    Measure("flops_step", "FLOPs a step", "cost.translation.flops_a_step"),
    Measure("cost", "Training FLOPs", "cost.training_flops"),
    Measure("embedder_parameters", "Embedder", "cost.embedding.parameters"),
    Measure("flops_image", "FLOPs an image", "cost.embedding.flops_an_image"),
    Measure("seconds", "Seconds", "execution.training_seconds"),
)
BY_KEY = {measure.key: measure for measure in _ALL}
"""Every measure and quantity, in the order of columns."""


def _tree(keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the keys by where a result's file has them, table in table."""
    tree: dict[str, Any] = {}
    for key in keys:
        *tables, last = BY_KEY[key].place.split(".")
        inner = tree
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[last] = key
    return tree


QUANTITIES = tuple(key for key in BY_KEY if key not in MEASURES and BY_KEY[key].place)
"""Values that a result may tell besides the ranking: translation quality and costs."""
PLACES: dict[str, Any] = _tree(QUANTITIES)
"""Tables of a result's file that tell quantities, each table a dict, and the key of each."""
TRANSLATION_DISTANCES = ("fid", "kid", "ssim")
TRUTH_SHARES = (GAP_CLOSED, "identity_retained")
TRUTH_ERRORS = ("person_error", "background_error", "colour_error")
COUNTED = tuple(key for key in QUANTITIES if BY_KEY[key].place.startswith("cost."))
"""Costs that are the same on every machine."""
OF_WORTH = (*MEASURES, *(k for k in QUANTITIES if BY_KEY[k].place.startswith("translation.")))
"""Measures and quantities that the worth of a constraint can be told in."""
PRIMARY: OfRanking = "mAP"
"""The measure that rows are ranked by."""
SHOWN: tuple[OfRanking, ...] = (PRIMARY, "rank1", "mAP_trapezoid")
"""Measures of the leaderboard."""
COLUMNS = (*SHOWN, *(key for key in BY_KEY if key not in MEASURES))
"""Columns that rows of the leaderboard can be ordered by."""
COMPARED: tuple[OfRanking, ...] = ("mAP", "mAP_trapezoid", "rank1", "mINP")
"""Measures that a comparison of two results compares, in this order."""
REPORTED: tuple[Drawn, ...] = ("mAP", "rank1", "rank5", "rank10", "rank20", *ACCURACIES)
"""Measures that papers report."""


def labels(*keys: str) -> dict[str, str]:
    """Return the labels of measures by key, in the order given."""
    return {key: BY_KEY[key].label for key in keys}
