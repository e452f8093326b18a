"""Losses and images that the runs of results kept in the cache; no torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reidbench.errors import ReidbenchError
from reidbench.results.result import Result
from reidbench.storage.artifacts import Artifact, Store

# A result may come from anywhere: its key must not lead out of the cache.
KEY = re.compile(r"[a-z-]{1,40}/[0-9a-f]{32}")
LOSSES = ".losses.jsonl"
MOST_POINTS = 300
"""Points of a curve of losses; of more steps, each is the mean of as many in a row."""


def artifacts(result: Result, kind: str, cache: Path) -> Iterator[tuple[str, Artifact]]:
    """Yield the title and the artifact of each stage of a kind that is in the cache."""
    store = Store(cache)
    for key, title in stage_keys(result, kind):
        if (found := store.find(key)) is not None:
            yield title, found


def stage_keys(result: Result, kind: str) -> list[tuple[str, str]]:
    """Return key and title of a result's stages of a kind, such as "translator"."""
    stages: Any = result.execution.get("stages")
    told = [s for s in stages if isinstance(s, dict)] if isinstance(stages, list) else []
    keys = [(str(s.get("key")), str(s.get("title", ""))) for s in told]
    return [(k, t) for k, t in keys if k.startswith(f"{kind}/") and KEY.fullmatch(k)]


def losses(result: Result, cache: Path) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the losses of each training of a run, ``[N, 2]`` of step and value, by name.

    Empty where the cache has none of them.
    """
    found = {}
    for kind in ("translator", "learn"):
        for title, artifact in artifacts(result, kind, cache):
            files = sorted(artifact.path.glob(f"*{LOSSES}"))
            for file in files:
                phase = file.name.removesuffix(LOSSES)
                name = f"{title} ({phase})" if len(files) > 1 else title
                found[name] = read_losses(file)
    return found


def read_losses(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the losses of a file of JSON lines, up to the first line that is damaged."""
    series: dict[str, list[tuple[float, float]]] = {}
    for line in path.read_bytes().splitlines():
        try:
            values = json.loads(line)
            step = float(values.pop("step"))
            numbers = {str(name): float(value) for name, value in values.items()}
        except (ValueError, TypeError, KeyError, AttributeError):
            break
        for name, value in numbers.items():
            series.setdefault(name, []).append((step, value))
    return {name: _few(np.array(points)) for name, points in series.items()}


def images_of(artifact: Artifact) -> NDArray[np.uint8]:
    """Return the decoded images of an artifact, ``[N, H, W, 3]`` uint8, mapped.

    Raises:
        ReidbenchError: if it holds none.
    """
    try:
        pixels: NDArray[np.uint8] = np.load(artifact.path / "pixels.npy", mmap_mode="r")
    except (OSError, ValueError) as error:
        raise ReidbenchError(f"{artifact.key} in the cache holds no images: {error}") from error
    return pixels


def _few(points: NDArray[np.float64]) -> NDArray[np.float64]:
    each = -(-len(points) // MOST_POINTS)
    if each == 1:
        return points
    whole = points[: len(points) // each * each].reshape(-1, each, 2)
    means: NDArray[np.float64] = whole.mean(axis=1)
    return means
