"""Steps of a translator outside a run, for the tests of plugins."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from reidbench.engine.gan import train_step
from reidbench.engine.gradient_shares import GradientShares
from reidbench.engine.streams import stream
from reidbench.interfaces import (
    Batch,
    Clock,
    Context,
    ExtraLoss,
    Hops,
    IdentityConstraint,
    Log,
    Translator,
)
from reidbench.testing.tensors import same_weights


def no_extra_loss(hops: Hops) -> Tensor:
    """Return 0: no constraint takes part."""
    return torch.zeros(())


def train_steps(
    translator: Translator,
    batch: Batch,
    steps: int,
    extra_loss: ExtraLoss = no_extra_loss,
    *,
    first: int = 0,
    total: int = 6,
) -> tuple[Hops, Log]:
    """Make steps ``first`` to ``first + steps - 1`` of ``total``, all on one batch.

    Each draws from a stream of its own, so that cutting a training in two changes no number.

    Returns:
        the hops and the log of the last step.
    """
    for index in range(first, first + steps):
        with stream(3, index):
            made = translator.training_step(batch, extra_loss, Clock(index, total))
    return made


class _Brightness(IdentityConstraint):
    """The sum of all translated pixels: its gradient is 1 at each."""

    def setup(self, ctx: Context) -> None:
        """Build nothing."""

    def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
        """Return the sum."""
        return {"sum": torch.stack([hop.fake.sum() for hop in hops]).sum()}


def check_reports_losses(
    translator: Translator, batch: Batch, folder: Path, *, pixels: set[str], elsewhere: set[str]
) -> None:
    """Make a step, and look at the generators' losses that the translator reported in it.

    Those of names ``pixels`` must pull at the translated pixels, those of ``elsewhere`` must not,
    and there must be no others. A constraint must reach the same pixels by way of the hops.
    """
    shares = GradientShares(folder / "shares.json")
    counted: list[int] = []

    class Counting(_Brightness):
        def losses(self, hops: Hops, clock: Clock) -> dict[str, Tensor]:
            counted.append(sum(hop.fake.numel() for hop in hops))
            return super().losses(hops, clock)

    train_step(translator, {"bright": Counting()}, batch, Clock(0, 1), 0, shares)
    (entry,) = shares.measured
    norms = {name: term["norm"] for name, term in entry["terms"].items()}
    light = norms.pop("bright.sum")
    assert abs(light / math.sqrt(counted[0]) - 1) < 1e-4, "the pixels reported are not the hops'"
    assert set(norms) == pixels | elsewhere, f"reported are {sorted(norms)}"
    still = sorted(name for name in pixels if not norms[name] > 0)
    assert not still, f"{', '.join(still)} does not pull at the pixels"
    assert {norms[name] for name in elsewhere} <= {0.0}


def check_discriminators_have_a_rate_of_their_own(
    make: Callable[..., Translator], batch: Batch, rate: float, judges: set[str], generator: str
) -> None:
    """Make a step with ``discriminator_lr`` left out, at the generators' rate, and at zero.

    Args:
        make: returns the translator with these parameters, its initial weights always the same.
        batch: of the steps.
        rate: of the generators.
        judges: submodules that learn at the discriminators' rate.
        generator: one that learns at its own.
    """
    start, left_out, same, still = (
        make(),
        make(),
        make(discriminator_lr=rate),
        make(discriminator_lr=0.0),
    )
    for translator in (left_out, same, still):
        train_steps(translator, batch, 1)
    assert same_weights(left_out, same), "left out, it is not the generators' rate"
    for name in judges:
        before = start.get_submodule(name)
        assert not same_weights(left_out.get_submodule(name), before), f"{name} does not learn"
        assert same_weights(still.get_submodule(name), before), f"{name} learns at another rate"
    moved = not same_weights(still.get_submodule(generator), start.get_submodule(generator))
    assert moved, f"{generator} does not learn at its own rate"
    assert "discriminator_lr" in start.omitted_from_key_at_default
