"""Constraints set up beside the smallest translator that provides what they need."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from reidbench.config.compose import OWN_LEARNER
from reidbench.engine.gan import set_up
from reidbench.engine.hardware import Hardware
from reidbench.engine.streams import stream
from reidbench.interfaces import (
    Clock,
    Context,
    FeatureLearner,
    Hops,
    IdentityConstraint,
    SourceModel,
)
from reidbench.nn.frozen import frozen
from reidbench.storage.keys import JSON
from reidbench.testing.checks.check import SkippedCheck, Subject
from reidbench.testing.checks.material import (
    CPU,
    SEED,
    STEPS,
    Pull,
    StandIn,
    StandInLearner,
    State,
    domains,
    snapshot,
    train,
)
from reidbench.testing.checks.trainables import Players, trained

MASK = "mask"


def made(subject: Subject, hardware: Hardware = CPU, **changes: JSON) -> Players:
    """Return a constraint that is set up, under its name, with a translator to be trained by it.

    Raises:
        SkippedCheck: if the learner that it starts from is not installed.
    """
    constraint: IdentityConstraint = subject.build(**changes)
    translator = StandIn(frozenset(constraint.needs - {MASK}))
    context = domains().context(translator, hardware)
    set_up(translator, "stand-in", context, SEED)
    model = _source_model(subject, constraint, context)
    set_up(constraint, subject.name, replace(context, source_model=model), SEED)
    return translator, {subject.name: constraint}


def hops_of(subject: Subject) -> tuple[IdentityConstraint, Hops]:
    """Return a constraint and hops with exactly what it needs, their fakes leaves of the graph."""
    translator, constraints = made(subject)
    pull = _Quiet(constraints[subject.name].sampling)
    train(translator, {"quiet": pull}, domains(), last=1)
    hops = tuple(
        replace(
            hop,
            fake=hop.fake.detach().requires_grad_(),
            rec=None if hop.rec is None else hop.rec.detach().requires_grad_(),
            idt=None if hop.idt is None else hop.idt.detach().requires_grad_(),
        )
        for hop in pull.given[0]
    )
    return constraints[subject.name], hops


def terms_of(constraint: IdentityConstraint, hops: Hops, step: int = 0) -> dict[str, Tensor]:
    """Return its losses as a training step asks for them."""
    with stream(SEED, "losses", step), frozen(constraint):
        return constraint.losses(hops, Clock(step, STEPS))


def free(subject: Subject) -> State:
    """Return the weights of the translator after a training without the constraint."""

    def make() -> State:
        translator, constraints = made(subject)
        data = domains()
        quiet = _Quiet(constraints[subject.name].sampling)
        train(translator, {"quiet": quiet}, data)
        return snapshot(translator)

    return subject.shared("free", make)


def guided(subject: Subject, **changes: JSON) -> State:
    """Return the weights of the translator after a training with the constraint."""
    translator, constraints = made(subject, **changes)
    train(translator, constraints, domains())
    return snapshot(translator)


def usual(subject: Subject) -> State:
    """Return all weights after a training with the constraint as it is."""
    return subject.shared("usual", lambda: trained(lambda: made(subject), domains()))


class _Quiet(Pull):
    """A constraint that does nothing but draw batches as another one wants them.

    Args:
        sampling: of the other one.
    """

    def __init__(self, sampling: str) -> None:
        super().__init__(0.0)
        self.sampling = sampling  # type: ignore[assignment,misc]

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Remember the hops, and return nothing."""
        super().losses(hops, clock)
        return {}


def _source_model(
    subject: Subject, constraint: IdentityConstraint, context: Context
) -> SourceModel | None:
    name = constraint.source_learner
    if not name:
        return None
    learner: FeatureLearner = StandInLearner()
    if name != OWN_LEARNER:
        learner = _learner(subject, name)
    with stream(SEED, "source model"):
        model = learner.build(context.num_pids).to(context.device).eval()
    return SourceModel(learner, model)


def _learner(subject: Subject, name: str) -> FeatureLearner:
    known = {entry.name: entry for entry in subject.registry.entries("learner")}
    if name not in known:
        raise SkippedCheck(f"the learner '{name}', which it starts from, is not installed")
    factory = known[name].load()
    built: FeatureLearner = Subject("learner", name, factory, subject.registry).build()
    return built
