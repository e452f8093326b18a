"""Mistakes of components' authors: each ends as one error that names plugin, class and method."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from reidbench.config.benchmark import Benchmark, DatasetSpec
from reidbench.config.compose import Request
from reidbench.engine.descent import descend
from reidbench.errors import ComponentError
from reidbench.evaluation.protocols import Market1501
from reidbench.interfaces import IdentityConstraint
from reidbench.registry.registry import Kind, Registration, Registry
from reidbench.runs.runner import run_plan
from reidbench.testing.toy_runs import make_plan, make_session
from reidbench.testing.toys import ToyConstraint, ToyDataset, ToyLearner, ToyTranslator

THIS = __name__


class Deaf(ToyTranslator):
    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        return super().training_step(batch, lambda hops: hops[0].fake.new_zeros(()), clock)


class Wasteful(ToyTranslator):
    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        return super().training_step(batch, lambda hops: extra_loss(hops).detach(), clock)


class Cut(ToyTranslator):
    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        cut: Callable[[Any], Any] = lambda hops: extra_loss(tuple(h.detach() for h in hops))  # noqa: E731
        return super().training_step(batch, cut, clock)


class Lacking(ToyTranslator):
    def _hop(self, batch: Any) -> Any:
        return replace(super()._hop(batch), idt=None)

    provides = frozenset({"rec", "idt"})


class Large(ToyTranslator):
    def _hop(self, batch: Any) -> Any:
        hop = super()._hop(batch)
        return replace(hop, fake=hop.fake.repeat(1, 1, 2, 1))


class Bright(ToyTranslator):
    def _hop(self, batch: Any) -> Any:
        hop = super()._hop(batch)
        return replace(hop, fake=128 + hop.fake * 127)


class Empty(ToyTranslator):
    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        super().training_step(batch, extra_loss, clock)


class Listed(ToyTranslator):
    def setup(self, ctx: Any) -> None:
        super().setup(ctx)
        self.players = [self.adam]
        del self.adam

    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        (self.adam,) = self.players
        return super().training_step(batch, extra_loss, clock)


class Mute(ToyTranslator):
    def translate(self, images: Any, src: int, dst: int, code: Any = None) -> Any:
        return super().translate(images, src, dst, code) if self.training else None


class Cropping(ToyTranslator):
    def translate(self, images: Any, src: int, dst: int, code: Any = None) -> Any:
        made = super().translate(images, src, dst, code)
        return made if self.training else made[:, :, 1:]


class Ending(ToyTranslator):
    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        sys.exit(0)


class Nothing(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return None


class Number(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return {"kept": 0.5}


class Vector(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return {"kept": hops[0].fake.mean((1, 2, 3))}


class Undefined(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return {"kept": hops[0].fake.sum() * float("nan")}


class Detached(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return super().losses(tuple(hop.detach() for hop in hops), clock)


class Silent(ToyConstraint):
    def update(self, hops: Any, clock: Any) -> Any:
        super().update(hops, clock)


class Raising(ToyConstraint):
    def losses(self, hops: Any, clock: Any) -> Any:
        return {"kept": hops[0].not_there}


class Hooligan(ToyConstraint):
    class Stop(BaseException):
        """Is no Exception."""

    def update(self, hops: Any, clock: Any) -> Any:
        raise self.Stop("enough")


class NoModel(ToyLearner):
    def build(self, num_pids: int) -> Any:
        return None


class BadBuild(ToyLearner):
    def build(self, num_pids: int) -> Any:
        raise KeyError("backbone")


class BadFit(ToyLearner):
    def fit(self, model: Any, data: Any, loop: Any) -> None:
        loop.run(1, lambda clock: None, {"model": model})


class NotANumber(ToyLearner):
    def embed(self, model: Any, pixels: Tensor) -> Tensor:
        return super().embed(model, pixels) * float("nan")


class Flat(ToyLearner):
    def embed(self, model: Any, pixels: Tensor) -> Tensor:
        return super().embed(model, pixels)[0]


class Unembedded(ToyLearner):
    def embed(self, model: Any, pixels: Tensor) -> Any:
        return None


class Misnaming(ToyLearner):
    def classify(self, model: Any, pixels: Tensor) -> Tensor:
        made = super().classify(model, pixels)
        return made if torch.is_grad_enabled() else made[:, 0]


class Few(Market1501):
    def scores(self, distances: Any, query: Any, gallery: Any, *, ties: Any = "stable") -> Any:
        scores = super().scores(distances, query, gallery, ties=ties)
        fields = ("pid", "first", "ap", "ap_trapezoid", "inp")
        return replace(scores, **{name: getattr(scores, name)[:5] for name in fields})


class NoScores(Market1501):
    def scores(self, *_: Any, **__: Any) -> Any:
        return None


class Textual(ToyDataset):
    def samples(self, split: Any) -> Any:
        samples = super().samples(split)
        return replace(samples, pids=samples.pids.astype(str))


class Short(ToyDataset):
    def samples(self, split: Any) -> Any:
        samples = super().samples(split)
        return replace(samples, cams=samples.cams[1:])


class Below(ToyDataset):
    def samples(self, split: Any) -> Any:
        samples = super().samples(split)
        return replace(samples, cams=samples.cams - 2)


class Nameless(ToyDataset):
    def fingerprint(self) -> Any:
        return None


class Grey(ToyDataset):
    def read(self, split: Any, index: int) -> Any:
        return super().read(split, index)[..., 0]


class Broken(ToyDataset):
    def read(self, split: Any, index: int) -> Any:
        raise AttributeError("no reader")


class Plain(nn.Module):
    """Implements no contract."""

    version = 1


class Unfinished(IdentityConstraint):
    """Has no losses."""

    def setup(self, ctx: Any) -> None:
        """Build nothing."""


class Dotted(ToyLearner):
    version: ClassVar[Any] = "1.0"


PLANTED = [
    ("translator", Deaf, "training_step", "never called extra_loss, and constraint 'kept' had no"),
    ("translator", Wasteful, "training_step", "left its value out of the loss that it descends"),
    ("translator", Cut, "training_step", "called extra_loss with images cut from the generators"),
    ("translator", Lacking, "training_step", "hop without 'idt'; expected the fields that it"),
    ("translator", Large, "training_step", "'fake' is a tensor of shape [4, 3, 32, 8]; expected"),
    ("translator", Bright, "training_step", "translated pixels are from "),
    ("translator", Empty, "training_step", "returned None; expected a tuple of Hop and a mapping"),
    ("translator", Listed, "setup", "holds optimisers in 'players', where checkpoints do not"),
    ("translator", Mute, "translate", "returned None; expected [24, 3, 16, 8], finite and in"),
    ("translator", Cropping, "translate", "returned a tensor of shape [24, 3, 15, 8]; expected"),
    ("translator", Ending, "training_step", "raised SystemExit: 0"),
    ("constraint", Nothing, "losses", "returned None; expected a dictionary of scalar tensors"),
    ("constraint", Number, "losses", "returned a float as 'kept'; expected a dictionary of scalar"),
    ("constraint", Vector, "losses", "returned a tensor of shape [4] as 'kept'"),
    ("constraint", Undefined, "losses", "returned nan as 'kept': training diverged at"),
    ("constraint", Detached, "losses", "returned 'kept' cut from the translated images: no"),
    ("constraint", Silent, "update", "returned None; expected a mapping of losses to show"),
    ("constraint", Raising, "losses", "raised AttributeError: 'Hop' object has no attribute 'not"),
    ("constraint", Hooligan, "update", "raised Stop: enough"),
    ("learner", NoModel, "build", "returned None; expected a torch.nn.Module"),
    ("learner", BadBuild, "build", "raised KeyError: 'backbone'"),
    ("learner", BadFit, "fit", "raised TypeError: a step returned a NoneType, not the losses to"),
    ("learner", NotANumber, "embed", "returned values that are not finite; expected a finite"),
    ("learner", Flat, "embed", "returned a tensor of shape [8]; expected a finite tensor [12, D]"),
    ("learner", Unembedded, "embed", "returned None; expected a finite tensor [12, D]"),
    ("learner", Misnaming, "classify", "returned a tensor of shape [1]; expected a finite tensor"),
    ("protocol", Few, "scores", "scored 5 queries, and 12 have a match in another camera"),
    ("protocol", NoScores, "scores", "returned a NoneType; expected Scores"),
    ("dataset", Textual, "samples", "gives a ndarray as pids of train; expected whole numbers"),
    ("dataset", Short, "samples", "gives int64 [23] as cams of train; expected whole numbers"),
    ("dataset", Below, "samples", "gives -2 among the cams of train; expected whole numbers of"),
    ("dataset", Nameless, "fingerprint", "returned None; expected a digest of its samples"),
    ("dataset", Grey, "read", "returned uint8 [32, 16]; expected an image [H, W, 3] of uint8"),
    ("dataset", Broken, "read", "raised AttributeError: no reader at the image 'query/0.png'"),
]


def ran(kind: Kind, planted: type, registry: Registry, benchmark: Benchmark, folder: Path) -> None:
    """Run the toys with one of them replaced."""
    more = Registration("theirs")
    getattr(more, kind)("planted", f"{THIS}:{planted.__name__}")
    registry.add(more)
    names: dict[str, Any] = {"translator": "toy", "constraints": ["kept"], "learner": "toy"}
    if kind in ("dataset", "protocol"):
        role = "target" if kind == "dataset" else "protocol"
        own = {"domain": "b"} if kind == "dataset" else {}
        benchmark = replace(benchmark, **{role: DatasetSpec("planted", own)})  # type: ignore[arg-type]
        names = {"method": "direct", "learner": "toy"}
    elif kind == "constraint":
        names["constraints"] = ["planted"]
    else:
        names[kind] = "planted"
    plan = make_plan(registry, benchmark, request=Request(**names))
    run_plan(plan, make_session(folder))


@pytest.mark.parametrize(
    ("kind", "planted", "method", "message"), PLANTED, ids=[p[1].__name__ for p in PLANTED]
)
def test_a_mistake_names_plugin_class_and_method_and_what_was_expected(
    kind: Kind,
    planted: type,
    method: str,
    message: str,
    registry: Registry,
    benchmark_: Benchmark,
    tmp_path: Path,
) -> None:
    with pytest.raises(ComponentError) as caught:
        ran(kind, planted, registry, benchmark_, tmp_path)
    told = str(caught.value)
    assert f"{kind} 'planted' of plugin 'theirs': {planted.__name__}.{method}() " in told
    assert message in told


@pytest.mark.parametrize(
    ("kind", "planted", "message"),
    [
        ("constraint", Plain, "class Plain is no subclass of reidbench.interfaces.IdentityConst"),
        ("constraint", Unfinished, "class Unfinished lacks losses()"),
        ("learner", Dotted, "class Dotted has version '1.0'; expected a whole number"),
    ],
)
def test_a_class_that_is_no_component_is_refused_before_anything_is_computed(
    kind: Kind,
    planted: type,
    message: str,
    registry: Registry,
    benchmark_: Benchmark,
    tmp_path: Path,
) -> None:
    with pytest.raises(ComponentError) as caught:
        ran(kind, planted, registry, benchmark_, tmp_path)
    assert message in str(caught.value)
    assert not tmp_path.is_dir() or not list(tmp_path.rglob("*.npy"))


class Late(ToyConstraint):
    """Is off in the first half of the run."""

    def losses(self, hops: Any, clock: Any) -> Any:
        return super().losses(hops, clock) if clock.progress >= 0.5 else {}


class Constant(ToyConstraint):
    """Has nothing to say of these images: a zero without a graph."""

    def losses(self, hops: Any, clock: Any) -> Any:
        return {"kept": hops[0].fake.new_zeros(())}


class Resting(ToyTranslator):
    """Its generators learn at every third step."""

    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        if clock.step % 3 == 2:
            return super().training_step(batch, extra_loss, clock)
        hop = self._hop(batch)
        return (hop,), {}


class Returned(ToyTranslator):
    """Hands back hops without their graph, after it used them."""

    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        hops, log = super().training_step(batch, extra_loss, clock)
        return tuple(hop.detach() for hop in hops), log


class Twice(ToyTranslator):
    """Makes two steps, each with the constraints' terms."""

    def training_step(self, batch: Any, extra_loss: Any, clock: Any) -> Any:
        made = super().training_step(batch, extra_loss, clock)
        hop = self._hop(batch)
        descend(self.adam, extra_loss((hop,)))
        return made


@pytest.mark.parametrize(
    ("kind", "planted"),
    [
        ("constraint", Late),
        ("constraint", Constant),
        ("translator", Resting),
        ("translator", Returned),
        ("translator", Twice),
    ],
)
def test_what_the_contracts_allow_raises_no_alarm(
    kind: Kind, planted: type, registry: Registry, benchmark_: Benchmark, tmp_path: Path
) -> None:
    ran(kind, planted, registry, benchmark_, tmp_path)
