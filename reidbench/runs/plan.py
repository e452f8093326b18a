"""Recipe x benchmark x seed -> the stages that a run consists of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reidbench.config.recipe import Component, Recipe
from reidbench.data.camera_groups import with_cameras
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Split
from reidbench.engine import embedding
from reidbench.errors import UsageError
from reidbench.runs.setting import Setting
from reidbench.stages import (
    DatasetImages,
    Decode,
    Embed,
    Evaluate,
    FitTranslator,
    JointModel,
    Learn,
    LearnMasks,
    Masked,
    Match,
    Preview,
    SpatialPreview,
    Stage,
    TrainedModel,
    TrainingImages,
    Translate,
    TranslateTest,
    TranslationQuality,
)

SEGMENTER_SEED = 0  # masks are learned once, off-line, for the runs of all seeds


@dataclass(frozen=True)
class Plan:
    """The stages of one run.

    Attributes:
        evaluations: the last ones, one for each of the target's splits; the others hang on them.
        preview: pictures of the first split's first translation, if there is one.
        translation_quality: how well each translation keeps persons, by split; empty if nothing
            is translated.
    """

    recipe: Recipe
    setting: Setting
    seed: int
    precision: str
    evaluations: tuple[Evaluate, ...]
    preview: Preview | None
    translation_quality: tuple[TranslationQuality, ...] = ()

    @property
    def learned(self) -> TrainedModel:
        """The stage that makes the model that is scored, of the first split."""
        return self.evaluations[0].embedded.learned

    @property
    def ends(self) -> list[Stage]:
        """The stages whose output is wanted for itself."""
        shown = [self.preview] if self.preview else []
        return [*self.evaluations, *self.translation_quality, *shown]

    @property
    def stages(self) -> list[Stage]:
        """All stages, each after its inputs, and all data before any training."""
        unique = {s.key: s for end in self.ends for s in _with_inputs(end)}
        return sorted(unique.values(), key=lambda s: not isinstance(s, Decode))


def plan(recipe: Recipe, setting: Setting, seed: int, precision: str) -> Plan:
    """Return the stages of a run.

    Raises:
        UsageError: if masks are read that the data does not have, the learner has no feature map
            for the pooling, the protocol pools features that are not compared, or labels of test
            images would be learned.
        ReidbenchError: if the images that masks are learned from cannot be read.
    """
    _check_masks(recipe, setting)
    _check_cameras(recipe, setting)
    _check_pooling(recipe, setting)
    _refuse_test_labels(recipe, setting)
    embedding.check(recipe.embedding, recipe.learner, setting.benchmark.image_size)
    run = _Run(recipe, setting, seed, precision)
    return Plan(
        recipe,
        setting,
        seed,
        precision,
        tuple(run.evaluated(target) for target in setting.targets),
        run.preview(),
        tuple(run.translation_quality()),
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
        pooled = protocol.entry.load().pools_queries and tested.dataset.has_multi_query
        embedded = Embed(
            self.learned(target),
            self._tested(tested, "query"),
            self._tested(tested, "gallery"),
            self.recipe.embedding,
            self._tested(tested, "multi_query") if pooled else None,
        )
        verifies = self.recipe.embedding.retrieval == "verification"
        match = Match(embedded) if verifies else None
        return Evaluate(embedded, protocol, self.recipe.ranking, match)

    def learned(self, target: OpenDataset) -> TrainedModel:
        strategy, learner = self.recipe.strategy, self.recipe.learner
        if strategy == "target":
            return self._learn(learner, self.setting.decode(target, "train"))
        if strategy == "source":
            return self._learn(learner, self._source)
        if strategy == "joint":
            (fitted,) = self._fitted(target)
            return JointModel(learner, fitted)
        translated = self._translated(target)
        if strategy == "translated":
            return self._learn(learner, *translated)
        if strategy == "source+translated":
            return self._learn(learner, self._source, *translated)
        return self._learn(learner, *translated, start=self._learn(learner, self._source))

    def preview(self) -> Preview | None:
        recipe, target = self.recipe, self.setting.target
        if recipe.translator is None:
            return None
        if recipe.to_source:
            return Preview(self._to_source(target, "query"))
        first = self._translated(target)[0]
        if recipe.by_code:
            return SpatialPreview(first, "mask" in recipe.translator.build().needs)
        return Preview(first)

    def translation_quality(self) -> Iterator[TranslationQuality]:
        if self.recipe.translator is None:
            return
        model = self._learn(self.recipe.learner, self._source)
        for target in self.setting.targets:
            if self.recipe.to_source:
                yield TranslationQuality(self._to_source(target, "gallery"), model)
            else:
                yield from (TranslationQuality(each, model) for each in self._translated(target))

    def _tested(self, tested: OpenDataset, split: Split) -> Decode | TranslateTest:
        """Return a set of test images: real, or the target's in the style of the source."""
        if self.recipe.to_source and tested is not self.setting.source:
            return self._to_source(tested, split)
        return self.setting.decode(tested, split)

    def _to_source(self, target: OpenDataset, split: Split) -> TranslateTest:
        (fitted,) = self._fitted(target)
        return TranslateTest(fitted, self._masked(target, split), self.precision)

    def _translated(self, target: OpenDataset) -> tuple[Translate, ...]:
        recipe = self.recipe
        cameras = recipe.rendering.cameras if recipe.by_camera else ""
        codes = recipe.rendering.codes if recipe.by_code else 0
        return tuple(
            Translate(fitted, self.precision, cameras, codes) for fitted in self._fitted(target)
        )

    def _fitted(self, target: OpenDataset) -> list[FitTranslator]:
        """Return the translators between all cameras, or between each pair of groups of them."""
        groups = self.recipe.perspective.pairs
        return [self._fit(target, source_cams, cams) for source_cams, cams in groups]

    def _fit(
        self, target: OpenDataset, source_cams: Sequence[int], target_cams: Sequence[int]
    ) -> FitTranslator:
        recipe = self.recipe
        assert recipe.translator is not None
        source = _only(self.setting.source, source_cams)
        seen = self.setting.decode(source, "train")
        return FitTranslator(
            recipe.translator,
            recipe.constraints,
            self._masked(source, "train"),
            self._masked(_only(target, target_cams), "train"),
            recipe.budget,
            self.seed,
            self.precision,
            {n: self._learn(c, seen) for n, c in recipe.source_learners.items()},
        )

    def _masked(self, data: OpenDataset, split: Split) -> DatasetImages:
        """Return images with the dataset's masks if it has any, or with those that are made."""
        images, segmenter = self.setting.decode(data, split), self.recipe.segmenter
        if segmenter is None:
            return images
        skip = self.setting.skip_corrupt
        learned = LearnMasks.of(
            segmenter, images.size, SEGMENTER_SEED, self.precision, skip_corrupt=skip
        )
        return Masked(images, segmenter, learned, self.precision)

    @property
    def _source(self) -> Decode:
        return self.setting.decode(self.setting.source, "train")

    def _learn(
        self, learner: Component, *data: TrainingImages, start: Learn | None = None
    ) -> Learn:
        return Learn(learner, data, self.seed, self.precision, start)


