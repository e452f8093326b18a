"""The trainings that are timed, and the plain loops beside them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import get_model

from benchmarks.perf import test_cyclegan, test_stargan
from benchmarks.perf.device.timing import (
    Bench,
    Build,
    Contender,
    Part,
    Timed,
    as_the_loop_makes_it,
    compared,
)
from reidbench.data.arrays import ImageArray
from reidbench.engine.gan import Domains, fit, set_up, train_step
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import UNLABELLED, Batch, Images, Translator
from reidbench.registry.loading import load_plugins

BF16 = "bf16"


def cyclegan(bench: Bench, batch: int, precision: str = BF16) -> Part:
    """Time CycleGAN's step at 256x128 with the paper's networks."""
    setting = test_cyclegan.Setting((256, 128), batch, {})
    if bench.tiny:
        setting = test_cyclegan.Setting((32, 24), 2, test_cyclegan.SMALL.networks)

    def plain(stack: ExitStack) -> Contender:
        model = setting.model()
        test_cyclegan.with_torchs_norms(model)
        step = test_cyclegan.PlainStep(model.to(bench.device))
        x, y = (pixels.to(bench.device) for pixels in setting.pixels())
        return Contender(in_precision(bench, precision, lambda: step(x, y)))

    def batch_of() -> Batch:
        return unlabelled_pair(bench, *setting.pixels())

    return compared(bench, {"plain": plain, **ours(bench, precision, setting.model, batch_of)})


def stargan(bench: Bench, batch: int = 16, precision: str = BF16) -> Part:
    """Time StarGAN's step at 128x64 with the paper's networks; half of the batch is the source."""
    setting = test_stargan.Setting((128, 64), batch, {})
    if bench.tiny:
        setting = test_stargan.Setting((32, 24), 4, test_stargan.SMALL.networks)

    def plain(stack: ExitStack) -> Contender:
        step = test_stargan.PlainStep(setting, bench.device)
        dst = test_stargan.dealt(setting).to(bench.device)
        return Contender(in_precision(bench, precision, lambda: step(dst)))

    def batch_of() -> Batch:
        pair = unlabelled_pair(bench, *setting.pixels().chunk(2))
        return replace(pair, target=replace(pair.target, cam=setting.cam().to(bench.device)))

    return compared(bench, {"plain": plain, **ours(bench, precision, setting.model, batch_of)})


def ours(
    bench: Bench, precision: str, model: Callable[[], Translator], batch_of: Callable[[], Batch]
) -> dict[str, Build]:
    """Return a translator's step as the loop makes it, compiled and not."""

    def build(stack: ExitStack, compile: str) -> Contender:
        hardware = Hardware(bench.device, precision, compile=compile)
        translator = model().to(bench.device, memory_format=torch.channels_last)
        batch = batch_of()
        state = {"translator": translator, **translator.optimizers()}
        return as_the_loop_makes_it(
            stack, state, hardware, lambda clock: train_step(translator, {}, batch, clock, 0)
        )

    ways = {"ours": bench.compile, "ours, not compiled": "off"}
    return {name: lambda stack, how=how: build(stack, how) for name, how in ways.items()}


def in_precision(bench: Bench, precision: str, step: Callable[[], object]) -> Callable[[], object]:
    """Return a plain step under autocast, as one writes it."""

    def within() -> object:
        narrow = torch.autocast(bench.device.type, torch.bfloat16)
        with narrow if precision == BF16 else nullcontext():
            return step()

    return within


def unlabelled_pair(bench: Bench, x: Tensor, y: Tensor) -> Batch:
    """Return a batch of both domains on the device; the target has no persons."""
    layout = torch.channels_last
    x, y = (pixels.to(bench.device).contiguous(memory_format=layout) for pixels in (x, y))
    persons, cam = torch.arange(len(x)), torch.zeros(len(x), dtype=torch.long)
    hidden = torch.full_like(persons, UNLABELLED)
    there = [t.to(bench.device) for t in (persons, hidden, cam)]
    return Batch(
        Images(x, there[0], there[2], host_pid=persons, host_cam=cam),
        Images(y, there[1], there[2], host_pid=hidden, host_cam=cam),
    )


