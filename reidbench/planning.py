"""Recipe x benchmark x seed -> the stages that a run consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reidbench import embedding
from reidbench.benchmark import Benchmark, DatasetSpec
from reidbench.data.catalog import (
    OpenDataset,
    open_dataset,
    refuse_overlap,
    refuse_shared_persons,
)
from reidbench.data.dataset import Split
from reidbench.errors import UsageError
from reidbench.keys import JSON
from reidbench.parameters import resolve
from reidbench.progress import Progress, silent
from reidbench.recipe import Component, Recipe
from reidbench.registry import Registry
from reidbench.stages import (
    Decode,
    Embed,
    Evaluate,
    FitTranslator,
    JointModel,
    Learn,
    Preserve,
    Preview,
    Stage,
    TrainedModel,
    TrainingImages,
    Translate,
)


@dataclass(frozen=True)
class Setting:
    """A benchmark with its data at hand.

    Attributes:
        targets: one for each of the benchmark's splits.
        modified: what the user changed of the benchmark; a ranked result has nothing here.
    """

    benchmark: Benchmark
    source: OpenDataset
    targets: tuple[OpenDataset, ...]
    protocol: Component
    modified: Mapping[str, JSON]

    @property
    def left_out(self) -> list[str]:
        """The images that were left out of the datasets, with the dataset's name before each."""
        opened = (self.source, *self.targets)
        return sorted({f"{data.name}/{name}" for data in opened for name in data.left_out})

    @property
    def target(self) -> OpenDataset:
        """The target in its first split, for what all splits have in common."""
        return self.targets[0]

    def decode(self, data: OpenDataset, split: Split) -> Decode:
        """Return the stage that decodes a split of one of the datasets."""
        return Decode(data, split, self.benchmark.image_size, self.benchmark.interpolation)


@dataclass(frozen=True)
class Plan:
    """The stages of one run.

    Attributes:
        evaluations: the last ones, one for each of the target's splits; the others hang on them.
        preview: pictures of the first split's translation, if there is one.
        preserved: what each split's translation kept of the persons, if anything is translated.
    """

    recipe: Recipe
    setting: Setting
    seed: int
    precision: str
    evaluations: tuple[Evaluate, ...]
    preview: Preview | None
    preserved: tuple[Preserve, ...] = ()

    @property
    def learned(self) -> TrainedModel:
        """The stage that makes the model that is scored, of the first split."""
        return self.evaluations[0].embedded.learned

    @property
    def ends(self) -> list[Stage]:
        """The stages whose output is wanted for itself."""
        shown = [self.preview] if self.preview else []
        return [*self.evaluations, *self.preserved, *shown]

    @property
    def stages(self) -> list[Stage]:
        """All stages, each after its inputs, and all data before any training."""
        unique = {s.key: s for end in self.ends for s in _with_inputs(end)}
        return sorted(unique.values(), key=lambda s: not isinstance(s, Decode))


def open_setting(
    benchmark: Benchmark,
    registry: Registry,
    data_root: str | None,
    changes: Mapping[str, JSON],
    *,
    skip_corrupt: bool = False,
    progress: Progress = silent,
) -> Setting:
    """Open a benchmark's datasets and protocol.

    Args:
        benchmark: what to open.
        registry: where names are looked up.
        data_root: folder of the user's datasets.
        changes: user-set values by ``source.*``, ``target.*`` and ``protocol.*``.
        skip_corrupt: whether to leave out the images that cannot be decoded.
        progress: told how many images have been looked at for that.

    Raises:
        UsageError: for unknown names or parameters.
        ReidbenchError: if a copy of a dataset cannot be used.
    """
    source = _changed(benchmark.source, "source", changes)
    target = _changed(benchmark.target, "target", changes)
    splits = () if "target.split" in changes else benchmark.splits

    def opened(spec: DatasetSpec, role: str) -> OpenDataset:
        return open_dataset(
            spec, registry, data_root, role, skip_corrupt=skip_corrupt, progress=progress
        )

    first, *others = _each(target, splits)
    tested = opened(first, "target")
    # A benchmark that names no protocol is scored as the target usually is.
    named = benchmark.protocol if benchmark.protocol.name else DatasetSpec(tested.dataset.protocol)
    setting = Setting(
        benchmark,
        opened(source, "source"),
        (tested, *(opened(each, "target") for each in others)),
        _protocol(_changed(named, "protocol", changes), registry),
        dict(changes),
    )
    _refuse_same_persons(setting)
    return setting


def plan(recipe: Recipe, setting: Setting, seed: int, precision: str) -> Plan:
    """Return the stages of a run.

    Raises:
        UsageError: if a constraint needs masks that the data does not have, the learner has no
            feature map for the pooling, or labels of test images would be learned.
    """
    _check_masks(recipe, setting)
    _refuse_test_labels(recipe, setting)
    embedding.check(recipe.embedding, recipe.learner, setting.benchmark.image_size)
    run = _Run(recipe, setting, seed, precision)
    translated = run.translated(setting.target)
    return Plan(
        recipe,
        setting,
        seed,
        precision,
        tuple(run.evaluated(target) for target in setting.targets),
        Preview(translated) if translated else None,
        tuple(run.preserved()),
    )