def _only(data: OpenDataset, cameras: Sequence[int]) -> OpenDataset:
    """Return a dataset with the training images of some cameras, or of all if none is named."""
    return with_cameras(data, cameras) if cameras else data


def _with_inputs(stage: Stage) -> Iterator[Stage]:
    for needed in stage.inputs:
        yield from _with_inputs(needed)
    yield stage


def _check_masks(recipe: Recipe, setting: Setting) -> None:
    both = setting.source.dataset.has_masks and setting.target.dataset.has_masks
    if recipe.mask_readers and not both and recipe.segmenter is None:
        readers = " and ".join(f"'{name}'" for name in recipe.mask_readers)
        raise UsageError(
            f"{readers} needs person masks, which '{setting.source.title}' and "
            f"'{setting.target.title}' do not both have: make them, e.g. with --masks unet"
        )


def _check_cameras(recipe: Recipe, setting: Setting) -> None:
    """Refuse test images of a camera that a translator of cameras will not have seen."""
    if not (recipe.to_source and recipe.by_camera):
        return
    for target in setting.targets:
        known = target.dataset.samples("train").cams
        for split in ("query", "gallery"):
            strange = np.setdiff1d(target.dataset.samples(split).cams, known)
            if len(strange):
                raise UsageError(
                    f"{split} images of '{target.title}' are of camera {strange[0]}, which none of "
                    f"its training images is of: '{recipe.name}' cannot translate them"
                )


def _check_pooling(recipe: Recipe, setting: Setting) -> None:
    protocol = setting.protocol
    if recipe.embedding.retrieval == "verification" and protocol.entry.load().pools_queries:
        raise UsageError(
            f"protocol '{protocol.name}' averages features, which embedding.retrieval="
            "'verification' does not compare; set it to 'features' or choose another protocol"
        )


def _refuse_test_labels(recipe: Recipe, setting: Setting) -> None:
    if recipe.strategy == "target" and setting.target.dataset.trains_on_test:
        raise UsageError(
            f"strategy 'target' would learn the labels of the test images: the training images of "
            f"'{setting.target.title}' show its test persons as it is set"
        )
