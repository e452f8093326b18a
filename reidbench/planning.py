"""Recipe x benchmark x seed -> the stages that a run consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from reidbench.benchmark import Benchmark, DatasetSpec
from reidbench.data.catalog import OpenDataset, open_dataset
from reidbench.errors import UsageError
from reidbench.keys import JSON
from reidbench.parameters import resolve
from reidbench.recipe import Component, Recipe
from reidbench.registry import Registry
from reidbench.stages import (
    Decode,
    Embed,
    Evaluate,
    FitTranslator,
    Learn,
    Preview,
    Stage,
    TrainingImages,
    Translate,
)


@dataclass(frozen=True)
class Setting:
    """A benchmark with its data at hand.

    Attributes:
        modified: what the user changed of the benchmark; a ranked result has nothing here.
    """

    benchmark: Benchmark
    source: OpenDataset
    target: OpenDataset
    protocol: Component
    modified: Mapping[str, JSON]


@dataclass(frozen=True)
class Plan:
    """The stages of one run.

    Attributes:
        evaluate: the last one; the others hang on it.
        preview: pictures of the translation, if there is one.
    """

    recipe: Recipe
    setting: Setting
    seed: int
    precision: str
    evaluate: Evaluate
    preview: Preview | None

    @property
    def learned(self) -> Learn:
        """The stage that makes the model that is scored."""
        return self.evaluate.embedded.learned

    @property
    def stages(self) -> list[Stage]:
        """All stages, each after its inputs, and all data before any training."""
        wanted: list[Stage] = [self.evaluate, *([self.preview] if self.preview else [])]
        unique = {s.key: s for end in wanted for s in _with_inputs(end)}
        return sorted(unique.values(), key=lambda s: not isinstance(s, Decode))


def open_setting(
    benchmark: Benchmark, registry: Registry, data_root: str | None, changes: Mapping[str, JSON]
) -> Setting:
    """Open a benchmark's datasets and protocol.

    Args:
        benchmark: what to open.
        registry: where names are looked up.
        data_root: folder of the user's datasets.
        changes: user-set values by ``source.*``, ``target.*`` and ``protocol.*``.

    Raises:
        UsageError: for unknown names or parameters.
        ReidbenchError: if a copy of a dataset cannot be used.
    """
    source = _changed(benchmark.source, "source", changes)
    target = _changed(benchmark.target, "target", changes)
    protocol = _changed(benchmark.protocol, "protocol", changes)
    entry = registry.entry("protocol", protocol.name)
    factory = entry.load()
    scored = Component(entry, factory.version, resolve(factory, protocol.parameters, "protocol"))
    scored.build()  # a value out of range shows before anything is computed
    setting = Setting(
        benchmark,
        open_dataset(source, registry, data_root, "source"),
        open_dataset(target, registry, data_root, "target"),
        scored,
        dict(changes),
    )
    if setting.source.fingerprint == setting.target.fingerprint:
        raise UsageError(f"source and target are the same data ('{setting.source.title}')")
    return setting


def plan(recipe: Recipe, setting: Setting, seed: int, precision: str) -> Plan:
    """Return the stages of a run.

    Raises:
        UsageError: if a constraint needs masks that the data does not have.
    """
    _check_masks(recipe, setting)
    size = setting.benchmark.image_size
    source = Decode(setting.source, "train", size)
    target = Decode(setting.target, "train", size)
    translated = _translated(recipe, source, target, seed, precision)
    embedded = Embed(
        _learned(recipe, source, target, translated, seed, precision),
        Decode(setting.target, "query", size),
        Decode(setting.target, "gallery", size),
        recipe.embedding,
    )
    preview = Preview(translated) if translated else None
    evaluated = Evaluate(embedded, setting.protocol, recipe.ranking)
    return Plan(recipe, setting, seed, precision, evaluated, preview)


def _translated(
    recipe: Recipe, source: Decode, target: Decode, seed: int, precision: str
) -> Translate | None:
    if recipe.translator is None:
        return None
    fitted = FitTranslator(
        recipe.translator, recipe.constraints, source, target, recipe.budget, seed, precision
    )
    return Translate(fitted, precision)


def _learned(
    recipe: Recipe,
    source: Decode,
    target: Decode,
    translated: Translate | None,
    seed: int,
    precision: str,
) -> Learn:
    def learn(*data: TrainingImages, start: Learn | None = None) -> Learn:
        return Learn(recipe.learner, data, seed, precision, start)

    if translated is None:
        return learn(target if recipe.strategy == "target" else source)
    if recipe.strategy == "translated":
        return learn(translated)
    if recipe.strategy == "source+translated":
        return learn(source, translated)
    return learn(translated, start=learn(source))


def _with_inputs(stage: Stage) -> Iterator[Stage]:
    for needed in stage.inputs:
        yield from _with_inputs(needed)
    yield stage


def _changed(spec: DatasetSpec, role: str, changes: Mapping[str, JSON]) -> DatasetSpec:
    prefix = f"{role}."
    mine = {k.removeprefix(prefix): v for k, v in changes.items() if k.startswith(prefix)}
    return replace(spec, parameters={**spec.parameters, **mine})


def _check_masks(recipe: Recipe, setting: Setting) -> None:
    if setting.source.dataset.has_masks and setting.target.dataset.has_masks:
        return
    for constraint in recipe.constraints:
        if "mask" in constraint.build().needs:
            raise UsageError(
                f"constraint '{constraint.name}' needs person masks, which "
                f"'{setting.source.title}' and '{setting.target.title}' do not both have"
            )
