"""A listener that writes the losses of finished stages for TensorBoard."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from reidbench.hookspecs import hookimpl

if TYPE_CHECKING:
    from reidbench.storage.artifacts import Artifact

FOLDER = "REIDBENCH_TENSORBOARD"
"""Environment variable that names the folder of the logs; nothing is written without it."""


@hookimpl
def reidbench_stage_finished(artifact: Artifact) -> None:
    """Write the losses of a stage below the folder that the environment names, if it does."""
    if root := os.environ.get(FOLDER):
        from reidbench_tensorboard.scalars import write  # only where it is wanted

        write(artifact, Path(root).expanduser())
