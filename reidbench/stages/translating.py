"""Training a translator, translating with it, and showing what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file

from reidbench.cost import of_translation
from reidbench.data.arrays import ImageArray
from reidbench.files import mapped_array, write_array
from reidbench.hardware import Hardware
from reidbench.interfaces import SourceModel, Translator
from reidbench.keys import JSON, derive_seed
from reidbench.metering import metered, peak_memory
from reidbench.recipe import Budget, Component
from reidbench.stages.base import Stage, Work, save_weights
from reidbench.stages.images import Decode, TrainingImages
from reidbench.stages.learning import Learn
from reidbench.stages.models import save_model
from reidbench.streams import stream
from reidbench.translation import SOURCE, TARGET, Domains, fit, set_up, translate

PREVIEW_COLUMNS = 8


@dataclass(frozen=True)
class FitTranslator(Stage):
    """Train a translator under its constraints.

    Attributes:
        source_models: by constraint, the source-trained model that it starts from.
    """

    kind: ClassVar[str] = "translator"

    translator: Component
    constraints: tuple[Component, ...]
    source: Decode
    target: Decode
    budget: Budget
    seed: int
    precision: str
    source_models: Mapping[str, Learn] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What it does."""
        return "train " + "+".join(c.name for c in (self.translator, *self.constraints))

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The training images of both domains, and the models that constraints start from."""
        return (self.source, self.target, *self.source_models.values())

    def values(self) -> JSON:
        """Return components, budget, seed and precision."""
        return {
            "translator": self.translator.identity(),
            "constraints": [c.identity() for c in self.constraints],
            "batch": self.budget.batch,
            "steps": self.steps,
            "seed": self.seed,
            "precision": self.precision,
        }

    @property
    def steps(self) -> int:
        """Number of training steps."""
        images = len(self.source.data.dataset.samples(self.source.split))
        return self.budget.resolved_steps(images)

    def compute(self, work: Work) -> dict[str, JSON]:
        """Train, and write the translator's weights."""
        domains = self._domains(work)
        translator = self._set_up(domains, work.hardware)
        context = domains.context(translator, work.hardware)
        constraints = {c.name: c.build() for c in self.constraints}
        for name, constraint in constraints.items():
            known = replace(context, source_model=self._source_model(name, work))
            set_up(constraint, name, known, self._root)
        train = partial(fit, domains=domains, steps=self.steps, batch=self.budget.batch)
        loop = metered(work.loop(self._root))
        image = domains.source.images(np.arange(1), work.hardware.device)
        cost = of_translation(translator, constraints, train, image, context.num_domains, loop)
        with peak_memory(work.hardware) as measured:
            train(translator, constraints, loop=loop)
        measured["images_a_second"] = loop.images_a_second(self.budget.batch)
        save_weights(work.folder / "translator.safetensors", translator)
        for constraint in constraints.values():
            if (model := constraint.embedder()) is not None:
                save_model(work.folder, model, domains.source.num_pids)
        parameters = sum(p.numel() for p in translator.parameters())
        return {"parameters": parameters, "cost": cost, "measured": measured}

    def load(self, work: Work) -> Translator:
        """Return the trained translator, for a stage whose input this is."""
        translator = self._set_up(self._domains(work), work.hardware)
        translator.load_state_dict(load_file(work.of(self) / "translator.safetensors"))
        return translator

    @property
    def _root(self) -> int:
        return derive_seed(self.seed, "translator")

    def _source_model(self, constraint: str, work: Work) -> SourceModel | None:
        if constraint not in self.source_models:
            return None
        learn = self.source_models[constraint]
        return SourceModel(*learn.load(work.of(learn), work.hardware))

    def _domains(self, work: Work) -> Domains:
        source, target = (d.open(work.of(d)) for d in (self.source, self.target))
        return Domains.of(source, target)

    def _set_up(self, domains: Domains, hardware: Hardware) -> Translator:
        translator: Translator = self.translator.build()
        set_up(translator, self.translator.name, domains.context(translator, hardware), self._root)
        return translator


