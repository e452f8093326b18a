"""Recipe x benchmark x seed -> the stages that a run consists of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reidbench.config.recipe import Component, Recipe
from reidbench.data.camera_groups import with_cameras
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import Split
from reidbench.engine import embedding
from reidbench.runs.plan_checks import check_data, truth_known
from reidbench.runs.setting import Setting
from reidbench.stages import (
    DatasetImages,
    Decode,
    Embed,
    Evaluate,
    FitTranslator,
    Generated,
    JointModel,
    Learn,
    LearnMasks,
    Masked,
    Match,
    Preview,
    ReadTranslations,
    SpatialPreview,
    Stage,
    TrainedModel,
    TrainingImages,
    Translate,
    Translated,
    TranslateTest,
    TranslateViews,
    TranslationQuality,
    TruePreview,
    TrueTranslation,
    Truth,
    TruthError,
)
from reidbench.stages.score import TestImages

TRUTH_SEED = 0  # of the classifier of true pictures: one for the runs of all seeds
SEGMENTER_SEED = 0  # masks are learned once, off-line, for the runs of all seeds


@dataclass(frozen=True)
class Plan:
    """The stages of one run.

    Attributes:
        evaluations: the last ones, one for each of the target's splits; the others hang on them.
        preview: pictures of the first split's first translation, if there is one.
        translation_quality: how well each translation keeps persons, by split; empty if nothing
            is translated.
        truth_errors: how far each translation is from the truth; empty unless both are rendered.
    """

    recipe: Recipe
    setting: Setting
    seed: int
    precision: str
    evaluations: tuple[Evaluate, ...]
    preview: Preview | None
    translation_quality: tuple[TranslationQuality, ...] = ()
    truth_errors: tuple[TruthError, ...] = ()

    @property
    def learned(self) -> TrainedModel:
        """The stage that makes the model that is scored, of the first split."""
        return self.evaluations[0].embedded.learned

    @property
    def ends(self) -> list[Stage]:
        """The stages whose output is wanted for itself."""
        shown = [self.preview] if self.preview else []
        return [*self.evaluations, *self.translation_quality, *self.truth_errors, *shown]

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
            images would be learned, or the truth is read that only rendered domains have.
        ReidbenchError: if the images that masks are learned from cannot be read.
    """
    check_data(recipe, setting)
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
        tuple(run.truth_errors()),
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
        if strategy in ("joint", "source+views"):
            (fitted,) = self._fitted(target)
            if strategy == "joint":
                return JointModel(learner, fitted)
            views = TranslateViews(fitted, self.precision)
            return Learn(learner, (self._source,), self.seed, self.precision, views=views)
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
        to_source = recipe.to_source
        first = self._to_source(target, "query") if to_source else self._translated(target)[0]
        truth = self._truth(first) if truth_known(self.setting) else None
        if not isinstance(first, Generated):
            return TruePreview(first, truth)
        if recipe.by_code and isinstance(first, Translate):
            return SpatialPreview(first, truth, "mask" in recipe.translator.build().needs)
        return Preview(first, truth)

    def translation_quality(self) -> Iterator[TranslationQuality]:
        if self.recipe.translator is None:
            return
        model = self._learn(self.recipe.learner, self._source)
        for target in self.setting.targets:
            if self.recipe.to_source:
                yield TranslationQuality(self._to_source(target, "gallery"), model)
            else:
                yield from (TranslationQuality(each, model) for each in self._translated(target))

    def truth_errors(self) -> Iterator[TruthError]:
        if self.recipe.translator is None or not truth_known(self.setting):
            return
        for target in self.setting.targets:
            measured = (
                (self._to_source(target, "gallery"),)
                if self.recipe.to_source
                else self._translated(target)
            )
            classifier = self._knowing(measured)
            for each in measured:
                yield TruthError(each, self._truth(each), classifier)

    def _truth(self, translated: Translated) -> Truth:
        real, like = translated.originals, translated.like
        return Truth(self.setting.decode(real.data, real.split), self._plain(like))

    def _knowing(self, translated: Sequence[Translated]) -> Learn:
        """Return the classifier of the true pictures of what is translated.

        In the direction source-to-target it is the model that the method 'perfect' ends with.
        """
        true = [TrueTranslation(self._plain(t.originals), self._plain(t.like)) for t in translated]
        learner, precision, start = self.recipe.learner, self.precision, None
        if not self.recipe.to_source:
            start = Learn(learner, (self._source,), TRUTH_SEED, precision)
        return Learn(learner, tuple(true), TRUTH_SEED, precision, start)

    def _plain(self, images: DatasetImages) -> Decode:
        """Return images without the masks that are made of them."""
        return self.setting.decode(images.data, images.split)

    def _tested(self, tested: OpenDataset, split: Split) -> TestImages:
        """Return a set of test images: real, or the target's in the style of the source."""
        if self.recipe.to_source and tested is not self.setting.source:
            return self._to_source(tested, split)
        return self.setting.decode(tested, split)

    def _to_source(self, target: OpenDataset, split: Split) -> TranslateTest | TrueTranslation:
        if self.recipe.reads_truth:
            return TrueTranslation(self.setting.decode(target, split), self._source, self._parts)
        (fitted,) = self._fitted(target)
        return TranslateTest(fitted, self._masked(target, split), self.precision)

    def _translated(self, target: OpenDataset) -> tuple[Translated, ...]:
        recipe = self.recipe
        if recipe.translator is not None and recipe.reads_files:
            towards, given = self.setting.decode(target, "train"), recipe.translator.parameters
            return (ReadTranslations.of(self._source, towards, **given),)
        if recipe.reads_truth:
            return tuple(self._true(target, *cams) for cams in recipe.perspective.pairs)
        cameras = recipe.rendering.cameras if recipe.by_camera else ""
        codes = recipe.rendering.codes if recipe.by_code else 0
        return tuple(Translate(f, self.precision, cameras, codes) for f in self._fitted(target))

    def _true(
        self, target: OpenDataset, source_cams: Sequence[int], target_cams: Sequence[int]
    ) -> TrueTranslation:
        images, towards = (
            self.setting.decode(_only(data, cams), "train")
            for data, cams in ((self.setting.source, source_cams), (target, target_cams))
        )
        return TrueTranslation(images, towards, self._parts)

    @property
    def _parts(self) -> tuple[str, ...]:
        assert self.recipe.translator is not None
        return tuple(self.recipe.translator.build().parts)

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
