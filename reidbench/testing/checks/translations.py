"""Checks of what translators make of images, once they are trained."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from reidbench.interfaces import Images, Translator
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import SkippedCheck, Subject, check, require
from reidbench.testing.checks.material import CPU, disturbed, domains, snapshot, train
from reidbench.testing.checks.trainables import require_same
from reidbench.testing.checks.translators import KIND, made, require_images

SIZES: dict[str, tuple[int, int]] = {
    "width": (4, 8),
    "blocks": (1, 2),
    "discriminator_width": (4, 8),
}


def finished(subject: Subject) -> Translator:
    """Return a trained translator in evaluation mode."""

    def make() -> Translator:
        translator = made(subject)
        train(translator, {}, domains())
        return translator.eval()

    return subject.shared("finished", make)


def routes(translator: Translator) -> Iterator[tuple[Images, int, int]]:
    """Yield some images with the domains that they may be translated between."""
    data = domains()
    number = 1 + (data.cameras if translator.split == "camera" else 1)
    directions = translator.directions
    if "source-to-target" in directions:
        for dst in range(1, number):
            yield data.source.images(np.arange(4), CPU.device), 0, dst
    if "target-to-source" in directions:
        for src in range(1, number):
            own = translator.split == "dataset" or data.target.cams == src - 1
            rows = np.flatnonzero(np.broadcast_to(own, len(data.target)))[:4]
            yield data.target.images(rows, CPU.device), src, 0


@check(
    KIND,
    why="What is translated is learned from as images.",
    mend="Return [B, 3, H, W] in [-1, 1], as tanh gives it; resample what a network shrinks.",
)
def translate_keeps_shape_and_range(subject: Subject) -> None:
    """Translate images between all domains, one image too."""
    translator = finished(subject)
    for images, src, dst in routes(translator):
        for part in (images, _rows(images, slice(0, 1))):
            require_images(_translated(translator, part, src, dst), part.pixels, "translate gives")


@check(
    KIND,
    why="A translator that returns its input is ranked like any other.",
    mend="Return what the generator of the direction draws.",
)
def translate_changes_something(subject: Subject) -> None:
    """Compare translated images with their originals."""
    translator = finished(subject)
    for images, src, dst in routes(translator):
        change = (_translated(translator, images, src, dst) - images.pixels).abs().max()
        require(change > 1e-4, f"translate returns its input from domain {src} to {dst}")


@check(
    KIND,
    why="An image's translation would depend on who else is in the batch.",
    mend="Use instance normalisation, or batch normalisation in evaluation mode; take no mean over "
    "rows.",
)
def translate_keeps_rows_apart(subject: Subject) -> None:
    """Translate a batch, and its rows one by one."""
    translator = finished(subject)
    for images, src, dst in routes(translator):
        whole = _translated(translator, images, src, dst)
        single = [
            _translated(translator, _rows(images, slice(i, i + 1)), src, dst)
            for i in range(len(images))
        ]
        apart = torch.allclose(whole, torch.cat(single), atol=1e-3)
        require(apart, "an image's translation depends on the other rows of its batch")


@check(
    KIND,
    why="Translated images are made once and kept; a second computation must give them again.",
    mend="Leave dropout and noise to training mode, or to the code; change no buffer in translate.",
)
def translate_is_repeatable(subject: Subject) -> None:
    """Translate twice, and compare images and weights."""
    translator = finished(subject)
    before = snapshot(translator)
    for images, src, dst in routes(translator):
        first = _translated(translator, images, src, dst)
        with disturbed(9):
            again = _translated(translator, images, src, dst)
        require(first.equal(again), "translate gives other images at the second call")
    require_same(before, snapshot(translator), "translate leaves")


@check(
    KIND,
    why="A run asks for several translations of an image by codes.",
    mend="Take code as [B, code_size], and zeros where it is None; set code_size to 0 if you "
    "have none.",
)
def codes_pick_translations(subject: Subject) -> None:
    """Translate with codes of zeros, others and none."""
    translator = finished(subject)
    if not translator.code_size:
        raise SkippedCheck("it takes no codes")
    for images, src, dst in routes(translator):
        zeros = torch.zeros(len(images), translator.code_size)
        none, mean, other = (
            _translated(translator, images, src, dst, code) for code in (None, zeros, zeros + 3)
        )
        require(none.equal(mean), "no code is not the same as the mean of the codes, zeros")
        require(other.shape == mean.shape, "a code changes the shape of the images")


@check(
    KIND,
    why="Benchmarks set sizes for all translators by these names; who ignores one compares "
    "networks of another size.",
    mend="Let the parameter decide the network of that name.",
)
def sizes_obey_the_benchmark(subject: Subject) -> None:
    """Build a smaller and a larger one for each name."""
    named = [name for name in SIZES if subject.has(name)]
    if not named:
        raise SkippedCheck(f"it has none of the parameters {', '.join(SIZES)}")
    for name in named:
        low, high = SIZES[name]
        small, large = (_size(subject, name, size) for size in (low, high))
        require(small < large, f"{name}={low} and {name}={high} give networks of the same size")


def _translated(
    translator: Translator, images: Images, src: int, dst: int, code: Tensor | None = None
) -> Tensor:
    with torch.no_grad():
        return translator.translate(copy.copy(images), src, dst, code)


def _rows(images: Images, rows: slice) -> Images:
    mask = None if images.mask is None else images.mask[rows]
    return Images(images.pixels[rows], images.pid[rows], images.cam[rows], mask)


def _size(subject: Subject, name: str, value: JSON) -> int:
    changes: dict[str, JSON] = {name: value}
    return sum(p.numel() for p in made(subject, CPU, **changes).parameters())
