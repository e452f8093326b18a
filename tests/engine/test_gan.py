from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from reidbench.data.arrays import ImageArray
from reidbench.engine.gan import Domains, Route, fit, set_up, translate
from reidbench.engine.loop import Loop
from reidbench.interfaces import (
    UNLABELLED,
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hops,
    IdentityConstraint,
    Images,
    Log,
)
from reidbench.testing.toy_runs import CPU
from reidbench.testing.toys import ToyConstraint, ToyTranslator

STEPS, BATCH = 5, 4


def make_array(seed: int, rows: int = 12) -> ImageArray:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (rows, 8, 6, 3), np.uint8)
    return ImageArray(pixels, np.repeat(np.arange(rows // 3), 3), np.arange(rows) % 2)


DOMAINS = Domains(make_array(0), make_array(1).unlabelled())


class Watched(ToyTranslator):
    """A toy translator that keeps the batches it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Batch] = []

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        self.batches.append(batch)
        return super().training_step(batch, extra_loss, clock)


class Frozen(ToyTranslator):
    """Never asks for the constraints' terms: its generators rest."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        return (self._hop(batch),), {}


class WarmUp(ToyConstraint):
    """Adds nothing to the generators' loss until half of the run."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        return super().losses(hops, clock) if clock.progress >= 0.5 else {}


class Pairs(ToyConstraint):
    sampling: ClassVar[Literal["any", "pairs"]] = "pairs"


class Nosy(ToyConstraint):
    """Keeps what it saw of its own parameters and of the hops."""

    def setup(self, ctx: Context) -> None:
        super().setup(ctx)
        self.seen: list[tuple[str, bool, bool]] = []

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        self._note("losses", hops)
        return super().losses(hops, clock)

    def update(self, hops: Hops, clock: Clock) -> Log:
        self._note("update", hops)
        return super().update(hops, clock)

    def _note(self, when: str, hops: Hops) -> None:
        learns = any(p.requires_grad for p in self.parameters())
        self.seen.append((when, learns, any(h.fake.requires_grad for h in hops)))


def trained(
    folder: Path,
    translator: ToyTranslator,
    *constraints: tuple[str, IdentityConstraint],
    domains: Domains = DOMAINS,
) -> dict[str, Tensor]:
    """Train and return the translator's weights."""
    context = domains.context(translator, CPU)
    set_up(translator, "toy", context, 0)
    named = dict(constraints)
    for name, constraint in named.items():
        set_up(constraint, name, context, 0)
    fit(translator, named, domains, STEPS, BATCH, Loop(folder, 0, CPU))
    return {k: v.clone() for k, v in translator.state_dict().items()}


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    assert a.keys() == b.keys()
    return [k for k in a if not torch.equal(a[k], b[k])]


def test_a_constraint_of_weight_zero_leaves_the_translator_bit_identical(tmp_path: Path) -> None:
    alone = trained(tmp_path / "alone", ToyTranslator())
    idle = trained(tmp_path / "idle", ToyTranslator(), ("kept", ToyConstraint(weight=0)))
    assert differing(idle, alone) == []


def test_a_constraint_of_some_weight_does_not(tmp_path: Path) -> None:
    alone = trained(tmp_path / "alone", ToyTranslator())
    held = trained(tmp_path / "held", ToyTranslator(), ("kept", ToyConstraint()))
    assert differing(held, alone)


def test_a_second_constraint_of_weight_zero_moves_nobody(tmp_path: Path) -> None:
    first, second = ToyConstraint(), ToyConstraint()
    one = trained(tmp_path / "one", ToyTranslator(), ("kept", first))
    idle = ("idle", ToyConstraint(weight=0))
    two = trained(tmp_path / "two", ToyTranslator(), idle, ("kept", second))
    assert differing(two, one) == []
    assert differing(second.state_dict(), first.state_dict()) == []


def test_constraints_start_from_streams_of_their_own(tmp_path: Path) -> None:
    context = DOMAINS.context(ToyTranslator(), CPU)
    built = [ToyConstraint() for _ in range(4)]
    for constraint, (name, seed) in zip(
        built, [("a", 0), ("b", 0), ("a", 1), ("a", 0)], strict=True
    ):
        set_up(constraint, name, context, seed)
    weights = [c.state_dict() for c in built]
    assert differing(weights[0], weights[3]) == []
    assert differing(weights[0], weights[1])
    assert differing(weights[0], weights[2])


def test_a_constraint_moves_no_batch(tmp_path: Path) -> None:
    alone, held = Watched(), Watched()
    trained(tmp_path / "alone", alone)
    trained(tmp_path / "held", held, ("kept", ToyConstraint()))
    assert len(alone.batches) == len(held.batches) == STEPS
    for a, b in zip(alone.batches, held.batches, strict=True):
        assert torch.equal(a.source.pixels, b.source.pixels)
        assert torch.equal(a.target.pixels, b.target.pixels)
        assert torch.equal(a.source.pid, b.source.pid)


def test_a_constraints_parameters_rest_in_losses_and_learn_in_update(tmp_path: Path) -> None:
    nosy = Nosy()
    trained(tmp_path, ToyTranslator(), ("nosy", nosy))
    assert nosy.seen == [("losses", False, True), ("update", True, False)] * STEPS


def test_the_losses_give_a_constraint_no_gradient(tmp_path: Path) -> None:
    class Still(ToyConstraint):
        def update(self, hops: Hops, clock: Clock) -> Log:
            return {}

    still = Still()
    trained(tmp_path, ToyTranslator(), ("still", still))
    assert all(p.grad is None for p in still.parameters())
    assert all(p.requires_grad for p in still.parameters())


def test_a_constraint_may_wait(tmp_path: Path) -> None:
    alone, held = ToyTranslator(), ToyTranslator()
    weights = trained(tmp_path / "alone", alone)
    waiting = trained(tmp_path / "waiting", held, ("kept", WarmUp()))
    always = trained(tmp_path / "always", ToyTranslator(), ("kept", ToyConstraint()))
    assert differing(waiting, weights)
    assert differing(waiting, always)


def test_a_constraint_learns_while_the_generators_rest(tmp_path: Path) -> None:
    constraint = ToyConstraint()
    trained(tmp_path, Frozen(), ("kept", constraint))
    fresh = ToyConstraint()
    set_up(fresh, "kept", DOMAINS.context(ToyTranslator(), CPU), 0)
    assert differing(constraint.state_dict(), fresh.state_dict())


def test_losses_are_shown_by_constraint(tmp_path: Path) -> None:
    shown: list[set[str]] = []
    translator, constraint = ToyTranslator(), ToyConstraint()
    context = DOMAINS.context(translator, CPU)
    set_up(translator, "toy", context, 0)
    set_up(constraint, "kept", context, 0)
    loop = Loop(tmp_path, 0, CPU, lambda done, total, log: shown.append(set(log)))
    fit(translator, {"kept": constraint}, DOMAINS, 2, BATCH, loop)
    assert shown[-1] == {"cycle", "colour", "kept.kept", "kept.apart"}


@pytest.mark.parametrize(("constraint", "pairs"), [(ToyConstraint(), False), (Pairs(), True)])
def test_pairs_are_drawn_when_a_constraint_asks(
    tmp_path: Path, constraint: ToyConstraint, pairs: bool
) -> None:
    watched = Watched()
    trained(tmp_path, watched, ("kept", ToyConstraint()), ("asking", constraint))
    same = [b.source.pid[0::2] == b.source.pid[1::2] for b in watched.batches]
    assert all(s.tolist() == [True, False] for s in same) is pairs


def test_target_identities_reach_nobody(tmp_path: Path) -> None:
    watched = Watched()
    trained(tmp_path, watched, ("kept", ToyConstraint()))
    for batch in watched.batches:
        assert batch.target.pid.eq(UNLABELLED).all()
        assert batch.source.labelled


def test_the_context_counts_persons_and_domains() -> None:
    class PerCamera(ToyTranslator):
        split: ClassVar[Literal["dataset", "camera"]] = "camera"

    assert DOMAINS.context(ToyTranslator(), CPU) == Context((8, 6), 4, 2, CPU.device)
    assert DOMAINS.context(PerCamera(), CPU).num_domains == 3


class Doubling(ToyTranslator):
    """Notes how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, int, int, bool, bool]] = []

    def translate(self, images: Images, src: int, dst: int, code: Tensor | None = None) -> Tensor:
        graph = torch.is_grad_enabled()
        self.calls.append((len(images), src, dst, self.training, graph))
        return (images.pixels * 2).clamp(-1, 1)


def test_all_images_are_translated_in_order_and_without_graphs() -> None:
    array, translator = make_array(4, 150), Doubling()
    rows = np.arange(150)[::-1]
    out = np.concatenate([*translate(translator, Route(array, rows, 0, 1), CPU)])
    wanted = np.clip(np.rint((array.pixels[rows] / 127.5 - 1) * 255 + 127.5), 0, 255)
    np.testing.assert_allclose(out, wanted, atol=1)
    assert translator.calls == [(n, 0, 1, False, False) for n in (64, 64, 22)]


def test_the_generators_learn_from_the_sum_of_all_terms(tmp_path: Path) -> None:
    class Pull(IdentityConstraint):
        def __init__(self, terms: dict[str, float]) -> None:
            super().__init__()
            self.terms = terms

        def setup(self, ctx: Context) -> None:
            self.nothing = nn.Identity()

        def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
            return {k: v * hops[0].fake.mean() for k, v in self.terms.items()}

    whole = trained(tmp_path / "1", ToyTranslator(), ("a", Pull({"x": 1.0})))
    parts = trained(tmp_path / "2", ToyTranslator(), ("a", Pull({"x": 0.25, "y": 0.75})))
    apart = trained(
        tmp_path / "3", ToyTranslator(), ("a", Pull({"x": 0.25})), ("b", Pull({"x": 0.75}))
    )
    for other in (parts, apart):
        for key, value in whole.items():
            torch.testing.assert_close(other[key], value)
    assert differing(whole, trained(tmp_path / "4", ToyTranslator()))


def test_images_of_the_batch_are_augmented_as_the_translator_wants(tmp_path: Path) -> None:
    class Plain(Watched):
        def __init__(self) -> None:
            super().__init__()
            self.augmentation = replace(self.augmentation, pad=0, flip=False)

    plain, moved = Plain(), Watched()
    trained(tmp_path / "plain", plain)
    trained(tmp_path / "moved", moved)
    real = {row.tobytes() for row in DOMAINS.source.pixels}
    for watched, kept in ((plain, True), (moved, False)):
        levels = (watched.batches[0].source.pixels + 1) * 127.5
        rows = levels.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        assert all(row.tobytes() in real for row in rows) is kept
        assert watched.batches[0].source.pid.equal(plain.batches[0].source.pid)
