"""Checks of feature learners."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray
from reidbench.errors import ReidbenchError
from reidbench.interfaces import FeatureLearner
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import FailedCheck, Subject, check, require
from reidbench.testing.checks.material import (
    CPU,
    NARROW,
    differing,
    persons,
    snapshot,
    some,
)
from reidbench.testing.checks.models import (
    built,
    fitted,
    require_resumes,
)
from reidbench.testing.checks.trainables import cuda, require_same
from reidbench.testing.learners import coloured_persons, nearest_are_same

KIND = "learner"
RATES: dict[str, JSON] = {"lr": 0.05, "backbone_lr": 0.05}
LENGTHS = (8, 32)
"""Epochs by which the bundled learners know six persons; those whose schedule has many phases, at
falling rates, take longer."""


def few() -> ImageArray:
    """Return four images each of four persons."""
    return persons().classes()


def made(subject: Subject, **changes: JSON) -> tuple[FeatureLearner, nn.Module]:
    """Return a learner and a new model of four persons, always with the same weights."""
    learner: FeatureLearner = subject.build(**changes)
    return learner, built(lambda: learner.build(4))


def trained(subject: Subject) -> tuple[FeatureLearner, nn.Module, int]:
    """Return a learner, a model that it trained for an epoch, and how many steps that took."""

    def make() -> tuple[FeatureLearner, nn.Module, int]:
        learner, model = made(subject, epochs=1)
        steps = fitted(learner.fit, model, few())
        return learner, model.eval(), steps

    return subject.shared("trained", make)


def pixels(rows: int = 4) -> Tensor:
    """Return some images, ``[rows, 3, H, W]``."""
    return few().images(np.arange(rows), CPU.device).pixels


@check(
    KIND,
    why="A training that does not step by the loop shows nothing, is never resumed, and its cost "
    "is unknown.",
    mend="Call loop.run(steps, step, state) with one update in step, and model and optimiser in "
    "state.",
)
def steps_by_the_loop(subject: Subject) -> None:
    """Count the steps of an epoch."""
    _, model, steps = trained(subject)
    require(steps, "fit makes no step by loop.run")
    learner, start = made(subject, epochs=1)
    require(differing(snapshot(start), snapshot(model)), "fit changes no weight")
    require(type(learner).fit is not FeatureLearner.fit, "there is no fit")


@check(
    KIND,
    why="Scores of a learner at chance say nothing of the method.",
    mend="Step down the gradient of a loss of the persons; look at rates and at the labels' order.",
)
def beats_chance(subject: Subject) -> None:
    """Learn six persons who are told apart by colours, for longer if need be."""
    problem = ""
    for epochs in LENGTHS:
        problem = _at_chance(subject, epochs)
        if not problem:
            return
    raise FailedCheck(problem)


@check(
    KIND,
    why="A parameter that no optimiser holds never learns.",
    mend="Give the optimiser every parameter that learns; freeze the others by "
    "requires_grad_(False).",
)
def every_parameter_is_optimised_or_frozen(subject: Subject) -> None:
    """Look at the optimiser, and at what an epoch changes of what it does not hold."""
    learner, model = made(subject, epochs=1)
    learning = {n: p for n, p in model.named_parameters() if p.requires_grad}
    held, problem = set[int](), "the optimiser does not hold {}, and it is not frozen"
    try:
        held = {id(p) for group in learner.optimizer(model).param_groups for p in group["params"]}
    except ReidbenchError:
        problem = "an epoch does not change {}"
    left = [name for name, p in learning.items() if id(p) not in held]
    if left:  # a learner may move some of its parameters itself
        moved = set(differing(snapshot(model), snapshot(trained(subject)[1])))
        left = [name for name in left if name not in moved]
    require(not left, problem.format(some(left)))


@check(
    KIND,
    why="The same command must give the same result.",
    mend="Draw from torch's global stream inside a step, or from reidbench.engine.streams; never "
    "from random or numpy.random.",
)
def is_deterministic(subject: Subject) -> None:
    """Train twice, with the global streams elsewhere."""
    learner, model = made(subject, epochs=1)
    fitted(learner.fit, model, few(), disturb=2)
    require_same(snapshot(trained(subject)[1]), snapshot(model), "the same training gives")


@check(
    KIND,
    why="A run that was interrupted must end with the result of one that was not.",
    mend="Name every module and optimiser in the state of loop.run; take schedules from the clock, "
    "never from a counter or a scheduler object.",
)
def resumes_at_every_step(subject: Subject) -> None:
    """Interrupt a training at every step, and compare the ends."""
    _, model = made(subject, epochs=1)
    _, whole, steps = trained(subject)
    require_resumes(lambda: subject.build(epochs=1), model, few(), snapshot(whole), steps)


@check(
    KIND,
    why="Other stages read the same images.",
    mend="Change neither pixels nor labels in place.",
)
def leaves_its_images_alone(subject: Subject) -> None:
    """Compare the images before and after a training."""
    learner, model = made(subject, epochs=1)
    data, before = few(), few()
    fitted(learner.fit, model, data)
    same = np.array_equal(data.pixels, before.pixels) and np.array_equal(data.pids, before.pids)
    require(same, "fit changes the images or labels that it was given")


@check(
    KIND,
    why="Runs at --precision bf16 are admitted for every method.",
    mend="Compute losses on .float() values; cast nothing by hand.",
)
def trains_in_bf16(subject: Subject) -> None:
    """Train an epoch under autocast, and embed."""
    learner, model = made(subject, epochs=1)
    fitted(learner.fit, model, few(), NARROW)
    with torch.inference_mode(), NARROW.autocast():
        features = learner.embed(model.eval(), pixels())
    require(torch.isfinite(features).all(), "features are not finite")


@check(
    KIND,
    why="Papers' sizes are trained on an accelerator.",
    mend="Make tensors on the device of the images.",
)
def trains_on_cuda(subject: Subject) -> None:
    """Train an epoch on a CUDA device, in both precisions."""
    for precision in ("float32", "bf16"):
        hardware = cuda(precision)
        learner: FeatureLearner = subject.build(epochs=1)
        model = built(lambda learner=learner: learner.build(4), hardware)  # type: ignore[misc]
        fitted(learner.fit, model, few(), hardware)


def learner_scalars(subject: Subject) -> dict[str, float]:
    """Return the value of a golden test: the features' mean square after an epoch."""
    learner, model, _ = trained(subject)
    with torch.no_grad():
        return {"features": float(learner.embed(model, pixels()).square().mean())}


def _at_chance(subject: Subject, epochs: int) -> str:
    """Train for so many epochs; return how the learner is at chance, empty if it is not."""
    data = coloured_persons().classes()
    learner: FeatureLearner = subject.build(epochs=epochs, **RATES)
    model = built(lambda: learner.build(data.num_pids))
    fitted(learner.fit, model, data)
    nearest = nearest_are_same(learner, model.eval(), data)
    if nearest <= 0.5:
        return f"the nearest image shows the same person in {nearest:.0%} of all"
    if type(learner).classify is FeatureLearner.classify:
        return ""
    named = _accuracy(learner, model, data)
    return "" if named > 0.6 else f"it names {named:.0%} of six persons it learned; chance is 17%"


def _accuracy(learner: FeatureLearner, model: nn.Module, data: ImageArray) -> float:
    images = data.images(np.arange(len(data)), CPU.device)
    with torch.no_grad():
        return float(
            (learner.classify(model, images.pixels).argmax(1) == images.pid).float().mean()
        )
