"""Recipes in plain words, from what a result's file says of their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_LEARNED = {
    "source": "learned from the source",
    "target": "learned from the target's labels",
    "finetune": "fine-tuned on the translated images",
    "source+translated": "learned from the source and the translated images",
    "translated": "learned from the translated images",
    "source+views": "learned from the source and the target's images between its cameras",
    "joint": "learned beside the generators",
}


def in_words(recipe: Mapping[str, Any]) -> str:
    """Return what a recipe is made of: ``"cyclegan with sianet; ide, learned from ..."``.

    Parts that a file of another origin does not tell, or tells in another form, are left out.
    """
    backwards = recipe.get("direction") == "target-to-source"
    translated = _translation(recipe)
    if translated and backwards:
        translated += ", of the test images"
    strategy = str(recipe.get("strategy", ""))
    learner = ", ".join(filter(None, (_name(recipe.get("learner")), _learned(strategy))))
    return "; ".join(filter(None, (translated, learner)))


def _translation(recipe: Mapping[str, Any]) -> str:
    translator, constraints = _name(recipe.get("translator")), recipe.get("constraints")
    names = [_name(c) for c in constraints] if isinstance(constraints, list) else []
    with_them = " and ".join(filter(None, names))
    return f"{translator} with {with_them}" if translator and with_them else translator


def _learned(strategy: str) -> str:
    return _LEARNED.get(strategy, strategy)


def _name(part: Any) -> str:
    return str(part.get("name", "")) if isinstance(part, Mapping) else ""
