"""``reidbench extract``: a dataset's features by any model, in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import click

from reidbench.cli import options
from reidbench.cli.verbs.data import named

if TYPE_CHECKING:
    from reidbench.data.catalog import OpenDataset
    from reidbench.evaluation import Features
    from reidbench.extraction.extract import OpenModel, Preparation

Sets = Mapping[str, "Features"]
Names = Mapping[str, Sequence[str]]

# What decides how an image becomes features; where nothing is asked, the model's run decides.
PREPARATION = ("image_size", "interpolation", "pool", "parts", "flip", "precision")

FILE = options.FILE


class Size(click.ParamType[tuple[int, int]]):
    """Height and width as ``256x128``."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Return both as whole numbers."""
        if isinstance(value, tuple):
            return value
        match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", value)
        if match is None:
            self.fail(f"'{value}' is not height x width, such as 256x128", param, ctx)
        return int(match[1]), int(match[2])


@click.command("extract")
@click.argument("model")
@click.option("--dataset", required=True, metavar="NAME", help="What is embedded.")
@named.set_values
@options.data_root
@click.option(
    "--splits",
    default="query,gallery",
    show_default=True,
    metavar="NAMES",
    help="Of train, query, gallery and, where there are any, multi_query.",
)
@click.option("-o", "--output", required=True, type=FILE, help="The file to write, a .npz.")
@click.option("--weights", type=FILE, help="Of a network by name: .safetensors or .pth.")
@click.option(
    "--normalise",
    type=click.Choice(["imagenet", "half", "none"]),
    default="imagenet",
    show_default=True,
    help="Pixels of a model from elsewhere: by ImageNet's mean and deviation, to [-1, 1], or as "
    "they are in [0, 1].",
)
@click.option("--image-size", type=Size(), metavar="HxW", help="Usually the run's, or 256x128.")
@click.option(
    "--interpolation",
    type=click.Choice(["nearest", "bilinear", "bicubic", "lanczos"]),
    help="How images are resized; usually as in the run, or bicubic.",
)
@click.option(
    "--pool",
    type=click.Choice(["learner", "average", "max"]),
    help="Pool the last feature map: as learned, or over each part.",
)
@click.option("--parts", type=click.Choice([1, 2, 4, 8]), help="Horizontal parts of that map.")
@click.option("--flip/--no-flip", default=None, help="Add the features of the mirrored images.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--precision", metavar="NAME", help="float32, tf32 or bf16; usually the run's, or float32."
)
@click.option(
    "--batch", default=0, type=click.IntRange(0), help="Images at a time; 0 suits the machine."
)
@options.cache
@options.as_json
def command(model: str, output: Path, as_json: bool, **asked: Any) -> None:
    """Embed a dataset by any model into a file of features.

    MODEL is the result file of a run (its model is taken from the cache), torchvision:NAME,
    timm:NAME (pip install 'reidbench[timm]'), a TorchScript file (.pt; it can run code, but only
    within TorchScript) or an ONNX file (.onnx; pip install 'reidbench[onnx]'). A model from
    elsewhere gives one row of features an image. Nothing is downloaded or unpickled; networks by
    name have random weights without --weights.

    \b
    Examples:
      reidbench extract results/synthetic/spgan-cea5d614-seed0.json --dataset synthetic \\
        --set dataset.domain=b -o spgan.npz
      reidbench extract torchvision:resnet50 --weights resnet50.pth --pool max --parts 8 \\
        --dataset market1501 --data-root ~/reid -o features.npz
      reidbench evaluate --features features.npz
    """
    from reidbench.evaluation.files import write_features

    _check(output)
    about, sets, names = _extracted(model, asked)
    write_features(output, sets, names, about)
    facts = _facts(sets)
    if as_json:
        click.echo(json.dumps({**about, "sets": facts, "file": str(output)}, indent=2))
        return
    for split, numbers in facts.items():
        click.echo(f"{split}: {numbers['images']} images, {numbers['dimensions']} dimensions")
    click.echo(f"features {output}")


def _check(output: Path) -> None:
    """Refuse a file that cannot be written before anything is computed."""
    from reidbench.errors import UsageError
    from reidbench.storage.files import writing

    if output.suffix != ".npz":
        raise UsageError(f"features are written to .npz files, not to '{output}'")
    with writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        TemporaryFile(dir=output.parent).close()


def _extracted(model: str, asked: dict[str, Any]) -> tuple[dict[str, Any], Sets, Names]:
    """Return what the features came from, the features, and their images' names, by split."""
    from reidbench.data.catalog import open_dataset
    from reidbench.engine.hardware import choose
    from reidbench.extraction.extract import extract, open_model, prepared, splits_of
    from reidbench.registry.loading import load_plugins
    from reidbench.runs.bars import Bars
    from reidbench.runs.runner import Session
    from reidbench.storage.artifacts import Store

    plugins, store = load_plugins(), Store(asked["cache"])
    opened = open_model(model, asked["weights"], asked["normalise"], store, plugins.registry)
    chosen = {k: asked[k] for k in PREPARATION if asked[k] is not None}
    how = opened.usual.changed(chosen)
    hardware = choose(asked["device"], how.precision)
    extractor = prepared(opened, how, hardware, asked["batch"])
    spec = named.spec_of(asked["dataset"], asked["settings"])
    data = open_dataset(spec, plugins.registry, asked["data_root"])
    wanted = splits_of(asked["splits"], data.dataset)
    click.echo(f"{opened.title}; on {hardware.description}, {how.precision}", err=True)
    session = Session(store, hardware, Bars(), plugins.manager.hook)
    sets = extract(extractor, data, wanted, how, session)
    names: Names = {split: data.dataset.samples(split).names for split in wanted}
    return _about(opened, data, how), sets, names


def _about(opened: OpenModel, data: OpenDataset, how: Preparation) -> dict[str, Any]:
    from reidbench import __version__

    dataset = {**data.identity(), "title": data.title, "parameters": dict(data.parameters)}
    return {
        "reidbench": __version__,
        "model": dict(opened.about),
        "dataset": dataset,
        **how.to_dict(),
    }


def _facts(sets: Sets) -> dict[str, dict[str, int]]:
    return {
        split: {"images": len(found), "dimensions": found.features.shape[1]}
        for split, found in sets.items()
    }
