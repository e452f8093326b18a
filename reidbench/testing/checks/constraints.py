"""Checks of identity constraints, on the smallest translator that provides what they need."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from reidbench.interfaces import Clock
from reidbench.testing.checks.check import SkippedCheck, Subject, check, require
from reidbench.testing.checks.guidance import (
    MASK,
    free,
    guided,
    hops_of,
    made,
    terms_of,
    usual,
)
from reidbench.testing.checks.material import (
    NARROW,
    STEPS,
    differing,
    domains,
    partly_labelled_domains,
    snapshot,
    train,
)
from reidbench.testing.checks.trainables import (
    described,
    require_deaf,
    require_deterministic,
    require_optimised,
    require_resumes,
    require_same,
    require_trains,
    require_trains_on_cuda,
)

KIND = "constraint"
CLOCK = Clock(STEPS - 1, STEPS)


@check(
    KIND,
    why="The generators learn from the sum of these terms.",
    mend="Return a dict of scalar tensors computed from the hops' fakes, weighted.",
)
def losses_are_finite_scalars(subject: Subject) -> None:
    """Look at the losses of each step."""
    constraint, hops = hops_of(subject)
    for step in range(STEPS):
        terms = terms_of(constraint, hops, step)
        require(isinstance(terms, dict), f"losses returns {described(terms)}, not a dict")
        for name, term in terms.items():
            scalar = isinstance(term, Tensor) and term.ndim == 0
            require(scalar, f"the loss '{name}' is {described(term)}, no scalar tensor")
            require(torch.isfinite(term), f"the loss '{name}' is not finite")


@check(
    KIND,
    why="The training of a run makes these very steps.",
    mend="Follow the message: setup(ctx), losses(hops, clock) and update(hops, clock) are used.",
)
def trains_beside_a_translator(subject: Subject) -> None:
    """Make some steps as a run makes them."""
    require_trains(made(subject), domains())


@check(
    KIND,
    why="With batches of one image (one pair) it must not fail: that is the papers' usual budget.",
    mend="Leave out batch normalisation over single rows, and squeeze() without a dimension.",
)
def trains_on_one_image(subject: Subject) -> None:
    """Make two steps on the smallest batch."""
    players = made(subject)
    batch = 2 if players[1][subject.name].sampling == "pairs" else 1
    require_trains(players, domains(), last=2, batch=batch)


@check(
    KIND,
    why="A constraint that reaches no generator is ranked like any other.",
    mend="Compute the loss from hop.fake as it is: no detach(), no item(), no new tensor.",
)
def default_weight_is_not_neutral(subject: Subject) -> None:
    """Train with it and without it; the generators must differ."""
    constraint, hops = hops_of(subject)
    reached = False
    for step in range(STEPS):
        total = sum(terms_of(constraint, hops, step).values(), torch.zeros(()))
        fakes = [x for hop in hops for x in (hop.fake, hop.rec, hop.idt) if x is not None]
        if total.requires_grad:
            slopes = torch.autograd.grad(total, fakes, allow_unused=True)
            reached |= any(g is not None and g.abs().sum() > 0 for g in slopes)
    require(reached, "no gradient of its losses reaches a translated image")
    require(differing(free(subject), guided(subject)), "the generators learn as without it")


@check(
    KIND,
    why="A weight of 0 is how a constraint is switched off: all that is left must be the "
    "translator's own training.",
    mend="Multiply every term by weight; draw random numbers inside losses and update alone.",
)
def weight_0_is_neutral(subject: Subject) -> None:
    """Train with a weight of 0 and without it; the generators must be equal to the bit."""
    if not subject.has("weight"):
        raise SkippedCheck("it has no parameter 'weight'")
    require_same(free(subject), guided(subject, weight=0.0), "with weight=0 the generators have")


@check(
    KIND,
    why="A run is refused only where a field that 'needs' names is missing.",
    mend="Name every optional field of the hops that is read in 'needs'.",
)
def needs_all_that_it_reads(subject: Subject) -> None:
    """Ask for losses of hops that have nothing but what it needs."""
    constraint, hops = hops_of(subject)
    wanted = set(constraint.needs)
    unknown = sorted(wanted - {"rec", "idt", "grid", MASK})
    require(not unknown, f"needs names {', '.join(unknown)}, which no hop has")
    if MASK not in wanted:
        hops = tuple(replace(h, images=replace(h.images, mask=None)) for h in hops)
    terms_of(constraint, hops)
    constraint.update(tuple(hop.detach() for hop in hops), CLOCK)


@check(
    KIND,
    why="The translator and other constraints read the same hops.",
    mend="Change no tensor of a hop in place.",
)
def hops_stay_as_they_are(subject: Subject) -> None:
    """Compare the hops' images before and after."""
    constraint, hops = hops_of(subject)
    detached = tuple(hop.detach() for hop in hops)
    before = [x.clone() for hop in detached for x in (hop.fake, hop.images.pixels, hop.style)]
    terms_of(constraint, detached)
    constraint.update(detached, CLOCK)
    after = [x for hop in detached for x in (hop.fake, hop.images.pixels, hop.style)]
    same = all(a.equal(b) for a, b in zip(before, after, strict=True))
    require(same, "it changes the images of the hops in place")


