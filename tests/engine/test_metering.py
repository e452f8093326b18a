"""Images a second and peak memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from reidbench.engine.loop import Loop
from reidbench.engine.metering import metered, peak_memory
from reidbench.errors import ReidbenchError
from reidbench.interfaces import Clock, Log
from reidbench.testing.toy_runs import CPU


def test_only_steps_that_were_made_are_metered(tmp_path: Path) -> None:
    state: dict[str, Any] = {"model": nn.Linear(1, 1)}

    def step(clock: Clock) -> Log:
        if clock.step == 3 and not resumed:
            raise ReidbenchError("killed")
        return {}

    resumed = False
    loop = Loop(tmp_path, 0, CPU, checkpoint_every=0)
    with pytest.raises(ReidbenchError, match="killed"):
        metered(loop).run(5, step, state)
    resumed = True
    second = metered(loop)
    second.run(5, step, state)
    ((steps, seconds),) = second.made
    assert steps == 2
    assert second.images_a_second(8) == pytest.approx(16 / seconds)
    third = metered(loop)
    third.run(5, step, state)
    assert third.images_a_second(8) is None


def test_peak_memory_never_falls() -> None:
    with peak_memory(CPU) as first:
        held = np.ones(30_000_000)
    del held
    with peak_memory(CPU) as second:
        pass
    assert 240e6 < first["peak_memory"] <= second["peak_memory"]
