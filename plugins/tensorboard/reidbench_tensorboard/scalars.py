"""Scalars of a stage as TensorBoard's event files."""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reidbench.storage.artifacts import Artifact

logger = logging.getLogger(__name__)

LOSSES = ".losses.jsonl"
"""End of the name of a file that holds a phase's losses, a line a step."""


def write(artifact: Artifact, root: Path) -> None:
    """Write the losses of a stage to ``root / artifact.key``, unless that is there already.

    Whatever hinders it is told in a line, and stops nothing.
    """
    folder, files = root / artifact.key, sorted(artifact.path.glob(f"*{LOSSES}"))
    if not files or folder.exists() or not _can_write():
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _publish(files, folder)
    except OSError as error:
        logger.warning("no losses for TensorBoard in %s: %s", root, error)


def _publish(files: list[Path], folder: Path) -> None:
    """Write events beside ``folder`` and move them there whole."""
    made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _events(files, made)
        made.chmod(0o777 & ~_umask())  # mkdtemp lets nobody else read
        made.rename(folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _events(files: list[Path], folder: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    try:
        for path in files:
            phase, when = path.name.removesuffix(LOSSES), path.stat().st_mtime
            for step, values in _steps(path):
                tagged = [
                    Summary.Value(tag=f"{phase}/{name}", simple_value=value)
                    for name, value in values.items()
                ]
                event = Event(wall_time=when, step=step, summary=Summary(value=tagged))
                writer.add_event(event)
    finally:
        writer.close()


def _steps(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each step of a phase, counted from 1, and its losses."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            values = json.loads(line)
            yield values.pop("step") + 1, values


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@cache
def _can_write() -> bool:
    """Return whether the package is there; the first time it is not, say so."""
    if find_spec("tensorboard") is not None:
        return True
    logger.warning(
        "no losses for TensorBoard: the package is missing; pip install 'reidbench[tensorboard]'"
    )
    return False
