"""Golden values of components: numbers that move only with a component's version."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from reidbench.registry.registry import Kind
from reidbench.storage.files import write_bytes
from reidbench.testing.checks.check import FailedCheck, SkippedCheck, Subject, check, require
from reidbench.testing.checks.constraints import constraint_scalars
from reidbench.testing.checks.datasets import dataset_scalars
from reidbench.testing.checks.learners import learner_scalars
from reidbench.testing.checks.protocols import protocol_scalars
from reidbench.testing.checks.segmenters import segmenter_scalars
from reidbench.testing.checks.translators import translator_scalars

NAME = "golden.json"
TOLERANCE = 1e-3
"""Relative; other processors round otherwise, and training makes more of it."""
SCALARS: Mapping[str, Callable[[Subject], dict[str, float]]] = {
    "translator": translator_scalars,
    "constraint": constraint_scalars,
    "learner": learner_scalars,
    "segmenter": segmenter_scalars,
    "dataset": dataset_scalars,
    "protocol": protocol_scalars,
}


@check(
    *get_args(Kind),
    why="Results of equal versions are ranked together: moved numbers would be mixed.",
    mend="Raise the class's version, then record the values anew: reidbench plugin check NAME "
    "--record.",
)
def golden_values_hold(subject: Subject) -> None:
    """Compare its numbers with those that were recorded for its version."""
    path = file_of(subject)
    recorded: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if subject.title not in recorded:
        raise SkippedCheck(f"no golden values are recorded: reidbench plugin check {subject.name} "
                           "--record")  # fmt: skip
    entry, version = recorded[subject.title], subject.factory.version
    require(
        entry["version"] == version,
        f"the golden values are of version {entry['version']}, the class is version {version}",
    )
    values = SCALARS[subject.kind](subject)
    if values.keys() != entry["values"].keys():
        raise FailedCheck(f"it tells {sorted(values)}, recorded are {sorted(entry['values'])}")
    for name, value in values.items():
        expected = entry["values"][name]
        close = math.isclose(value, expected, rel_tol=TOLERANCE, abs_tol=1e-6)
        require(close, f"'{name}' is {value:.7g}, recorded for version {version}: {expected:.7g}")


def file_of(subject: Subject) -> Path:
    """Return the file of golden values in the component's top package, beside a lone module."""
    top = importlib.import_module(subject.factory.__module__.partition(".")[0])
    return Path(str(top.__file__)).parent / NAME


def record(subjects: Iterable[Subject]) -> list[Path]:
    """Write the golden values of components; return the files, each once.

    Those of components that cannot be built are left as they are.
    """
    written: dict[Path, None] = {}
    for subject in subjects:
        path = file_of(subject)
        try:
            values = SCALARS[subject.kind](subject)
        except SkippedCheck:
            continue
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        rounded = {name: float(f"{value:.7g}") for name, value in values.items()}
        known[subject.title] = {"version": subject.factory.version, "values": rounded}
        write_bytes(path, (json.dumps(known, indent=2, sort_keys=True) + "\n").encode())
        written[path] = None
    return list(written)
