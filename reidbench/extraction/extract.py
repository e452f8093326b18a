"""Features of a dataset by any model, so that anyone's model can be ranked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from reidbench.config.recipe import Embedding
from reidbench.data.arrays import ImageArray
from reidbench.data.catalog import OpenDataset
from reidbench.data.dataset import OLD_NAMES, SPLITS, Dataset, Split
from reidbench.data.decode import Interpolation
from reidbench.engine.embedding import Embedder, Embeds, Extractor, check_rows
from reidbench.engine.hardware import Hardware
from reidbench.engine.streams import stream
from reidbench.errors import ReidbenchError, UsageError, did_you_mean
from reidbench.evaluation import Features
from reidbench.extraction.external_models import (
    BackboneModel,
    OnnxNetwork,
    Ranged,
    WholeModel,
    named_network,
    torchscript_network,
)
from reidbench.interfaces import FeatureLearner
from reidbench.nn.pixels import Range
from reidbench.nn.timm_networks import PREFIX as TIMM
from reidbench.nn.weights import WeightsFile
from reidbench.registry.parameters import resolve
from reidbench.registry.registry import Registry
from reidbench.results.result import Result, load
from reidbench.runs.runner import Session, compute_stage
from reidbench.stages import Decode
from reidbench.stages.trained_model import load_model
from reidbench.storage.artifacts import Store
from reidbench.storage.keys import JSON

TORCHVISION = "torchvision:"
RESULT = ".json"
READERS: dict[str, Callable[[Path], nn.Module]] = {
    ".onnx": OnnxNetwork,
    ".pt": torchscript_network,
    ".torchscript": torchscript_network,
}
MODEL_STAGES = ("learn/", "joint/")


@dataclass(frozen=True)
class Preparation:
    """Preparation of an image for a model.

    Attributes:
        image_size: height and width in pixels.
        interpolation: filter that resizes images.
        embedding: options that turn images into features.
        precision: precision of the forward pass.
    """

    image_size: tuple[int, int] = (256, 128)
    interpolation: Interpolation = "bicubic"
    embedding: Embedding = Embedding()  # noqa: RUF009 - frozen
    precision: str = "float32"

    def changed(self, values: Mapping[str, Any]) -> Preparation:
        """Return it with some values changed, those of the embedding by their own names.

        Raises:
            UsageError: if they do not go together.
        """
        own = {k: v for k, v in values.items() if k in self.__dataclass_fields__}
        rest = {k: v for k, v in values.items() if k not in own}
        try:
            return replace(self, embedding=replace(self.embedding, **rest), **own)
        except ValueError as error:
            raise UsageError(str(error)) from error

    def to_dict(self) -> dict[str, JSON]:
        """Return it ready for JSON."""
        return {
            "image_size": list(self.image_size),
            "interpolation": self.interpolation,
            "embedding": self.embedding.to_dict(),
            "precision": self.precision,
        }


@dataclass(frozen=True)
class OpenModel:
    """A model at hand.

    Attributes:
        title: short description.
        about: description for the file of features.
        learner: interface that computes its features.
        usual: default preparation of images.
    """

    title: str
    about: Mapping[str, JSON]
    learner: Embeds
    model: nn.Module
    usual: Preparation = Preparation()


def open_model(
    name: str, weights: Path | None, normalisation: Range, store: Store, registry: Registry
) -> OpenModel:
    """Open a model by what it is called on the command line.

    Args:
        name: ``torchvision:NAME``, ``timm:NAME``, or the path of a result, a TorchScript or an ONNX
            file.
        weights: file of the weights of such a network, None for random ones.
        normalisation: pixel range of a model from elsewhere.
        store: store that holds the models of results.
        registry: registry to look their learners up in.

    Raises:
        UsageError: if there is no such kind of model, or weights are named for another kind.
        ReidbenchError: if the model cannot be read.
    """
    if name.startswith((TORCHVISION, TIMM)):
        return _named(name, weights, normalisation)
    if weights is not None:
        raise UsageError(
            f"--weights are those of a {TORCHVISION}NAME or {TIMM}NAME; other models have their own"
        )
    path = Path(name)
    reader = READERS.get(path.suffix.lower())
    if reader is None and path.suffix.lower() != RESULT:
        raise UsageError(_unknown(name))
    if not path.is_file():
        raise ReidbenchError(f"there is no file {path}")
    if reader is None:
        return learned_model(load(path), store, registry)
    hashed = WeightsFile(path.name, path).sha256
    about = {"file": path.name, "sha256": hashed, "normalise": normalisation}
    return OpenModel(path.name, about, WholeModel(), Ranged(reader(path), normalisation))


def learned_model(result: Result, store: Store, registry: Registry) -> OpenModel:
    """Return the model that a result scored; where there are several, that of the last split.

    Raises:
        ReidbenchError: if it is no longer in the cache, or its learner has changed.
    """
    keys = [stage["key"] for stage in result.execution.get("stages", ())]
    models = [key for key in keys if key.startswith(MODEL_STAGES)]
    if not models or store.find(models[-1]) is None:
        raise ReidbenchError(
            f"the model of this result is not in the cache {store.root}; run the same again, or "
            "name its cache with --cache"
        )
    with store.held(models[-1]) as artifact:
        learner = _learner(artifact.manifest["values"]["learner"], registry)
        model = load_model(learner, artifact.path).eval()
    about = {"result": result.file_name.name, "key": models[-1]}
    if result.recipe.get("direction") == "target-to-source":
        about["note"] = "images as they are; the run translated its own to the source first"
    return OpenModel(result.recipe["name"], about, learner, model, _usual(result))


def prepared(opened: OpenModel, chosen: Preparation, hardware: Hardware, batch: int) -> Extractor:
    """Return an extractor of a model's features, after a test on two black images.

    Args:
        opened: the model; it is changed for good.
        chosen: preparation of images.
        hardware: device and precision.
        batch: images at a time; 0 for what suits the hardware.

    Raises:
        UsageError: if the model has no feature map to pool, or one with too few rows.
        ReidbenchError: if it refuses the images or gives no features ``[2, D]``.
    """
    size, embedding = chosen.image_size, chosen.embedding
    if embedding.pool != "learner":
        check_rows(embedding, opened.learner, opened.model, size, opened.title)
    embedder = Embedder(opened.learner, opened.model, embedding)
    extractor = Extractor(embedder, hardware, flip=embedding.flip, batch=batch or None)
    nobody = np.zeros(2, np.int64)
    black = ImageArray(np.zeros((2, *size, 3), np.uint8), nobody, nobody)
    told = f"{opened.title}, given 2 images of {size[0]}x{size[1]} pixels,"
    try:
        shape = extractor(black).shape
    except ReidbenchError:
        raise
    except Exception as error:  # a model from elsewhere can fail in any way
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise ReidbenchError(f"{told} fails: {reason}") from error
    if len(shape) != 2 or shape[0] != 2 or not shape[1]:
        raise ReidbenchError(f"{told} gives {list(shape)}; it must give features [2, D]")
    return extractor


def extract(
    extractor: Extractor,
    data: OpenDataset,
    splits: Sequence[Split],
    chosen: Preparation,
    session: Session,
) -> dict[str, Features]:
    """Return the features of some splits of a dataset, by split; images are decoded once ever.

    Raises:
        ReidbenchError: naming the first image that cannot be decoded.
    """
    stages = [Decode(data, s, chosen.image_size, chosen.interpolation) for s in splits]
    for stage in stages:
        compute_stage(stage, session)
    with ExitStack() as reading:
        arrays: dict[str, ImageArray] = {
            s.split: s.open(reading.enter_context(session.store.held(s.key)).path) for s in stages
        }
        title = f"embed {data.title} {', '.join(splits)}"
        progress = reading.enter_context(session.reporter.stage(title))
        return {
            split: Features(features, arrays[split].pids, arrays[split].cams)
            for split, features in extractor.sets(arrays, progress)
        }


def splits_of(text: str, dataset: Dataset) -> list[Split]:
    """Return the splits of a dataset that a list such as "query,gallery" names.

    Raises:
        UsageError: for a name that is none of its splits.
    """
    known: tuple[Split, ...] = (*SPLITS, "multi_query") if dataset.has_multi_query else SPLITS
    asked = [part.strip() for part in text.split(",")]
    named = [OLD_NAMES.get(name, name) for name in asked]
    for name, split in zip(asked, named, strict=True):
        if split not in known:
            raise UsageError(f"--splits: no split is named '{name}'{did_you_mean(name, known)}")
    return [split for split in known if split in named]


def _named(network_name: str, weights: Path | None, normalisation: Range) -> OpenModel:
    name = network_name.removeprefix(TORCHVISION)
    with stream(0, "random weights"):
        network, names = named_network(name, weights)
    told = f"weights {weights.name} ({names})" if weights else "random weights"
    plain = f"weights {weights.name}" if weights else told
    about: dict[str, JSON] = {"network": network_name, "weights": plain}
    if weights:
        about["mapping"] = names
        about["sha256"] = WeightsFile(weights.name, weights).sha256
    about["normalise"] = normalisation
    model = Ranged(network, normalisation)
    return OpenModel(f"{name}, {told}", about, BackboneModel(), model)


def _learner(identity: Mapping[str, JSON], registry: Registry) -> FeatureLearner:
    name = identity["name"]
    factory = registry.entry("learner", name).load()
    if factory.version != identity["version"]:
        raise ReidbenchError(
            f"the model was learned by version {identity['version']} of '{name}', and version "
            f"{factory.version} is installed; run the same again"
        )
    learner: FeatureLearner = factory(**resolve(factory, identity["parameters"], name))
    return learner


def _usual(result: Result) -> Preparation:
    """Return the preparation of images in the run of a result."""
    height, width = result.benchmark["image_size"]
    embedding = Embedding(**resolve(Embedding, result.recipe["embedding"], "embedding"))
    interpolation = result.benchmark.get("interpolation", "bicubic")
    return Preparation((height, width), interpolation, embedding, result.precision)


def _unknown(name: str) -> str:
    if name.endswith(".pt2"):
        return (
            f"{name}: files of torch.export are not read, because PyTorch unpickles parts of them; "
            "export the model as ONNX (.onnx) or TorchScript (.pt)"
        )
    kinds = (
        f"a result (.json), {TORCHVISION}NAME, {TIMM}NAME, a TorchScript file (.pt) or an ONNX "
        "file (.onnx)"
    )
    return f"'{name}' is no model: name {kinds}"