@dataclass(frozen=True)
class Translate(TrainingImages):
    """Translate the source's training images to the target's style; labels stay.

    Attributes:
        cameras: for a translator that tells the target's cameras apart, whether each image is
            translated to "all" of them, one block of images after another, or to "one".
    """

    kind: ClassVar[str] = "translate"

    fitted: FitTranslator
    precision: str
    cameras: Literal["", "all", "one"] = ""

    @property
    def title(self) -> str:
        """What it does."""
        return f"translate {self.fitted.source.data.title} train"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translator and the images it was trained on."""
        return (self.fitted, *self.fitted.inputs)

    def values(self) -> JSON:
        """Return the precision and, where there is a choice, the cameras."""
        return {"precision": self.precision, **({"cameras": self.cameras} if self.cameras else {})}

    def open(self, folder: Path) -> ImageArray:
        """Map the translated images."""
        images = super().open(folder)
        return replace(images, fake=np.ones(len(images), np.bool_))

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write the translated images with the source's labels, and the domain of each."""
        source = self.fitted.source.open(work.of(self.fitted.source))
        domains = self._domains(len(source), work)
        blocks = len(domains) // len(source)
        shape = (len(domains), *source.pixels.shape[1:])
        pixels = mapped_array(work.folder / "pixels.npy", shape)
        self._translate(source, domains, pixels, work)
        pixels.flush()
        labels = {"pids": np.tile(source.pids, blocks), "cams": np.tile(source.cams, blocks)}
        for name, array in {**labels, "domains": domains}.items():
            write_array(work.folder / f"{name}.npy", array)
        return {"images": len(domains)}

    def _domains(self, rows: int, work: Work) -> NDArray[np.int64]:
        """Return the domain of each translated image, one block of all source images or several."""
        if not self.cameras:
            return np.full(rows, TARGET)
        target = self.fitted.target.open(work.of(self.fitted.target))
        count = len(np.unique(target.cams))
        if self.cameras == "all":
            return np.repeat(np.arange(TARGET, TARGET + count), rows)
        rng = np.random.default_rng(derive_seed(self.fitted.seed, self.kind, "cameras"))
        return rng.integers(TARGET, TARGET + count, rows)

    def _translate(
        self, source: ImageArray, domains: NDArray[np.int64], out: NDArray[np.uint8], work: Work
    ) -> None:
        translator, done = self.fitted.load(work), 0
        with stream(self.fitted.seed, self.kind):
            for domain in np.unique(domains).tolist():
                places = np.flatnonzero(domains == domain)
                rows = places % len(source)
                for batch in translate(translator, source, rows, SOURCE, domain, work.hardware):
                    out[places[: len(batch)]] = batch
                    places, done = places[len(batch) :], done + len(batch)
                    work.progress(done, len(domains), {})


@dataclass(frozen=True)
class Preview(Stage):
    """A few source images beside their translation, their reconstruction and target images."""

    kind: ClassVar[str] = "preview"

    translated: Translate

    @property
    def title(self) -> str:
        """What it does."""
        return "draw examples"

    @property
    def inputs(self) -> tuple[Stage, ...]:
        """The translated images and what they were made with."""
        return (self.translated, *self.translated.inputs)

    def values(self) -> JSON:
        """Return the number of columns."""
        return {"columns": PREVIEW_COLUMNS}

    def compute(self, work: Work) -> dict[str, JSON]:
        """Write ``rows.npy``, ``[4, columns, H, W, 3]`` uint8."""
        fitted = self.translated.fitted
        source = fitted.source.open(work.of(fitted.source))
        target = fitted.target.open(work.of(fitted.target))
        fakes = self.translated.open(work.of(self.translated))
        rows = _one_a_person(source)
        # The translator sees its own rounded output, as a learner does.
        shown = ImageArray(fakes.pixels[rows], fakes.pids[rows], fakes.cams[rows])
        translator = fitted.load(work)
        with stream(fitted.seed, self.kind):
            every = np.arange(len(shown))
            back = np.concatenate(
                [*translate(translator, shown, every, TARGET, SOURCE, work.hardware)]
            )
        work.progress(len(shown), len(shown), {})
        styles = target.pixels[np.linspace(0, len(target) - 1, len(rows)).astype(int)]
        sheet = np.stack([source.pixels[rows], shown.pixels, back, styles])
        write_array(work.folder / "rows.npy", sheet)
        return {}


def _one_a_person(images: ImageArray) -> NDArray[np.int64]:
    firsts: NDArray[np.int64] = np.unique(images.pids, return_index=True)[1].astype(np.int64)
    chosen = np.linspace(0, len(firsts) - 1, min(PREVIEW_COLUMNS, len(firsts)))
    return firsts[chosen.astype(np.int64)]
