"""A translator that kills its process once, and one that fails."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from reidbench.testing.toys import ToyTranslator

MARK = "REIDBENCH_TEST_DIED"


class DyingTranslator(ToyTranslator):
    """Ends its process in the midst of training, unless the file that MARK names is there."""

    def training_step(self, batch, extra_loss, clock):
        mark = Path(os.environ[MARK])
        if clock.step == 3 and not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().training_step(batch, extra_loss, clock)


class FailingTranslator(ToyTranslator):
    def training_step(self, batch, extra_loss, clock):
        raise TypeError("a slip of its author")