@dataclass(frozen=True)
class _Run:
    """The stages of a run, from the last back to the first."""

    recipe: Recipe
    setting: Setting
    seed: int
    precision: str

    def evaluated(self, target: OpenDataset) -> Evaluate:
        setting, protocol = self.setting, self.setting.protocol
        tested = setting.source if setting.benchmark.tested == "source" else target
        pooled = protocol.entry.load().pools_queries and tested.dataset.has_boxes
        embedded = Embed(
            self.learned(target),
            setting.decode(tested, "query"),
            setting.decode(tested, "gallery"),
            self.recipe.embedding,
            setting.decode(tested, "boxes") if pooled else None,
        )
        return Evaluate(embedded, protocol, self.recipe.ranking)

    def learned(self, target: OpenDataset) -> TrainedModel:
        strategy, learner = self.recipe.strategy, self.recipe.learner
        source, translated = self._source, self.translated(target)
        if translated is None:
            own = self.setting.decode(target, "train")
            return self._learn(learner, own if strategy == "target" else source)
        if strategy == "joint":
            return JointModel(learner, translated.fitted)
        if strategy == "translated":
            return self._learn(learner, translated)
        if strategy == "source+translated":
            return self._learn(learner, source, translated)
        return self._learn(learner, translated, start=self._learn(learner, source))

    def preserved(self) -> Iterator[Preserve]:
        model = self._learn(self.recipe.learner, self._source)
        for target in self.setting.targets:
            if (translated := self.translated(target)) is not None:
                yield Preserve(translated, model)

    def translated(self, target: OpenDataset) -> Translate | None:
        recipe, setting = self.recipe, self.setting
        if recipe.translator is None:
            return None
        fitted = FitTranslator(
            recipe.translator,
            recipe.constraints,
            self._source,
            setting.decode(target, "train"),
            recipe.budget,
            self.seed,
            self.precision,
            {n: self._learn(c, self._source) for n, c in recipe.source_learners.items()},
        )
        cameras = recipe.rendering.cameras if recipe.by_camera else ""
        return Translate(fitted, self.precision, cameras)

    @property
    def _source(self) -> Decode:
        return self.setting.decode(self.setting.source, "train")

    def _learn(
        self, learner: Component, *data: TrainingImages, start: Learn | None = None
    ) -> Learn:
        return Learn(learner, data, self.seed, self.precision, start)


def _with_inputs(stage: Stage) -> Iterator[Stage]:
    for needed in stage.inputs:
        yield from _with_inputs(needed)
    yield stage


def _changed(spec: DatasetSpec, role: str, changes: Mapping[str, JSON]) -> DatasetSpec:
    prefix = f"{role}."
    mine = {k.removeprefix(prefix): v for k, v in changes.items() if k.startswith(prefix)}
    return replace(spec, parameters={**spec.parameters, **mine})


def _protocol(spec: DatasetSpec, registry: Registry) -> Component:
    entry = registry.entry("protocol", spec.name)
    factory = entry.load()
    protocol = Component(entry, factory.version, resolve(factory, spec.parameters, "protocol"))
    protocol.build()  # a value out of range shows before anything is computed
    return protocol


def _refuse_same_persons(setting: Setting) -> None:
    if setting.source.fingerprint == setting.target.fingerprint:
        raise UsageError(f"source and target are the same data ('{setting.source.title}')")
    for target in setting.targets:
        refuse_shared_persons(setting.source, target)
    if setting.benchmark.tested == "source":
        refuse_overlap(setting.source)


def _refuse_test_labels(recipe: Recipe, setting: Setting) -> None:
    if recipe.strategy == "target" and setting.target.dataset.trains_on_test:
        raise UsageError(
            f"strategy 'target' would learn the labels of the test images: the training images of "
            f"'{setting.target.title}' show its test persons as it is set"
        )


def _each(target: DatasetSpec, splits: Sequence[int]) -> list[DatasetSpec]:
    """Return the target once for each split, or as it is if there is none."""
    each = [{**target.parameters, "split": split} for split in splits]
    return [replace(target, parameters=p) for p in each] or [target]


def _check_masks(recipe: Recipe, setting: Setting) -> None:
    if setting.source.dataset.has_masks and setting.target.dataset.has_masks:
        return
    for constraint in recipe.constraints:
        if "mask" in constraint.build().needs:
            raise UsageError(
                f"constraint '{constraint.name}' needs person masks, which "
                f"'{setting.source.title}' and '{setting.target.title}' do not both have"
            )
