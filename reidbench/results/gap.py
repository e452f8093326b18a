"""Gap closed: how much of the way from direct transfer to a perfect translation a method goes.

``(mAP - direct) / (perfect - direct)``, of results of one seed: "direct" learned from the source
as it is, "perfect" from the true translations (``uses.ground_truth``, of all parts). Both must
agree with the result in the benchmark, learner, embedding and ranking; the perfect one in the
direction as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reidbench.evaluation.trials import Spread, spread
from reidbench.results.measures import GAP_CLOSED, QUANTITIES
from reidbench.results.result import Result
from reidbench.results.texts import Texts

_SHARED = ("learner", "embedding", "ranking")
_UNCHANGED = "unchanged"  # the direction of what translates nothing


@dataclass(frozen=True)
class Gap:
    """Scores of direct transfer and of perfect translation, to measure others by.

    Attributes:
        direct, perfect: mAP by what must agree.
    """

    direct: Mapping[Hashable, float]
    perfect: Mapping[Hashable, float]
    texts: Texts = field(default_factory=Texts, repr=False, compare=False)

    @classmethod
    def of(cls, results: Iterable[Result]) -> Gap:
        """Find the results that are direct transfer or a perfect translation.

        Where two of them disagree, neither counts.
        """
        texts = Texts()
        direct: dict[Hashable, set[float]] = {}
        perfect: dict[Hashable, set[float]] = {}
        for result in results:
            if is_direct(result):
                key, found = _agreeing(result, _UNCHANGED, texts), direct
            elif is_perfect(result):
                key, found = _agreeing(result, _direction(result), texts), perfect
            else:
                continue
            found.setdefault(key, set()).add(result.measure("mAP"))
        return cls(_undisputed(direct), _undisputed(perfect), texts)

    def closed(self, result: Result) -> float | None:
        """Return the share of the gap that a result closes; 0 is direct transfer, 1 is perfect.

        It may be negative, or above 1. None where either is missing, where the two are the same,
        and for what is trained on the target's labels.
        """
        if result.uses.get("target_labels") or not (self.direct and self.perfect):
            return None
        low = self.direct.get(_agreeing(result, _UNCHANGED, self.texts))
        high = self.perfect.get(_agreeing(result, _direction(result), self.texts))
        if low is None or high is None or low == high:
            return None
        return (result.measure("mAP") - low) / (high - low)

    def gain(self, result: Result) -> float | None:
        """Return the mAP of a result minus that of direct transfer; None where that is missing."""
        low = self.direct.get(_agreeing(result, _UNCHANGED, self.texts))
        return None if low is None else result.measure("mAP") - low

    def quantities(self, results: Sequence[Result]) -> dict[str, Spread]:
        """Return the spread of each of ``QUANTITIES``, and of the gap closed, that all tell."""
        told = [r.quantities for r in results]
        columns = {key: [t[key] for t in told if key in t] for key in QUANTITIES}
        closed = map(self.closed, results)
        columns[GAP_CLOSED] = [share for share in closed if share is not None]
        complete = (key for key, column in columns.items() if len(column) == len(results))
        return {key: spread(columns[key]) for key in complete}


def _undisputed(scores: Mapping[Hashable, set[float]]) -> dict[Hashable, float]:
    return {key: next(iter(found)) for key, found in scores.items() if len(found) == 1}


def is_direct(result: Result) -> bool:
    """Return True if a model of the source is scored on the target as it is."""
    recipe = result.recipe
    return recipe.get("translator") is None and recipe.get("strategy") == "source"


def is_perfect(result: Result) -> bool:
    """Return True if the whole truth stands for the translation, learned from as usual."""
    translator = result.recipe.get("translator")
    if not (result.uses.get("ground_truth") and isinstance(translator, Mapping)):
        return False
    parts = translator.get("parameters")
    usual = {"source-to-target": "finetune", "target-to-source": "source"}[_direction(result)]
    whole = isinstance(parts, Mapping) and all(value is True for value in parts.values())
    return whole and result.recipe.get("strategy") == usual


def _direction(result: Result) -> str:
    backwards = result.recipe.get("direction") == "target-to-source"
    return "target-to-source" if backwards else "source-to-target"


def _agreeing(result: Result, direction: str, texts: Texts) -> Hashable:
    """Return what two results must agree in to be compared."""
    recipe = result.recipe
    shared = [texts.of(recipe.get(name)) for name in (*_SHARED, "provenance")]
    return texts.of(result.benchmark), *shared, result.precision, result.seed, direction