@check(
    KIND,
    why="What guides is held still: losses may be asked for twice, or skipped.",
    mend="Learn in update alone; put batch normalisation into evaluation mode in losses.",
)
def losses_change_no_weight(subject: Subject) -> None:
    """Compare its weights and buffers before and after losses."""
    constraint, hops = hops_of(subject)
    before = snapshot(constraint)
    terms_of(constraint, hops)
    require_same(before, snapshot(constraint), "losses leaves")


@check(
    KIND,
    why="A checkpoint holds the optimisers that are attributes; a parameter in none never learns.",
    mend="Hold each optimiser as an attribute of its own; freeze by requires_grad_(False) what "
    "does not learn.",
)
def every_parameter_is_optimised_or_frozen(subject: Subject) -> None:
    """Compare the parameters with those that the optimisers hold."""
    require_optimised(made(subject)[1][subject.name])


@check(
    KIND,
    why="The same command must give the same result.",
    mend="Draw from torch's global stream inside losses and update; never from random, "
    "numpy.random or the clock.",
)
def is_deterministic(subject: Subject) -> None:
    """Train twice, with the global streams of Python and numpy elsewhere."""
    require_deterministic(lambda: made(subject), usual(subject), domains())


@check(
    KIND,
    why="A run that was interrupted must end with the result of one that was not.",
    mend="Hold state in modules, buffers and optimisers held as attributes; take schedules from "
    "the clock.",
)
def resumes_at_every_step(subject: Subject) -> None:
    """Interrupt a training at every step, and compare the ends."""
    require_resumes(lambda: made(subject), domains())


@check(
    KIND,
    why="The target has no identities; a constraint that read them would be supervised.",
    mend="Read pid only of hops whose images are 'labelled', which the target's are not.",
)
def is_deaf_to_target_persons(subject: Subject) -> None:
    """Train on the same images with persons in a part of the target."""
    require_deaf(lambda: made(subject), usual(subject), map(partly_labelled_domains, (0, 1)))


@check(
    KIND,
    why="The strategy 'joint' scores the model that embedder() returns.",
    mend="Set makes_model = True and return the model from embedder(), or do neither.",
)
def embedder_is_what_it_makes(subject: Subject) -> None:
    """Compare makes_model and embedder."""
    constraint = made(subject)[1][subject.name]
    model = constraint.embedder()
    require(model is None or isinstance(model, nn.Module), "embedder returns no module")
    says = "says so" if constraint.makes_model else "says that it makes none"
    agrees = constraint.makes_model is (model is not None)
    require(agrees, f"embedder returns {'no' if model is None else 'a'} model; makes_model {says}")


@check(
    KIND,
    why="Runs at --precision bf16 are admitted for every method.",
    mend="Compute losses on .float() values; cast nothing by hand.",
)
def trains_in_bf16(subject: Subject) -> None:
    """Make two steps under autocast."""
    require_trains(made(subject), domains(), last=2, hardware=NARROW)


@check(
    KIND,
    why="Papers' sizes are trained on an accelerator.",
    mend="Make tensors on the device of the images.",
)
def trains_on_cuda(subject: Subject) -> None:
    """Make two steps on a CUDA device, in both precisions."""
    require_trains_on_cuda(partial(made, subject), domains())


def constraint_scalars(subject: Subject) -> dict[str, float]:
    """Return the values of a golden test: its losses at the last step."""
    translator, constraints = made(subject)
    log = train(translator, constraints, domains())
    return {k: float(v) for k, v in log.items() if k.startswith(f"{subject.name}.")}