def synthetic(bench: Bench) -> Part:
    """Time a step of SPGAN on the benchmark ``synthetic``: batches, augmentation, constraint."""
    found: Part = {}
    for name, how in {"ours": bench.compile, "ours, not compiled": "off"}.items():
        hardware = Hardware(bench.device, compile=how)
        loop = Timed(Path("unused"), 0, hardware, bench=bench)
        translator, constraint = small_spgan(bench)
        domains = Domains.of(noise((64, 32)), noise((64, 32)))
        for part, component in {"translator": translator, "sianet": constraint}.items():
            set_up(component, part, domains.context(translator, hardware), 0)
        fit(translator, {"sianet": constraint}, domains, 1000, 4, loop)
        found[name] = {"ms": round(1000 * loop.seconds["ours"], 3), **loop.used}
    return found


def small_spgan(bench: Bench) -> tuple[Any, Any]:
    """Return the translator and the constraint of a small SPGAN, to be set up."""
    registry = load_plugins().registry
    translator = registry.entry("translator", "cyclegan").load()
    constraint = registry.entry("constraint", "sianet").load()
    width, blocks = (4, 1) if bench.tiny else (16, 3)
    small = {"blocks": blocks, "width": width, "discriminator_width": width, "residual": True}
    return translator(**small), constraint()


def ide(bench: Bench) -> Part:
    """Time IDE's step of ResNet-50 at 256x128 and batch 128, against a plain channels-last loop."""
    size, batch = ((32, 16), 4) if bench.tiny else ((256, 128), 128)
    data = noise(size, people=16 if bench.tiny else 256, each=4)
    learner = load_plugins().registry.entry("learner", "ide").load()
    learner = learner(backbone=bench.backbone, batch=batch, epochs=100)
    model = learner.build(data.num_pids)
    model.to(bench.device, memory_format=torch.channels_last)
    hardware = Hardware(bench.device, BF16, compile=bench.compile)
    rival = plain_classifier(bench, data.num_pids, size, batch)
    loop = Timed(Path("unused"), 0, hardware, bench=bench, rival=rival)
    learner.fit(model, data, loop)
    times = {name: round(1000 * s, 3) for name, s in loop.seconds.items()}
    ratio = round(loop.seconds["ours"] / loop.seconds["plain"], 3)
    return {"ms": times, "time over the plain loop's": ratio, **loop.used}


def plain_classifier(
    bench: Bench, persons: int, size: tuple[int, int], batch: int
) -> Callable[[], object]:
    """Return a step of ResNet-50 on one batch that lies on the device: no loader, nothing drawn."""
    layout = torch.channels_last
    model = get_model(bench.backbone, num_classes=persons)
    model.to(bench.device, memory_format=layout)
    x = torch.randn(batch, 3, *size, device=bench.device).contiguous(memory_format=layout)
    y = torch.arange(batch, device=bench.device) % persons
    sgd = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, nesterov=True, fused=True)

    def step() -> None:
        sgd.zero_grad()
        F.cross_entropy(model(x).float(), y).backward()
        sgd.step()

    return in_precision(bench, BF16, step)


def noise(size: tuple[int, int], people: int = 100, each: int = 4) -> ImageArray:
    """Return images of so many people, of two cameras."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (people * each, *size, 3), np.uint8)
    pids = np.repeat(np.arange(people), each)
    return ImageArray(pixels, pids, np.arange(len(pids)) % 2)


def plain_features(bench: Bench, network: nn.Module, data: ImageArray) -> Callable[[], object]:
    """Return an extraction as one writes it: each batch sent, normalised, embedded and read."""
    network = network.to(bench.device, memory_format=torch.channels_last).eval()

    @torch.inference_mode()
    def run() -> Tensor:
        parts = []
        for start in range(0, len(data), 128):
            levels = torch.from_numpy(np.ascontiguousarray(data.pixels[start : start + 128]))
            pixels = levels.to(bench.device).permute(0, 3, 1, 2).float() / 127.5 - 1
            parts.append(network(pixels).float().cpu())
        return torch.cat(parts)

    return in_precision(bench, BF16, run)
