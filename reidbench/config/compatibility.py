"""Check that the parts of a recipe are compatible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reidbench import interfaces  # imports torch when a contract is asked for
from reidbench.config.recipe import Component, Recipe
from reidbench.errors import ComponentError, ReidbenchError, UsageError
from reidbench.registry.registry import DIRECTIONS, Entry

if TYPE_CHECKING:
    from reidbench.interfaces import IdentityConstraint

NO_TRANSLATOR = "none"


CONTRACTS = {
    "translator": "Translator",
    "constraint": "IdentityConstraint",
    "learner": "FeatureLearner",
    "segmenter": "Segmenter",
}


def check_contract(entry: Entry, factory: type[Any]) -> None:
    """Refuse a class that does not implement the contract of its kind, or has no version.

    Raises:
        ComponentError: naming the component and what it lacks.
    """
    contract = CONTRACTS[entry.kind]
    who = f"{entry.kind} '{entry.name}' of plugin '{entry.plugin}': class {factory.__name__}"
    if not issubclass(factory, getattr(interfaces, contract)):
        raise ComponentError(f"{who} is no subclass of reidbench.interfaces.{contract}")
    if missing := sorted(getattr(factory, "__abstractmethods__", ())):
        raise ComponentError(f"{who} lacks {', '.join(f'{m}()' for m in missing)}")
    if type(factory.version) is not int:
        raise ComponentError(f"{who} has version {factory.version!r}; expected a whole number")


def check_compatible(recipe: Recipe) -> None:
    """Refuse a recipe whose parts are not compatible.

    Raises:
        UsageError: naming the part and what it lacks.
    """
    _check_retrieval(recipe)
    if recipe.translator is None:
        _check_untranslated(recipe)
        return
    _check_directions(recipe, recipe.translator.entry)
    _check_direction(recipe, recipe.translator.name)
    recipe.learner.build()
    _check_source_learners(recipe)
    _check_joint(recipe)
    _check_views(recipe, recipe.translator)
    _check_codes(recipe, recipe.translator)
    _check_constraints(recipe, recipe.translator)


def _check_directions(recipe: Recipe, entry: Entry) -> None:
    """Refuse a direction that the translator does not have."""
    has = entry.load().directions
    if not has or not has <= set(DIRECTIONS):
        raise ReidbenchError(
            f"translator '{entry.name}' of plugin '{entry.plugin}': directions is {sorted(has)}, "
            f"expected some of {', '.join(DIRECTIONS)}; tell its author"
        )
    if recipe.direction not in has:
        raise UsageError(
            f"translator '{entry.name}' does not translate {recipe.direction}: it has the "
            f"direction {', '.join(sorted(has))} alone (--direction {min(has)})"
        )


def _check_direction(recipe: Recipe, translator: str) -> None:
    if recipe.reads_files and (recipe.to_source or recipe.strategy == "joint"):
        raise UsageError(
            f"translator '{translator}' reads translated training images of the source: leave "
            "direction at 'source-to-target', and strategy 'joint' to what is trained here"
        )
    if recipe.reads_files and recipe.perspective.pairs != [((), ())]:
        raise UsageError(f"perspective: translator '{translator}' takes all cameras at once")
    if recipe.to_source and recipe.strategy != "source":
        raise UsageError(
            "direction 'target-to-source' scores a model of the real source images: the strategy "
            f"must be 'source', not '{recipe.strategy}'"
        )
    if recipe.to_source and recipe.perspective.pairs != [((), ())]:
        raise UsageError("perspective: groups of cameras need the direction 'source-to-target'")
    if not recipe.to_source and recipe.strategy in ("source", "target"):
        raise UsageError(
            f"strategy '{recipe.strategy}' does not use the translator '{translator}'; "
            f"use --translator {NO_TRANSLATOR}, another strategy or --direction target-to-source"
        )


def _check_retrieval(recipe: Recipe) -> None:
    if recipe.embedding.retrieval == "features":
        return
    if type(recipe.learner.build()).similarity is interfaces.FeatureLearner.similarity:
        raise UsageError(
            f"embedding.retrieval='verification': learner '{recipe.learner.name}' does not "
            "implement similarity(); leave it at 'features'"
        )
    if recipe.ranking.rerank or recipe.ranking.expansion:
        raise UsageError(
            "embedding.retrieval='verification' gives no features to re-rank or expand: leave "
            "ranking.rerank and ranking.expansion, or retrieval at 'features'"
        )


def _check_codes(recipe: Recipe, translator: Component) -> None:
    if recipe.rendering.codes > 1 and not recipe.by_code:
        raise UsageError(
            f"rendering.codes={recipe.rendering.codes}: translator '{translator.name}' takes no "
            "codes as it is set: all translations of an image would be alike; leave it at 1"
        )


def _check_constraints(recipe: Recipe, translator: Component) -> None:
    if (recipe.reads_truth or recipe.reads_files) and recipe.constraints:
        names = ", ".join(f"'{c.name}'" for c in recipe.constraints)
        raise UsageError(
            f"translator '{translator.name}' trains nothing that constraint {names} could change; "
            "leave it out"
        )
    provides = translator.build().provides | {"mask"}
    for component in recipe.constraints:
        constraint: IdentityConstraint = component.build()
        if lacking := constraint.needs - provides:
            raise UsageError(
                f"constraint '{component.name}' needs {', '.join(sorted(lacking))}, which "
                f"translator '{translator.name}' does not provide as it is set"
            )
        if constraint.sampling == "pairs" and recipe.budget.batch % 2:
            raise UsageError(
                f"constraint '{component.name}' needs pairs of images: budget.batch must be even, "
                f"not {recipe.budget.batch} (--set budget.batch={recipe.budget.batch + 1})"
            )


def _check_source_learners(recipe: Recipe) -> None:
    asks = {c.name: c.entry.load().source_asks for c in recipe.constraints}
    for constraint, component in recipe.source_learners.items():
        asked = asks[constraint]
        if getattr(type(component.build()), asked) is getattr(interfaces.FeatureLearner, asked):
            raise UsageError(
                f"learner '{component.name}' does not implement {asked}(); constraint "
                f"'{constraint}' trains against the learner and needs it"
            )


def _check_joint(recipe: Recipe) -> None:
    if recipe.strategy == "joint" and len(recipe.perspective.pairs) > 1:
        raise UsageError("strategy 'joint' scores one model: leave perspective at one group")
    makers = [c.name for c in recipe.constraints if c.build().makes_model]
    if recipe.strategy == "joint" and len(makers) != 1:
        raise UsageError(
            "strategy 'joint' scores the model that a constraint makes, but "
            + (f"{', '.join(makers)} each make one" if makers else "none of this run makes one")
        )


def _check_views(recipe: Recipe, translator: Component) -> None:
    if recipe.strategy != "source+views":
        return
    if not translator.entry.load().between_cameras:
        raise UsageError(
            f"strategy 'source+views' translates the target's images between its cameras, which "
            f"translator '{translator.name}' does not do"
        )
    if type(recipe.learner.build()).adapt is interfaces.FeatureLearner.adapt:
        raise UsageError(
            f"learner '{recipe.learner.name}' does not implement adapt(); strategy 'source+views' "
            "lets it learn from the target's images without identities"
        )
    if len(recipe.perspective.pairs) > 1:
        raise UsageError("strategy 'source+views' trains one model: leave perspective at one group")


def _check_untranslated(recipe: Recipe) -> None:
    if recipe.constraints:
        names = ", ".join(f"'{c.name}'" for c in recipe.constraints)
        raise UsageError(f"constraint {names} needs a translator; name one with --translator")
    if recipe.strategy not in ("source", "target"):
        raise UsageError(
            f"strategy '{recipe.strategy}' needs a translator; without one it is 'source' "
            "(direct transfer) or 'target' (supervised)"
        )
    if recipe.to_source:
        raise UsageError("direction 'target-to-source' needs a translator; name --translator")
    recipe.learner.build()
