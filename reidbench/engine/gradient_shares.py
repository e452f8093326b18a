"""Each generator loss's pull on the translated pixels, at a few steps of a training.

A loss drowns the others where its gradient at those pixels is many times theirs, and is drowned
where it is a small part of them; the losses' own values do not tell, because their scales differ.
Measuring draws no random number and changes no weight: training goes on as without it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from reidbench.engine.ranks import current_ranks
from reidbench.interfaces import Clock, Translator
from reidbench.storage.files import write_json
from reidbench.storage.keys import JSON

LAST = 10
"""The last measurement is at the first of so many last steps in which the generators learn: those
that learn at every fifth step only are met, too."""

SILENT = (
    "the translator does not tell its generators' losses (Translator.report_losses), or they never "
    "learned"
)


class GradientShares:
    """The norms of the generators' losses' gradients at the pixels that they drew.

    Args:
        path: file of what was measured so far; an interrupted training continues it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.measured: list[dict[str, JSON]] = json.loads(path.read_text()) if path.exists() else []

    @contextmanager
    def watching(
        self, translator: Translator, terms: Mapping[str, Tensor], clock: Clock
    ) -> Iterator[None]:
        """Measure within the body, if it is a step's turn.

        Args:
            translator: it tells its own losses by ``report_losses``.
            terms: the constraints' losses, filled in before it does.
            clock: of the step.
        """
        if not self._due(clock):
            yield
            return

        def measure(losses: Mapping[str, Tensor], pixels: Sequence[Tensor]) -> None:
            self.measured.append({"step": clock.step, **_measured({**losses, **terms}, pixels)})
            if current_ranks().leads:
                write_json(self.path, self.measured)

        translator.loss_watch = measure
        try:
            # Several passes backwards through one graph, which captured ones are not made for.
            with torch.compiler.set_stance("force_eager"):
                yield
        finally:
            translator.loss_watch = None

    def facts(self) -> dict[str, JSON]:
        """Return ``gradient_shares``, or why there are none as ``gradient_shares_missing``."""
        shares = [entry for entry in self.measured if "terms" in entry]
        if shares:
            return {"gradient_shares": shares}
        reasons = [str(entry["failed"]) for entry in self.measured]
        return {"gradient_shares_missing": next(iter(reasons), SILENT)}

    def _due(self, clock: Clock) -> bool:
        """Return whether nothing was measured since the last turn; a function of the record."""
        turn = max(step for step in turns(clock.steps) if step <= clock.step)
        return not any(turn <= entry["step"] <= clock.step for entry in self.measured)


def turns(steps: int) -> list[int]:
    """Return the steps at which, or soon after which, a training of so many is measured."""
    return sorted({0, steps // 4, steps // 2, max(steps - LAST, steps * 3 // 4)})


def _measured(losses: Mapping[str, Tensor], pixels: Sequence[Tensor]) -> dict[str, JSON]:
    """Return each loss's norm and share, or why they could not be had."""
    drawn = [p for p in pixels if p.requires_grad]
    try:
        norms = {name: _norm(loss, drawn) for name, loss in losses.items()}
    except RuntimeError as error:  # a graph that cannot be gone through twice, too little memory
        return {"failed": f"the gradients could not be taken: {str(error).splitlines()[0]}"}
    total = math.fsum(n for n in norms.values() if math.isfinite(n))
    return {"terms": {name: _entry(norm, total) for name, norm in norms.items()}}


def _entry(norm: float, total: float) -> dict[str, JSON]:
    """Return a norm and its share, in six digits; None where they are not finite."""
    if not math.isfinite(norm):
        return {"norm": None, "share": None}
    share = norm / total if total > 0 else 0.0
    return {"norm": float(f"{norm:.6g}"), "share": float(f"{share:.6g}")}


def _norm(loss: Tensor, pixels: Sequence[Tensor]) -> float:
    """Return the Euclidean norm of a loss's gradient at all pixels; 0 if it depends on none."""
    if not pixels or not loss.requires_grad:
        return 0.0
    gradients = torch.autograd.grad(loss.sum(), pixels, retain_graph=True, allow_unused=True)
    return math.hypot(*(float(g.float().norm()) for g in gradients if g is not None))
