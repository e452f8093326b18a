"""Checks of translators."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from reidbench.engine.gan import set_up
from reidbench.engine.hardware import Hardware
from reidbench.interfaces import Hop, Hops, Translator
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import SkippedCheck, Subject, check, require
from reidbench.testing.checks.material import (
    CPU,
    NARROW,
    STEPS,
    Pull,
    State,
    differing,
    disturbed,
    domains,
    partly_labelled_domains,
    snapshot,
    train,
)
from reidbench.testing.checks.trainables import (
    Players,
    described,
    require_deaf,
    require_deterministic,
    require_optimised,
    require_resumes,
    require_same,
    require_trains,
    require_trains_on_cuda,
    trained,
)

KIND = "translator"
OPTIONAL = ("rec", "idt", "grid")


def made(subject: Subject, hardware: Hardware = CPU, **changes: JSON) -> Translator:
    """Return a new translator with its networks, always with the same initial weights.

    Raises:
        SkippedCheck: if it stands for the truth, or for files, and has nothing to train.
    """
    translator: Translator = subject.build(**changes)
    if translator.reads_truth or translator.reads_files:
        raise SkippedCheck("it trains nothing: runs take the truth, or files, in its place")
    set_up(translator, subject.name, domains().context(translator, hardware), 3)
    return translator


def watched(subject: Subject, weight: float) -> tuple[State, Pull]:
    """Train one under a constraint that pulls at its images; return its weights and the pull."""
    pull = Pull(weight)
    with disturbed(1):
        translator = made(subject)
        train(translator, {"pull": pull}, domains())
    return snapshot(translator), pull


def plain(subject: Subject) -> State:
    """Return the weights after a training without constraints."""
    return subject.shared("plain", lambda: trained(lambda: _alone(subject), domains()))


@check(
    KIND,
    why="The training of a run makes these very steps.",
    mend="Follow the message: setup(ctx), training_step(batch, extra_loss, clock) and the "
    "attribute augmentation are what a run uses.",
)
def trains(subject: Subject) -> None:
    """Make some steps as a run makes them."""
    translator = made(subject)
    require(hasattr(translator, "augmentation"), "there is no attribute 'augmentation'")
    require_trains((translator, {}), domains())
    if list(translator.parameters()):
        start = snapshot(made(subject))
        require(differing(start, plain(subject)), f"{STEPS} steps change no weight")


@check(
    KIND,
    why="The usual budget of the papers is a batch of one image.",
    mend="Leave out batch normalisation over maps of one pixel, and squeeze() without a dimension.",
)
def trains_on_one_image(subject: Subject) -> None:
    """Make two steps on batches of one image."""
    require_trains(_alone(subject), domains(), last=2, batch=1)


@check(
    KIND,
    why="A checkpoint holds the optimisers that are attributes; a parameter in none never learns.",
    mend="Hold each optimiser as an attribute of its own, over all parameters that learn; freeze "
    "the others by requires_grad_(False).",
)
def every_parameter_is_optimised_or_frozen(subject: Subject) -> None:
    """Compare the parameters with those that the optimisers hold."""
    require_optimised(made(subject))


@check(
    KIND,
    why="Constraints, results and pictures read the hops; a missing field breaks a run that was "
    "admitted.",
    mend="Fill the fields that 'provides' names, in [-1, 1] and of the images' shape; hand the "
    "batch's own images over.",
)
def hops_are_what_it_provides(subject: Subject) -> None:
    """Look at the hops of every step."""
    translator = made(subject)
    pull = Pull(0.0)
    train(translator, {"pull": pull}, domains())
    require(pull.finished and all(pull.finished), "training_step returns no hop")
    for hops in (*pull.given, *pull.finished):
        for hop in hops:
            _check_hop(hop, translator)


@check(
    KIND,
    why="A constraint that does not reach the generators is ranked as if it had no effect.",
    mend="Call extra_loss(hops) with hops that keep their graph, and add what it returns to the "
    "generators' loss.",
)
def extra_loss_is_heeded(subject: Subject) -> None:
    """Train with a loss that pulls at the translated images, and without."""
    state, pull = watched(subject, 100.0)
    require(pull.given, f"extra_loss is not called in {STEPS} steps")
    fakes = [hop.fake for hops in pull.given for hop in hops]
    require(all(f.requires_grad for f in fakes), "extra_loss is given hops that are cut from it")
    require(differing(plain(subject), state), "extra_loss is called, but its gradient goes nowhere")


@check(
    KIND,
    why="The difference between two runs must be the constraint's, not that of other draws.",
    mend="Let nothing but the loss depend on extra_loss: no draw, no scale, no branch.",
)
def extra_loss_of_0_changes_nothing(subject: Subject) -> None:
    """Train with an extra loss of weight 0, and without."""
    state, _ = watched(subject, 0.0)
    require_same(plain(subject), state, "an extra loss of weight 0 trains")


@check(
    KIND,
    why="The same command must give the same result, and others' draws must move nothing.",
    mend="Draw from torch's global stream inside a step, or from reidbench.engine.streams; never "
    "from random, numpy.random or the clock.",
)
def is_deterministic(subject: Subject) -> None:
    """Train twice, with the global streams of Python and numpy elsewhere."""
    require_deterministic(lambda: _alone(subject), plain(subject), domains())


@check(
    KIND,
    why="A run that was interrupted must end with the result of one that was not.",
    mend="Hold state in modules, buffers and optimisers held as attributes; take schedules from "
    "the clock (scale_rates), never from a counter or a scheduler object.",
)
def resumes_at_every_step(subject: Subject) -> None:
    """Interrupt a training at every step, and compare the ends."""
    require_resumes(lambda: _alone(subject), domains())


@check(
    KIND,
    why="The target has no identities; a translator that read them would be supervised.",
    mend="Read batch.target.pid nowhere.",
)
def is_deaf_to_target_persons(subject: Subject) -> None:
    """Train on the same images with other persons in the target."""
    require_deaf(lambda: _alone(subject), plain(subject), map(partly_labelled_domains, (0, 1)))


@check(
    KIND,
    why="Runs at --precision bf16 are admitted for every method.",
    mend="Compute losses on .float() values; cast nothing by hand.",
)
def trains_in_bf16(subject: Subject) -> None:
    """Make two steps under autocast."""
    require_trains(_alone(subject), domains(), last=2, hardware=NARROW)


@check(
    KIND,
    why="Papers' sizes are trained on an accelerator.",
    mend="Make tensors on the device of the images.",
)
def trains_on_cuda(subject: Subject) -> None:
    """Make two steps on a CUDA device, in both precisions."""
    require_trains_on_cuda(partial(_alone, subject), domains())


def _alone(subject: Subject, hardware: Hardware = CPU) -> Players:
    return made(subject, hardware), {}


def _check_hop(hop: Hop, translator: Translator) -> None:
    pixels = hop.images.pixels
    carried = {name for name in OPTIONAL if getattr(hop, name) is not None}
    promised = set(translator.provides)
    require(promised <= set(OPTIONAL), f"provides names {sorted(promised - set(OPTIONAL))}")
    lacking = sorted(promised - carried)
    require(not lacking, f"provides names {', '.join(lacking)}, but a hop lacks it")
    for name in ("fake", *sorted(carried & {"rec", "idt"})):
        require_images(getattr(hop, name), pixels, f"hop.{name} is")
    require_images(hop.style, pixels, "hop.style is", rows=False)
    require(hop.dst.shape == hop.images.pid.shape, f"hop.dst is {described(hop.dst)}, not [B]")
    require(not hop.dst.is_floating_point(), f"hop.dst is {hop.dst.dtype}, no index")
    number = 1 + (domains().cameras if translator.split == "camera" else 1)
    known = hop.dst.min() >= 0 and hop.dst.max() < number
    require(known, f"hop.dst names domain {int(hop.dst.max())} of {number}")
    if hop.grid is not None:
        expected = (len(pixels), *pixels.shape[2:], 2)
        require(hop.grid.shape == expected, f"hop.grid is {described(hop.grid)}")


def require_images(made: Tensor, like: Tensor, what: str, *, rows: bool = True) -> None:
    """Fail unless images have the shape of others, apart from ``rows``, in [-1, 1]."""
    start = 0 if rows else 1
    require(
        isinstance(made, Tensor) and made.shape[start:] == like.shape[start:],
        f"{what} {described(made)}, not {list(like.shape)}",
    )
    require(made.is_floating_point(), f"{what} of {made.dtype}")
    require(torch.isfinite(made).all(), f"{what} not finite")
    least, most = float(made.min()), float(made.max())
    inside = least >= -1.001 and most <= 1.001
    require(inside, f"{what} in [{least:.3g}, {most:.3g}], not [-1, 1]")


def translator_scalars(subject: Subject) -> dict[str, float]:
    """Return the values of a golden test: the losses of the last step, and the images' square."""
    translator, pull = made(subject), Pull(0.0)
    log = train(translator, {"pull": pull}, domains())
    found = {k: float(v) for k, v in log.items() if not k.startswith("pull.")}
    hops: Hops = pull.finished[-1]
    return found | {"fake": sum(float(h.fake.square().mean()) for h in hops)}
