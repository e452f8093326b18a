"""Each loss's pull at the translated pixels, measured beside a training."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from reidbench.engine.descent import descend
from reidbench.engine.gan import fit, set_up
from reidbench.engine.gradient_shares import SILENT, GradientShares, turns
from reidbench.engine.loop import Loop
from reidbench.interfaces import (
    Batch,
    Clock,
    ExtraLoss,
    Hop,
    Hops,
    IdentityConstraint,
    Log,
    Translator,
    domain_index,
)
from reidbench.progress import Progress, silent
from reidbench.testing.toy_runs import CPU
from reidbench.testing.toys import ToyConstraint, ToyTranslator
from tests.engine.test_gan import DOMAINS

STEPS, BATCH = 40, 4
FACTORS = {"strong": 3.0, "weak": 0.25}


class Telling(ToyTranslator):
    """Tells losses whose gradients are known: multiples of the pixels' sum."""

    provides = frozenset()

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        fake = self.translate(batch.source, 0, 1)
        hop = Hop(batch.source, fake, batch.target.pixels, domain_index(BATCH, 1, fake.device))
        losses = {name: factor * fake.sum() for name, factor in FACTORS.items()}
        losses["elsewhere"] = sum(p.square().sum() for p in self.there.parameters())
        losses["constant"] = torch.ones(())
        extra = extra_loss((hop,))
        self.report_losses(losses, hop.drawn)
        # This draw comes after the losses were looked at: it would show if that drew anything.
        late = torch.rand(()) * fake.square().mean()
        descend(self.adam, torch.stack([*losses.values(), extra, late]).sum())
        return (hop,), {k: v.detach() for k, v in losses.items()}


class Resting(Telling):
    """Its generators learn at every fifth step only."""

    def training_step(self, batch: Batch, extra_loss: ExtraLoss, clock: Clock) -> tuple[Hops, Log]:
        if (clock.step + 1) % 5:
            fake = self.translate(batch.source, 0, 1)
            dst = domain_index(BATCH, 1, fake.device)
            return (Hop(batch.source, fake, batch.target.pixels, dst),), {}
        return super().training_step(batch, extra_loss, clock)


class OnceOnly(Telling):
    """Draws by a function whose graph cannot be gone through for one input alone."""

    def translate(self, images, src, dst, code=None):  # type: ignore[no-untyped-def]
        fake = super().translate(images, src, dst, code)
        checkpoint = torch.utils.checkpoint.checkpoint
        return checkpoint(torch.sin, fake, use_reentrant=True)

    def report_losses(self, losses, pixels):  # type: ignore[no-untyped-def]
        super().report_losses({"looped": pixels[0].sum()}, [self.there.weight])


class Secretive(ToyTranslator):
    """Reports nothing, as a translator of somebody who does not know of it."""

    def report_losses(self, losses: object, pixels: object) -> None:
        """Keep silent."""


class Brightness(IdentityConstraint):
    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = weight

    def setup(self, ctx: object) -> None:
        """Build nothing."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        return {"light": self.weight * hops[0].fake.sum()}


def trained(
    folder: Path,
    translator: Translator,
    *,
    watched: bool = True,
    constraint: IdentityConstraint | None = None,
    progress: Progress = silent,
) -> tuple[dict[str, Tensor], GradientShares]:
    """Train, or take up what was interrupted in ``folder``; return all weights and the shares."""
    context = DOMAINS.context(translator, CPU)
    constraint = constraint or ToyConstraint()
    set_up(translator, "toy", context, 0)
    set_up(constraint, "kept", context, 0)
    shares = GradientShares(folder / "shares.json")
    loop = Loop(folder, 0, CPU, progress, 60 if progress is silent else 0)
    fit(translator, {"kept": constraint}, DOMAINS, STEPS, BATCH, loop, shares if watched else None)
    weights = {**translator.state_dict(), **constraint.state_dict(prefix="kept.")}
    return {k: v.clone() for k, v in weights.items()}, shares


@pytest.mark.parametrize("translator", [Telling, ToyTranslator])
def test_watching_changes_no_weight(tmp_path: Path, translator: type[ToyTranslator]) -> None:
    watched, _ = trained(tmp_path / "watched", translator())
    alone, _ = trained(tmp_path / "alone", translator(), watched=False)
    assert all(torch.equal(watched[k], alone[k]) for k in alone)


def test_norms_are_those_of_the_gradients_and_shares_add_up_to_one(tmp_path: Path) -> None:
    _, shares = trained(tmp_path, Telling(), constraint=Brightness(2.0))
    entries = shares.facts()["gradient_shares"]
    assert [entry["step"] for entry in entries] == [0, 10, 20, 30]
    pixels = math.sqrt(BATCH * 3 * 8 * 6)
    total = 3.0 + 0.25 + 2.0
    for entry in entries:
        terms = entry["terms"]
        assert list(terms) == ["strong", "weak", "elsewhere", "constant", "kept.light"]
        for name, factor in {**FACTORS, "kept.light": 2.0}.items():
            assert terms[name]["norm"] == pytest.approx(factor * pixels, rel=1e-5)
            assert terms[name]["share"] == pytest.approx(factor / total, rel=1e-5)
        for name in ("elsewhere", "constant"):
            assert terms[name] == {"norm": 0.0, "share": 0.0}


def test_a_killed_training_measures_the_same_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reidbench.engine.loop.SHOW_EVERY", 0)

    def deadly(done: int, total: int, log: object) -> None:
        if done == killed_after:
            raise InterruptedError

    _, whole = trained(tmp_path / "whole", Telling())
    for killed_after in (1, 15):
        folder = tmp_path / str(killed_after)
        with pytest.raises(InterruptedError):
            trained(folder, Telling(), progress=deadly)
        assert len(GradientShares(folder / "shares.json").measured) in (1, 2)
        _, resumed = trained(folder, Telling())
        assert resumed.facts() == whole.facts()


def test_generators_that_rest_are_measured_when_they_learn(tmp_path: Path) -> None:
    _, shares = trained(tmp_path, Resting())
    assert [entry["step"] for entry in shares.measured] == [4, 14, 24, 34]


def test_a_translator_that_tells_no_losses_has_none(tmp_path: Path) -> None:
    _, shares = trained(tmp_path, Secretive())
    assert shares.facts() == {"gradient_shares_missing": SILENT}


def test_a_graph_that_cannot_be_differentiated_so_breaks_no_training(tmp_path: Path) -> None:
    _, shares = trained(tmp_path, OnceOnly())
    ((key, reason),) = shares.facts().items()
    assert key == "gradient_shares_missing"
    assert "could not be taken" in str(reason)


def test_what_is_not_finite_is_told_as_nothing(tmp_path: Path) -> None:
    shares = GradientShares(tmp_path / "shares.json")
    translator, x = Telling(), torch.zeros(2, requires_grad=True)
    with shares.watching(translator, {}, Clock(0, 1)):
        translator.report_losses({"root": x.sqrt().sum() * 0, "sum": x.sum()}, [x])
    (entry,) = shares.facts()["gradient_shares"]
    assert entry["terms"]["root"] == {"norm": None, "share": None}
    assert entry["terms"]["sum"]["share"] == 1.0


@pytest.mark.parametrize(
    ("steps", "expected"), [(1, [0]), (3, [0, 1, 2]), (8, [0, 2, 4, 6]), (600, [0, 150, 300, 590])]
)
def test_a_training_is_measured_at_its_start_middle_and_end(
    steps: int, expected: list[int]
) -> None:
    assert turns(steps) == expected
