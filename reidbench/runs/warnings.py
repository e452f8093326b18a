"""Warnings of a run: what makes its score say less than it seems to, told by its artifacts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reidbench.runs.runner import Finished, Outcome
from reidbench.stages import FitTranslator, Learn
from reidbench.storage.keys import JSON

FEW_RIGHT = 0.5
"""A learner that names fewer of its own training images right has not learned them."""
NEAR_CHANCE = 2
"""A learner that names at most so many times as many right as guessing does is at chance."""
UNCHANGED = 1.0
"""Levels of 255: a smaller mean change is one that nobody sees."""
WON = 0.2
"""A discriminator whose loss is below this part of a guess's has won.

Of some hundred trainings on `synthetic` two ended at 0.11 of it, their generators gone back to
returning nearly what they get; all others ended above 0.29.
"""
FARTHER = 1.1
"""Part of the untranslated images' error on the person above which a translation harms them."""
FALLING = 0.25
"""A loss that falls by more than this part of itself over the last tenth still falls.

Twice the steps bring a trained CycleGAN no nearer to the truth, and yet its identity loss falls
by a sixth there: the rate that runs out lets every loss sink a little.
"""
SURE = 2
"""Standard errors by which a fall must exceed zero."""
DROWNED = 0.01
"""Largest share of the gradient of a constraint that is as good as off."""
DROWNING = 0.8
"""Mean share from which a constraint leaves the translator's own losses nothing to decide."""

_GAME = ("adversarial", "discriminator")  # these two rise and fall against each other for ever


def warnings_of(outcome: Outcome, translation: Mapping[str, Any]) -> list[str]:
    """Return the warnings of a run, each once, in the order of its stages.

    Artifacts of an earlier version that do not tell give none.

    Args:
        outcome: of the run.
        translation: what its result tells of translation quality.
    """
    found: list[str] = []
    for item in outcome.finished.values():
        training = item.artifact.manifest.get("training") or {}
        if isinstance(item.stage, FitTranslator):
            found += _of_translator(item.stage, training)
        elif isinstance(item.stage, Learn):
            found += _of_learner(item, training)
    found += _of_translation(translation)
    found += [
        f"stale? another source of {e.kind} '{e.name}' ({e.origin}) made some of what was reused"
        for e in outcome.stale
        if not e.origin.bundled
    ]
    return list(dict.fromkeys(found))


def _of_learner(item: Finished, training: Mapping[str, Any]) -> Iterator[str]:
    accuracy, persons = training.get("accuracy"), training.get("persons")
    if accuracy is None or not persons:
        return
    named = f"'{item.stage.title}' names {_percent(accuracy)} of its own training images right"
    if accuracy <= NEAR_CHANCE / persons:
        yield f"learner at chance: {named}, guessing would name {_percent(1 / persons)}"
    elif accuracy < FEW_RIGHT:
        yield f"learner far below its training ceiling: {named}"


def _of_translator(stage: FitTranslator, training: Mapping[str, Any]) -> Iterator[str]:
    trends: dict[str, Mapping[str, Any]] = {}
    for phase in (training.get("losses") or {}).values():
        trends |= phase
    for name, chance in (training.get("chance") or {}).items():
        if name in trends and trends[name]["end"] < WON * chance:
            yield (
                f"discriminator saturated: '{name}' ended at {trends[name]['end']:.3g}, where "
                f"{chance:.3g} is a guess; the generators learn little from it"
            )
    falling = {n: t for n, t in trends.items() if not n.startswith(_GAME) and _falls(t)}
    if falling:
        told = ", ".join(f"'{n}' by {_percent(-t['change'])}" for n, t in falling.items())
        yield f"still improving at the end: over the last tenth of the steps fell {told}"
    yield from _of_constraints(stage, training.get("gradient_shares") or [])


def _of_constraints(stage: FitTranslator, measured: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what the gradients at the translated pixels tell of the constraints."""
    if not measured:
        return
    for constraint in stage.constraints:
        shares = [_share(entry["terms"], constraint.name) for entry in measured]
        if not any(shares):
            yield (
                f"constraint '{constraint.name}' reaches no generator: its gradient at the "
                "translated pixels is zero"
            )
        elif max(shares) < DROWNED:
            yield (
                f"constraint '{constraint.name}' is drowned: at most {_percent(max(shares))} of "
                "the gradient at the translated pixels"
            )
        elif (mean := sum(shares) / len(shares)) > DROWNING:
            yield (
                f"constraint '{constraint.name}' drowns the other losses: on average "
                f"{_percent(mean)} of the gradient at the translated pixels"
            )


def _of_translation(translation: Mapping[str, Any]) -> Iterator[str]:
    change = translation.get("change")
    if change is not None and change < UNCHANGED:
        yield (
            f"the translator returns its input: pixels change by {change:.2f} levels of 255 on "
            "average"
        )
    yield from _of_truth(translation.get("truth") or {})


def _of_truth(truth: Mapping[str, Any]) -> Iterator[str]:
    """Yield what rendered domains tell: where leaving an image as it is would be nearer."""
    if not truth:
        return
    moved = truth.get("transforms")
    if moved and moved["error"] > moved["identity"]:
        yield (
            "its transforms are farther from the true ones than leaving pixels where they are: "
            f"corners by {moved['error']:.2f} against {moved['identity']:.2f} half sides"
        )
    ours, still = truth["person"]["rmse"], truth["untranslated"]["person"]["rmse"]
    if ours > FARTHER * still:
        yield (
            "persons are farther from the truth than untranslated ones: by "
            f"{ours:.0f} against {still:.0f} levels of 255"
        )


def _share(terms: Mapping[str, Mapping[str, Any]], constraint: str) -> float:
    prefix = f"{constraint}."
    return sum(float(t["share"] or 0) for name, t in terms.items() if name.startswith(prefix))


def _falls(trend: Mapping[str, JSON]) -> bool:
    change, error = trend["change"], trend["error"]
    if not isinstance(change, float) or not isinstance(error, float):
        return False
    return change < -FALLING and -change > SURE * error


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2g} %"
